// The style of the map: one expression for what is chosen, over tiles that hold every choice.

import { PAINTS } from "./patterns.js";
import { colour, isDark } from "./theme.js";

export const VERDICTS = ["contradicted strong", "contradicted moderate", "suspected", "confirmed", "unclaimed_service", "insufficient"];
export const CLASSES = {
  verdict: VERDICTS,
  evidence: ["few", "ten", "twenty", "survey"],
  declared: ["declared", "declared half", "declared little"],
  difference: ["contradicted strong", "contradicted moderate", "suspected", "confirmed", "unmeasured", "unclaimed_service"],
};
export const nothing = { type: "FeatureCollection", features: [] };

const value = (kind, parts, otherwise = 0) => ["coalesce", ["get", [kind, ...parts].join(":")], otherwise];
const isHexagon = ["==", ["get", "r"], 8];
const CROWDED = 8; // ours: below this zoom numbers of zones would hide the cells, so that some of them give way
const [SUSPECTED, CONFIRMED, UNCLAIMED] = [3, 4, 5];

/** The class of each cell as a name of CLASSES, "" where nothing is drawn, and how opaque the class is there. */
function classes({ op, tech, use, test, show }) {
  const verdict = value("v", [op, tech, show === "difference" ? "service" : test]);
  const declared = value("d", [op, tech, show === "difference" ? "data" : use]);
  const evidence = value("e", [op, tech, test]);
  const share = ["/", value("s", [op, tech, show === "difference" ? "service" : test], 10), 10];
  const named = ["match", verdict, ...VERDICTS.flatMap((name, at) => [at + 1, name]), ""];
  const afar = (shown) => ["case", isHexagon, 1, shown];
  if (show === "evidence") {
    const near = ["match", evidence, ...CLASSES.evidence.flatMap((name, at) => [at + 1, name]), ""];
    const tenths = ["step", evidence, "", 1, "few", 4, "ten", 8, "twenty"];
    return { name: ["case", isHexagon, near, tenths], strength: 1 };
  }
  if (show === "declared") return { name: ["step", declared, "", 1, "declared little", 10, "declared half", 19, "declared"], strength: 1 };
  if (show === "difference") {
    const claimed = [">=", declared, 10];
    const judged = ["<=", verdict, CONFIRMED];
    const name = ["case", ["all", claimed, [">", verdict, 0], judged], named, ["all", claimed, ["!=", verdict, UNCLAIMED]], "unmeasured", ["==", verdict, UNCLAIMED], "unclaimed_service", ""];
    return { name, strength: afar(["+", 0.4, ["*", 0.6, share]]) };
  }
  return { name: named, strength: afar(["case", ["<=", verdict, SUSPECTED], ["+", 0.3, ["*", 0.7, share]], 1]) };
}

function paint(chosen) {
  const { name, strength } = classes(chosen);
  const shown = CLASSES[chosen.show];
  // from afar a contradiction is solid, and its opacity says of how many hexagons
  const solid = ["case", isHexagon, name, ["match", name, "contradicted moderate", "contradicted strong", name]];
  const match = (pick, otherwise) => ["match", solid, ...shown.flatMap((one) => [one, pick(PAINTS[one])]), otherwise];
  const theme = isDark() ? "dark" : "light";
  const patterned = shown.filter((one) => PAINTS[one].pattern);
  return {
    fill: { filter: ["!=", name, ""], paint: { "fill-color": match(({ ink }) => colour(ink), "#8b95a1"), "fill-opacity": ["*", match(({ opacity }) => opacity, 0.3), strength], "fill-antialias": false } },
    pattern: patterned.length
      ? { filter: ["in", solid, ["literal", patterned]], paint: { "fill-pattern": ["match", solid, ...patterned.flatMap((one) => [one, `pattern:${theme}:${one}`]), ""], "fill-opacity": strength, "fill-antialias": false } }
      : { filter: false, paint: {} },
    edge: { filter: ["!=", name, ""] },
  };
}

