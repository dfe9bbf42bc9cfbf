// Words that stay, and what the release says of itself.

import { $, element, read } from "./dom.js";
import { state } from "./state.js";
import { language, words } from "./texts.js";

/** The observatory in the same language and with the same choices, as they are now. */
function linkObservatory() {
  const chosen = ["op", "tech"].filter((name) => state[name]).map((name) => [name, state[name]]);
  $("observatory").href = `observatory.html?lang=${language}#${new URLSearchParams(chosen)}`;
}

export function showWords() {
  document.documentElement.lang = language;
  for (const place of document.querySelectorAll("[data-text]")) place.textContent = words[place.dataset.text];
  for (const place of document.querySelectorAll("[data-label]")) place.setAttribute("aria-label", words[place.dataset.label]);
  $("search").placeholder = words.searchHint;
  linkObservatory();
  for (const event of ["pointerenter", "focus"]) $("observatory").addEventListener(event, linkObservatory);
  $("language").textContent = words.switchTo;
  $("language").lang = language === "fr" ? "en" : "fr";
  $("language").onclick = () => {
    const query = new URLSearchParams(location.search);
    query.set("lang", language === "fr" ? "en" : "fr");
    location.href = `?${query}${location.hash}`;
  };
}

/** Banners that cannot be closed: whose release this is, and whether it is of real data. */
export function showBanners(index) {
  const label = index.label[language] ?? "";
  const synthetic = index.synthetic && (/synth/i.test(label) ? label : `${words.synthetic} ${label}`.trim());
  for (const [id, text] of [["team", index.audience === "team" && words.team], ["banner", synthetic]]) {
    $(id).hidden = !text;
    $(id).textContent = text || "";
  }
  if (index.audience === "team") document.title = `Maille · ${words.teamTitle}`;
}

/** Limits, files and sources, read once they are asked for. */
export function startAbout(root, index) {
  const list = (items) => element("ul", {}, items.map((item) => element("li", {}, item)));
  const link = (path) => element("a", { href: `${root}/${path}`, textContent: path });
  $("about").addEventListener("toggle", async () => {
    if ($("method").childElementCount) return;
    const manifest = await read(`${root}/manifest.json`);
    const files = manifest.files.map(({ path }) => path).filter((path) => !/^(map|tiles|observatory|verdicts)\//.test(path));
    $("method").replaceChildren(
      element("p", { textContent: `${words.release} ${index.release}. ${manifest.not_included[language]}` }),
      element("h3", { textContent: words.limits }), list(manifest.limits[language]),
      element("p", { textContent: manifest.demand_model[language] }),
      element("h3", { textContent: words.files }), list(["manifest.json", ...files].map(link)),
      element("h3", { textContent: words.licence }), element("p", { textContent: manifest.licence.name }),
      element("h3", { textContent: words.attributions }), list((language === "fr" && manifest.attributions_fr) || manifest.attributions),
    );
  });
}
