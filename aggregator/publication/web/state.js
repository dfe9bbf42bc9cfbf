// What is chosen; the address holds all of it, so a link shows the same.

const NAMES = ["op", "tech", "use", "test", "show", "at", "hex", "zone"];
const given = new URLSearchParams(location.hash.slice(1));

export const state = Object.fromEntries(NAMES.filter((name) => given.get(name)).map((name) => [name, given.get(name)]));

export function remember() {
  const kept = NAMES.filter((name) => state[name]).map((name) => [name, state[name]]);
  history.replaceState(null, "", `#${new URLSearchParams(kept)}`);
}

/** [latitude, longitude, zoom], or null. */
export function viewGiven() {
  const numbers = (state.at ?? "").split("/").map(Number);
  return numbers.length === 3 && numbers.every(Number.isFinite) ? numbers : null;
}

export function rememberView(map) {
  const { lat, lng } = map.getCenter();
  state.at = `${lat.toFixed(4)}/${lng.toFixed(4)}/${map.getZoom().toFixed(1)}`;
  remember();
}
