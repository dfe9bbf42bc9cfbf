// What is known of a hexagon, from the small file of its neighbourhood.

import { phonesSignalOf, ratesOf, signalOf } from "./charts.js";
import { element, facts, read } from "./dom.js";
import { atResolution } from "./h3.js";
import { swatch } from "./patterns.js";
import { count, language, number, percent, period, probability, thresholdText, verdictKey, verdictText, words } from "./texts.js";

const FILE_RESOLUTION = 6;
const RSRP_OF = ["4G", "5G"];
const AREAS_KM2 = { 5: 253, 6: 36, 7: 5 };
const kept = new Map();

/** A file of panels, read once; null where the release has none, which says that nothing is published there. */
function file(root, name) {
  if (!kept.has(name))
    kept.set(name, read(`${root}/map/cells/${name}.json`).catch((error) => {
      if (error.status === 404) return null;
      kept.delete(name); // unreadable for now: the next choice asks again
      throw error;
    }));
  return kept.get(name);
}

/** Rows and sentences of one hexagon, or null. */
async function known(root, cell) {
  const [owner] = atResolution(cell, FILE_RESOLUTION);
  const panel = await file(root, owner);
  const hexagon = panel?.hexagons[cell];
  if (!hexagon) return null;
  const sentences = hexagon.rows.length ? await file(root, `${owner}.${language}`) : null;
  const rows = hexagon.rows.map((values, at) => ({ ...Object.fromEntries(panel.columns.map((name, place) => [name, values[place]])), sentence: sentences?.[cell]?.[at] ?? "" }));
  return { rows, place: panel.places[hexagon.place], signal: hexagon.signal ?? [] };
}

/** A field team's verdict before the crowd's, any verdict before none. */
const prevailing = (rows) => [...rows].sort((a, b) => rank(a) - rank(b));
const rank = (row) => (row.verdict === "insufficient" ? 2 : row.evidence === "survey" ? 0 : 1);

function figures(row, state) {
  const against = state.test === "service" && ["contradicted", "suspected"].includes(row.verdict);
  const survey = row.evidence === "survey";
  return facts([
    [survey ? words.failingPoints : words.phones, `${count(row.failing)} ${words.of} ${count(row.devices)}`],
    [words.days, count(row.device_days)],
    [words.tests, count(row.tests)],
    [words.months, period(row.first_month, row.last_month)],
    [words.evidence, words[row.evidence]],
    [words.share, row.declared_share === null ? words.notDeclared : percent(row.declared_share)],
    [words.where, row.edge === null || !row.claimed ? null : row.edge ? words.edge : words.inside],
    [words.p, row.p !== null && against ? probability(row.p) : null],
    [words.pWithdrawn(row.withdrawn, survey), row.withdrawn > 0 && row.p_withdrawn !== null && against ? probability(row.p_withdrawn) : null],
    [words.rule, row.rule],
  ]);
}

function operatorsHere(found, { index, state, choose }) {
  const line = ({ operator, name }) => {
    const [row] = prevailing(found.rows.filter((one) => one.operator === operator && one.technology === state.tech && one.threshold === state.test));
    const told = row ? verdictText(verdictKey(row), state.test) : words.nobody;
    const mark = row ? swatch(verdictKey(row)) : element("span");
    const button = element("button", { type: "button", onclick: () => choose({ op: operator }) }, mark, element("strong", { textContent: name }), element("span", { textContent: told }));
    button.setAttribute("aria-pressed", String(operator === state.op));
    return element("li", {}, button);
  };
  return [element("h4", { textContent: words.operators }), element("ul", { className: "operators" }, index.operators.map(line))];
}

/** The hexagon's panel: parts, and the tone of its verdict. */
export async function hexagonPanel(cell, page) {
  const { root, index, state, operatorName, declared } = page;
  const found = await known(root, cell);
  const name = operatorName(state.op);
  const rows = found?.rows.filter((row) => row.operator === state.op && row.technology === state.tech) ?? [];
  const [row, ...others] = prevailing(rows.filter((one) => one.threshold === state.test));
  const place = element("p", { className: "place", textContent: `${found?.place ? words.near(found.place) : words.unknownPlace} · ${name} · ${thresholdText(state.test, state.tech)}` });
  const share = declared === null ? null : element("p", { textContent: declared ? words.declares(name, percent(declared)) : words.declaresNothing(name) });
  const own = facts([[words.hexagon, cell]]);
  const limits = element("p", { className: "caution", textContent: words.caution });
  if (!row) return { parts: [place, element("p", { textContent: words.noFigure(index.k, name) }), share, found?.rows.length ? operatorsHere(found, page) : null, limits].flat() };
  const signal = found.signal.filter((one) => one.operator === state.op && one.technology === state.tech);
  const crowd = row.evidence === "crowd" || others.some((one) => one.evidence === "crowd");
  const parts = [
    place,
    element("h3", { textContent: verdictText(verdictKey(row), state.test) }),
    element("p", { className: "sentence", textContent: row.sentence || words.noVerdict }),
    figures(row, state), own,
    ...others.map((other) => element("div", { className: "other" }, element("strong", { textContent: words.told(words.other[other.evidence], verdictText(verdictKey(other), state.test)) }), element("p", { textContent: other.sentence || words.noVerdict }), figures(other, state))),
    ratesOf(rows.filter((one) => one.evidence === row.evidence)),
    ...signal.map((one) => (one.phones ? phonesSignalOf(one) : signalOf(one))),
    crowd && RSRP_OF.includes(state.tech) && !signal.some((one) => one.phones) ? element("p", { className: "caution", textContent: words.noSignal }) : null,
    ...operatorsHere(found, page),
    limits,
  ];
  return { parts: parts.filter(Boolean), tone: verdictKey(row) };
}

/** What is published of the hexagons in a larger cell. */
export async function parentPanel(cell, resolution, page) {
  const { root, state, operatorName, zoomIn } = page;
  const files = await Promise.all(atResolution(cell, FILE_RESOLUTION).map((owner) => file(root, owner)));
  const counts = {};
  let total = 0;
  for (const { columns, hexagons } of files.filter(Boolean)) {
    const at = Object.fromEntries(columns.map((name, place) => [name, place]));
    for (const [hexagon, { rows }] of Object.entries(hexagons)) {
      if (resolution > FILE_RESOLUTION && atResolution(hexagon, resolution)[0] !== cell) continue;
      const mine = rows.filter((row) => row[at.operator] === state.op && row[at.technology] === state.tech && row[at.threshold] === state.test);
      const [row] = prevailing(mine.map((values) => ({ verdict: values[at.verdict], strength: values[at.strength], evidence: values[at.evidence] })));
      if (!row) continue;
      counts[verdictKey(row)] = (counts[verdictKey(row)] ?? 0) + 1;
      total += 1;
    }
  }
  const sorted = Object.entries(counts).sort(([, a], [, b]) => b - a);
  return {
    parts: [
      element("h3", { textContent: words.afarTitle(AREAS_KM2[resolution]) }),
      element("p", { className: "sentence", textContent: words.afarSentence(total, operatorName(state.op), thresholdText(state.test, state.tech)) }),
      facts(sorted.map(([key, n]) => [verdictText(key, state.test), number(n)])),
      element("p", {}, element("button", { type: "button", className: "action", textContent: words.zoomIn, onclick: zoomIn })),
    ],
  };
}
