// The choices above the map: what exists for the others that are made.

import { $, element, fill } from "./dom.js";
import { state } from "./state.js";
import { thresholdText, words } from "./texts.js";

export const SHOWS = ["verdict", "evidence", "declared", "difference"];

/** The operator with most to look at, unless the address names one. */
function firstOperator(index) {
  const codes = index.operators.map(({ operator }) => operator);
  if (codes.includes(state.op)) return state.op;
  const weight = (code) => index.layers.filter(({ operator }) => operator === code).reduce((sum, { verdicts }) => sum + (verdicts["contradicted strong"] ?? 0) + (verdicts["contradicted moderate"] ?? 0), 0);
  return codes.reduce((best, code) => (weight(code) > weight(best) ? code : best), codes[0]);
}

/** Offer what there is, and let go of what is not there. */
export function offerChoices(index) {
  state.op = firstOperator(index);
  const layers = index.layers.filter(({ operator }) => operator === state.op);
  const claims = index.claims.filter(({ operator }) => operator === state.op);
  const technologies = index.technologies.filter((tech) => [...layers, ...claims].some(({ technology }) => technology === tech));
  if (!technologies.includes(state.tech)) state.tech = technologies.includes("4G") ? "4G" : technologies.at(-1);
  const usages = ["data", "voice"].filter((usage) => usage === "data" || claims.some((one) => one.technology === state.tech && one.usage === usage));
  if (!usages.includes(state.use)) state.use = "data";
  const tests = index.thresholds.filter((test) => layers.some(({ technology, threshold }) => technology === state.tech && threshold === test));
  if (!tests.includes(state.test)) state.test = tests[0] ?? "service";
  if (!SHOWS.includes(state.show)) state.show = "verdict";
  if (state.use === "voice") state.show = "declared";
  fill($("operator"), index.operators.map(({ operator, name }) => [operator, name]), state.op);
  fill($("technology"), technologies.map((tech) => [tech, tech]), state.tech);
  fill($("usage"), usages.map((usage) => [usage, words.usages[usage]]), state.use);
  fill($("threshold"), tests.map((test) => [test, thresholdText(test, state.tech)]), state.test);
  $("threshold").disabled = tests.length < 2 || ["declared", "difference"].includes(state.show);
  for (const input of document.querySelectorAll("#show input")) {
    input.checked = input.value === state.show;
    input.disabled = state.use === "voice" && input.value !== "declared";
  }
  $("usage").parentElement.hidden = usages.length < 2;
  $("threshold").parentElement.classList.toggle("wide", usages.length < 2);
  $("voice-note").hidden = state.use !== "voice";
}

export function startChoices(changed) {
  const named = { operator: "op", technology: "tech", usage: "use", threshold: "test" };
  for (const [id, name] of Object.entries(named)) $(id).addEventListener("change", ({ target }) => changed({ [name]: target.value }));
  $("show").append(...SHOWS.map((show) => {
    const input = element("input", { type: "radio", name: "show", value: show });
    input.addEventListener("change", () => changed({ show }));
    return element("label", {}, input, element("span", { textContent: words.shows[show] }));
  }));
}
