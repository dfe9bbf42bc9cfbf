// The map page: reads one release, draws its tiles, and tells the evidence behind what is chosen.

import { showBanners, showWords, startAbout } from "./about.js";
import { nothing, styleOf } from "./cartography.js";
import { offerChoices, startChoices } from "./choices.js";
import { $, element, read, script } from "./dom.js";
import { cellOf, idOf } from "./h3.js";
import { hexagonPanel, parentPanel } from "./hexagon.js";
import { showLegend } from "./legend.js";
import { listMissions, missionsOf } from "./missions.js";
import { PAINTS, provideImage } from "./patterns.js";
import { startSearch } from "./search.js";
import { recall, remember, rememberView, state, viewGiven } from "./state.js";
import { words } from "./texts.js";
import { startTheme } from "./theme.js";
import { boxOf, listZones, pointsOf, ranksOf, zonePanel } from "./zones.js";

const HEXAGON = 8;
const CLOSE = 11.5;
const PATIENCE_MS = 4000; // ours: lists do not wait longer for a map that draws slowly, or not at all
let root, index, map;
let zones = null;
let missions = nothing;
let afar = null; // a cell larger than a hexagon that was clicked
let whole = false; // the first view is there: the rest may be drawn
let telling = 0;
let choices = 0;

const operatorName = (code) => index.operators.find(({ operator }) => operator === code)?.name ?? code;
const zoneNamed = (id) => zones?.features.find(({ properties }) => properties.zone_id === id);
const isPhone = () => matchMedia("(max-width: 52rem), (max-height: 32rem)").matches; // as in style.css

/** Room around what is shown: where the legend lies on the map, beside it or below, it hides nothing. */
function margins() {
  const [key, room] = [$("key"), { top: 30, right: 50, bottom: 30, left: 30 }];
  if (isPhone()) return room; // the legend is not on the map
  const beside = key.offsetWidth < $("stage").offsetWidth / 2;
  return { ...room, ...(beside ? { left: key.offsetWidth + 20 } : { bottom: key.offsetHeight + 40 }) }; // its count of zones, read later, may take a line
}

const style = () => styleOf(state, {
  root, index, whole, missions: whole ? missions : nothing, zones: (whole && zones) || nothing, ranks: whole && zones ? ranksOf(zones) : nothing,
  points: pointsOf(zoneNamed(state.zone)), hexagon: state.hex ? idOf(state.hex, HEXAGON) : null,
});

function redraw() {
  map?.setStyle(style());
  showLegend(state, index, zones, missions);
}

/** Make choices, and show what follows from them. */
function choose(changes) {
  choices += 1;
  Object.assign(state, changes);
  offerChoices(index);
  remember();
  redraw();
  return tell();
}

async function chooseHexagon(cell, changes = {}, at = null) {
  afar = null;
  if (at) map?.easeTo({ center: at, zoom: Math.max(map.getZoom(), CLOSE) });
  await choose({ ...changes, hex: cell, zone: "" });
  reveal();
}

const frame = (box, options = {}) => map?.fitBounds(box, { padding: margins(), maxZoom: 12.5, ...options });

async function chooseZone(id) {
  afar = null;
  frame(boxOf(zoneNamed(id)));
  await choose({ zone: id, hex: "" });
  reveal();
}

/** Declared share of the chosen hexagon by what is drawn; null while its tile is not there. */
function declared() {
  const [found] = (map?.getSource("tiles") && map.querySourceFeatures("tiles", { sourceLayer: "cells", filter: ["all", ["==", ["get", "r"], HEXAGON], ["==", ["id"], idOf(state.hex, HEXAGON)]] })) || [];
  return found ? (found.properties[`d:${state.op}:${state.tech}:${state.use}`] ?? 0) / 20 : null;
}

