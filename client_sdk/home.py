"""Where a field device keeps its key and its outbox: ``MAILLE_HOME``, or the system's folder for a user's data."""

import os
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_data_path


@dataclass(frozen=True, slots=True)
class Home:
    """The files of one device."""

    folder: Path

    @property
    def device_key(self) -> Path:
        """Private key, PEM, readable by its owner only."""
        return self.folder / "device-key.pem"

    @property
    def next_device_key(self) -> Path:
        """Private key that is to take its place, until every collector knows of it."""
        return self.folder / "device-key.next.pem"

    @property
    def outbox(self) -> Path:
        """SQLite file of the outbox."""
        return self.folder / "outbox.sqlite"

    @property
    def page(self) -> Path:
        """HTML file that shows its owner what this device contributed."""
        return self.folder / "mine.html"


def field_home() -> Home:
    """The home of this user's device; the folder is made when something is first written there."""
    named = os.environ.get("MAILLE_HOME")
    return Home(Path(named) if named else user_data_path("maille", appauthor=False))
