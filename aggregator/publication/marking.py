"""The team's mark on what has no column for it: a text at the top of the release, and a member of each JSON object."""

import json
from pathlib import Path
from typing import Any

from aggregator.publication.team_words import TEAM_ONLY

KINDS = (".geojson", ".json", ".jsonld")
MEMBER = "notice"
FILE = "EQUIPE-PROJET-TEAM-ONLY.txt"


def mark_release(folder: Path) -> None:
    """Write the text, and mark the JSON below a release's folder."""
    (folder / FILE).write_text("\n\n".join([TEAM_ONLY["fr"], TEAM_ONLY["en"]]) + "\n", encoding="utf-8")
    mark_json(folder)


def mark_json(folder: Path) -> None:
    """Give every JSON object in a folder the member ``notice``, in both languages; the rest of it stays as it is.

    GeoJSON, TileJSON and Table Schema allow members of others' own. A list has no room for one, and stays as it is.
    """
    mark = json.dumps(TEAM_ONLY, ensure_ascii=False)
    for file in sorted(path for path in folder.rglob("*") if path.suffix in KINDS):
        text = file.read_text(encoding="utf-8")
        members: Any = json.loads(text)
        if isinstance(members, dict) and MEMBER not in members:
            opened, rest = text.split("{", 1)
            file.write_text(f'{opened}{{"{MEMBER}":{mark}{"," if members else ""}{rest}', encoding="utf-8")