async function panel() {
  const page = { root, index, state, operatorName, choose, chooseHexagon };
  const zone = zoneNamed(state.zone);
  if (zone) return { parts: zonePanel(zone, page), ink: "map-zone" };
  if (state.hex) {
    const told = await hexagonPanel(state.hex, { ...page, declared: declared() });
    return { ...told, parts: [...told.parts, ...missionsOf(missions, state.hex)], ink: told.tone && PAINTS[told.tone].ink };
  }
  if (afar) return parentPanel(afar.cell, afar.resolution, { ...page, zoomIn: () => map.easeTo({ center: afar.at, zoom: 9.6 }) });
  return { parts: [element("p", { textContent: words.hint })], hint: true };
}

/** What is said where the files of a place cannot be read: not that nothing is known there. */
const unread = () => ({ parts: [element("p", { textContent: words.unread }), element("p", {}, element("button", { type: "button", className: "action", textContent: words.again, onclick: tell }))], hint: true });

async function tell() {
  const turn = ++telling;
  const { parts, ink, hint } = await panel().catch(unread);
  if (turn !== telling) return; // another choice was made meanwhile
  const notice = index.synthetic && !hint ? element("p", { className: "notice", textContent: words.syntheticHere }) : null;
  const method = hint ? null : element("p", { className: "caution" }, element("a", { href: `${root}/manifest.json`, textContent: words.methodLink }));
  $("evidence").style.setProperty("--tone", ink ? `var(--${ink})` : "var(--rule)");
  const within = $("evidence").contains(document.activeElement);
  $("evidence").replaceChildren(...[notice, ...parts, method].filter(Boolean));
  if (within) { // what had the focus is gone
    $("evidence").focus({ preventScroll: true });
    reveal();
  }
  for (const button of $("zones").querySelectorAll("button")) button.setAttribute("aria-pressed", String(button.dataset.zone === state.zone));
}

/** Bring what was just chosen into view: on a phone the panel is below the map, elsewhere first in a list that scrolls. */
const reveal = () => (isPhone() ? $("evidence").scrollIntoView({ block: "start" }) : $("side").scrollTo({ top: 0 }));

/** Whether a position lies in a ring. */
function within([x, y], ring) {
  let inside = false;
  for (let i = 0, j = ring.length - 1; i < ring.length; j = i++) {
    const [[xi, yi], [xj, yj]] = [ring[i], ring[j]];
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) inside = !inside;
  }
  return inside;
}

/** The cell at a place: what is drawn there or, where nothing is, the hexagon that has nothing to draw. */
function cellAt(point, { lng, lat }) {
  const [hit] = map.queryRenderedFeatures(point, { layers: ["cells"] });
  if (hit) return hit;
  const all = map.querySourceFeatures("tiles", { sourceLayer: "cells", filter: ["==", ["get", "r"], HEXAGON] });
  return all.find(({ geometry }) => within([lng, lat], geometry.coordinates[0]));
}

function clicked({ point, lngLat }) {
  const [zone] = map.getLayer("zone-ranks") ? map.queryRenderedFeatures(point, { layers: ["zone-ranks"] }) : [];
  return zone ? chooseZone(zone.properties.zone_id) : choosePlace(point, lngLat);
}

/** Choose what lies at a place: its hexagon or, from afar, its larger cell. */
function choosePlace(point, lngLat) {
  const hit = cellAt(point, lngLat);
  const resolution = hit?.properties.r ?? HEXAGON;
  if (hit && resolution === HEXAGON) return chooseHexagon(cellOf(hit.id, resolution));
  afar = hit ? { cell: cellOf(hit.id, resolution), resolution, at: lngLat } : null;
  return choose({ hex: "", zone: "" }).then(() => hit && reveal());
}

/** As a click there: the middle of the map for those who have no mouse. */
function pressed(event) {
  if (!["Enter", " "].includes(event.key)) return;
  event.preventDefault();
  const lngLat = map.getCenter();
  clicked({ point: map.project(lngLat), lngLat });
}

/** Show a commune and, once it is drawn, tell of the hexagon at its centre, unless another choice came first. */
async function goTo({ latitude, longitude }) {
  afar = null;
  await choose({ hex: "", zone: "" });
  const [made, lngLat] = [choices, { lng: longitude, lat: latitude }];
  map?.jumpTo({ center: lngLat, zoom: CLOSE }).once("idle", () => made === choices && choosePlace(map.project(lngLat), lngLat));
}

