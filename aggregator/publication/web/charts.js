// Histograms as lists of bars: the same for eyes and for screen readers.

import { element } from "./dom.js";
import { count, percent, quarterPeriod, words } from "./texts.js";

const RSRP_EDGES_DBM = [-120, -110, -100, -90, -80];
const RATE_EDGES_MBPS = [3, 8, 30, 100];

/** Names of the classes between edges. */
function classesOf(edges, unit) {
  const written = edges.map((edge) => String(edge).replace("-", "−"));
  return [words.below(written[0], unit), ...written.slice(1).map((edge, at) => words.between(written[at], edge, unit)), words.above(written.at(-1), unit)];
}

function bars(title, names, shares, note) {
  const line = (name, share) => {
    const bar = element("span", { className: "bar" });
    bar.style.setProperty("--share", share);
    return element("li", {}, element("span", { className: "class", textContent: name }), bar, element("span", { className: "share", textContent: percent(share) }));
  };
  return element("figure", {}, element("figcaption", { textContent: title }), element("ul", { className: "bars" }, names.map((name, at) => line(name, shares[at]))), element("p", { className: "small", textContent: note }));
}

/** Phones, or a field team's points, by download rate, from the published rows at each threshold, where as many stand behind. */
export function ratesOf(rows) {
  const at = ["3", "8", "30"].map((threshold) => rows.find((row) => row.threshold === threshold));
  const known = at.findIndex((row, place) => !row || row.devices !== at[0]?.devices || (place && row.failing < at[place - 1].failing));
  const used = known < 0 ? at : at.slice(0, known);
  if (!used.length || !used[0].devices) return null;
  const failing = [0, ...used.map((row) => row.failing), used[0].devices];
  const shares = failing.slice(1).map((upTo, place) => (upTo - failing[place]) / used[0].devices);
  const edges = RATE_EDGES_MBPS.slice(0, used.length);
  const told = used[0].evidence === "survey" ? [words.pointRates, words.pointRatesNote] : [words.rates, words.ratesNote];
  return bars(told[0], classesOf(edges, "Mbit/s"), shares, told[1](count(used[0].devices)));
}

/** What volunteers' phones received, by class of each phone's level; the last are those that received none. */
export function phonesSignalOf({ quarter, phones }) {
  const all = phones.reduce((sum, number) => sum + number, 0);
  const names = [...classesOf(RSRP_EDGES_DBM, "dBm"), words.noLevel];
  return bars(words.phonesRsrp, names, phones.map((number) => number / all), words.phonesSignal(count(all), quarterPeriod(quarter)));
}

/** What a field team received, by class. */
export function signalOf({ measure, samples, percent: parts }) {
  const [edges, unit] = measure === "rsrp" ? [RSRP_EDGES_DBM, "dBm"] : [RATE_EDGES_MBPS, "Mbit/s"];
  return bars(words[measure], classesOf(edges, unit), parts.map((part) => part / 100), words.signalNote(count(samples)));
}
