"""A join link: address of a collector, thumbprint of its key, and an invitation for a field team.

``https://collector.example/path#key=THUMBPRINT&invitation=CODE`` is an address that a browser opens too; what follows
``#`` is never sent to a server. ``maille://join?collector=https%3A%2F%2Fcollector.example%2Fpath&key=…`` says the same.
A plain address is a link without a key. Members that are not known are left alone.
"""

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit

from client_sdk.errors import MailleError
from client_sdk.messages import tr
from client_sdk.signing.keys import is_thumbprint

MAX_LENGTH = 2048
"""Ours: far more than a link needs."""


@dataclass(frozen=True, slots=True)
class JoinLink:
    """What a device needs to enrol.

    Attributes:
        url: address of the collector.
        thumbprint: that its key must have; None where the link does not say.
        invitation: code given to a field team.
    """

    url: str
    thumbprint: str | None = None
    invitation: str | None = None

    def text(self) -> str:
        """The link, in the form that a browser opens."""
        members = {"key": self.thumbprint, "invitation": self.invitation}
        given = urlencode({name: value for name, value in members.items() if value})
        return f"{self.url}#{given}" if given else self.url


def read_join_link(text: str) -> JoinLink:
    """Read a link in any of its forms.

    Raises:
        MailleError: it is none; the message says why.
    """
    text = text.strip()
    if len(text) > MAX_LENGTH or not text.isprintable():
        raise _no_link(tr("it is too long or not printable", "il est trop long ou illisible"))
    try:
        parts = urlsplit(text)
        if parts.scheme == "maille":
            if (parts.netloc or parts.path.strip("/")) != "join":
                raise _no_link(tr("expected maille://join?collector=…", "attendu : maille://join?collector=…"))
            members = _members(parts.query)
            address = urlsplit(members.get("collector", ""))
        else:
            members, address = _members(parts.fragment), parts._replace(fragment="")
        port = address.port
    except ValueError as error:
        raise _no_link(str(error)) from error
    if address.scheme not in ("https", "http") or not address.hostname or port == 0:
        raise _no_link(tr("expected https://…", "attendu : https://…"))
    if address.query or address.fragment or "@" in address.netloc:
        raise _no_link(tr("the collector’s address is a plain one", "l’adresse du collecteur doit être simple"))
    thumbprint, invitation = members.get("key"), members.get("invitation")
    if thumbprint is not None and not is_thumbprint(thumbprint):
        raise _no_link(
            tr(
                "its key is not the thumbprint of one: was the link cut short?",
                "sa clé n’est pas une empreinte : le lien a-t-il été coupé ?",
            )
        )
    return JoinLink(address.geturl().rstrip("/"), thumbprint, invitation or None)


def _members(query: str) -> dict[str, str]:
    pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError(tr("a member occurs twice", "un membre figure deux fois"))
    return members


def _no_link(reason: str) -> MailleError:
    return MailleError(tr(f"not a join link: {reason}", f"lien d’enrôlement illisible : {reason}"))
