"""Vector tiles (Mapbox Vector Tile 2.1), many at once: features become one stream of numbers, and that becomes bytes.

A feature is a run of numbers that protobuf writes as varints, its field numbers and lengths included; so all features
of a zoom are laid out by index arithmetic and encoded together, 20 to 50 times faster than one by one.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]
Floats = NDArray[np.float64]

EXTENT = 4096
"""Units of a tile's side."""
BUFFER = 64
"""Ours: units around a tile within which a feature still belongs to it, so that lines at its edge are whole."""
POINT, LINE, POLYGON = 1, 2, 3
MOVE_ONE, CLOSE = 1 << 3 | 1, 1 << 3 | 7
LINE_TO = 2


@dataclass(frozen=True, slots=True)
class Runs:
    """Lists of numbers end to end.

    Attributes:
        values: all numbers (sum of lengths,).
        lengths: of each list (n,).
    """

    values: Numbers
    lengths: Numbers

    @property
    def starts(self) -> Numbers:
        """Where each list begins (n,)."""
        return np.cumsum(self.lengths) - self.lengths

    def take(self, chosen: Numbers) -> "Runs":
        """The lists of these places, in this order."""
        owner, within = spread(self.lengths[chosen])
        return Runs(self.values[self.starts[chosen][owner] + within], self.lengths[chosen])


def spread(lengths: Numbers) -> tuple[Numbers, Numbers]:
    """Owner of each element of lists of these lengths, and its place in its list."""
    owner = np.repeat(np.arange(len(lengths)), lengths)
    return owner, np.arange(len(owner)) - (np.cumsum(lengths) - lengths)[owner]


def mercator(longitude: Floats, latitude: Floats) -> tuple[Floats, Floats]:
    """Degrees → Web Mercator, 0 to 1 from west to east and from north to south (EPSG:3857, scaled)."""
    y = 0.5 - np.arcsinh(np.tan(np.radians(latitude))) / (2 * np.pi)
    return longitude / 360 + 0.5, y


def tiles_of(x: Floats, y: Floats, lengths: Numbers, zoom: int) -> tuple[Numbers, Numbers, Numbers]:
    """Feature, column and row of every pair of a feature and a tile it touches, sorted by tile, then feature.

    Args:
        x: of all vertices, as ``mercator`` gives them.
        y: likewise.
        lengths: vertices of each feature, at least one.
        zoom: of the tiles.
    """
    starts = np.cumsum(lengths) - lengths
    margin, side = BUFFER / EXTENT, 1 << zoom
    low = [np.floor(np.minimum.reduceat(axis, starts) * side - margin).astype(np.int64) for axis in (x, y)]
    high = [np.floor(np.maximum.reduceat(axis, starts) * side + margin).astype(np.int64) for axis in (x, y)]
    wide, tall = (above - below + 1 for below, above in zip(low, high, strict=True))
    feature, place = spread(wide * tall)
    column, row = low[0][feature] + place % wide[feature], low[1][feature] + place // wide[feature]
    order = np.lexsort((feature, row, column))
    return feature[order], column[order], row[order]


def rings(x: Floats, y: Floats, lengths: Numbers, zoom: int, pairs: tuple[Numbers, Numbers, Numbers]) -> Runs:
    """Commands that draw one ring in each tile it touches; it may reach beyond the tile, which renderers cut.

    Args:
        x: of all vertices, as ``mercator`` gives them, rings clockwise as seen on a map.
        y: likewise.
        lengths: vertices of each ring.
        zoom: of the tiles.
        pairs: as ``tiles_of`` gives them.
    """
    feature, column, row = pairs
    starts = np.cumsum(lengths) - lengths
    units = EXTENT << zoom
    vertices = np.column_stack([np.rint(axis * units).astype(np.int64) for axis in (x, y)])
    steps = np.diff(vertices, axis=0, prepend=vertices[:1])
    own = lengths[feature]
    sizes = 2 * own + 3
    at = np.cumsum(sizes) - sizes
    commands = np.empty(int(sizes.sum()), dtype=np.int64)
    first = vertices[starts[feature]] - np.column_stack([column, row]) * EXTENT
    commands[at], commands[at + 1], commands[at + 2] = MOVE_ONE, zigzag(first[:, 0]), zigzag(first[:, 1])
    commands[at + 3], commands[at + sizes - 1] = (own - 1) << 3 | LINE_TO, CLOSE
    owner, within = spread(own - 1)
    moved = zigzag(steps[starts[feature][owner] + 1 + within])
    commands[at[owner] + 4 + 2 * within], commands[at[owner] + 5 + 2 * within] = moved.T
    return Runs(commands, sizes)


