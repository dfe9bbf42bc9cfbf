// The observatory's page: reads one release's small files, answers two questions, and shows the figures behind them.

import { $, read as fetched } from "./dom.js";
import { bar, BAR_STATES, curve, patterns, swatch } from "./observatory-charts.js";
import { earlierQuarter, percents, statesOf, subjectOf, totalOf } from "./observatory-figures.js";
import { combobox, plain } from "./observatory-search.js";
import { countsOf, filesOf, methodOf, rankingOf, zonesOf } from "./observatory-sections.js";
import { element, section, tableOf, wide } from "./observatory-elements.js";
import { startTheme } from "./theme.js";
import { dateText, language, number, percent, points, quarterText, words } from "./observatory-words.js";

const COMMUNE_ZOOM = 12;
const state = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
const files = new Map();
let root, index, entry, tellPlace;

const read = (path) => {
  if (!files.has(path)) files.set(path, fetched(path).catch((error) => {
    files.delete(path); // unreadable for now: the next choice asks again
    throw error;
  }));
  return files.get(path);
};

const placeKey = ([kind, code]) => (kind === "territory" ? kind : `${kind}-${code}`);
const placeNamed = (key) => index.places.find((place) => placeKey(place) === key);
const nameOf = ([kind, , name]) => name || (kind === "territory" ? words.whole : "");
const operatorName = (code) => index.operators.find(({ operator }) => operator === code)?.name ?? code;

/** The communes of a département with the figures of the chosen technology. */
const communesOf = (departement) => read(`${root}/observatory/communes-${departement}-${state.tech}.json`).then(({ communes }) => communes);

async function entryOf(place) {
  const [kind, code, , departement] = place;
  if (kind !== "commune") return read(`${root}/observatory/${kind}-${code}.json`);
  return (await communesOf(departement)).find((one) => one.code === code);
}

// --- choosing -------------------------------------------------------------------------------------------------------

function fill(select, options, chosen) {
  select.replaceChildren(...options.map(([value, text]) => element("option", { value, textContent: text, selected: value === chosen })));
}

function offerChoices() {
  fill($("operator"), index.operators.map(({ operator, name }) => [operator, name]), state.op);
  fill($("technology"), index.technologies.map((tech) => [tech, tech]), state.tech);
  fill($("measure"), Object.entries(words.measures).filter(([name]) => name in index.measures), state.m);
}

/** What the address says, where it says something that there is. */
function defaults() {
  const departements = index.places.filter(([kind]) => kind === "departement");
  if (!placeNamed(state.p)) state.p = departements.length === 1 ? placeKey(departements[0]) : "territory";
  if (!index.operators.some(({ operator }) => operator === state.op)) state.op = index.operators[0]?.operator;
  if (!index.technologies.includes(state.tech)) state.tech = index.technologies.includes("4G") ? "4G" : index.technologies.at(-1);
  if (!(state.m in index.measures)) state.m = "population";
}

/** Make choices and show what follows; another territory is a step of the browser's history. */
async function choose(changes) {
  const step = changes.p && changes.p !== state.p ? "pushState" : "replaceState";
  Object.assign(state, changes);
  history[step](null, "", `#${new URLSearchParams(Object.entries(state).filter(([, value]) => value))}`);
  const wanted = JSON.stringify(state);
  try {
    const found = await entryOf(placeNamed(state.p));
    if (JSON.stringify(state) !== wanted) return; // another choice was made meanwhile
    entry = found;
    await show();
  } catch (error) {
    console.warn(error);
    if (JSON.stringify(state) === wanted) unread();
  }
}

/** What is said where a territory's files cannot be read: not that nothing is known there. */
function unread() {
  offerChoices();
  $("answers").replaceChildren(element("p", { className: "sentence", textContent: words.unread }), element("button", { type: "button", className: "link", textContent: words.again, onclick: () => choose({}) }));
  $("details").replaceChildren();
}

/** The map with the same choices, at a commune where one is given. */
function mapLink(at = entry?.at) {
  return `index.html?lang=${language}#${new URLSearchParams({ op: state.op, tech: state.tech, test: index.threshold, ...(at && { at: [...at, COMMUNE_ZOOM].join("/") }) })}`;
}

// --- answering ------------------------------------------------------------------------------------------------------

