"""`maille export FOLDER`: sealed envelopes for a USB stick, which `maille upload FOLDER` sends from anywhere."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from client_sdk.commands.terminal import Json, answer, open_outbox, progress_bar, warn
from client_sdk.home import field_home
from client_sdk.messages import tr
from client_sdk.signing.keys import SigningKey


def command(
    folder: Annotated[
        Path, typer.Argument(help=tr("Where to; made where there is none.", "Où ; créé s’il n’existe pas."))
    ],
    as_json: Json = False,
) -> None:
    """Apply the receipts that came back with the folder, then write what still waits."""
    from client_sdk.outbox.carrying import CarriedHome, export, settle_from
    from client_sdk.outbox.upload import sending_to

    home = field_home()
    with open_outbox(home) as outbox, progress_bar(as_json) as progress:
        key = SigningKey.load_or_create(home.device_key)
        sending_to(outbox)
        settled = settle_from(outbox, key.public, folder) if folder.is_dir() else CarriedHome(0, 0, 0, ())
        written = export(outbox, key, folder, progress)
        pending = outbox.counts().pending
    came_home = settled.sent + settled.duplicates + settled.rejected
    lines = [
        tr(
            f"{written.samples} samples written to {folder} in {written.envelopes} envelopes, {written.already} were "
            "there already.",
            f"{written.samples} relevés écrits dans {folder} en {written.envelopes} enveloppes, {written.already} y "
            "étaient déjà.",
        ),
        tr(
            f"{pending} samples stay pending until their receipts come back: `maille upload {folder}` sends them from "
            "any machine with a network, then run it, or this command, here again.",
            f"{pending} relevés restent en attente jusqu’au retour de leurs reçus : `maille upload {folder}` les "
            "envoie depuis n’importe quelle machine connectée ; relancez-la ensuite ici, ou cette commande.",
        ),
    ]
    if came_home:
        lines.insert(
            0,
            tr(
                f"{came_home} samples are settled by receipts from there.",
                f"{came_home} relevés sont réglés par les reçus trouvés là.",
            ),
        )
    data = {**asdict(written), "settled": came_home, "pending": pending}
    answer(as_json, data, "\n".join(lines))
    for path in settled.disbelieved:
        warn(tr(f"{path}: is no receipt of the collector", f"{path} : n’est pas un reçu du collecteur"))