def zigzag(values: Numbers) -> Numbers:
    """Signed numbers as unsigned ones, small ones small."""
    return (values << 1) ^ (values >> 63)


def encoded(ids: Numbers, kind: int, tags: Runs, commands: Runs) -> tuple[bytes, Numbers]:
    """Features as they stand in a layer, end to end, and where each begins, with the end last (n + 1,).

    Args:
        ids: of the features, not negative (n,).
        kind: ``POINT``, ``LINE`` or ``POLYGON``.
        tags: pairs of positions in the layer's keys and values.
        commands: geometry.
    """
    tag_bytes, geometry_bytes = _bytes_of(tags), _bytes_of(commands)
    size = 5 + _width(ids) + _width(tag_bytes) + tag_bytes + _width(geometry_bytes) + geometry_bytes
    slots = 10 + tags.lengths + commands.lengths
    at = np.cumsum(slots) - slots
    flat = np.empty(int(slots.sum()), dtype=np.int64)
    head: list[int | Numbers] = [0x12, size, 0x08, ids, 0x12, tag_bytes]
    for place, value in enumerate(head):
        flat[at + place] = value
    owner, within = spread(tags.lengths)
    flat[at[owner] + 6 + within] = tags.values
    after = at + 6 + tags.lengths
    middle: list[int | Numbers] = [0x18, kind, 0x22, geometry_bytes]
    for place, value in enumerate(middle):
        flat[after + place] = value
    owner, within = spread(commands.lengths)
    flat[after[owner] + 4 + within] = commands.values
    widths = _width(flat)
    ends = np.cumsum(widths)
    written = np.zeros(int(ends[-1]) if len(ends) else 0, dtype=np.uint8)
    for place in range(int(widths.max(initial=0))):
        long = widths > place
        more = np.where(widths[long] > place + 1, 0x80, 0)
        written[(ends - widths)[long] + place] = (flat[long] >> 7 * place & 0x7F) | more
    return written.tobytes(), np.append((ends - widths)[at], len(written))


def layer(name: str, features: bytes, keys: list[str], values: list[int | str]) -> bytes:
    """One layer of a tile, as it stands in the tile."""
    body = _text(0x0A, name) + features + b"".join(_text(0x1A, key) for key in keys)
    for value in values:
        body += _block(0x22, _text(0x0A, value) if isinstance(value, str) else b"\x28" + varint(value))
    return _block(0x1A, body + b"\x28" + varint(EXTENT) + b"\x78\x02")


def varint(value: int) -> bytes:
    """One number as protobuf writes it."""
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)


def _text(field: int, text: str) -> bytes:
    return _block(field, text.encode())


def _block(field: int, content: bytes) -> bytes:
    return bytes([field]) + varint(len(content)) + content


def _bytes_of(runs: Runs) -> Numbers:
    """Bytes of each list (n,)."""
    total = np.append(0, np.cumsum(_width(runs.values)))
    return np.asarray(total[runs.starts + runs.lengths] - total[runs.starts], dtype=np.int64)


def _width(values: Numbers) -> Numbers:
    """Bytes of each number (n,)."""
    width = np.ones(len(values), dtype=np.int64)
    for bits in range(7, 63, 7):
        width += values >= 1 << bits
    return width