function standing() {
  const subject = subjectOf(entry, state.op, state.tech);
  const names = { operator: operatorName(state.op), technology: state.tech, of: words.ofMeasure[state.m] };
  const states = statesOf(entry, subject, state.m, index.states);
  const card = (...parts) => element("article", { className: "answer" }, element("h3", { textContent: words.stand }), ...parts);
  if (!(state.m in entry.totals)) return card(element("p", { className: "sentence", textContent: words.standEmpty }));
  if (!states || totalOf(states) === states.unspoken) return card(element("p", { className: "sentence", textContent: words.standNothing(names) }));
  const f = percents(states);
  const figures = { ...names, ...Object.fromEntries(["declared", "confirmed", "contradicted", "unknown"].map((name) => [name, percent(f[name])])), undeclared: percent(f.missing), doubted: f.doubted > 0 ? percent(f.doubted) : "", unspoken: f.unspoken > 0 ? percent(f.unspoken) : "" };
  const claims = index.claims_quarters[`${state.op}/${state.tech}`];
  return card(
    element("p", { className: "big" }, ...Object.entries(words.big).map(([name, text]) => element("span", {}, element("strong", { textContent: percent(f[name]) }), ` ${text}`))),
    bar(states),
    element("p", { className: "sentence", textContent: words.standSentence(figures) }),
    element("p", { className: "small", textContent: `${words.standCaution}${claims ? ` ${words.claims(quarterText(claims))}.` : ""}` }),
  );
}

function changing() {
  const card = (...parts) => element("article", { className: "answer" }, element("h3", { textContent: words.changed }), ...parts);
  if (entry.kind === "commune") return card(element("p", { className: "sentence", textContent: words.noHistory }), element("p", { className: "links" }, ...above()));
  const told = entry.history[`${state.op}/${state.tech}`];
  const curves = told?.[state.m];
  const from = earlierQuarter(index.releases, curves?.declared), to = index.releases.length - 1;
  if (from < 0) return card(element("p", { className: "sentence", textContent: words.noEarlier }));
  const since = quarterText(index.releases[from].quarter);
  const moved = (name) => words.moved(percent(curves[name][from]), percent(curves[name][to]), points(curves[name][from], curves[name][to]));
  const parts = ["declared", "confirmed", "contradicted"];
  const same = parts.every((name) => points(curves[name][from], curves[name][to]) === null);
  const said = Object.fromEntries(parts.map((name) => [name, same ? percent(curves[name][to]) : moved(name)]));
  const [then, now] = [from, to].map((at) => told.claims_quarters?.[at]);
  const claims = !then || !now ? "" : then === now ? words.claimsSame(quarterText(now)) : words.claimsMoved(quarterText(then), quarterText(now));
  return card(
    element("p", { className: "sentence", textContent: (same ? words.unchanged : words.changedSentence)({ since, covered: words.coveredMeasure[state.m], ...said }) }),
    element("p", { className: "small", textContent: `${claims} ${words.changeCaution}`.trim() }),
  );
}

/** The territories a commune belongs to. */
function above() {
  const [, , , departement, epci] = placeNamed(state.p);
  return [`departement-${departement}`, epci && `epci-${epci}`].filter((key) => key && placeNamed(key)).map((key) => placeButton(key));
}

const placeButton = (key, text = nameOf(placeNamed(key))) => element("button", { type: "button", className: "link", textContent: text, onclick: () => goTo(key) });

/** Another territory, by a button that then is gone: what had the focus gives it to the answers. */
async function goTo(key) {
  const chosen = choose({ p: key });
  $("answers").scrollIntoView({ block: "start" });
  await chosen;
  $("answers").focus({ preventScroll: true });
}

// --- figures --------------------------------------------------------------------------------------------------------

const legend = () => element("ul", { className: "legend" }, ...BAR_STATES.map((name) => element("li", {}, swatch(name), words.states[name])));

/** One row per operator or territory: a bar, and what it says in figures. */
function barTable(heading, rows) {
  const columns = ["declared", "confirmed", "contradicted", "doubted", "unknown"];
  const body = rows.flatMap(([name, states, current]) => {
    if (!states) return [];
    const f = percents(states);
    const unspoken = states.unspoken === totalOf(states); // nothing is declared, which is not 0 % declared
    const figures = unspoken ? [element("td", { className: "none", colSpan: columns.length, textContent: words.states.unspoken })]
      : columns.map((column) => element("td", {}, element("small", { textContent: words.states[column] }), percent(f[column])));
    return [element("tr", { className: current ? "current" : "" }, element("th", { scope: "row" }, name), element("td", { className: "bar-cell" }, bar(states)), ...figures)];
  });
  const head = element("tr", {}, element("th", { scope: "col", textContent: heading }), element("td"), ...columns.map((name) => element("th", { scope: "col", textContent: words.states[name] })));
  return wide(`${heading} · ${words.measures[state.m]}`, element("table", { className: "bars" }, element("thead", {}, head), element("tbody", {}, ...body)));
}

function comparing() {
  const rows = index.operators.map(({ operator, name }) => [name, statesOf(entry, subjectOf(entry, operator, state.tech), state.m, index.states), operator === state.op]);
  return section(`${words.compare(state.tech)} · ${words.measures[state.m]}`, barTable(words.operator, rows), legend());
}

