// H3 indexes by bit arithmetic, as the tiles and the files of panels name them.

const shift = (resolution) => 3n * BigInt(15 - resolution);
const unused = (resolution) => (1n << shift(resolution)) - 1n;
const number = (cell) => BigInt(`0x${cell}`);
const sized = (index, resolution) => (index & ~(15n << 52n)) | (BigInt(resolution) << 52n);

/** A tile's feature id as an index. */
export const cellOf = (id, resolution) => (sized(1n << 59n, resolution) | (BigInt(id) << shift(resolution)) | unused(resolution)).toString(16);

/** The feature id of an index. */
export const idOf = (cell, resolution) => Number((number(cell) & ((1n << 52n) - 1n)) >> shift(resolution));

export const parentOf = (cell, resolution) => (sized(number(cell), resolution) | unused(resolution)).toString(16);

/** The cell's parent or, where the cell is larger, its children of a resolution. */
export function atResolution(cell, resolution) {
  const own = Number((number(cell) >> 52n) & 15n);
  if (own >= resolution) return [parentOf(cell, resolution)];
  return [0n, 1n, 2n, 3n, 4n, 5n, 6n].flatMap((digit) => {
    const child = (sized(number(cell), own + 1) & ~(7n << shift(own + 1))) | (digit << shift(own + 1));
    return atResolution(child.toString(16), resolution);
  });
}
