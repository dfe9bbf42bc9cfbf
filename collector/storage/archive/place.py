"""Where an archive lies: a local directory, or object storage by its URL through fsspec.

Either way a file appears whole or not at all: on a disk it is written aside, brought to the disk and renamed; to
object storage it is put as one object, which shows only when it is complete.
"""

import io
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fsspec
from fsspec.registry import known_implementations

from client_sdk.messages import tr
from collector.errors import SettingsError

_PARTITION = "measured_month="
_MONTH_FILE = re.compile(rf"{_PARTITION}(\d{{4}}-\d{{2}})/samples\.parquet")
_ASIDE = ".aside-"


def month_file(month: str) -> str:
    """Name of a month's file inside the archive."""
    return f"{_PARTITION}{month}/samples.parquet"


class Place:
    """The files of one archive, by their names inside it (``measured_month=2026-11/samples.parquet``)."""

    def __init__(self, archive: str | Path) -> None:
        """Open a place; nothing is made yet.

        Args:
            archive: directory, or URL like ``s3://bucket/prefix``.

        Raises:
            SettingsError: no package here speaks to such a URL; the message names the one to install.
        """
        self.filesystem, self._root = _filesystem(str(archive))
        protocols = self.filesystem.protocol
        self._directory = Path(self._root) if "file" in protocols else None

    def address(self, name: str) -> str:
        """Path or URL of a file, for people and for engines that read it."""
        path = f"{self._root}/{name}"
        return path if self._directory else str(self.filesystem.unstrip_protocol(path))

    @property
    def is_directory(self) -> bool:
        """Whether it is on a local disk."""
        return self._directory is not None

    def files(self) -> dict[str, int]:
        """Name and size of every file in a month's folder, as they are now."""
        return {name: int(about["size"]) for name, about in self._found().items()}

    def marks(self) -> dict[str, str]:
        """Name of every file in a month's folder, with a text that changes when the file is written again.

        What the file system tells of it: size, time and inode on a disk, size, time and ETag of an object.
        """
        return {name: json.dumps(about, sort_keys=True, default=str) for name, about in self._found().items()}

    def _found(self) -> dict[str, dict[str, Any]]:
        self.filesystem.invalidate_cache()
        found = self.filesystem.find(self._root, detail=True)
        named = {path[len(self._root) :].lstrip("/"): about for path, about in found.items()}
        return {name: about for name, about in sorted(named.items()) if name.startswith(_PARTITION)}

    def months(self) -> dict[str, int]:
        """Month and size of every file of a month."""
        named = ((_MONTH_FILE.fullmatch(name), size) for name, size in self.files().items())
        return {match[1]: size for match, size in named if match}

    def read(self, name: str) -> bytes | None:
        """A small file's bytes; None where there is none."""
        try:
            return bytes(self.filesystem.cat_file(f"{self._root}/{name}"))
        except FileNotFoundError:
            return None

    @contextmanager
    def open(self, name: str) -> Iterator[io.BufferedIOBase]:
        """A file to read in any order."""
        with self.filesystem.open(f"{self._root}/{name}", "rb") as file:
            yield file

    @contextmanager
    def aside(self) -> Iterator[Path]:
        """A local file to write before it is put; gone at the end, or at the next run where a process was killed."""
        if self._directory:
            self._directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=_ASIDE, dir=self._directory) as folder:
            yield Path(folder) / "file"

    def put(self, aside: Path, name: str) -> None:
        """Bring a file that is complete to its name, in place of the one that was there."""
        if self._directory is None:
            self.filesystem.put_file(str(aside), f"{self._root}/{name}")
            return
        target = self._directory / name
        target.parent.mkdir(parents=True, exist_ok=True)
        sync(aside)
        aside.replace(target)
        sync(target.parent)
        sync(self._directory)

    def remove(self, name: str) -> None:
        """Take a file away, and its folder where that is empty then."""
        self.filesystem.rm_file(f"{self._root}/{name}")
        if self._directory:
            folder = (self._directory / name).parent
            if not any(folder.iterdir()):
                folder.rmdir()
            sync(self._directory)

    def clean(self) -> None:
        """Take away what a run that was killed left aside; for the one run that writes."""
        for folder in self._directory.glob(f"{_ASIDE}*") if self._directory else ():
            shutil.rmtree(folder)


def check_address(archive: str) -> None:
    """Whether something here speaks to such an address; nothing is opened.

    Raises:
        SettingsError: no package does; the message names the one to install.
    """
    if "://" not in archive:
        return
    protocol = archive.partition("://")[0]
    try:
        fsspec.get_filesystem_class(protocol)
    except ImportError as error:
        advice = known_implementations.get(protocol, {}).get("err", str(error))
        raise SettingsError(
            tr(
                f"MAILLE_ARCHIVE: {protocol}:// needs a package that is not installed ({advice})",
                f"MAILLE_ARCHIVE : {protocol}:// demande un paquet qui n’est pas installé ({advice})",
            )
        ) from error
    except ValueError as error:
        raise _not_an_address(archive, error) from error


def _filesystem(archive: str) -> tuple[Any, str]:
    if "://" not in archive:
        return fsspec.filesystem("file"), str(Path(archive).absolute())
    check_address(archive)
    try:
        filesystem, root = fsspec.url_to_fs(archive)
    except ValueError as error:
        raise _not_an_address(archive, error) from error
    return filesystem, str(root).rstrip("/")


def _not_an_address(archive: str, error: ValueError) -> SettingsError:
    return SettingsError(
        tr(
            f"MAILLE_ARCHIVE: got {archive!r}, expected a directory or a URL that fsspec knows ({error})",
            f"MAILLE_ARCHIVE : {archive!r}, attendu : un répertoire ou une URL que fsspec connaît ({error})",
        )
    )


def sync(path: Path) -> None:
    """Bring a file, or the names in a directory, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
