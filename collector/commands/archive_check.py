"""``maille collector archive --verify``."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated

import typer

from client_sdk.messages import tr
from collector.settings import Settings

Verify = Annotated[
    bool,
    typer.Option(
        "--verify",
        help=tr(
            "Write nothing: compare rows and checksums of every month with the database.",
            "Ne rien écrire : comparer les lignes et les sommes de contrôle de chaque mois avec la base.",
        ),
    ),
]


def check_archive(settings: Settings, progress: Callable[[str, float], None] | None) -> tuple[dict[str, object], str]:
    """What was found of each month: as members, of which ``ok`` says whether all is well, and in words."""
    from collector.secret import load_or_create_secret
    from collector.storage.archive.verifying import verify_archive
    from collector.storage.migration import prepare_database
    from collector.storage.store import Store

    prepare_database(settings)
    store = Store(settings.database_url)
    try:
        key = load_or_create_secret(settings.device_token_key)
        checks = verify_archive(store, settings.archive, key, progress)
    finally:
        store.close()
    wrong = [check for check in checks if check.finding != "ok"]
    heading = tr(
        f"{settings.archive}: {len(checks)} files, {len(wrong)} to see to.",
        f"{settings.archive} : {len(checks)} fichiers, dont {len(wrong)} à revoir.",
    )
    message = "\n".join([heading, *(f"  {check.told()}" for check in wrong)])
    return {"archive": settings.archive, "ok": not wrong, "files": [asdict(check) for check in checks]}, message
