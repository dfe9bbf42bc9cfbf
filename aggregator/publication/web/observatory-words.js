// Every word of the observatory, in French first. They never overstate: contradicted is no breach, unknown is unknown.

import { spaced } from "./spacing.js";

const WORDS = {
  fr: {
    title: "Observatoire de la couverture mobile", subtitle: "Ce que déclarent les opérateurs, ce que disent les mesures, territoire par territoire",
    map: "Voir la carte", switchTo: "English", dark: "Thème sombre", place: "Territoire", operator: "Opérateur", technology: "Technologie", measure: "Compter en",
    searchHint: "Commune, EPCI, département…", noPlace: "Aucun territoire de ce nom",
    whole: "Ensemble du territoire", kinds: { territory: "ensemble", departement: "département", epci: "EPCI", commune: "commune" },
    measures: { population: "habitants", surface: "surface", roads: "kilomètres de routes", main_roads: "kilomètres de routes principales", railways: "kilomètres de voies ferrées" },
    ofMeasure: { population: "des habitants", surface: "de la surface", roads: "des kilomètres de routes", main_roads: "des kilomètres de routes principales", railways: "des kilomètres de voies ferrées" },
    coveredMeasure: { population: "des habitants déclarés couverts", surface: "de la surface déclarée couverte", roads: "des kilomètres de routes déclarés couverts", main_roads: "des kilomètres de routes principales déclarés couverts", railways: "des kilomètres de voies ferrées déclarés couverts" },
    units: { population: "hab.", surface: "km²", roads: "km", main_roads: "km", railways: "km" },
    stand: "Où en est-on par rapport à 100 % ?", changed: "Qu’est-ce qui a changé depuis le trimestre dernier ?",
    big: { declared: "déclarée", confirmed: "confirmée", contradicted: "contredite", doubted: "à confirmer", unknown: "inconnue" },
    standSentence: (f) => `${f.operator} déclare la ${f.technology} pour ${f.declared} ${f.of} ; les mesures publiées la confirment pour ${f.confirmed}, la contredisent pour ${f.contradicted}${f.doubted ? `, en font douter (à confirmer sur place) pour ${f.doubted}` : ""}, et pour ${f.unknown} on ne sait pas encore ; ${f.undeclared} restent sans couverture déclarée${f.unspoken ? `, et pour ${f.unspoken} aucune déclaration n’est connue` : ""}.`,
    standNothing: (f) => `Aucune déclaration de ${f.operator} n’est connue pour la ${f.technology} dans ce territoire : on ne peut pas dire où l’on en est.`,
    standEmpty: "Ce territoire n’a rien de ce que l’on compte ici.",
    changedSentence: (f) => `Depuis le ${f.since}, la part ${f.covered} ${f.declared}, la part confirmée ${f.confirmed} et la part contredite ${f.contradicted}.`,
    moved: (from, to, points) => (points === null ? `reste à ${to}` : `passe de ${from} à ${to} (${points})`),
    points: (text, one) => `${text} point${one ? "" : "s"}`,
    unchanged: (f) => `Depuis le ${f.since}, ces chiffres n’ont pas changé : ${f.declared} déclarés, ${f.confirmed} confirmés, ${f.contradicted} contredits.`,
    noEarlier: "Pas encore de réponse : aucune publication d’un trimestre antérieur à laquelle comparer celle-ci.",
    noHistory: "L’historique d’une commune n’est pas tenu : les changements se lisent par EPCI et par département.",
    claimsMoved: (from, to) => `Déclarations de l’Arcep : ${from} alors, ${to} maintenant.`, claimsSame: (q) => `Mêmes déclarations de l’Arcep (${q}) : ce qui change vient des mesures, ou de ce que l’on sait du terrain.`,
    changeCaution: "Une part confirmée ou contredite peut changer parce que le réseau change, ou parce que l’on mesure plus, ou ailleurs.",
    standCaution: "« Contredite » : les téléphones y échouent le plus souvent, même sans les plus défavorables. Ce n’est pas un constat de manquement : ce qui est exigé des cartes des opérateurs se juge en taux de réussite sur des zones de plus de 50 km² (95 %) ou de plus de 1 000 km² (98 %). « Inconnue » n’est ni bon ni mauvais signe.",
    quarter: (year, n) => `${["1er", "2e", "3e", "4e"][n - 1]} trimestre ${year}`, claims: (q) => `Déclarations de l’Arcep : ${q}`, noQuarter: "trimestre non précisé",
    compare: (tech) => `Les opérateurs, ${tech}`,
    states: {
      confirmed: "confirmée", contradicted: "contredite", contradicted_strong: "contredite", contradicted_moderate: "probablement contredite", suspected: "à vérifier",
      unknown: "inconnue", undeclared_service: "service présent, non déclaré", undeclared: "non déclarée", unspoken: "aucune source", declared: "déclarée", doubted: "à confirmer ou à vérifier",
    },
    parts: { territory: "Les départements", departement: "Les EPCI" }, ranking: "Communes où le plus d’habitants vivent là où la couverture déclarée est contredite, ou l’est probablement",
    rankingNone: "Aucune commune de ce territoire n’a d’habitants là où une mesure publiée contredit la couverture déclarée. Là où l’on n’a pas mesuré, cela ne dit rien.",
    rankingMore: (n) => `${n} autres communes dans les fichiers par commune.`,
    commune: "Commune", departement: "Département", contradictedPeople: "habitants, contredite", probablePeople: "habitants, à confirmer", suspectedPeople: "habitants, à vérifier", onMap: "carte",
    onMapOf: (name) => `${name} sur la carte`, zones: "Zones candidates de ce territoire", zone: (rank, name) => `Zone ${rank} · ${name}`, noZones: "Aucune zone candidate ne touche ce territoire.", dossier: "dossier PDF",
    zonesCaution: "Une zone candidate est un lieu à examiner, pas un constat.",
    history: "D’une publication à l’autre", historyFirst: "Première publication : l’historique commencera avec la prochaine.", table: "Voir le tableau", release: "Publication", claimsColumn: "Déclarations",
    sites: "Antennes", inService: "en service", planned: "annoncées", allTechnologies: "toutes techno.", scheme: "Sites du dispositif de couverture ciblée", allOperators: "Tous (chaque site une fois)",
    stages: { in_service: "en service", within_6_months: "attendus sous 6 mois", within_24_months: "attendus sous 6 à 24 mois", waiting: "en attente", unknown: "étape inconnue" },
    sitesNote: "Fichiers de l’Arcep ; un site que plusieurs opérateurs partagent compte pour chacun d’eux.", noSites: "Aucun fichier de sites n’a été importé, ou aucun site n’est dans ce territoire.",
    measured: "Ce qui a été mesuré", measuredLine: (f) => `${f.operator}, ${f.technology}, ${f.quarter} : environ ${f.tests} tests de volontaires publiés, sur ${f.cells} hexagones, par au moins ${f.devices} téléphones ; environ ${f.days} journées-téléphone, comptées hexagone par hexagone.`,
    measuredSurvey: (f) => `Équipes de terrain, sur quatre trimestres : ${f.tests} tests sur ${f.cells} hexagones.`, measuredNone: "Aucun chiffre publié de mesure pour cet opérateur et cette technologie dans ce territoire.",
    measuredShare: (parts) => `Dans des hexagones dont un chiffre est publié : ${parts}.`,
    measuredNote: "Le nombre exact de téléphones d’un territoire n’est pas publié : avec d’autres chiffres, il pourrait en désigner quelques-uns.",
    files: "Fichiers", csv: "observatory.csv", csvText: "territoire, départements, EPCI, toutes les publications", communesText: (name) => `communes (${name}), cette publication`, methodTitle: "Méthode",
    method: "La part déclarée d’un hexagone (0,7 km²) compte dans l’état de son verdict : si 80 % d’un hexagone sont déclarés et que la couverture y est confirmée, 80 % de sa surface sont « confirmés » et 20 % « non déclarés ». Un hexagone à cheval sur deux communes compte dans chacune selon la surface qu’il y a. Les habitants et les lignes prennent la part déclarée des lieux accessibles de l’hexagone (routes, habitations) quand elle est connue ; une ligne compte, tronçon par tronçon, dans la commune qui tient le milieu du tronçon. Déclarée = confirmée + contredite + probablement contredite + à vérifier + inconnue.",
    methodLinks: "La méthode, les règles et les empreintes des entrées sont dans", published: (id, date) => `Publication ${id}, données jusqu’au ${date}.`,
    synthetic: "Données synthétiques de démonstration : rien ici ne décrit un réseau réel.", team: "Réservé à l’équipe-projet : montre des lieux vus par 3 ou 4 appareils. Ne pas publier.",
    failed: "L’observatoire n’a pas pu être lu : ", unread: "Les chiffres de ce territoire n’ont pas pu être lus.", again: "Réessayer", less: "moins de", more: "plus de", permalink: "L’adresse de cette page garde vos choix.",
  },
  en: {
    title: "Mobile coverage observatory", subtitle: "What operators declare, what measurements say, territory by territory",
    map: "See the map", switchTo: "Français", dark: "Dark theme", place: "Territory", operator: "Operator", technology: "Technology", measure: "Count",
    searchHint: "Commune, EPCI, département…", noPlace: "No territory of that name",
    whole: "Whole territory", kinds: { territory: "whole", departement: "département", epci: "EPCI", commune: "commune" },
    measures: { population: "people", surface: "surface", roads: "kilometres of road", main_roads: "kilometres of main road", railways: "kilometres of railway" },
    ofMeasure: { population: "of people", surface: "of the surface", roads: "of road kilometres", main_roads: "of main road kilometres", railways: "of railway kilometres" },
    coveredMeasure: { population: "of people declared covered", surface: "of the surface declared covered", roads: "of road kilometres declared covered", main_roads: "of main road kilometres declared covered", railways: "of railway kilometres declared covered" },
    units: { population: "people", surface: "km²", roads: "km", main_roads: "km", railways: "km" },
    stand: "Where do we stand against 100%?", changed: "What changed since last quarter?",
    big: { declared: "declared", confirmed: "confirmed", contradicted: "contradicted", doubted: "to be confirmed", unknown: "unknown" },
    standSentence: (f) => `${f.operator} declares ${f.technology} for ${f.declared} ${f.of}; published measurements confirm it for ${f.confirmed}, contradict it for ${f.contradicted}${f.doubted ? `, cast doubt on it (to be confirmed on site) for ${f.doubted}` : ""}, and for ${f.unknown} nothing is known yet; ${f.undeclared} have no declared coverage${f.unspoken ? `, and for ${f.unspoken} no declaration is known` : ""}.`,
    standNothing: (f) => `No declaration of ${f.operator} is known for ${f.technology} in this territory: where we stand cannot be told.`,
    standEmpty: "This territory has none of what is counted here.",
    changedSentence: (f) => `Since the ${f.since}, the share ${f.covered} ${f.declared}, the confirmed share ${f.confirmed} and the contradicted share ${f.contradicted}.`,
    moved: (from, to, points) => (points === null ? `stays at ${to}` : `goes from ${from} to ${to} (${points})`),
    points: (text, one) => `${text} point${one ? "" : "s"}`,
    unchanged: (f) => `Since the ${f.since}, these figures have not changed: ${f.declared} declared, ${f.confirmed} confirmed, ${f.contradicted} contradicted.`,
    noEarlier: "No answer yet: there is no release of an earlier quarter to compare this one with.",
    noHistory: "No history is kept of single communes: changes are told by EPCI and by département.",
    claimsMoved: (from, to) => `Arcep’s declarations: ${from} then, ${to} now.`, claimsSame: (q) => `The same declarations of Arcep (${q}): what changes comes from measurements, or from what is known of the ground.`,
    changeCaution: "A confirmed or contradicted share may change because the network does, or because more is measured, or elsewhere.",
    standCaution: "“Contradicted”: phones mostly fail there, even without the worst of them. It is no finding of a breach: what is required of operators’ maps is judged by the rate of success on zones larger than 50 km² (95%) or 1,000 km² (98%). “Unknown” is neither a good nor a bad sign.",
    quarter: (year, n) => `${["first", "second", "third", "fourth"][n - 1]} quarter of ${year}`, claims: (q) => `Arcep’s declarations: ${q}`, noQuarter: "quarter not stated",
    compare: (tech) => `Operators, ${tech}`,
    states: {
      confirmed: "confirmed", contradicted: "contradicted", contradicted_strong: "contradicted", contradicted_moderate: "probably contradicted", suspected: "to be checked",
      unknown: "unknown", undeclared_service: "service, not declared", undeclared: "not declared", unspoken: "no source", declared: "declared", doubted: "to be confirmed or checked",
    },
    parts: { territory: "Départements", departement: "EPCI" }, ranking: "Communes where most people live where the declared coverage is contradicted, or probably so",
    rankingNone: "No commune of this territory has people where a published measurement contradicts the declared coverage. Where nobody measured, that says nothing.",
    rankingMore: (n) => `${n} more communes in the files of communes.`,
    commune: "Commune", departement: "Département", contradictedPeople: "people, contradicted", probablePeople: "people, to be confirmed", suspectedPeople: "people, to be checked", onMap: "map",
    onMapOf: (name) => `${name} on the map`, zones: "Candidate zones of this territory", zone: (rank, name) => `Zone ${rank} · ${name}`, noZones: "No candidate zone reaches into this territory.", dossier: "PDF dossier",
    zonesCaution: "A candidate zone is a place to look at, not a finding.",
    history: "From one release to the next", historyFirst: "First release: history begins with the next.", table: "See the table", release: "Release", claimsColumn: "Declarations",
    sites: "Antennas", inService: "in service", planned: "announced", allTechnologies: "all technologies", scheme: "Sites of the targeted coverage scheme (DCC)", allOperators: "All (each site once)",
    stages: { in_service: "in service", within_6_months: "expected within 6 months", within_24_months: "expected in 6 to 24 months", waiting: "waiting", unknown: "stage unknown" },
    sitesNote: "Arcep’s files; a site that several operators share counts for each of them.", noSites: "No file of sites was imported, or no site is in this territory.",
    measured: "What was measured", measuredLine: (f) => `${f.operator}, ${f.technology}, ${f.quarter}: about ${f.tests} published tests of volunteers, in ${f.cells} hexagons, by at least ${f.devices} phones; about ${f.days} phone-days, counted hexagon by hexagon.`,
    measuredSurvey: (f) => `Field teams, over four quarters: ${f.tests} tests in ${f.cells} hexagons.`, measuredNone: "No figure of measurement is published for this operator and technology in this territory.",
    measuredShare: (parts) => `In hexagons of which a figure is published: ${parts}.`,
    measuredNote: "The exact number of phones of a territory is not published: with other figures it could single out a few.",
    files: "Files", csv: "observatory.csv", csvText: "territory, départements, EPCI, all releases", communesText: (name) => `communes (${name}), this release`, methodTitle: "Method",
    method: "The declared share of a hexagon (0.7 km²) counts in the state of its verdict: if 80% of a hexagon is declared and the coverage is confirmed there, 80% of its surface is “confirmed” and 20% “not declared”. A hexagon across two communes counts in each by the area it has there. People and lines take the declared share of the hexagon’s accessible places (roads, homes) where it is known; a line counts, stretch by stretch, in the commune that holds the middle of the stretch. Declared = confirmed + contradicted + probably contradicted + to be checked + unknown.",
    methodLinks: "Method, rules and digests of the inputs are in", published: (id, date) => `Release ${id}, data up to ${date}.`,
    synthetic: "Synthetic demonstration data: nothing here describes a real network.", team: "For the project team alone: shows places seen by 3 or 4 devices. Not to be published.",
    failed: "The observatory could not be read: ", unread: "The figures of this territory could not be read.", again: "Try again", less: "less than", more: "more than", permalink: "The address of this page keeps your choices.",
  },
};

