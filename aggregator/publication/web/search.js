// Search of a commune: a combobox with a list, as WAI-ARIA's authoring practices describe it.

import { $, element, read } from "./dom.js";
import { folded, words } from "./texts.js";

const MOST = 8;

/** INSEE codes or names that begin so, then names with a word that does, then those that contain it; larger communes first. */
export function matches(communes, text) {
  const wanted = folded(text).trim();
  if (!wanted) return [];
  const rank = ({ key, code }) => (key.startsWith(wanted) || code.toLowerCase().startsWith(wanted) ? 0 : key.includes(` ${wanted}`) ? 1 : key.includes(wanted) ? 2 : 3);
  return communes.map((one) => ({ one, at: rank(one) })).filter(({ at }) => at < 3)
    .sort((a, b) => a.at - b.at || (b.one.people ?? 0) - (a.one.people ?? 0)).slice(0, MOST).map(({ one }) => one);
}

export function startSearch(root, go) {
  const [input, list, status] = [$("search"), $("found"), $("search-status")];
  let communes = null;
  let shown = [];
  let at = -1;

  const load = () => {
    communes ??= read(`${root}/map/communes.json`).then((rows) => rows.map(([code, name, people, latitude, longitude]) => ({ code, name, people, latitude, longitude, key: folded(name) })), () => {
      communes = null; // unreadable for now: the next letter asks again
      return null;
    });
    return communes;
  };

  function close() {
    list.hidden = true;
    at = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  }

  function mark(next) {
    at = next;
    [...list.children].forEach((option, place) => option.setAttribute("aria-selected", String(place === at)));
    if (at >= 0) input.setAttribute("aria-activedescendant", list.children[at].id);
    else input.removeAttribute("aria-activedescendant");
  }

  function choose(commune) {
    input.value = commune.name;
    close();
    go(commune);
  }

  async function show() {
    const known = await load();
    shown = matches(known ?? [], input.value);
    const none = input.value.trim() !== "" && !shown.length;
    status.textContent = none ? (known ? words.noCommune : words.noList) : shown.length ? words.found(shown.length) : "";
    status.classList.toggle("unseen", !none);
    if (!shown.length) return close();
    list.replaceChildren(...shown.map((commune, place) => {
      const option = element("li", { id: `found-${place}`, onmousedown: (event) => event.preventDefault(), onclick: () => choose(commune) }, commune.name, element("small", { textContent: commune.code.slice(0, commune.code.startsWith("97") ? 3 : 2) }));
      option.setAttribute("role", "option");
      return option;
    }));
    list.hidden = false;
    input.setAttribute("aria-expanded", "true");
    mark(-1);
  }

  input.addEventListener("focus", load);
  input.addEventListener("input", show);
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    const steps = { ArrowDown: 1, ArrowUp: -1 };
    if (event.key in steps && shown.length) {
      event.preventDefault();
      if (list.hidden) show();
      else mark((at + steps[event.key] + shown.length + (at < 0 && steps[event.key] < 0 ? 1 : 0)) % shown.length);
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (shown.length) choose(shown[Math.max(at, 0)]);
    } else if (event.key === "Escape") close();
  });
}
