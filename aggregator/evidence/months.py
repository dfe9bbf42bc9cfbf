"""Which files of the archive the evidence was read from: ``evidence/archive.json``, for the manifest of a release."""

import hashlib
import json
from pathlib import Path

from collector.storage.archive.place import Place

FILE = "archive.json"
_STATE = "_state.json"


def record_months(archive: str | Path, evidence: Path) -> None:
    """Write the SHA-256 of each month's file, as the archive states them, or read from the file where it does not."""
    place = Place(archive)
    try:
        stated = json.loads(place.read(_STATE) or b"")["months"]
    except (ValueError, KeyError, TypeError):
        stated = {}
    months = {}
    for name in sorted(name for name in place.files() if name.endswith(".parquet")):
        month = name.partition("=")[2].partition("/")[0]
        written = stated.get(month, {}).get("sha256") if name.endswith("/samples.parquet") else None
        months[name] = written or _digest(place, name)
    (evidence / FILE).write_text(json.dumps(months, indent=1) + "\n", encoding="utf-8")


def read_months(evidence: Path) -> dict[str, str]:
    """File of the archive → SHA-256; empty where nobody recorded any."""
    file = evidence / FILE
    return {} if not file.exists() else {str(k): str(v) for k, v in json.loads(file.read_text("utf-8")).items()}


def _digest(place: Place, name: str) -> str:
    with place.open(name) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
