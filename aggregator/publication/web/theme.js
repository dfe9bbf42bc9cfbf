// Light or dark: the reader's system decides until the reader does; and colours as the map can take them.

import { $ } from "./dom.js";

const KEPT = "maille-theme";
const system = matchMedia("(prefers-color-scheme: dark)");
const probe = document.createElement("span");
let changed = () => {};

const stored = () => {
  try {
    return localStorage.getItem(KEPT);
  } catch {
    return null; // the reader refuses storage: the choice lasts as long as the page
  }
};

export const isDark = () => (document.documentElement.dataset.theme ?? (system.matches ? "dark" : "light")) === "dark";

/** A colour of colours.css, resolved for the theme shown. */
export function colour(name) {
  probe.style.color = `var(--${name})`;
  if (!probe.isConnected) document.body.append(probe);
  return getComputedStyle(probe).color;
}

function show() {
  $("theme").setAttribute("aria-pressed", String(isDark()));
  changed();
}

/** Take the theme kept, and let the button, which `label` names, change it. */
export function startTheme(label, whenChanged = () => {}) {
  probe.hidden = true;
  if (stored()) document.documentElement.dataset.theme = stored();
  $("theme").setAttribute("aria-label", label);
  $("theme").title = label;
  $("theme").onclick = () => {
    const chosen = isDark() ? "light" : "dark";
    document.documentElement.dataset.theme = chosen;
    try {
      localStorage.setItem(KEPT, chosen);
    } catch { /* as above */ }
    show();
  };
  system.addEventListener("change", show);
  show();
  changed = whenChanged;
}
