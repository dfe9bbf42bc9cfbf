// A field that finds a territory by its name, accents and hyphens or not, or by its code. ARIA's combobox with a list.

const MOST = 12;

/** Lower case without accents nor hyphens; "st" and "ste" before a name are the saints they stand for. */
export const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase().replace(/œ/g, "oe").replace(/[-'’.\s]+/g, " ").replace(/\bst(e?) /g, "saint$1 ").trim();

/** Territories for what was typed: names that begin so first, the larger kinds first. */
export function found(places, typed) {
  const wanted = plain(typed);
  const ranked = places.flatMap((place) => {
    const at = place.plain.indexOf(wanted);
    if (at < 0 && !place.code.startsWith(typed.trim().toUpperCase())) return [];
    return [[at === 0 ? 0 : at > 0 && place.plain[at - 1] === " " ? 1 : 2, place]];
  });
  return ranked.sort(([a, one], [b, other]) => a - b || one.order - other.order).slice(0, MOST).map(([, place]) => place);
}

/**
 * Make an input and a list one combobox.
 * @param {HTMLInputElement} input the field, {HTMLElement} list its options
 * @param {object[]} places with `key, name, detail, code, plain, order`
 * @param {(place: object) => void} choose called with the one chosen
 * @param {string} nothing what is said when nothing matches
 */
export function combobox(input, list, places, choose, nothing) {
  let shown = [], active = -1, before = input.value;
  const open = (yes) => {
    list.hidden = !yes;
    input.setAttribute("aria-expanded", String(yes));
    if (!yes) input.removeAttribute("aria-activedescendant");
  };
  const mark = (at) => {
    active = at;
    [...list.children].forEach((entry, number) => entry.setAttribute("aria-selected", String(number === at)));
    if (at >= 0) { input.setAttribute("aria-activedescendant", list.children[at].id); list.children[at].scrollIntoView({ block: "nearest" }); }
  };
  const take = (at) => { open(false); before = shown[at].name; input.value = before; choose(shown[at]); };
  const show = (typed) => {
    shown = found(places, typed);
    list.replaceChildren(...shown.map((place, at) => {
      const entry = Object.assign(document.createElement("li"), { id: `place-${at}` });
      entry.setAttribute("role", "option");
      entry.append(place.name, Object.assign(document.createElement("small"), { textContent: place.detail }));
      entry.addEventListener("pointerdown", (event) => { event.preventDefault(); take(at); });
      return entry;
    }));
    if (!shown.length) {
      const none = Object.assign(document.createElement("li"), { textContent: nothing, id: "place-none" });
      none.setAttribute("role", "option");
      none.setAttribute("aria-disabled", "true");
      list.append(none);
    }
    open(true);
    mark(shown.length && typed ? 0 : -1);
  };
  input.addEventListener("focus", () => { before = input.value; input.select(); });
  input.addEventListener("click", () => list.hidden && show(""));
  input.addEventListener("input", () => show(input.value));
  input.addEventListener("blur", () => { open(false); input.value = before; });
  input.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) { event.preventDefault(); if (list.hidden) show(""); if (shown.length) mark((active + step + shown.length) % shown.length); }
    if (event.key === "Enter") { event.preventDefault(); if (!list.hidden && active >= 0) take(active); }
    if (event.key === "Escape") { open(false); input.value = before; }
  });
  return (name) => { before = name; input.value = name; };
}