/** The territories that make up the chosen one: départements of the whole, EPCI of a département. */
async function parts() {
  const [kind, code] = placeNamed(state.p);
  const within = new Set(index.places.flatMap(([own, , , departement, epci]) => (own === "commune" && departement === code ? [epci] : [])));
  const inside = index.places.filter(([own, part]) => (kind === "territory" ? own === "departement" : kind === "departement" && own === "epci" && within.has(part)));
  if (inside.length < 2) return null;
  const rows = (await Promise.all(inside.map(entryOf))).map((own, at) => [placeButton(placeKey(inside[at])), statesOf(own, subjectOf(own, state.op, state.tech), state.m, index.states), false]);
  return section(words.parts[kind], barTable(words.place, rows));
}

function past() {
  const told = entry.history?.[`${state.op}/${state.tech}`];
  const curves = told?.[state.m];
  if (!curves) return null;
  if (index.releases.length < 2) return section(words.history, element("p", { className: "small", textContent: words.historyFirst }));
  const names = ["declared", "confirmed", "contradicted", "doubted", "unknown"];
  const dates = index.releases.map(({ date }) => date);
  const drawn = names.map((name) => element("figure", {}, element("figcaption", {}, words.states[name], element("strong", { textContent: percent(curves[name].at(-1)) })), curve(curves[name], dates, name)));
  const rows = index.releases.map(({ date, quarter }, at) => [dateText(date), quarterText(quarter), told.claims_quarters?.[at] ? quarterText(told.claims_quarters[at]) : "", ...names.map((name) => (curves[name][at] === null ? "" : percent(curves[name][at])))]).reverse();
  const table = tableOf(words.history, [words.release, "", words.claimsColumn, ...names.map((name) => words.states[name])], rows);
  return section(words.history, element("div", { className: "curves" }, ...drawn), element("details", {}, element("summary", { textContent: words.table }), table));
}

async function show() {
  const place = placeNamed(state.p);
  offerChoices();
  tellPlace(nameOf(place));
  $("to-map").href = mapLink();
  document.title = `${nameOf(place)} · ${words.title} · Maille`;
  const heading = element("h2", {}, nameOf(place), element("small", { textContent: `${words.kinds[place[0]]}${place[0] === "territory" ? "" : ` ${place[1]}`} · ${number(entry.totals.population ?? 0)}\u00a0${words.units.population} · ${number(entry.totals.surface ?? 0)}\u00a0${words.units.surface}` }));
  $("answers").replaceChildren(heading, element("div", { className: "cards" }, standing(), changing()));
  const page = { index, state, entry, place, root, read, communesOf, mapLink, placeButton, operatorName };
  const pending = [comparing(), past(), parts(), rankingOf(page), countsOf(page), zonesOf(page)];
  const wanted = JSON.stringify(state);
  const made = (await Promise.all(pending)).filter(Boolean);
  if (JSON.stringify(state) === wanted) $("details").replaceChildren(...made);
}

// --- starting -------------------------------------------------------------------------------------------------------

function showWords() {
  document.documentElement.lang = language;
  for (const place of document.querySelectorAll("[data-text]")) place.textContent = words[place.dataset.text];
  $("place").placeholder = words.searchHint;
  $("places").setAttribute("aria-label", words.place);
  $("language").textContent = words.switchTo;
  $("language").lang = language === "fr" ? "en" : "fr";
  $("language").onclick = () => { location.href = `?lang=${language === "fr" ? "en" : "fr"}${location.hash}`; };
}

function showBanner() {
  const label = index.label[language] ?? "";
  const synthetic = /synth/i.test(label) ? label : `${words.synthetic} ${label}`.trim();
  const lines = [index.synthetic && synthetic, index.audience === "team" && words.team].filter(Boolean);
  $("banner").hidden = !lines.length;
  $("banner").classList.toggle("team", index.audience === "team");
  $("banner").firstElementChild.textContent = lines.join(" ");
}

async function start() {
  startTheme(words.dark);
  showWords();
  const { release } = await read("releases/latest.json");
  root = `releases/${release}`;
  index = await read(`${root}/observatory/index.json`);
  document.body.append(patterns());
  showBanner();
  const places = index.places.map((place, order) => {
    const [kind, code, , departement] = place;
    const detail = kind === "commune" ? `${words.kinds.commune}, ${departement}` : words.kinds[kind];
    return { key: placeKey(place), name: nameOf(place), detail, code, plain: plain(nameOf(place)), order };
  });
  tellPlace = combobox($("place"), $("places"), places, ({ key }) => choose({ p: key }), words.noPlace);
  defaults();
  $("about").replaceChildren(filesOf(root, index), methodOf(root));
  for (const [id, name] of Object.entries({ operator: "op", technology: "tech", measure: "m" })) $(id).addEventListener("change", ({ target }) => choose({ [name]: target.value }));
  addEventListener("hashchange", () => { Object.assign(state, Object.fromEntries(new URLSearchParams(location.hash.slice(1)))); defaults(); choose({}); });
  await choose({});
  window.maille = { index, state };
}

start().catch((error) => {
  $("answers").replaceChildren(element("p", { className: "sentence", textContent: words.failed + error.message }));
  throw error;
});
