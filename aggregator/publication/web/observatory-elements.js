// Elements of the observatory's page, made from values: never from markup.

export function element(tag, properties = {}, ...children) {
  const { scope, ...others } = properties;
  const made = Object.assign(document.createElement(tag), others);
  if (scope) made.setAttribute("scope", scope);
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

export const section = (title, ...children) => element("section", {}, element("h3", { textContent: title }), ...children);

/** A table whose first column names its rows. */
export function tableOf(heads, rows) {
  const head = element("tr", {}, ...heads.map((text) => (text === "" ? element("td") : element("th", { scope: "col", textContent: text }))));
  const body = rows.map(([first, ...others]) => element("tr", {}, element("th", { scope: "row" }, first), ...others.map((cell) => element("td", {}, cell))));
  return element("div", { className: "scroll" }, element("table", {}, element("thead", {}, head), element("tbody", {}, ...body)));
}
