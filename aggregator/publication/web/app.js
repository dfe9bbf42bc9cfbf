// The map page: reads one release, shows one layer of hexagons, and tells the evidence behind what is chosen.

import { colourOf, nothing, provideImage, styleOf, swatch, VERDICTS } from "./cartography.js";
import { count, language, number, percent, period, probability, verdictKey, verdictText, words } from "./texts.js";

const $ = (id) => document.getElementById(id);
const state = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
let root, index, manifest, communes, zones, map;
let layer = nothing;
let sentences = {}; // by hexagon and evidence, those of the layer

const read = async (path) => {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
};

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

const operatorName = (code) => index.operators.find(({ operator }) => operator === code)?.name ?? code;
const thresholdText = (threshold, technology) => (threshold === "service" ? words.service(technology) : words.rate(threshold));
const uncapitalised = (text) => text[0].toLowerCase() + text.slice(1);
const layerNamed = (op, tech, test) => index.layers.find((one) => one.operator === op && one.technology === tech && one.threshold === test);
const places = (zone) => ({ type: "FeatureCollection", features: (zone?.properties?.points ?? []).map((point) => ({ type: "Feature", properties: point, geometry: { type: "Point", coordinates: [point.longitude, point.latitude] } })) });

/** Whether a position lies in a GeoJSON Polygon or MultiPolygon. */
function within([x, y], { type, coordinates }) {
  const polygons = type === "Polygon" ? [coordinates] : coordinates;
  return polygons.some((rings) => rings.reduce((inside, ring) => {
    for (let i = 0, j = ring.length - 1; i < ring.length; j = i++) {
      const [[xi, yi], [xj, yj]] = [ring[i], ring[j]];
      if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) inside = !inside;
    }
    return inside;
  }, false));
}

function centre({ geometry }) {
  const ring = geometry.coordinates[0].slice(1);
  return [0, 1].map((axis) => ring.reduce((sum, corner) => sum + corner[axis], 0) / ring.length);
}

/** Box around features, as [[west, south], [east, north]], or null without any. */
function boxOf({ features }) {
  if (!features.length) return null;
  const corners = features.flatMap(({ geometry }) => geometry.coordinates[0]);
  const reach = (pick) => [0, 1].map((axis) => corners.reduce((far, corner) => pick(far, corner[axis]), corners[0][axis]));
  return [reach(Math.min), reach(Math.max)];
}

const hexagonNamed = (cell) => layer.features.find(({ properties }) => properties.h3 === cell);
const zoneNamed = (id) => zones.features.find(({ properties }) => properties.zone_id === id);

function remember() {
  const kept = Object.entries(state).filter(([, value]) => value);
  history.replaceState(null, "", `#${new URLSearchParams(kept)}`);
}

/** Room around what is shown: where the legend lies on the map, it hides nothing. */
function margins() {
  const beside = getComputedStyle($("key")).position === "absolute" && $("stage").offsetWidth > 700;
  return { top: 30, right: 50, bottom: 30, left: beside ? $("key").offsetWidth + 20 : 30 };
}

// --- choosing -------------------------------------------------------------------------------------------------------

function fill(select, options, chosen) {
  select.replaceChildren(...options.map(([value, text]) => element("option", { value, textContent: text, selected: value === chosen })));
}

function offerChoices() {
  const has = (test) => index.layers.some(test);
  fill($("operator"), index.operators.map(({ operator, name }) => [operator, name]), state.op);
  const technologies = index.technologies.filter((tech) => has((one) => one.operator === state.op && one.technology === tech));
  if (!technologies.includes(state.tech)) state.tech = technologies.includes("4G") ? "4G" : technologies.at(-1);
  fill($("technology"), technologies.map((tech) => [tech, tech]), state.tech);
  const tests = index.thresholds.filter((test) => layerNamed(state.op, state.tech, test));
  if (!tests.includes(state.test)) state.test = tests[0];
  fill($("threshold"), tests.map((test) => [test, thresholdText(test, state.tech)]), state.test);
}

