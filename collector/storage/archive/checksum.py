"""A checksum of rows that depends on what they say and on their order, and on nothing of how they are stored.

Not on the size of row groups, on compression, or on the version of the program that wrote them.
"""

import hashlib

import pyarrow as pa
import pyarrow.compute as pc

from collector.storage.archive.rows import SCHEMA


class Checksum:
    """SHA-256 over columns, each hashed on its own as tables come in."""

    def __init__(self) -> None:
        self.rows = 0
        # of each column: which values are there, how long each text is, and the values
        self._parts = [(hashlib.sha256(), hashlib.sha256(), hashlib.sha256()) for _ in SCHEMA]

    def add(self, table: pa.Table) -> None:
        """Take in the next rows, in the columns of the archive."""
        self.rows += table.num_rows
        for (present, lengths, values), column in zip(self._parts, table.columns, strict=True):
            for chunk in column.chunks:
                present.update(_bytes(chunk.is_valid()))
                known = chunk.drop_null()
                if pa.types.is_string(known.type):
                    lengths.update(_bytes(pc.binary_length(known)))
                    values.update("".join(known.to_pylist()).encode())
                else:
                    values.update(_bytes(known))

    def hexdigest(self) -> str:
        """Of all rows so far."""
        parts = b"".join(part.digest() for column in self._parts for part in column)
        return hashlib.sha256(parts).hexdigest()


def _bytes(array: pa.Array) -> bytes:
    """Fixed width, little-endian: one byte for a truth value, eight for a number or an instant."""
    if pa.types.is_boolean(array.type):
        array = array.cast(pa.uint8())
    elif pa.types.is_timestamp(array.type):
        array = array.cast(pa.int64())
    values: bytes = array.to_numpy(zero_copy_only=False).tobytes()
    return values
