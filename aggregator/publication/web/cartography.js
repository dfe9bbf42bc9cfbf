// What the map looks like: colours, patterns, layers, and names drawn as images so that no font is fetched.

const COLOURS = {
  "contradicted strong": "#d55e00",
  "contradicted moderate": "#d55e00",
  suspected: "#e69f00",
  confirmed: "#0072b2",
  unclaimed_service: "#009e73",
  insufficient: "#8b95a1",
};
export const VERDICTS = Object.keys(COLOURS);
export const colourOf = (key) => COLOURS[key];

const PATTERNS = { "contradicted moderate": "hatch", suspected: "dots", unclaimed_service: "cross" };
const OPACITY = { "contradicted strong": 0.88, "contradicted moderate": 0.2, suspected: 0.3, confirmed: 0.62, unclaimed_service: 0.25, insufficient: 0.5 };
const RATIO = 2;

export const theme = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--map-${name}`).trim();

/** A square tile of a verdict's pattern, in device pixels. */
function tile(key) {
  const side = 8 * RATIO;
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = side;
  const ink = canvas.getContext("2d");
  ink.strokeStyle = ink.fillStyle = COLOURS[key];
  ink.lineWidth = 2.1 * RATIO;
  if (PATTERNS[key] === "dots") {
    for (const [x, y] of [[0.25, 0.25], [0.75, 0.75]]) {
      ink.beginPath();
      ink.arc(x * side, y * side, 1.5 * RATIO, 0, 2 * Math.PI);
      ink.fill();
    }
  } else {
    const slopes = PATTERNS[key] === "cross" ? [1, -1] : [1];
    ink.lineWidth = (slopes.length > 1 ? 1.1 : 2.1) * RATIO;
    for (const slope of slopes)
      for (const shift of [-side, 0, side]) {
        ink.beginPath();
        ink.moveTo(shift, slope > 0 ? side : 0);
        ink.lineTo(shift + side, slope > 0 ? 0 : side);
        ink.stroke();
      }
  }
  return canvas;
}

/** A name with a halo, as an image for the map. */
function nameImage(text) {
  const canvas = document.createElement("canvas");
  const font = `500 ${12 * RATIO}px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif`;
  let ink = canvas.getContext("2d");
  ink.font = font;
  canvas.width = Math.ceil(ink.measureText(text).width) + 8 * RATIO;
  canvas.height = 18 * RATIO;
  ink = canvas.getContext("2d");
  Object.assign(ink, { font, textBaseline: "middle", textAlign: "center", lineJoin: "round", lineWidth: 3.5 * RATIO });
  ink.strokeStyle = theme("halo");
  ink.fillStyle = theme("name");
  ink.strokeText(text, canvas.width / 2, canvas.height / 2);
  ink.fillText(text, canvas.width / 2, canvas.height / 2);
  return canvas;
}

const pixels = (canvas) => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);

/** Called when the style names an image nobody drew yet. */
export function provideImage(map, id) {
  const [kind, ...rest] = id.split(":");
  const text = rest.join(":");
  if (kind === "pattern") map.addImage(id, pixels(tile(text)), { pixelRatio: RATIO });
  if (kind === "name") map.addImage(id, pixels(nameImage(text)), { pixelRatio: RATIO });
}

/** A hexagon of the legend, painted as on the map. */
export function swatch(key) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 48;
  const ink = canvas.getContext("2d");
  ink.beginPath();
  for (let corner = 0; corner < 6; corner++) ink.lineTo(24 + 22 * Math.sin((corner * Math.PI) / 3), 24 - 22 * Math.cos((corner * Math.PI) / 3));
  ink.closePath();
  ink.globalAlpha = OPACITY[key];
  ink.fillStyle = COLOURS[key];
  ink.fill();
  ink.globalAlpha = 1;
  if (PATTERNS[key]) {
    ink.fillStyle = ink.createPattern(tile(key), "repeat");
    ink.fill();
  }
  ink.strokeStyle = COLOURS[key];
  ink.lineWidth = 3;
  ink.stroke();
  return canvas;
}

const KEY = ["case", ["==", ["get", "verdict"], "contradicted"], ["concat", "contradicted ", ["get", "strength"]], ["get", "verdict"]];
const match = (table, otherwise) => ["match", KEY, ...Object.entries(table).flat(), otherwise];
// Every name is an image to draw: a whole region has thousands of communes, of which few fit on a small scale.
const NAMES_BY_ZOOM = ["step", ["zoom"], 80, 8, 300, 9.5, 1200, 10.5, 100000];
export const nothing = { type: "FeatureCollection", features: [] };

/** The whole style, for data already in memory. */
export function styleOf({ communes, hexagons, zones, points }) {
  const bySize = communes.features.map(({ properties }) => properties).sort((a, b) => (b.population ?? 0) - (a.population ?? 0));
  const centres = {
    type: "FeatureCollection",
    features: bySize.map(({ name, longitude, latitude }, rank) => ({ type: "Feature", properties: { name, rank }, geometry: { type: "Point", coordinates: [longitude, latitude] } })),
  };
  const source = (data) => ({ type: "geojson", data });
  return {
    version: 8,
    sources: { communes: source(communes), names: source(centres), hexagons: source(hexagons), chosen: source(nothing), zones: source(zones), points: source(points) },
    layers: [
      { id: "outside", type: "background", paint: { "background-color": theme("outside") } },
      { id: "land", type: "fill", source: "communes", paint: { "fill-color": theme("land") } },
      { id: "borders", type: "line", source: "communes", paint: { "line-color": theme("border"), "line-width": ["interpolate", ["linear"], ["zoom"], 7, 0.4, 12, 1.4] } },
      { id: "hexagons", type: "fill", source: "hexagons", paint: { "fill-color": match(COLOURS, "#8b95a1"), "fill-opacity": match(OPACITY, 0.3) } },
      { id: "patterns", type: "fill", source: "hexagons", filter: ["in", KEY, ["literal", Object.keys(PATTERNS)]], paint: { "fill-pattern": ["concat", "pattern:", KEY] } },
      { id: "edges", type: "line", source: "hexagons", paint: { "line-color": theme("edge"), "line-opacity": 0.9, "line-width": ["interpolate", ["linear"], ["zoom"], 8, 0.2, 12, 1.2] } },
      { id: "zone-halo", type: "line", source: "zones", paint: { "line-color": theme("edge"), "line-width": 5, "line-opacity": 0.75 } },
      { id: "zone-lines", type: "line", source: "zones", paint: { "line-color": theme("zone"), "line-width": 2, "line-dasharray": [3, 2] } },
      { id: "names", type: "symbol", source: "names", filter: ["<", ["get", "rank"], NAMES_BY_ZOOM], layout: { "icon-image": ["concat", "name:", ["get", "name"]], "symbol-sort-key": ["get", "rank"], "icon-padding": 6, "icon-anchor": "bottom", "icon-offset": [0, -5] } },
      { id: "points", type: "circle", source: "points", paint: { "circle-radius": 6, "circle-color": theme("zone"), "circle-stroke-color": theme("edge"), "circle-stroke-width": 2 } },
      { id: "chosen-halo", type: "line", source: "chosen", paint: { "line-color": theme("edge"), "line-width": 6 } },
      { id: "chosen", type: "line", source: "chosen", paint: { "line-color": theme("zone"), "line-width": 3 } },
    ],
  };
}
