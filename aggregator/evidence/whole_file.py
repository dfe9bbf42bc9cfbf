"""Files that are there whole or as they were: written aside, then put in their place at once."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(file: Path) -> Iterator[Path]:
    """The place to write a file to, which takes its name when the block ends.

    Directories above it are made. Where the block fails, what was there before stays, and nothing is left beside it.

    Args:
        file: to be written; the place given lies in the same directory.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f".{file.name}.partial")
    try:
        yield partial
        os.replace(partial, file)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
