// Where a field team is to measure: on the team's page alone, since public releases have no missions.

import { $, element } from "./dom.js";
import { language, number, words } from "./texts.js";

const boxOf = (coordinates) => {
  const reach = (pick) => [0, 1].map((axis) => pick(...coordinates.map((place) => place[axis])));
  return [reach(Math.min), reach(Math.max)];
};

/** Each day's tour as a way to its place on the map. */
export function listMissions(missions, show) {
  const tours = missions.features.filter(({ properties }) => properties.type === "tour");
  $("missions").hidden = !tours.length;
  $("tours").replaceChildren(...tours.map(({ properties: { mission, day, km, minutes }, geometry }) => {
    const line = `${words.day(day)} · ${number(km)} km · ${words.duration(minutes)}`;
    return element("li", {}, element("button", { type: "button", onclick: () => show(boxOf(geometry.coordinates)) }, mission, element("small", { textContent: line })));
  }));
}

/** Why missions go to a hexagon. */
export function missionsOf(missions, cell) {
  return missions.features.filter(({ properties }) => properties.type === "hexagon" && properties.h3 === cell)
    .map(({ properties }) => element("p", { className: "mission" }, element("strong", { textContent: words.missionStop(properties.mission, properties.stop) }), ` ${properties[`reason_${language}`] ?? ""}`));
}
