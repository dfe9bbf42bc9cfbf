"""What importers share: rows that become samples or are left out with a reason, and ids that repeat.

A reader is a generator over the rows of logs. A bad row never stops it. Ids are built from the time of the
row, the file's SHA-256 and the row's number, so that importing a file twice adds nothing.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from client_sdk import __version__
from client_sdk.bounds import check_value, instant_text
from client_sdk.errors import SampleError
from client_sdk.importers.log import Log
from client_sdk.messages import tr
from client_sdk.sample import FIELDS, Sample

EARLIEST_YEAR = 2000
"""Ours: no log of these tools is older; an earlier date is a clock that was never set."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What did not become a sample, or did not enter one.

    Attributes:
        row: line of the file, 1 for the header.
        reason: one of a few texts, to count by.
        detail: what was found there.
        field: the field that was left absent in a sample that was read all the same; None where the whole row is out.
    """

    row: int
    reason: str
    detail: str = ""
    field: str | None = None


def imported_id(measured_ms: int, log: Log, row: int) -> str:
    """UUIDv7 (RFC 9562 §5.7) whose random bits are the SHA-256 of the file's digest and the row's number."""
    digest = int.from_bytes(hashlib.sha256(f"{log.sha256}:{row}".encode()).digest(), "big")
    value = (measured_ms & (2**48 - 1)) << 80 | 7 << 76 | (digest & 0xFFF) << 64 | 0b10 << 62
    text = f"{value | digest >> 12 & (2**62 - 1):032x}"
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def number(text: str | None) -> float | None:
    """A finite number, with a point or a comma; None for anything else."""
    try:
        value = float((text or "").replace(",", "."))
    except ValueError:
        return None
    return value if abs(value) < float("inf") else None


def whole_number(text: str | None, base: int = 10) -> int | None:
    """An integer; None for anything else."""
    try:
        return int(text or "", base)
    except ValueError:
        return None


def bounded(row: int, values: dict[str, Any]) -> tuple[dict[str, Any], list[LeftOut]]:
    """The values that hold in their fields' bounds, and the others."""
    kept: dict[str, Any] = {}
    out: list[LeftOut] = []
    for name, value in values.items():
        if value is None:
            continue
        try:
            check_value(name, value, FIELDS[name])
            kept[name] = value
        except SampleError as error:
            shown = tr(str(error), f"{name} : {value}"[:64])
            out.append(LeftOut(row, tr(f"{name} out of bounds", f"{name} hors bornes"), shown, name))
    return kept, out


def sample_of(
    log: Log, row: int, measured_at: datetime, within: Mapping[str, Any] = MappingProxyType({}), **values: Any
) -> Sample | LeftOut:
    """A checked sample of one row, or the reason why these values make none; ``seq`` is the outbox's to give.

    Args:
        log: the file.
        row: of the file.
        measured_at: instant of the row.
        within: values that :func:`bounded` found within their bounds.
        values: those still to be checked.
    """
    values |= {
        "id": imported_id(round(measured_at.timestamp() * 1000), log, row),
        "seq": 0,
        "measured_at": instant_text(measured_at),
        "client": f"maille {__version__}",
        "import_sha256": log.sha256,
        "position_source": "file",
    }
    try:
        for name, value in values.items():
            check_value(name, value, FIELDS[name])
        return Sample(**values, **within)
    except SampleError as error:
        return LeftOut(row, tr(f"{error.field} cannot be used", f"{error.field} inutilisable"), tr(str(error), ""))


def text_of(value: str | None) -> str | None:
    """Free text that fits a field: stripped, at most 64 characters, printable; None otherwise."""
    text = (value or "").strip()[:64]
    return text if text and text.isprintable() else None
