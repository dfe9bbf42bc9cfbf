"""`maille upload`: send what is pending. Transport trouble, refusal and rejection end differently."""

from dataclasses import asdict

import typer

from client_sdk.commands.terminal import (
    SOME_REJECTED,
    Json,
    answer,
    exit_code,
    open_outbox,
    progress_bar,
    warn,
)
from client_sdk.errors import CollectorError, ReceiptError
from client_sdk.home import field_home
from client_sdk.messages import tr
from client_sdk.signing.keys import SigningKey


def command(as_json: Json = False) -> None:
    """Send, then say what was stored, known, rejected or still waits."""
    import httpx

    from client_sdk.outbox.upload import upload

    home = field_home()
    trouble: CollectorError | ReceiptError | None = None
    with open_outbox(home) as outbox:
        key = SigningKey.load_or_create(home.device_key)
        before, rejected_before = outbox.counts(), outbox.rejected()
        try:
            with httpx.Client(timeout=60) as client, progress_bar(as_json) as progress:
                upload(outbox, key, client, progress)
        except (CollectorError, ReceiptError) as error:
            trouble = error
        after = outbox.counts()
        known = {one.seq for one in rejected_before}
        rejected = [one for one in outbox.rejected() if one.seq not in known]
    sent = after.sent - before.sent
    data = {
        "sent": sent,
        "rejected": [asdict(one) for one in rejected],
        "pending": after.pending,
        "trouble": str(trouble) if trouble else None,
    }
    lines = [
        tr(f"{sent} samples sent, {after.pending} pending.", f"{sent} relevés envoyés, {after.pending} en attente.")
    ]
    lines += [
        tr(f"  rejected {one.id}: {one.message or one.rule}", f"  rejeté {one.id} : {one.message or one.rule}")
        for one in rejected
    ]
    answer(as_json, data, "\n".join(lines))
    if trouble:
        warn(str(trouble))
        raise typer.Exit(exit_code(trouble))
    if rejected:
        raise typer.Exit(SOME_REJECTED)
