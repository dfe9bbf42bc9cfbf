// What the colours say, for the layer shown.

import { CLASSES } from "./cartography.js";
import { $, element } from "./dom.js";
import { swatch } from "./patterns.js";
import { number, verdictText, words } from "./texts.js";

function nameOf(key, { show, test }) {
  if (words.classOf[key]) return words.classOf[key];
  return show === "difference" ? words.differs[key] : verdictText(key, test);
}

export function showLegend(state, index, zones, missions) {
  const layer = index.layers.find((one) => one.operator === state.op && one.technology === state.tech && one.threshold === state.test);
  const counted = (key) => (state.show === "verdict" ? number(layer?.verdicts[key] ?? 0) : "");
  const line = (key) => element("li", {}, swatch(key), element("span", { textContent: nameOf(key, state) }), element("span", { className: "count", textContent: counted(key) }));
  const zone = element("li", {}, element("span", { className: "disc" }), element("span", { textContent: words.zoneDisc }), element("span", { className: "count", textContent: zones ? number(zones.features.length) : "" }));
  const mission = missions.features.length ? element("li", {}, element("span", { className: "tour" }), element("span", { textContent: words.mission })) : null;
  $("legend-title").textContent = words.legends[state.show];
  $("legend").replaceChildren(...[...CLASSES[state.show].map(line), zone, mission].filter(Boolean));
  $("legend-note").textContent = words.afar[state.show];
}
