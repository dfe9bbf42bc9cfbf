"""H3 indexes as numbers: what follows from their bits alone, so that a phone needs no library for it."""

from typing import Any

_RESOLUTION_BITS = 15 << 52


def parent(index: Any, resolution: int) -> Any:
    """Parent of H3 indexes by bit arithmetic, for any coarser ``resolution``.

    Args:
        index: an int, a NumPy array of int64, or a column expression of Ibis.
        resolution: of the parent, 0–15.

    Returns:
        The same kind of thing.
    """
    return (index & ~_RESOLUTION_BITS) | (resolution << 52 | (1 << (3 * (15 - resolution))) - 1)
