"""The private record of a release: what it said and which devices stood behind it; it stays in the data directory."""

import shutil
from dataclasses import fields
from pathlib import Path

import pandas as pd

from aggregator.evidence.digest import sha256_of
from aggregator.publication.errors import PublicationError
from aggregator.publication.issuing import Issue, forget
from client_sdk.messages import tr

FOLDER = "publication/records"
TABLES = [field.name for field in fields(Issue) if field.name != "quarter"]


def write_record(data: Path, release: str, issue: Issue, *, keep: str | None) -> None:
    """Write the record of a release, and remove all others but that of ``keep``, the release before it."""
    shelf = data / FOLDER
    shelf.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = shelf / f".draft-{release}"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    for name in TABLES:
        getattr(issue, name).to_parquet(draft / f"{name}.parquet", index=False)
    (draft / "quarter").write_text(issue.quarter + "\n", encoding="utf-8")
    shutil.rmtree(shelf / release, ignore_errors=True)
    draft.rename(shelf / release)
    for other in shelf.iterdir():
        if other.name not in (release, keep):
            shutil.rmtree(other)


def read_record(data: Path, release: str, devices: set[str]) -> Issue:
    """The record of a release, without the devices that are no longer among ``devices``.

    Raises:
        PublicationError: there is none: nothing tells then who stood behind that release.
    """
    folder = data / FOLDER / release
    try:
        tables = {name: pd.read_parquet(folder / f"{name}.parquet") for name in TABLES}
        quarter = (folder / "quarter").read_text(encoding="utf-8").strip()
    except OSError as error:
        raise PublicationError(
            tr(
                f"{folder}: missing or unreadable; it says which devices stood behind the release {release}, and "
                "without it a new one could expose some by difference. Restore it from a backup, or move the public "
                "releases away, no longer offer them, and begin anew",
                f"{folder} : absent ou illisible ; il dit quels appareils soutenaient la publication {release}, et "
                "sans lui une nouvelle pourrait en exposer par différence. Restaurez-le d'une sauvegarde, ou retirez "
                "les publications publiques, ne les proposez plus, et recommencez",
            )
        ) from error
    return forget(Issue(quarter=quarter, **tables), devices)


def record_digests(data: Path, release: str) -> dict[str, str]:
    """SHA-256 of each file of a record, by its path in the data directory."""
    folder = data / FOLDER / release
    return {file.relative_to(data).as_posix(): sha256_of(file) for file in sorted(folder.glob("*")) if file.is_file()}
