"""``maille collector purge``: delete what has been kept for as long as the settings say."""

from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from client_sdk.messages import tr
from collector.options import Data, Json, answer, settings_of


def purge(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help=tr("Only say what would go.", "Dire seulement ce qui partirait."))
    ] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Purge the database, then write the archive's months from which something went."""
    from collector.intake.erasure import rewrite_archive
    from collector.storage.erasures import overwrite_deleted
    from collector.storage.migration import prepare_database
    from collector.storage.retention import Periods
    from collector.storage.retention import purge as purge_database
    from collector.storage.store import Store

    settings = settings_of(data)
    prepare_database(settings)
    periods = Periods.ending(
        datetime.now(UTC), settings.keep_samples_days, settings.keep_envelopes_days, settings.keep_witnesses_days
    )
    with closing(Store(settings.database_url)) as store:
        purged = purge_database(store, periods, dry_run=dry_run)
        if not dry_run:
            overwrite_deleted(store)
            if purged.months:
                rewrite_archive(store, settings)
    months = ", ".join(purged.months) or "—"
    message = (tr("Would go: ", "Partiraient : ") if dry_run else tr("Gone: ", "Supprimés : ")) + tr(
        f"{purged.samples} samples (measured in {months}), {purged.envelopes} envelopes, {purged.witnesses} records of "
        f"transfers, {purged.devices} keys without anything left.",
        f"{purged.samples} relevés (mesurés en {months}), {purged.envelopes} enveloppes, {purged.witnesses} traces de "
        f"transferts, {purged.devices} clés sans plus rien.",
    )
    answer({"dry_run": dry_run, **asdict(purged)}, message, as_json)