/** French first; English where the address asks for it. */
export const language = new URLSearchParams(location.search).get("lang") === "en" ? "en" : "fr";
export const words = language === "fr" ? spaced(WORDS.fr) : WORDS.en;

export const number = (value, digits = 0) => new Intl.NumberFormat(language, { maximumFractionDigits: digits }).format(value);

const percentText = (value) => new Intl.NumberFormat(language, { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 }).format(value / 100);
const whole = (value) => new Intl.NumberFormat(language, { style: "percent" }).format(value / 100);

/** A percentage to one decimal that never rounds up to all or down to nothing. */
export function percent(value) {
  if (value <= 0.0005) return whole(0);
  if (value >= 99.9995) return whole(100);
  if (value < 0.05) return `${words.less} ${percentText(0.1)}`;
  if (value >= 99.95) return `${words.more} ${percentText(99.9)}`;
  return percentText(value);
}

/** A difference of two percentages as they are shown, in points; null where both read the same. */
export function points(from, to) {
  const rounded = Math.round(to * 10) / 10 - Math.round(from * 10) / 10;
  if (Math.abs(rounded) < 0.05) return null;
  const text = new Intl.NumberFormat(language, { signDisplay: "always", minimumFractionDigits: 1, maximumFractionDigits: 1 }).format(rounded);
  return words.points(text, language === "fr" ? Math.abs(rounded) < 2 : false);
}

/** ``2026_T3`` in words. */
export function quarterText(quarter) {
  const found = /^(\d{4})_T([1-4])$/.exec(quarter ?? "");
  return found ? words.quarter(found[1], Number(found[2])) : words.noQuarter;
}

export const dateText = (iso) => new Date(`${iso}T12:00:00Z`).toLocaleDateString(language, { day: "numeric", month: "long", year: "numeric", timeZone: "UTC" });