/** The style; what takes long to draw and is not needed at once only where it is to be whole. */
export function styleOf(chosen, { root, index, zones, ranks, points, missions, hexagon, whole }) {
  const drawn = paint(chosen);
  const theme = isDark() ? "dark" : "light";
  const cells = { source: "tiles", "source-layer": "cells" };
  return {
    version: 8,
    sources: {
      tiles: { type: "vector", tiles: [new URL(`${root}/tiles/{z}/{x}/{y}.pbf`, location.href).href.replace(/%7B/g, "{").replace(/%7D/g, "}")], minzoom: 5, maxzoom: 11, bounds: index.bounds },
      zones: { type: "geojson", data: zones },
      ranks: { type: "geojson", data: ranks },
      points: { type: "geojson", data: points },
      missions: { type: "geojson", data: missions },
    },
    layers: [
      { id: "outside", type: "background", paint: { "background-color": colour("map-outside") } },
      { id: "land", type: "fill", source: "tiles", "source-layer": "land", paint: { "fill-color": colour("map-land"), "fill-antialias": false } },
      { id: "cells", type: "fill", ...cells, ...drawn.fill },
      ...(whole ? [{ id: "patterns", type: "fill", ...cells, ...drawn.pattern }] : []),
      { id: "edges", type: "line", ...cells, minzoom: 9.5, ...drawn.edge, paint: { "line-color": colour("map-edge"), "line-opacity": 0.9, "line-width": ["interpolate", ["linear"], ["zoom"], 9.5, 0.3, 12, 1.2] } },
      { id: "communes", type: "line", source: "tiles", "source-layer": "borders", filter: ["==", ["get", "departement"], 0], paint: { "line-color": colour("map-border"), "line-width": ["interpolate", ["linear"], ["zoom"], 9, 0.5, 12, 1.3] } },
      { id: "departements", type: "line", source: "tiles", "source-layer": "borders", filter: ["==", ["get", "departement"], 1], paint: { "line-color": colour("quiet"), "line-width": ["interpolate", ["linear"], ["zoom"], 5, 0.7, 12, 2], "line-opacity": 0.7 } },
      { id: "zone-halo", type: "line", source: "zones", paint: { "line-color": colour("map-edge"), "line-width": 5, "line-opacity": 0.75 } },
      { id: "zone-lines", type: "line", source: "zones", paint: { "line-color": colour("map-zone"), "line-width": 2, "line-dasharray": [3, 2] } },
      { id: "mission-hexagons", type: "line", source: "missions", filter: ["==", ["get", "type"], "hexagon"], paint: { "line-color": colour("accent"), "line-width": 2.5, "line-dasharray": [1, 1] } },
      { id: "mission-ways", type: "line", source: "missions", filter: ["==", ["get", "type"], "tour"], paint: { "line-color": colour("accent"), "line-width": 2.5 } },
      { id: "mission-points", type: "circle", source: "missions", filter: ["==", ["get", "type"], "point"], paint: { "circle-radius": 4, "circle-color": colour("accent"), "circle-stroke-color": colour("map-edge"), "circle-stroke-width": 1.5 } },
      ...(whole ? [{ id: "names", type: "symbol", source: "tiles", "source-layer": "names", layout: { "icon-image": ["concat", `name:${theme}:`, ["get", "name"]], "symbol-sort-key": ["get", "rank"], "icon-padding": 6, "icon-anchor": "bottom", "icon-offset": [0, -4] } }] : []),
      { id: "zone-ranks", type: "symbol", source: "ranks", layout: { "icon-image": ["concat", `rank:${theme}:`, ["to-string", ["get", "rank"]]], "symbol-sort-key": ["step", ["zoom"], ["get", "rank"], CROWDED, ["-", 0, ["get", "rank"]]], "icon-allow-overlap": ["step", ["zoom"], false, CROWDED, true], "icon-padding": 0 } },
      { id: "points", type: "circle", source: "points", paint: { "circle-radius": 6, "circle-color": colour("map-zone"), "circle-stroke-color": colour("map-edge"), "circle-stroke-width": 2 } },
      ...["chosen-halo", "chosen"].map((id, at) => ({ id, type: "line", ...cells, filter: hexagon === null ? false : ["all", isHexagon, ["==", ["id"], hexagon]], paint: { "line-color": colour(at ? "map-zone" : "map-edge"), "line-width": at ? 3 : 6 } })),
    ],
  };
}
