"""One log of another tool, wherever it lies: read piece by piece, so that a file larger than memory is no trouble."""

import csv
import hashlib
import io
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO

from client_sdk.errors import MailleError
from client_sdk.messages import tr

PIECE_BYTES = 1 << 20

MAX_LINE_BYTES = 1 << 20
"""Ours: no row of these tools comes near; what is longer is no text of rows."""


class LogError(MailleError):
    """The file as a whole is not a log of the named format."""


@dataclass(frozen=True, slots=True)
class Member:
    """A file inside a zip archive."""

    archive: Path
    name: str


@dataclass(frozen=True)
class Log:
    """One file to be read.

    Attributes:
        name: for messages.
        content: its bytes, or where they are.
        watch: told how many bytes were read, each time some were; a log is read twice, once for its digest.
    """

    name: str
    content: bytes | Path | Member
    watch: Callable[[int], None] | None = None

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the file, hexadecimal."""
        digest = hashlib.sha256()
        with self.open() as file:
            while piece := file.read(PIECE_BYTES):
                digest.update(piece)
                self.read(len(piece))
        return digest.hexdigest()

    @cached_property
    def size_bytes(self) -> int:
        """Length of the file."""
        if isinstance(self.content, bytes):
            return len(self.content)
        if isinstance(self.content, Path):
            return self.content.stat().st_size
        with zipfile.ZipFile(self.content.archive) as archive:
            return archive.getinfo(self.content.name).file_size

    def read(self, count: int) -> None:
        """Tell the watcher that ``count`` more bytes were read."""
        if self.watch:
            self.watch(count)

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """The bytes, from their beginning.

        Raises:
            LogError: they cannot be read.
        """
        with ExitStack() as stack:
            file: IO[bytes]
            try:
                if isinstance(self.content, bytes):
                    file = io.BytesIO(self.content)
                elif isinstance(self.content, Path):
                    file = stack.enter_context(self.content.open("rb"))
                else:
                    archive = stack.enter_context(zipfile.ZipFile(self.content.archive))
                    file = stack.enter_context(archive.open(self.content.name))
            except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
                raise self._packed_badly(error) from error
            try:
                yield file
            except (zipfile.BadZipFile, zlib.error) as error:
                raise self._packed_badly(error) from error

    def _packed_badly(self, error: Exception) -> LogError:
        return LogError(
            tr(
                f"{self.name}: cannot be unpacked ({error}); unpack the archive and import the folder",
                f"{self.name} : impossible à décompresser ({error}) ; décompressez l’archive et importez le dossier",
            )
        )

    @contextmanager
    def on_disk(self) -> Iterator[Path]:
        """A file that holds the bytes, for what reads files only; a copy is gone afterwards."""
        if isinstance(self.content, Path):
            yield self.content
            return
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "log"
            with self.open() as file, path.open("wb") as copy:
                shutil.copyfileobj(file, copy, PIECE_BYTES)
            yield path

    def head(self, count: int) -> bytes:
        """The first bytes."""
        with self.open() as file:
            return file.read(count)

    def lines(self) -> Iterator[tuple[int, str | None]]:
        """Number, from 1, and text of each line; None for one that is not UTF-8 or has no end."""
        unsaid = 0
        with self.open() as file:
            number = 0
            while line := file.readline(MAX_LINE_BYTES):
                number += 1
                unsaid += len(line)
                whole = line.endswith(b"\n") or len(line) < MAX_LINE_BYTES
                while not whole:
                    rest = file.readline(MAX_LINE_BYTES)
                    unsaid += len(rest)
                    whole = rest.endswith(b"\n") or len(rest) < MAX_LINE_BYTES
                    line = b"\xff"
                if unsaid >= PIECE_BYTES:
                    self.read(unsaid)
                    unsaid = 0
                try:
                    yield number, line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
                except UnicodeDecodeError:
                    yield number, None
        self.read(unsaid)

    def columns(self, delimiter: str, comment: str | None = None) -> list[str]:
        """Names of the header, stripped; none in an empty file.

        Raises:
            LogError: it is not UTF-8.
        """
        for _, line in self.lines():
            if line is None or (line.strip() and not (comment and line.startswith(comment))):
                return self._header(line, delimiter, set())
        return []

    def rows(
        self, delimiter: str | None, required: set[str], comment: str | None = None
    ) -> Iterator[tuple[int, dict[str, str] | None]]:
        """Line number and row by column name (as written, stripped); None for a row of another length.

        Args:
            delimiter: between cells; None: a tab where the header has one, else a comma.
            required: columns that the header must have.
            comment: what lines that are no rows begin with.

        Raises:
            LogError: the header is not UTF-8, or a required column is missing.
        """
        header: list[str] | None = None
        for number, line in self.lines():
            if line is not None and (not line.strip() or (comment and line.startswith(comment))):
                continue
            if header is None:
                delimiter = delimiter or ("\t" if "\t" in (line or "") else ",")
                header = self._header(line, delimiter, required)
                continue
            # line by line, so that a stray quotation mark spoils its own row only
            cells = [] if line is None else split(line, delimiter or ",")
            if len(cells) == len(header) + 1 and not cells[-1].strip():
                cells.pop()
            yield number, dict(zip(header, cells, strict=True)) if len(cells) == len(header) else None
        if header is None:
            self._header("", delimiter or ",", required)

    def _header(self, line: str | None, delimiter: str, required: set[str]) -> list[str]:
        if line is None:
            raise LogError(
                tr(
                    f"{self.name}: is not UTF-8 text: save it as CSV in UTF-8",
                    f"{self.name} : n’est pas en UTF-8 : enregistrez-le en CSV UTF-8",
                )
            )
        header = [name.strip() for name in split(line, delimiter)]
        if missing := sorted(required - set(header)):
            expected = ", ".join(sorted(required))
            raise LogError(
                tr(
                    f"{self.name}: no column “{missing[0]}”, expected {expected}; is it of another --format?",
                    f"{self.name} : pas de colonne « {missing[0]} », attendu {expected} ; autre --format ?",
                )
            )
        return header


def split(line: str, delimiter: str) -> list[str]:
    """The cells of one line; none where its quotation marks make no sense."""
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return []
