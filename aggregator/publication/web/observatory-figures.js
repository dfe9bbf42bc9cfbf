// From the observatory's data to the figures a sentence or a chart needs; nothing of the page is touched here.

import { BAR_STATES } from "./observatory-charts.js";

const DECLARED = ["confirmed", "contradicted_strong", "contradicted_moderate", "suspected", "unknown"];

/** States by name, in the measure's unit, of an operator's subject in a place; null where the place has none of it. */
export function statesOf(entry, subject, measure, names) {
  const values = subject?.shares[measure];
  return values ? Object.fromEntries(names.map((name, at) => [name, values[at]])) : null;
}

export const totalOf = (states) => BAR_STATES.reduce((sum, state) => sum + states[state], 0);

/** Percentages of a whole. Only a strong contradiction is `contradicted` without a check on site; the rest is `doubted`. */
export function percents(states) {
  const total = totalOf(states);
  const shares = Object.fromEntries(BAR_STATES.map((state) => [state, (100 * states[state]) / total]));
  return {
    ...shares,
    declared: DECLARED.reduce((sum, state) => sum + shares[state], 0),
    contradicted: shares.contradicted_strong,
    doubted: shares.contradicted_moderate + shares.suspected,
    missing: shares.undeclared + shares.undeclared_service,
  };
}

export const subjectOf = (entry, operator, technology) => entry.subjects.find((one) => one.operator === operator && one.technology === technology);

/** The latest release of an earlier quarter than the last one's that says something, as a position; −1 for none. */
export function earlierQuarter(releases, declared) {
  const now = releases.at(-1).quarter;
  return releases.findLastIndex(({ quarter }, at) => quarter < now && typeof declared?.[at] === "number");
}
