"""The team's mark on files that have no column for it: JSON, of whatever kind, says at its top whose it is."""

import json
from pathlib import Path
from typing import Any

from aggregator.publication.manifest import TEAM_ONLY

KINDS = (".geojson", ".json")
MEMBER = "notice"


def mark_json(folder: Path) -> None:
    """Give every JSON object in a folder the member ``notice``, in both languages; the rest of it stays as it is.

    GeoJSON, TileJSON and Table Schema allow members of others' own.

    Raises:
        ValueError: a file holds something else than an object.
    """
    mark = json.dumps(TEAM_ONLY, ensure_ascii=False)
    for file in sorted(path for path in folder.rglob("*") if path.suffix in KINDS):
        text = file.read_text(encoding="utf-8")
        members: Any = json.loads(text)
        if not isinstance(members, dict):
            raise ValueError(f"{file.name}: holds a {type(members).__name__}, expected an object that can be marked")
        if MEMBER not in members:
            opened, rest = text.split("{", 1)
            file.write_text(f'{opened}{{"{MEMBER}":{mark}{"," if members else ""}{rest}', encoding="utf-8")
