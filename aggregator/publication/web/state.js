// What is chosen; the address holds all of it, so a link shows the same.

const NAMES = ["op", "tech", "use", "test", "show", "at", "hex", "zone"];
const HEXAGON = /^88[0-9a-f]{7}[13579bdf]fffff$/; // an H3 index of resolution 8
const SOUND = { hex: (text) => HEXAGON.test(text), at: (text) => viewOf(text) !== null };

export const state = {};

/** Take what the address says; a place that cannot be is left out. What there is to choose, the release says. */
export function recall() {
  const given = new URLSearchParams(location.hash.slice(1));
  for (const name of NAMES) {
    const text = given.get(name);
    if (text && (!SOUND[name] || SOUND[name](text))) state[name] = text;
    else delete state[name];
  }
}
recall();

export function remember() {
  const kept = NAMES.filter((name) => state[name]).map((name) => [name, state[name]]);
  history.replaceState(null, "", `#${new URLSearchParams(kept)}`);
}

/** A view as MapLibre takes it, or null where the text is of no place on Earth. */
function viewOf(text) {
  const [latitude, longitude, zoom] = text.split("/").map((part) => (part.trim() ? Number(part) : NaN));
  const sound = Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180 && zoom >= 0 && zoom <= 24;
  return sound ? { center: [longitude, latitude], zoom } : null;
}

/** The view the address asks for, or null. */
export const viewGiven = () => (state.at ? viewOf(state.at) : null);

export function rememberView(map) {
  const { lat, lng } = map.getCenter();
  state.at = `${lat.toFixed(4)}/${lng.toFixed(4)}/${map.getZoom().toFixed(1)}`;
  remember();
}