/** The address was changed by hand, or by a link. */
function readdressed() {
  recall();
  afar = null;
  const view = viewGiven();
  if (view) map?.jumpTo(view);
  return choose({});
}

/** On paper the map has a size of its own; it is printed from a copy, for what WebGL draws does not last until then. */
function onPaper(printed) {
  $("map").classList.toggle("printed", printed);
  map.resize().redraw();
  $("paper")?.remove();
  if (!printed) return;
  const { width, height } = map.getCanvas();
  const paper = element("canvas", { id: "paper", width, height });
  paper.getContext("2d").drawImage(map.getCanvas(), 0, 0);
  $("map").append(paper);
}

function drawMap() {
  const given = viewGiven();
  const [west, south, east, north] = index.bounds;
  const view = given ?? { bounds: [[west, south], [east, north]], fitBoundsOptions: { padding: margins() } };
  map = new maplibregl.Map({
    container: "map", style: style(), ...view, maxZoom: 15, minZoom: 5, fadeDuration: 0,
    dragRotate: false, pitchWithRotate: false, touchPitch: false, locale: words.controls,
    attributionControl: { compact: true, customAttribution: "Maille" },
  });
  map.touchZoomRotate.disableRotation();
  map.addControl(new maplibregl.NavigationControl({ showCompass: false }), "top-right");
  map.addControl(new maplibregl.ScaleControl(), "bottom-right");
  map.on("styleimagemissing", ({ id }) => provideImage(map, id));
  map.on("click", clicked);
  map.getCanvas().addEventListener("keydown", pressed);
  for (const [event, cursor] of [["mouseenter", "pointer"], ["mouseleave", ""]]) map.on(event, "cells", () => { map.getCanvas().style.cursor = cursor; });
  map.on("moveend", () => rememberView(map));
  for (const [event, printed] of [["beforeprint", true], ["afterprint", false]]) addEventListener(event, () => onPaper(printed));
}

/** The first view is drawn: zones, missions, names and patterns may follow. */
function viewed() {
  performance.mark("maille-first-view");
  whole = true;
  redraw();
}

/** Zones and missions, which the first view does without; a zone that the address names without a view is shown. */
async function complete(unplaced) {
  [zones, missions] = await Promise.all([
    read(`${root}/map/zones.geojson`),
    index.missions ? read(`${root}/map/${index.missions}`) : nothing,
  ]);
  listZones(zones, index, chooseZone);
  listMissions(missions, frame);
  redraw();
  if (unplaced && zoneNamed(state.zone)) frame(boxOf(zoneNamed(state.zone)), { animate: false });
  await tell();
}

async function start() {
  const drawing = script("maplibre/maplibre-gl.js");
  const unplaced = !state.at;
  showWords();
  startTheme(words.dark, () => map && redraw());
  const { release } = await read("releases/latest.json");
  root = `releases/${release}`;
  index = await read(`${root}/map/index.json`);
  showBanners(index);
  startChoices((changes) => choose(changes));
  offerChoices(index);
  showLegend(state, index, zones, missions);
  if (!state.zone) tell(); // zones are not there yet
  let first;
  try {
    await drawing;
    drawMap();
    first = map.once("idle").then(viewed);
    await Promise.race([first, new Promise((done) => setTimeout(done, PATIENCE_MS))]);
  } catch (error) {
    console.warn(error);
    map = undefined;
    $("map").replaceChildren(element("p", { className: "failed", textContent: words.noMap }));
  }
  window.maille = { map, index, chooseHexagon, chooseZone };
  startSearch(root, goTo);
  addEventListener("hashchange", readdressed);
  startAbout(root, index);
  await Promise.all([first, complete(unplaced)]);
  window.maille.complete = true;
}

start().catch((error) => {
  $("evidence").replaceChildren(element("p", { textContent: words.failed + error.message }));
  throw error;
});
