"""Archives in the collector's layout, written from a few fields per sample."""

from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import h3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from client_sdk.bounds import described
from client_sdk.sample import FIELDS, new_sample_id

_ARROW_OF_WORD = {"number": pa.float64(), "integer": pa.int64(), "true or false": pa.bool_()}


def _arrow_type(annotation: Any) -> pa.DataType:
    word = described(annotation).split(",")[0].split(" or absent")[0]
    return _ARROW_OF_WORD.get(word, pa.string())


ARCHIVE = pa.schema(
    [
        ("device_token", pa.string()),
        ("tier", pa.string()),
        ("h3_cell", pa.int64()),
        ("flags", pa.string()),
        ("excluded", pa.bool_()),
        ("received_at", pa.timestamp("ms", tz="UTC")),
        ("measured_at", pa.timestamp("ms", tz="UTC")),
        *((name, _arrow_type(annotation)) for name, annotation in FIELDS.items() if name != "measured_at"),
    ]
)


def archive_row(fields: dict[str, Any]) -> dict[str, Any]:
    """A whole archive row: what is not given takes the value an ordinary outdoor reading would have."""
    row: dict[str, Any] = {
        "device_token": "a" * 32,
        "tier": "volunteer",
        "flags": "",
        "excluded": False,
        "measured_at": datetime(2026, 11, 3, 12, tzinfo=UTC),
        "id": new_sample_id(),
        "seq": 1,
        "kind": "signal",
        "duration_ms": 0,
        "context": "outdoor",
        "service_state": "unknown",
        **fields,
    }
    row.setdefault("received_at", row["measured_at"])
    if "h3_cell" not in fields and row.get("latitude") is not None:
        row["h3_cell"] = h3.str_to_int(h3.latlng_to_cell(row["latitude"], row["longitude"], 10))
    unknown = set(row) - set(ARCHIVE.names)
    assert not unknown, f"not a column of the archive: {unknown}"
    return row


def write_archive(path: Path, samples: list[dict[str, Any]], *, file: str = "samples.parquet") -> None:
    """Write ``samples`` under ``path`` as ``measured_month=…/<file>``, rows in the order given."""
    months: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for fields in samples:
        row = archive_row(fields)
        months[f"{row['measured_at']:%Y-%m}"].append(row)
    for month, rows in months.items():
        directory = path / f"measured_month={month}"
        directory.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(rows, schema=ARCHIVE), directory / file)


@pytest.fixture(name="write_archive")
def write_archive_fixture() -> Callable[..., None]:
    """:func:`write_archive`, for tests that cannot import a conftest."""
    return write_archive