async function showLayer() {
  offerChoices();
  const chosen = layerNamed(state.op, state.tech, state.test);
  const files = chosen ? [chosen.file, chosen.sentences[language]] : [];
  [layer, sentences] = chosen ? await Promise.all(files.map((file) => read(`${root}/map/${file}`))) : [nothing, {}];
  map?.getSource("hexagons")?.setData(layer);
  showLegend();
  tell();
}

function chooseHexagon(cell, { fly = false, at = null } = {}) {
  Object.assign(state, { hex: cell, zone: "" });
  const feature = hexagonNamed(cell);
  if (feature && fly) map.easeTo({ center: centre(feature), zoom: Math.max(map.getZoom(), 11.5) });
  tell(at);
  reveal();
}

function chooseZone(id) {
  Object.assign(state, { zone: id, hex: "" });
  map.fitBounds(boxOf({ features: [zoneNamed(id)] }), { padding: margins(), maxZoom: 12.5 });
  tell();
  reveal();
}

// --- telling --------------------------------------------------------------------------------------------------------

function facts(pairs) {
  return element("dl", {}, ...pairs.filter(([, value]) => value !== null && value !== "").flatMap(([name, value]) => [element("dt", { textContent: name }), element("dd", { textContent: value })]));
}

const methodLink = () => element("p", { className: "caution" }, element("a", { href: `${root}/manifest.json`, textContent: words.manifest }));

function hexagonFacts(row) {
  const share = row.declared_share === null ? words.notDeclared : percent(row.declared_share);
  return facts([
    [words.phones, `${count(row.failing)} ${words.of} ${count(row.devices)}`],
    [words.days, count(row.device_days)],
    [words.tests, count(row.tests)],
    [words.months, period(row.first_month, row.last_month)],
    [words.evidence, words[row.evidence]],
    [words.share, share],
    [words.where, row.edge === null || !row.claimed ? null : row.edge ? words.edge : words.inside],
    [words.p, row.p === null || state.test !== "service" ? null : probability(row.p)],
    [words.pWithdrawn(row.withdrawn), row.withdrawn > 0 && row.p_withdrawn !== null && state.test === "service" ? probability(row.p_withdrawn) : null],
    [words.rule, row.rule],
  ]);
}

/** The verdict's own sentence, as its release says it. */
const told = (cell, row) => sentences[cell]?.[row.evidence] ?? words.noVerdict;

function tellHexagon(feature) {
  const row = feature.properties;
  const home = communes.features.find(({ geometry }) => within(centre(feature), geometry));
  $("evidence").style.setProperty("--tone", colourOf(verdictKey(row)));
  const parts = [
    element("p", { className: "place", textContent: `${home ? words.near(home.properties.name) : words.unknownPlace} · ${operatorName(state.op)} · ${thresholdText(state.test, state.tech)}` }),
    element("h3", { textContent: verdictText(verdictKey(row), state.test) }),
    element("p", { className: "sentence", textContent: told(row.h3, row) }),
    hexagonFacts(row),
    facts([[words.hexagon, row.h3]]),
  ];
  if (row.other) parts.push(element("div", { className: "other" }, element("strong", { textContent: `${words.other[row.other.evidence]} : ${verdictText(verdictKey(row.other), state.test)}` }), element("p", { textContent: told(row.h3, row.other) }), hexagonFacts(row.other)));
  return [...parts, element("p", { className: "caution", textContent: words.caution }), methodLink()];
}

function tellZone({ properties: zone, geometry }) {
  const missing = Object.keys(zone).filter((name) => name.startsWith("op_") && zone[name]).map((name) => operatorName(name.slice(3)));
  const inside = layer.features.filter((feature) => ["contradicted", "suspected"].includes(feature.properties.verdict) && within(centre(feature), geometry));
  const chips = inside.map(({ properties }, at) => element("li", {}, element("button", { type: "button", textContent: `${at + 1} · ${verdictText(verdictKey(properties), state.test)}`, onclick: () => chooseHexagon(properties.h3, { fly: true }) })));
  $("evidence").style.setProperty("--tone", "var(--map-zone)");
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
    chips.length ? element("p", { className: "caution", textContent: words.hexagons }) : null,
    chips.length ? element("ul", { className: "chips" }, ...chips) : null,
    element("p", { className: "caution", textContent: words.zoneCaution }),
    methodLink(),
  ].filter(Boolean);
}

