// Candidate zones: their list, their panel, and where they lie.

import { $, element, facts } from "./dom.js";
import { count, number, period, thresholdText, uncapitalised, verdictText, words } from "./texts.js";

/** Northernmost corner of each zone: its number sits on the outline and hides no hexagon. */
export const ranksOf = (zones) => ({
  type: "FeatureCollection",
  features: zones.features.map(({ properties: { rank, zone_id }, geometry }) => ({
    type: "Feature", properties: { rank, zone_id },
    geometry: { type: "Point", coordinates: cornersOf(geometry).reduce((best, corner) => (corner[1] > best[1] ? corner : best)) },
  })),
});

/** All of a multipolygon, whose parts may lie apart. */
const cornersOf = ({ coordinates }) => coordinates.flat(2);

/** [[west, south], [east, north]] of a zone. */
export function boxOf({ geometry }) {
  const corners = cornersOf(geometry);
  const reach = (pick) => [0, 1].map((axis) => pick(...corners.map((corner) => corner[axis])));
  return [reach(Math.min), reach(Math.max)];
}

export const pointsOf = (zone) => ({
  type: "FeatureCollection",
  features: (zone?.properties.points ?? []).map((point) => ({ type: "Feature", properties: point, geometry: { type: "Point", coordinates: [point.longitude, point.latitude] } })),
});

export function zonePanel({ properties: zone }, { operatorName, root, index, chooseHexagon }) {
  const { technology, threshold } = index.zones_about;
  const missing = Object.keys(zone).filter((name) => name.startsWith("op_") && zone[name]).map((name) => operatorName(name.slice(3)));
  const chips = zone.look_at.map(([cell, operator, verdict, longitude, latitude]) => element("li", {}, element("button", {
    type: "button", textContent: `${operatorName(operator)} · ${verdictText(verdict, threshold)}`,
    onclick: () => chooseHexagon(cell, { op: operator, tech: technology, test: threshold }, [longitude, latitude]),
  })));
  return [
    element("p", { className: "place", textContent: words.zone(zone.rank) }),
    element("h3", { textContent: zone.name }),
    element("p", { className: "sentence", textContent: words.zoneSentence({ people: number(zone.people), unmet: number(zone.evidenced_people) }, missing.join(", ")) }),
    facts([
      [words.contradicted, number(zone.contradicted)],
      [words.suspected, number(zone.suspected)],
      [words.zonePhones, count(zone.devices)],
      [words.days, count(zone.device_days)],
      [words.months, period(zone.first_month, zone.last_month)],
      [words.evidence, words[zone.evidence]],
      [words.evidenceClass, words.classes[zone.evidence_class]],
      [words.communes, zone.communes],
      [words.points, zone.points.map(({ name }) => name).join(" · ")],
      [words.zoneId, zone.zone_id],
    ]),
    chips.length ? element("h4", { textContent: words.hexagons }) : null,
    chips.length ? element("ul", { className: "chips" }, chips) : null,
    element("p", {}, element("a", { href: `${root}/dossiers/${zone.zone_id.replace(/[^A-Za-z0-9.-]/g, "_")}.pdf`, textContent: words.dossier })),
    element("p", { className: "caution", textContent: words.zoneCaution }),
  ].filter(Boolean);
}

export function listZones(zones, index, choose) {
  const { technology, threshold } = index.zones_about;
  $("zones-about").textContent = zones.features.length ? words.zonesAbout(uncapitalised(thresholdText(threshold, technology))) : words.noZones;
  const entry = ({ properties: zone }) => {
    const line = words.zoneLine({ ...zone, unmet: number(zone.evidenced_people) });
    const button = element("button", { type: "button", onclick: () => choose(zone.zone_id) }, element("span", { className: "rank", textContent: zone.rank }), element("span", {}, zone.name, element("small", { textContent: line })));
    button.dataset.zone = zone.zone_id;
    button.setAttribute("aria-pressed", "false");
    return element("li", {}, button);
  };
  $("zones").replaceChildren(...zones.features.map(entry));
}
