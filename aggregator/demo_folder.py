"""The directory of a demonstration: it says whose it is, so that it may be rebuilt and nothing else is touched."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from client_sdk.errors import MailleError
from client_sdk.messages import tr

MARK = "maille-demo.json"


@dataclass(frozen=True, slots=True)
class DemoFolder:
    """Where everything of a demonstration goes."""

    out: Path

    @property
    def inputs(self) -> Path:
        """Files that a project would have been given: coverage maps, sites."""
        return self.out / "inputs"

    @property
    def phones(self) -> Path:
        """One ``MAILLE_HOME`` per phone."""
        return self.out / "phones"

    @property
    def data(self) -> Path:
        """The server's ``--data``."""
        return self.out / "data"


def prepare(out: Path, about: dict[str, Any]) -> DemoFolder:
    """Make the directory, or empty one that a demonstration made before.

    Args:
        out: new, empty, or made by a demonstration.
        about: written into its mark.

    Raises:
        MailleError: the directory holds something else; nothing was touched.
    """
    folder = DemoFolder(out)
    if out.exists() and (not out.is_dir() or (any(out.iterdir()) and not _is_ours(out))):
        raise MailleError(
            tr(
                f"{out}: not a demonstration's directory, expected a new or empty one; choose another with --out",
                f"{out} : n’est pas un dossier de démonstration ; il en faut un nouveau ou vide, à choisir par --out",
            )
        )
    for part in (folder.inputs, folder.phones, folder.data):
        if part.exists():
            shutil.rmtree(part)
        part.mkdir(parents=True)
    (out / MARK).write_text(json.dumps({"made_by": "maille demo", **about}, indent=2) + "\n", encoding="utf-8")
    return folder


def _is_ours(out: Path) -> bool:
    try:
        mark = json.loads((out / MARK).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(mark, dict) and mark.get("made_by") == "maille demo"
