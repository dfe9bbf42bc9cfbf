// The reader's language, and figures as that language writes them.

import { spaced } from "./spacing.js";
import { WORDS } from "./words.js";

export const language = (() => {
  const asked = new URLSearchParams(location.search).get("lang");
  if (asked === "fr" || asked === "en") return asked;
  return (navigator.language || "fr").toLowerCase().startsWith("en") ? "en" : "fr";
})();

const french = language === "fr";

export const words = french ? spaced(WORDS.fr) : WORDS.en;
const numbers = new Intl.NumberFormat(language);

/** A published count: above 20 it is rounded, so that 20 stands for 20 to 22, and says so; null where it is withheld. */
export const count = (n) => (n === null ? null : n >= 20 ? `${words.about} ${numbers.format(n)}` : numbers.format(n));

export const number = (n) => numbers.format(Math.round(n));

export const percent = (share) => new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 0 }).format(share);

/** A probability without false precision. */
export const probability = (p) => (p < 0.0001 ? `< ${french ? "0,0001" : "0.0001"}` : new Intl.NumberFormat(language, { maximumSignificantDigits: 2 }).format(p));

export function period(first, last) {
  const month = (text, year) => new Date(`${text}-15T12:00:00Z`).toLocaleDateString(language, { month: "long", ...(year && { year: "numeric" }), timeZone: "UTC" });
  if (!first) return "";
  if (first === last) return french ? `en ${month(first, true)}` : `in ${month(first, true)}`;
  const sameYear = first.slice(0, 4) === last.slice(0, 4);
  return french ? `entre ${month(first, !sameYear)} et ${month(last, true)}` : `between ${month(first, !sameYear)} and ${month(last, true)}`;
}

/** The months of a quarter written as Arcep does, 2026_T2. */
export function quarterPeriod(quarter) {
  const [year, n] = quarter.split("_T").map(Number);
  const month = (number) => `${year}-${String(number).padStart(2, "0")}`;
  return period(month(3 * n - 2), month(3 * n));
}

export const verdictKey = (row) => (row.verdict === "contradicted" ? `contradicted ${row.strength}` : row.verdict);

/** A verdict in words; an operator's map promises no rate, so a low rate contradicts no map. */
export const verdictText = (key, threshold) => (threshold === "service" ? words.verdict : words.rateVerdict(threshold))[key];

export const thresholdText = (threshold, technology) => (threshold === "service" ? words.service(technology) : words.rate(threshold));

export const uncapitalised = (text) => text[0].toLowerCase() + text.slice(1);

/** Lower case without accents, for a search; a saint may be abbreviated. */
export const folded = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase().replace(/œ/g, "oe").replace(/[-’']/g, " ").replace(/\bst(e?)\.? /g, "saint$1 ");
