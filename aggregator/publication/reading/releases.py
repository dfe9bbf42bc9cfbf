"""Releases on a shelf, the latest of them, and what was read of them already."""

import json
from collections import OrderedDict
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any

from aggregator.evidence.digest import sha256_of
from aggregator.publication.reading.asked import AbsentError
from aggregator.publication.reading.collections import Collection
from aggregator.publication.reading.loading import ABOUT, load, manifest_of
from aggregator.publication.shelf import RELEASE_ID

KEPT = 2
"""Ours: releases held in memory, so that the one before the latest can be compared with it."""


class Release:
    """One release, whose collections are read when first asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.name = folder, folder.name
        self._read: dict[str, Collection] = {}
        self._lock = Lock()

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """What it says of itself."""
        return manifest_of(self.folder)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the manifest, which names the digests of all files."""
        return sha256_of(self.folder / "manifest.json")

    def names(self) -> list[str]:
        """Of its collections."""
        files = {"zones": "zones.gpkg", "points": "zones.gpkg"}
        return [name for name in ABOUT if (self.folder / files.get(name, f"{name}.parquet")).exists()]

    def collection(self, name: str) -> Collection:
        """One of its collections.

        Raises:
            AbsentError: there is none of that name.
        """
        if name not in self.names():
            raise AbsentError(f"collection {name!r}: not one of {', '.join(self.names())}")
        with self._lock:
            if name not in self._read:
                self._read[name] = load(self.folder, name)
            return self._read[name]


class Releases:
    """A folder that ``publish`` writes into; it may still be empty."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._open: OrderedDict[str, Release] = OrderedDict()
        self._lock = Lock()

    def names(self) -> list[str]:
        """Of all releases, sorted by the end of their data."""
        if not self.folder.is_dir():
            return []
        found = (path for path in self.folder.iterdir() if (path / "manifest.json").is_file())
        return sorted(path.name for path in found if RELEASE_ID.fullmatch(path.name))

    def latest(self) -> str:
        """Name of the current one.

        Raises:
            AbsentError: nothing was published yet.
        """
        try:
            return str(json.loads((self.folder / "latest.json").read_text(encoding="utf-8"))["release"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise AbsentError("no release was published yet") from error

    def read_ahead(self) -> None:
        """Read the latest release, where there is one, with what its first requests need."""
        try:
            release = self.open()
            for name in release.names():
                release.collection(name).prepare()
        except AbsentError:
            return

    def open(self, name: str | None = None) -> Release:
        """A release by its name, the latest without one.

        Raises:
            AbsentError: there is none of that name.
        """
        release = self.glance(name)
        with self._lock:
            release = self._open.setdefault(release.name, release)
            self._open.move_to_end(release.name)
            while len(self._open) > KEPT:
                self._open.popitem(last=False)
        return release

    def glance(self, name: str | None = None) -> Release:
        """The same, of which only the manifest is wanted: the ones in memory stay there."""
        wanted = name or self.latest()
        if not RELEASE_ID.fullmatch(wanted) or not (self.folder / wanted / "manifest.json").is_file():
            raise AbsentError(f"release {wanted!r}: not one of {', '.join(self.names()) or 'none'}")
        return self._open.get(wanted) or Release(self.folder / wanted)