function tell(at = null) {
  const hexagon = state.hex && hexagonNamed(state.hex);
  const zone = state.zone && zoneNamed(state.zone);
  $("evidence").style.removeProperty("--tone");
  const parts = hexagon ? tellHexagon(hexagon) : zone ? tellZone(zone) : [element("p", { textContent: at || state.hex ? words.noFigure(index.k, operatorName(state.op)) : words.hint })];
  if (index.synthetic && (hexagon || zone)) parts.unshift(element("p", { className: "notice", textContent: words.syntheticHere }));
  $("evidence").replaceChildren(...parts);
  map?.getSource("chosen")?.setData(hexagon || nothing);
  map?.getSource("points")?.setData(places(zone));
  for (const button of $("zones").querySelectorAll("button")) button.setAttribute("aria-pressed", String(button.dataset.zone === state.zone));
  remember();
}

/** On a phone the panel is below the map: bring what was just chosen into view. */
const reveal = () => matchMedia("(max-width: 52rem)").matches && $("evidence").scrollIntoView({ block: "start" });

function showLegend() {
  const counted = (key) => layer.features.filter(({ properties }) => verdictKey(properties) === key).length;
  $("legend").replaceChildren(
    ...VERDICTS.map((key) => element("li", {}, swatch(key), element("span", { textContent: verdictText(key, state.test) }), element("span", { className: "count", textContent: number(counted(key)) }))),
    element("li", {}, element("span", { className: "disc" }), element("span", { textContent: words.zoneDisc }), element("span", { className: "count", textContent: number(zones.features.length) })),
  );
}

function showZones() {
  const { technology, threshold } = index.zones_about;
  $("zones-about").textContent = zones.features.length ? words.zonesAbout(uncapitalised(thresholdText(threshold, technology))) : words.noZones;
  for (const { properties: zone } of zones.features) {
    const line = words.zoneLine({ ...zone, unmet: number(zone.evidenced_people) });
    const entry = element("button", { type: "button", onclick: () => chooseZone(zone.zone_id) }, element("span", { className: "rank", textContent: zone.rank }), element("span", {}, zone.name, element("small", { textContent: line })));
    entry.dataset.zone = zone.zone_id;
    $("zones").append(element("li", {}, entry));
    const mark = element("button", { type: "button", className: "rank", textContent: zone.rank, title: zone.name, onclick: (event) => { event.stopPropagation(); chooseZone(zone.zone_id); } });
    new maplibregl.Marker({ element: mark }).setLngLat(topOf(zone.zone_id)).addTo(map);
    mark.setAttribute("aria-label", `${words.zone(zone.rank)}, ${zone.name}`); // the map has put its own there
  }
}

/** Northernmost corner of a zone: its number sits on the outline and hides no hexagon. */
const topOf = (id) => zoneNamed(id).geometry.coordinates[0].reduce((best, corner) => (corner[1] > best[1] ? corner : best));

function showAbout() {
  const lines = [index.synthetic && `${words.synthetic} ${index.label[language] ?? ""}`.trim(), index.audience === "team" && words.team].filter(Boolean);
  $("banner").hidden = !lines.length;
  $("banner").textContent = lines.join(" ");
  const list = (items) => element("ul", {}, ...items.map((item) => element("li", {}, item)));
  const link = (path) => element("a", { href: `${root}/${path}`, textContent: path });
  const files = manifest.files.map(({ path }) => path).filter((path) => !path.startsWith("map/"));
  $("method").append(
    element("p", { textContent: `${words.release} ${index.release}. ${manifest.not_included[language]}` }),
    element("h2", { textContent: words.limits }), list(manifest.limits[language]),
    element("p", { textContent: manifest.demand_model[language] }),
    element("h2", { textContent: words.files }), list(["manifest.json", ...files].map(link)),
    element("h2", { textContent: words.licence }), element("p", { textContent: manifest.licence.name }),
    element("h2", { textContent: words.attributions }), list(manifest.attributions),
  );
}

