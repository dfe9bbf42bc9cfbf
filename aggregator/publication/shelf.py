"""A folder of releases of one audience. One that holds a release of another audience is not to be served at all."""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

from aggregator.publication.errors import PublicationError
from client_sdk.messages import tr

if TYPE_CHECKING:
    from aggregator.publication.making import Audience

FOLDER: "dict[Audience, str]" = {"public": "releases", "team": "team-releases"}
"""Apart, so that serving the public folder never serves what is for the project team alone."""

RELEASE_ID = re.compile(r"\d{4}-\d{2}-\d{2}-[0-9a-f]{10}")


class Shelf:
    """What ``publish`` writes for one audience.

    Args:
        folder: with ``latest.json``; it may still be empty.
        audience: that every release in it must have.
    """

    def __init__(self, folder: Path, audience: "Audience") -> None:
        self.folder, self.audience = folder, audience
        self._sound: tuple[int, int, int] | None = None

    def foreign(self) -> list[str]:
        """Names of releases that are not of this audience, or do not say whose they are.

        Whatever stands there under a release's name counts, a link too, and what ``latest.json`` names that is not
        there. The folder is read again once it changed.
        """
        try:
            folder = self.folder.stat()
        except OSError:
            return []
        state = (folder.st_dev, folder.st_ino, folder.st_mtime_ns)
        if state == self._sound:
            return []
        releases = [path for path in self.folder.iterdir() if RELEASE_ID.fullmatch(path.name)]
        found = sorted(path.name for path in releases if audience_of(path) != self.audience)
        latest = _member(self.folder / "latest.json", "release")
        if latest is not None and latest not in {path.name for path in releases}:
            found.append(latest)
        self._sound = None if found else state
        return found

    def require_sound(self) -> None:
        """Check that every release is of this audience.

        Raises:
            PublicationError: one is not.
        """
        if found := self.foreign():
            raise PublicationError(
                tr(
                    f"{self.folder}: {', '.join(found)}: not of the audience {self.audience!r}; nothing is served from "
                    "a folder that holds a release of another audience. Move it away",
                    f"{self.folder} : {', '.join(found)} : pas du public {self.audience!r} ; rien n'est servi d'un "
                    "dossier qui contient une publication destinée à d'autres. Retirez-la",
                )
            )


def audience_of(release: Path) -> str | None:
    """For whom a release is, by its own manifest; None where it does not say."""
    return _member(release / "manifest.json", "audience")


def _member(file: Path, name: str) -> str | None:
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    member = told.get(name) if isinstance(told, dict) else None
    return member if isinstance(member, str) else None
