// The lower sections of the observatory's page: communes, zones, antennas, what was measured, files and method.

import { element, section, tableOf } from "./observatory-elements.js";
import { percents, statesOf, subjectOf } from "./observatory-figures.js";
import { dateText, number, percent, quarterText, words } from "./observatory-words.js";

const MOST = 15; // rows of a ranking; the file of communes has them all

/** Communes by the people who live where the chosen operator's claim is contradicted. */
export async function rankingOf({ index, state, place, communesOf, mapLink, placeButton }) {
  const [kind, code] = place;
  if (kind === "commune") return null;
  const inside = index.places.filter(([own, , , departement, epci]) => own === "commune" && (kind === "territory" || (kind === "epci" ? epci === code : departement === code)));
  const departements = [...new Set(inside.map(([, , , departement]) => departement))];
  const entries = (await Promise.all(departements.map(communesOf))).flat();
  const wanted = new Set(inside.map(([, own]) => own));
  const ranked = entries.flatMap((entry) => {
    const states = wanted.has(entry.code) && statesOf(entry, subjectOf(entry, state.op, state.tech), "population", index.states);
    const people = states ? states.contradicted_strong + states.contradicted_moderate : 0;
    return people >= 0.5 ? [{ entry, states, people }] : [];
  }).sort((one, other) => other.people - one.people || (one.entry.code < other.entry.code ? -1 : 1));
  if (!ranked.length) return section(words.ranking, element("p", { textContent: words.rankingNone }));
  const rows = ranked.slice(0, MOST).map(({ entry, states, people }) => [
    placeButton(`commune-${entry.code}`, entry.name), number(states.contradicted_strong), number(states.contradicted_moderate), number(states.suspected), percent(percents(states).declared),
    element("a", { href: mapLink(entry.at), textContent: words.onMap, ariaLabel: words.onMapOf(entry.name) }),
  ]);
  const table = tableOf(words.ranking, [words.commune, words.contradictedPeople, words.probablePeople, words.suspectedPeople, words.states.declared, ""], rows);
  const more = ranked.length > MOST ? element("p", { className: "small", textContent: words.rankingMore(number(ranked.length - MOST)) }) : null;
  table.classList.add("ranking");
  return section(words.ranking, table, more);
}

/** Candidate zones that reach into the territory, with their dossiers where the release has them. */
export async function zonesOf({ index, place, root, read, mapLink }) {
  const [kind, code] = place;
  const [zones, { files }] = await Promise.all([read(`${root}/zones.geojson`), read(`${root}/manifest.json`)]);
  // a zone names its département, and its communes by their names
  const names = new Set(index.places.flatMap(([own, insee, name, departement, epci]) => (own === "commune" && { commune: insee, epci }[kind] === code ? [`${departement} ${name}`] : [])));
  const reaches = ({ insee_dep: departement, communes }) => kind === "territory" || (kind === "departement" ? departement === code : communes.split(", ").some((name) => names.has(`${departement} ${name}`)));
  const inside = zones.features.filter(({ properties }) => reaches(properties));
  const items = inside.map(({ properties: zone }) => {
    const dossier = files.find(({ path }) => path.startsWith("dossiers/") && path.endsWith(".pdf") && path.includes(zone.zone_id));
    return element("li", {}, element("a", { href: mapLink(null).replace("#", `#zone=${encodeURIComponent(zone.zone_id)}&`), textContent: words.zone(zone.rank, zone.name) }),
      dossier ? element("a", { href: `${root}/${dossier.path}`, textContent: words.dossier, className: "aside" }) : null);
  });
  if (!items.length) return section(words.zones, element("p", { textContent: words.noZones }));
  return section(words.zones, element("ul", { className: "zones" }, ...items), element("p", { className: "small", textContent: words.zonesCaution }));
}

