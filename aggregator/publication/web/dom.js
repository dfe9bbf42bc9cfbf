// Small things of a page.

export const $ = (id) => document.getElementById(id);

export function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

export async function read(path) {
  const answer = await fetch(path);
  if (!answer.ok) throw Object.assign(new Error(`${path}: ${answer.status}`), { status: answer.status });
  return answer.json();
}

/** A script of another house, run; it leaves a global. */
export const script = (src) => new Promise((done, failed) => {
  document.head.append(element("script", { src, onload: done, onerror: () => failed(new Error(src)) }));
});

/** Options of a select; one that leaves no choice says so by being disabled. */
export function fill(select, options, chosen) {
  select.replaceChildren(...options.map(([value, text]) => element("option", { value, textContent: text, selected: value === chosen })));
  select.disabled = options.length < 2;
}

/** Pairs of a name and a value; those without a value are left out. */
export function facts(pairs) {
  const known = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return element("dl", {}, known.flatMap(([name, value]) => [element("dt", { textContent: name }), element("dd", { textContent: value })]));
}
