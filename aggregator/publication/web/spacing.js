// French spaces that must not break: inside quotation marks, numbers, before high punctuation and before units.

const unbroken = (text) => text.replace(/ (?=[;!?%])/g, "\u202f").replace(/ (?=[:»])|(?<=«) |(?<=\d) (?=km|Mbit|dBm|\d{3}(?!\d))/g, "\u00a0");

/** The same words, with those spaces in every text and in what every function gives. */
export function spaced(told) {
  if (typeof told === "string") return unbroken(told);
  if (typeof told === "function") return (...given) => spaced(told(...given));
  return Object.fromEntries(Object.entries(told).map(([name, value]) => [name, spaced(value)]));
}
