"""Invitations that were made: listed without their codes, and revoked."""

from contextlib import closing
from datetime import UTC, datetime

from client_sdk.bounds import instant_text
from client_sdk.errors import MailleError
from client_sdk.messages import counted, minute_text, tr
from collector.options import answer
from collector.settings import Settings
from collector.storage.invitations import list_invitations, revoke_invitations
from collector.storage.migration import prepare_database
from collector.storage.records import Invitation
from collector.storage.store import Store

_SHORTEST_DIGEST = 8


def list_codes(settings: Settings, as_json: bool) -> None:
    """Print every invitation, the newest first."""
    prepare_database(settings)
    with closing(Store(settings.database_url)) as store:
        found = list_invitations(store)
    members = [_presented(invitation, used) for invitation, used in found]
    lines = [_told(invitation, used) for invitation, used in found]
    answer({"invitations": members}, "\n".join(lines) or tr("No invitation.", "Aucune invitation."), as_json)


def revoke_codes(settings: Settings, named: str, as_json: bool) -> None:
    """Revoke the invitations of a label, or the one whose digest begins so.

    Raises:
        MailleError: there is none, or a beginning that several share.
    """
    prepare_database(settings)
    with closing(Store(settings.database_url)) as store:
        found = list_invitations(store)
        chosen = [one.code_sha256 for one, _ in found if one.label == named]
        if not chosen and len(named) >= _SHORTEST_DIGEST:
            chosen = [one.code_sha256 for one, _ in found if one.code_sha256.startswith(named.lower())]
            chosen = chosen if len(chosen) == 1 else []
        if not chosen:
            raise MailleError(
                tr(
                    f"{named}: no invitation of that label, nor one whose digest begins so; see --list",
                    f"{named} : aucune invitation de ce libellé, ni dont l’empreinte commence ainsi ; voir --list",
                )
            )
        revoke_invitations(store, chosen, datetime.now(UTC))
        revoked = [(one, used) for one, used in list_invitations(store) if one.code_sha256 in chosen]
    devices = sum(used for _, used in revoked)
    codes = counted(len(revoked), "code(s) revoked", "code(s) révoqué(s)")
    message = tr(
        f"{codes}. Devices that used them ({devices}) keep their tier and what they sent; to refuse one: "
        "maille collector revoke THUMBPRINT",
        f"{codes}. Les appareils qui les ont utilisés ({devices}) gardent leur niveau et leurs relevés ; pour en "
        "refuser un : maille collector revoke EMPREINTE",
    )
    answer({"revoked": [_presented(one, used) for one, used in revoked]}, message, as_json)


def _presented(invitation: Invitation, used: int) -> dict[str, object]:
    return {
        "digest": invitation.code_sha256,
        "label": invitation.label,
        "used": used,
        "devices": invitation.devices,
        "created_at": instant_text(invitation.created_at),
        "expires_at": instant_text(invitation.expires_at),
        "revoked_at": None if invitation.revoked_at is None else instant_text(invitation.revoked_at),
    }


def _told(invitation: Invitation, used: int) -> str:
    until = minute_text(invitation.expires_at)
    devices = f"{used}/{counted(invitation.devices, 'device(s)', 'appareil(s)')}"
    line = f"{invitation.code_sha256[:12]}  {devices}  {tr('until', 'jusqu’au')} {until}  {invitation.label}"
    if invitation.revoked_at is None:
        return line
    since = minute_text(invitation.revoked_at)
    return line + tr(f"  (revoked at {since})", f"  (révoquée le {since})")
