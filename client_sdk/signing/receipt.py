"""A receipt: what the collector signs after commit, one verdict per line of the envelope.

A client marks as sent only what a verified receipt names: a captive portal's 200 is not a receipt.
"""

import json
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Literal, get_args

from client_sdk.bounds import is_utc_instant
from client_sdk.errors import ReceiptError
from client_sdk.signing.jws import JwsError, read_object, sign_compact, verify_compact
from client_sdk.signing.keys import SigningKey, VerifyingKey

TYPE = "maille-receipt"

LineOutcome = Literal["stored", "duplicate", "rejected"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LineVerdict:
    """What became of one line.

    Attributes:
        line: 1 for the first.
        verdict: ``stored``; ``duplicate``: this very sample was stored before; ``rejected``: never to be sent again.
        sample_id: where it could be read.
        rule: id of the rule that rejected it.
        field: name of the field that broke the rule, where there is one.
        message: the reason in words, for the person.
    """

    line: int
    verdict: LineOutcome
    sample_id: str | None = None
    rule: str | None = None
    field: str | None = None
    message: str | None = None

    def members(self) -> dict[str, Any]:
        """As a receipt spells it: absent members are left out."""
        return {name: value for name, value in zip(_MEMBERS, _VALUES(self), strict=True) if value is not None}


_MEMBERS = LineVerdict.__slots__
_VALUES = attrgetter(*_MEMBERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """Verdicts over one envelope, and when the collector received it (RFC 3339, UTC)."""

    envelope_sha256: str
    received_at: str
    verdicts: tuple[LineVerdict, ...]


def sign_receipt(receipt: Receipt, key: SigningKey) -> str:
    """Compact JWS over the receipt; absent members are left out."""
    payload = {
        "envelope_sha256": receipt.envelope_sha256,
        "received_at": receipt.received_at,
        "verdicts": [verdict.members() for verdict in receipt.verdicts],
    }
    return sign_compact(json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode(), key, TYPE)


def open_receipt(jws: str, collector_key: VerifyingKey, envelope_sha256: str) -> Receipt:
    """Verify and read a receipt for one envelope.

    Raises:
        ReceiptError: not signed by this collector, about another envelope, or malformed.
    """
    try:
        payload, _ = verify_compact(
            jws.strip(), lambda kid: collector_key if kid == collector_key.thumbprint else None, TYPE
        )
        members = read_object(payload, "receipt")
        if members["envelope_sha256"] != envelope_sha256:
            raise ReceiptError("receipt: is about another envelope")
        if not is_utc_instant(members["received_at"]):
            raise ReceiptError("receipt: received_at is not an instant in UTC")
        return Receipt(
            envelope_sha256=envelope_sha256,
            received_at=members["received_at"],
            verdicts=tuple(_verdict(entry) for entry in members["verdicts"]),
        )
    except JwsError as error:
        raise ReceiptError(f"receipt: {error}") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ReceiptError(f"receipt: malformed ({error})") from error


def _verdict(entry: dict[str, Any]) -> LineVerdict:
    verdict = LineVerdict(**{name: entry.get(name) for name in LineVerdict.__slots__})  # type: ignore[arg-type]
    if verdict.verdict not in get_args(LineOutcome) or type(verdict.line) is not int or verdict.line < 1:
        raise ValueError(f"verdict {entry!r}")
    if any(
        not isinstance(text, str | None) for text in (verdict.sample_id, verdict.rule, verdict.field, verdict.message)
    ):
        raise ValueError(f"verdict {entry!r}")
    return verdict
