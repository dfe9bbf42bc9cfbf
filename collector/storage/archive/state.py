"""What the archive was written from, and what was written: the file ``_state.json``, written last.

Lost or damaged, it costs one run that writes every month again.
"""

import hmac
import json
from dataclasses import asdict, dataclass

from client_sdk.bounds import instant_text
from collector.storage.archive.place import Place
from collector.storage.archive.rows import SCHEMA
from collector.storage.records import MonthCount

_STATE = "_state.json"  # readers of Parquet datasets pass over names that begin with _
_FORMAT = 2  # raise it when the meaning of a column or the order of rows changes: every month is then written again


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """One month's file.

    Attributes:
        samples: rows of it.
        last_received_at: of the samples that it was written from.
        revision: of the month then; judging, erasure and purge raise it.
        bytes: size of the file.
        sha256: hexadecimal digest of the file.
    """

    samples: int
    last_received_at: str
    revision: int
    bytes: int
    sha256: str

    def is_of(self, count: MonthCount) -> bool:
        """Whether the month's samples are still those that were written."""
        mark = (self.samples, self.last_received_at, self.revision)
        return mark == (count.samples, instant_text(count.last_received_at), count.revision)


def fingerprint(token_key: bytes) -> str:
    """Changes with the key, the columns or the format: then nothing of the archive can stay."""
    return hmac.new(token_key, f"archive {_FORMAT}\n{SCHEMA}".encode(), "sha256").hexdigest()


def read_state(place: Place, token_key: bytes) -> dict[str, Written]:
    """Month → its file; empty where nothing can be relied on."""
    try:
        state = json.loads(place.read(_STATE) or b"")
        if state["fingerprint"] != fingerprint(token_key):
            return {}
        return {month: Written(**written) for month, written in state["months"].items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}  # absent, damaged or of another version: the archive can always be written again


def write_state(place: Place, token_key: bytes, months: dict[str, Written]) -> None:
    """Tell what is in the archive from now on."""
    state = {
        "fingerprint": fingerprint(token_key),
        "months": {month: asdict(written) for month, written in months.items()},
    }
    with place.aside() as file:
        file.write_text(json.dumps(state, indent=1, sort_keys=True) + "\n")
        place.put(file, _STATE)