/** Antennas, the scheme's sites, and what was measured. */
export function countsOf({ index, state, entry, operatorName }) {
  const counts = entry.counts ?? {};
  return element("div", { className: "pair" }, sites(index, state, counts), measured(index, state, entry, counts.measurement ?? {}, operatorName));
}

function sites(index, state, counts) {
  const parts = [];
  if (counts.sites) {
    const of = (operator, technology, name) => number(counts.sites[`${operator}/${technology}`]?.[name] ?? 0);
    const kinds = [["in_service", words.inService], ["planned", words.planned]].filter(([name]) => index.counted.includes(`sites/${name}`));
    const rows = index.operators.map(({ operator, name }) => [name, ...[state.tech, ""].flatMap((technology) => kinds.map(([indicator]) => of(operator, technology, indicator)))]);
    const heads = [state.tech, words.allTechnologies].flatMap((name) => kinds.map(([, text]) => `${name}, ${text}`));
    parts.push(tableOf(words.sites, [words.operator, ...heads], rows));
  }
  if (counts.scheme_sites) {
    const stages = Object.keys(words.stages).filter((stage) => Object.values(counts.scheme_sites).some((own) => own[stage]));
    const rows = [...index.operators.map(({ operator, name }) => [operator, name]), ["", words.allOperators]].map(([operator, name]) => [name, ...stages.map((stage) => number(counts.scheme_sites[`${operator}/`]?.[stage] ?? 0))]);
    parts.push(element("h4", { textContent: words.scheme }), tableOf(words.scheme, [words.operator, ...stages.map((stage) => words.stages[stage])], rows));
  }
  return section(words.sites, ...(parts.length ? [...parts, element("p", { className: "small", textContent: words.sitesNote })] : [element("p", { textContent: words.noSites })]));
}

function measured(index, state, entry, counts, operatorName) {
  const own = counts[`${state.op}/${state.tech}`] ?? {};
  const names = { operator: operatorName(state.op), technology: state.tech, quarter: quarterText(index.counts_quarter) };
  const of = (evidence) => Object.fromEntries([["tests", "tests"], ["cells", "cells"], ["devices", "devices_at_least"], ["days", "device_days"]].map(([name, indicator]) => [name, own[`${indicator}_${evidence}`] ?? 0]));
  const told = (counts) => Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, number(count)]));
  const crowd = of("crowd");
  const about = (count) => Number(count.toPrecision(2)); // a sum of rounded counts
  const seen = subjectOf(entry, state.op, state.tech)?.measured ?? {};
  const shares = Object.entries(seen).filter(([name]) => name !== "main_roads" && name in entry.totals).map(([name, value]) => `${percent((100 * value) / entry.totals[name])} ${words.ofMeasure[name]}`);
  const lines = [
    "tests_crowd" in own && words.measuredLine({ ...names, ...told({ ...crowd, tests: about(crowd.tests), days: about(crowd.days) }) }),
    "tests_survey" in own && words.measuredSurvey(told(of("survey"))),
    shares.length && words.measuredShare(shares.join(", ")),
  ].filter(Boolean);
  return section(words.measured, ...(lines.length ? lines : [words.measuredNone]).map((textContent) => element("p", { textContent })), element("p", { className: "small", textContent: words.measuredNote }));
}

export function filesOf(root, index) {
  const link = (path, text) => element("li", {}, element("a", { href: `${root}/${path}`, textContent: path, download: "" }), ` – ${text}`);
  return section(words.files, element("ul", {}, link("observatory.csv", words.csvText), ...index.places.filter(([kind]) => kind === "departement").map(([, code, name]) => link(`observatory-communes-${code}.csv`, words.communesText(name)))),
    element("p", { className: "small", textContent: `${words.published(index.release, dateText(index.date))} ${words.permalink}` }));
}

export const methodOf = (root) => section(words.methodTitle, element("p", { textContent: words.method }),
  element("p", { className: "small" }, `${words.methodLinks} `, element("a", { href: `${root}/manifest.json`, textContent: "manifest.json" }), "."));
