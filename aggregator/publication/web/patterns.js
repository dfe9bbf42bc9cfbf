// Patterns, hexagons of the legend, and names drawn as images, so that no font is fetched.

import { colour } from "./theme.js";

const RATIO = 2;

/** Kind of drawing → its colour in colours.css, opacity, pattern, and the pattern's own colour if it has one. */
export const PAINTS = {
  "contradicted strong": { ink: "contradicted", opacity: 0.88, pattern: "hatch", line: "contradicted-line" }, // in grey, not as confirmed
  "contradicted moderate": { ink: "contradicted", opacity: 0.2, pattern: "hatch" },
  suspected: { ink: "suspected", opacity: 0.3, pattern: "dots" },
  confirmed: { ink: "confirmed", opacity: 0.62 },
  unclaimed_service: { ink: "unclaimed", opacity: 0.25, pattern: "cross" },
  insufficient: { ink: "insufficient", opacity: 0.5 },
  declared: { ink: "declared", opacity: 0.7 },
  "declared half": { ink: "declared", opacity: 0.4 },
  "declared little": { ink: "declared", opacity: 0.15 },
  unmeasured: { ink: "declared", opacity: 0.24 },
  few: { ink: "evidence", opacity: 0.25 },
  ten: { ink: "evidence", opacity: 0.55 },
  twenty: { ink: "evidence", opacity: 0.92 },
  survey: { ink: "evidence", opacity: 0.3, pattern: "cross" },
};

function canvasOf(width, height) {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width, height });
  return [canvas, canvas.getContext("2d")];
}

function tile({ ink: name, pattern, line = name }) {
  const side = 8 * RATIO;
  const [canvas, ink] = canvasOf(side, side);
  ink.strokeStyle = ink.fillStyle = colour(line);
  if (pattern === "dots") {
    for (const [x, y] of [[0.25, 0.25], [0.75, 0.75]]) {
      ink.beginPath();
      ink.arc(x * side, y * side, 1.5 * RATIO, 0, 2 * Math.PI);
      ink.fill();
    }
    return canvas;
  }
  const slopes = pattern === "cross" ? [1, -1] : [1];
  ink.lineWidth = (slopes.length > 1 ? 1.1 : 2.1) * RATIO;
  for (const slope of slopes)
    for (const shift of [-side, 0, side]) {
      ink.beginPath();
      ink.moveTo(shift, slope > 0 ? side : 0);
      ink.lineTo(shift + side, slope > 0 ? 0 : side);
      ink.stroke();
    }
  return canvas;
}

/** A name with a halo. */
function nameImage(text) {
  const font = `500 ${12 * RATIO}px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif`;
  const [, measure] = canvasOf(1, 1);
  measure.font = font;
  const [canvas, ink] = canvasOf(Math.ceil(measure.measureText(text).width) + 8 * RATIO, 18 * RATIO);
  Object.assign(ink, { font, textBaseline: "middle", textAlign: "center", lineJoin: "round", lineWidth: 3.5 * RATIO });
  ink.strokeStyle = colour("map-halo");
  ink.fillStyle = colour("map-name");
  ink.strokeText(text, canvas.width / 2, canvas.height / 2);
  ink.fillText(text, canvas.width / 2, canvas.height / 2);
  return canvas;
}

/** A number in a disc: the rank of a zone. */
function rankImage(text) {
  const side = 26 * RATIO;
  const [canvas, ink] = canvasOf(side, side);
  ink.beginPath();
  ink.arc(side / 2, side / 2, side / 2 - 2 * RATIO, 0, 2 * Math.PI);
  ink.fillStyle = colour("map-zone");
  ink.strokeStyle = colour("map-edge");
  ink.lineWidth = 2 * RATIO;
  ink.fill();
  ink.stroke();
  Object.assign(ink, { font: `700 ${(text.length > 2 ? 9 : 12) * RATIO}px system-ui, "DejaVu Sans", sans-serif`, textAlign: "center", textBaseline: "middle" });
  ink.fillStyle = colour("map-edge");
  ink.fillText(text, side / 2, side / 2 + RATIO / 2);
  return canvas;
}

const DRAWN = { pattern: (name) => tile(PAINTS[name]), name: nameImage, rank: rankImage };

/** Called when the style names an image nobody drew yet: kind:theme:text. */
export function provideImage(map, id) {
  const [kind, , ...text] = id.split(":");
  if (!DRAWN[kind] || map.hasImage(id)) return;
  const canvas = DRAWN[kind](text.join(":"));
  map.addImage(id, canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height), { pixelRatio: RATIO });
}

/** A hexagon of the legend, painted as on the map. */
export function swatch(name) {
  const { ink: hue, opacity, pattern } = PAINTS[name];
  const [canvas, ink] = canvasOf(48, 48);
  ink.beginPath();
  for (let corner = 0; corner < 6; corner++) ink.lineTo(24 + 22 * Math.sin((corner * Math.PI) / 3), 24 - 22 * Math.cos((corner * Math.PI) / 3));
  ink.closePath();
  ink.globalAlpha = opacity;
  ink.fillStyle = colour(hue);
  ink.fill();
  ink.globalAlpha = 1;
  if (pattern) {
    ink.fillStyle = ink.createPattern(tile(PAINTS[name]), "repeat");
    ink.fill();
  }
  ink.strokeStyle = colour(hue);
  ink.lineWidth = 3;
  ink.stroke();
  canvas.setAttribute("aria-hidden", "true");
  return canvas;
}
