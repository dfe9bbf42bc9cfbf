// Small charts as SVG, each beside a table that says the same: bars of what is known, curves of what was.

const SVG = "http://www.w3.org/2000/svg";

/** What the bars show, left to right; a class of the style sheet gives each its colour, a pattern tells it without. */
export const BAR_STATES = ["confirmed", "contradicted_strong", "contradicted_moderate", "suspected", "unknown", "undeclared_service", "undeclared", "unspoken"];
const HATCHED = { contradicted_strong: "hatch-strong", contradicted_moderate: "hatch-contradicted", suspected: "hatch-suspected", undeclared: "hatch-undeclared", unspoken: "hatch-unspoken" };

export function svg(tag, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** Patterns of the page, once; every bar refers to them. */
export function patterns() {
  const stripes = (id, angle, gap) => svg("pattern", { id, width: gap, height: gap, patternUnits: "userSpaceOnUse", patternTransform: `rotate(${angle})`, class: id },
    svg("rect", { width: gap, height: gap, class: "ground" }), svg("rect", { width: gap / 2.4, height: gap, class: "stripe" }));
  return svg("svg", { width: 0, height: 0, class: "patterns", "aria-hidden": "true" }, svg("defs", {}, stripes("hatch-strong", 45, 5), stripes("hatch-contradicted", 45, 6), stripes("hatch-suspected", 0, 4), stripes("hatch-undeclared", -45, 5), stripes("hatch-unspoken", 90, 4)));
}

/** A bar of 100 %: parts of a whole by state. */
export function bar(parts) {
  const total = BAR_STATES.reduce((sum, state) => sum + parts[state], 0) || 1;
  const made = svg("svg", { class: "bar", "aria-hidden": "true" }); // no viewBox: it would stretch the patterns
  let left = 0;
  for (const state of BAR_STATES) {
    const width = (100 * parts[state]) / total;
    if (width > 0) made.append(svg("rect", { x: `${left}%`, y: 0, width: `${width}%`, height: "100%", class: `state-${state}`, ...(HATCHED[state] && { fill: `url(#${HATCHED[state]})` }) }));
    left += width;
  }
  return made;
}

/** The square that stands for a state in a legend. */
export function swatch(state) {
  return svg("svg", { viewBox: "0 0 16 16", class: "swatch", "aria-hidden": "true" }, svg("rect", { x: 0.5, y: 0.5, width: 15, height: 15, rx: 3, class: `state-${state} edged`, ...(HATCHED[state] && { fill: `url(#${HATCHED[state]})` }) }));
}

/** A curve through the values of releases, by their dates; gaps where one says nothing. */
export function curve(values, dates, name) {
  const [width, height, margin] = [220, 56, 6];
  const times = dates.map((date) => Date.parse(date));
  const known = values.flatMap((value, at) => (value === null ? [] : [at]));
  const [first, last] = [Math.min(...times), Math.max(...times)];
  const low = Math.min(...known.map((at) => values[at])), high = Math.max(...known.map((at) => values[at]));
  const room = Math.max(high - low, 1); // under one point of change the curve stays flat
  const x = (at) => margin + ((width - 2 * margin) * (last > first ? (times[at] - first) / (last - first) : 0.5));
  const y = (at) => height - margin - ((height - 2 * margin) * (values[at] - (low + high) / 2 + room / 2)) / room;
  const path = known.map((at, order) => `${order && known[order - 1] === at - 1 ? "L" : "M"}${x(at).toFixed(1)} ${y(at).toFixed(1)}`).join("");
  return svg("svg", { viewBox: `0 0 ${width} ${height}`, class: `curve curve-${name}`, "aria-hidden": "true" },
    svg("path", { d: path }), ...known.map((at, order) => svg("circle", { cx: x(at).toFixed(1), cy: y(at).toFixed(1), r: order === known.length - 1 ? 3.5 : 2 })));
}