function showWords() {
  document.documentElement.lang = language;
  for (const place of document.querySelectorAll("[data-text]")) place.textContent = words[place.dataset.text];
  $("map").setAttribute("aria-label", words.map);
  $("language").textContent = words.switchTo;
  $("language").lang = language === "fr" ? "en" : "fr";
  $("language").onclick = () => {
    const query = new URLSearchParams({ lang: language === "fr" ? "en" : "fr" });
    location.href = `?${query}${location.hash}`;
  };
}

// --- starting -------------------------------------------------------------------------------------------------------

/** The operator with most to look at, unless the address names one. */
function firstOperator() {
  if (index.operators.some(({ operator }) => operator === state.op)) return state.op;
  const weight = (code) => index.layers.filter(({ operator }) => operator === code).reduce((sum, { verdicts }) => sum + (verdicts.contradicted ?? 0), 0);
  return index.operators.map(({ operator }) => operator).reduce((best, code) => (weight(code) > weight(best) ? code : best), index.operators[0]?.operator);
}

function drawMap() {
  const [lat, lng, zoom] = (state.at ?? "").split("/").map(Number);
  const view = Number.isFinite(zoom) ? { center: [lng, lat], zoom } : { bounds: boxOf({ features: [...layer.features, ...zones.features] }) ?? index.bounds, fitBoundsOptions: { padding: margins() } };
  map = new maplibregl.Map({
    container: "map", style: styleOf({ communes, hexagons: layer, zones, points: nothing }), ...view, maxZoom: 15, minZoom: 4,
    dragRotate: false, pitchWithRotate: false, touchPitch: false, locale: words.controls,
    attributionControl: { compact: true, customAttribution: "Maille" },
  });
  map.touchZoomRotate.disableRotation();
  map.addControl(new maplibregl.NavigationControl({ showCompass: false }), "top-right");
  map.addControl(new maplibregl.ScaleControl(), "bottom-right");
  map.on("styleimagemissing", ({ id }) => provideImage(map, id));
  map.on("click", ({ point, lngLat }) => {
    const [hit] = map.queryRenderedFeatures(point, { layers: ["hexagons"] });
    chooseHexagon(hit ? hit.properties.h3 : "", { at: lngLat });
  });
  for (const [event, cursor] of [["mouseenter", "pointer"], ["mouseleave", ""]]) map.on(event, "hexagons", () => { map.getCanvas().style.cursor = cursor; });
  map.on("moveend", () => {
    const { lat: y, lng: x } = map.getCenter();
    state.at = `${y.toFixed(4)}/${x.toFixed(4)}/${map.getZoom().toFixed(1)}`;
    remember();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    map.setStyle(styleOf({ communes, hexagons: layer, zones, points: nothing }), { diff: false });
    map.once("styledata", () => tell());
  });
}

async function start() {
  showWords();
  const { release } = await read("releases/latest.json");
  root = `releases/${release}`;
  [index, manifest, communes, zones] = await Promise.all(["map/index.json", "manifest.json", "map/communes.geojson", "map/zones.geojson"].map((path) => read(`${root}/${path}`)));
  state.op = firstOperator();
  showAbout();
  await showLayer();
  drawMap();
  await new Promise((done) => map.once("load", done));
  showZones();
  tell();
  const chosen = { operator: "op", technology: "tech", threshold: "test" };
  for (const [id, name] of Object.entries(chosen)) $(id).addEventListener("change", ({ target }) => { state[name] = target.value; showLayer(); });
  window.maille = { map, index, chooseHexagon, chooseZone };
}

start().catch((error) => {
  $("evidence").replaceChildren(element("p", { textContent: words.failed + error.message }));
  throw error;
});
