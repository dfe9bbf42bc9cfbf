// Elements of the observatory's page, made from values: never from markup.

export function element(tag, properties = {}, ...children) {
  const { scope, role, ...others } = properties;
  const made = Object.assign(document.createElement(tag), others);
  for (const [name, value] of Object.entries({ scope, role })) if (value) made.setAttribute(name, value);
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

export const section = (title, ...children) => element("section", {}, element("h3", { textContent: title }), ...children);

/** What may be wider than the screen: it scrolls, by keyboard too. */
export const wide = (label, child) => element("div", { className: "scroll", tabIndex: 0, role: "region", ariaLabel: label }, child);

/** A table whose first column names its rows; `name` says what it is about. */
export function tableOf(name, heads, rows) {
  const head = element("tr", {}, ...heads.map((text) => (text === "" ? element("td") : element("th", { scope: "col", textContent: text }))));
  const body = rows.map(([first, ...others]) => element("tr", {}, element("th", { scope: "row" }, first), ...others.map((cell) => element("td", {}, cell))));
  return wide(name, element("table", {}, element("thead", {}, head), element("tbody", {}, ...body)));
}
