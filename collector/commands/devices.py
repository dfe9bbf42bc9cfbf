"""``maille collector revoke`` and ``rotate-key``: which keys are trusted."""

from contextlib import closing
from datetime import UTC, datetime
from typing import Annotated

import typer

from client_sdk.bounds import instant_text
from client_sdk.errors import MailleError
from client_sdk.messages import minute_text, tr
from collector.options import Data, Json, answer, settings_of


def revoke(
    thumbprint: Annotated[
        str,
        typer.Argument(
            metavar="THUMBPRINT",
            help=tr("Of any key of the device.", "De l’une des clés de l’appareil."),
        ),
    ],
    from_date: Annotated[
        datetime | None,
        typer.Option(
            "--from",
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"],
            help=tr(
                "Let nothing count that it measured from this instant on (UTC); left out: from now on.",
                "Ne rien laisser compter de ce qu’il a mesuré depuis cet instant (UTC) ; sans elle : désormais.",
            ),
        ),
    ] = None,
    undo: Annotated[
        bool, typer.Option("--undo", help=tr("Accept the device again.", "Accepter de nouveau l’appareil."))
    ] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Refuse all keys of a device, or accept them again; nothing is deleted."""
    from collector.storage.devices import reinstate_device, revoke_device
    from collector.storage.migration import prepare_database
    from collector.storage.store import Store

    if undo and from_date:
        raise typer.BadParameter(tr("--from does not go with --undo", "--from ne va pas avec --undo"))
    settings, now = settings_of(data), datetime.now(UTC)
    prepare_database(settings)
    with closing(Store(settings.database_url)) as store:
        revoked_from = from_date.replace(tzinfo=UTC) if from_date else now
        keys = reinstate_device(store, thumbprint) if undo else revoke_device(store, thumbprint, revoked_from, now)
    if not keys:
        raise MailleError(tr(f"{thumbprint}: no such device", f"{thumbprint} : appareil inconnu"))
    since, told = instant_text(revoked_from), minute_text(revoked_from)
    message = (
        tr("The device is accepted again.", "L’appareil est de nouveau accepté.")
        if undo
        else tr(
            f"Nothing more is accepted from this device, and what it measured from {told} on does not count once "
            "its samples are judged again. Its owner may still have a copy of them, or have them erased.",
            f"Plus rien n’est accepté de cet appareil, et ce qu’il a mesuré depuis le {told} ne comptera plus une "
            "fois ses relevés jugés de nouveau. Qui le détient peut encore en obtenir copie ou effacement.",
        )
    )
    members: dict[str, object] = {
        "device": keys[-1].thumbprint,
        "keys": [key.thumbprint for key in keys],
        "revoked": not undo,
        "revoked_from": None if undo else since,
    }
    answer(members, message, as_json)


def rotate_key(data: Data = None, as_json: Json = False) -> None:
    """Change the key that signs receipts; devices follow by the statement of the old one."""
    from collector.key_rotation import rotate_collector_key

    settings = settings_of(data)
    old, new = rotate_collector_key(settings, datetime.now(UTC))
    message = tr(
        f"The collector's key is now {new}; {old} signed for it and is gone. Start the servers that work on this data "
        "again, back the directory up, and give out new join links.",
        f"La clé du collecteur est désormais {new} ; {old} l’a attestée et n’existe plus. Redémarrez les serveurs qui "
        "travaillent sur ces données, sauvegardez le répertoire et diffusez de nouveaux liens d’enrôlement.",
    )
    answer({"previous_thumbprint": old, "collector_thumbprint": new}, message, as_json)
