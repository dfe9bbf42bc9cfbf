// Every word of the page, in French and English, but for the sentence of a verdict: that comes with the verdict.
// They never overstate: no "proven", no share of coverage, no breach from one hexagon.

const WORDS = {
  fr: {
    subtitle: "La couverture mobile déclarée, confrontée à ce que mesurent les téléphones",
    operator: "Opérateur", technology: "Technologie", threshold: "Ce qui est testé",
    legend: "Ce que disent les mesures", zones: "Zones candidates", method: "Méthode, limites et fichiers",
    switchTo: "English",
    service: (technology) => `Service ${technology}`, rate: (mbps) => `Débit d’au moins ${mbps} Mbit/s`,
    verdict: {
      "contradicted strong": "Contredite",
      "contradicted moderate": "Probablement contredite, à confirmer",
      suspected: "À vérifier sur place", confirmed: "Confirmée",
      unclaimed_service: "Service présent, non déclaré", insufficient: "Données insuffisantes",
    },
    rateVerdict: (mbps) => ({
      "contradicted strong": `Débit le plus souvent sous ${mbps} Mbit/s`,
      "contradicted moderate": `Débit souvent sous ${mbps} Mbit/s, à confirmer`,
      suspected: `Débit de ${mbps} Mbit/s à vérifier sur place`, confirmed: `Débit de ${mbps} Mbit/s le plus souvent atteint`,
      unclaimed_service: `${mbps} Mbit/s atteints, service non déclaré`, insufficient: "Données insuffisantes",
    }),
    noVerdict: "Des volontaires ont mesuré ici ce trimestre ; aucun verdict n’est publié pour ce lieu. Ce n’est ni une confirmation ni une contradiction.",
    zoneDisc: "Zone candidate (disque de 4 km)",
    hint: "Choisissez un hexagone ou une zone : les mesures qui s’y rapportent s’affichent ici.",
    noFigure: (k, name) => `Aucun chiffre publié ici pour ${name} : moins de ${k} téléphones de volontaires y ont mesuré. Ce n’est ni une confirmation ni une contradiction.`,
    near: (name) => `Commune de ${name}`, unknownPlace: "Hors des communes connues",
    phones: "Téléphones en échec", of: "sur", days: "Journées-téléphone", tests: "Tests", months: "Période",
    share: "Part déclarée couverte", p: "Probabilité si la carte est juste à 95 %", pWithdrawn: (r) => `… en écartant ${r} téléphone${r > 1 ? "s" : ""}`,
    where: "Place dans la couverture déclarée", edge: "au bord", inside: "à l’intérieur", rule: "Règle", hexagon: "Hexagone H3",
    evidence: "Origine", crowd: "volontaires", survey: "équipe de terrain", none: "aucune mesure",
    about: "environ", notDeclared: "aucune source",
    other: { crowd: "Volontaires, à part", survey: "Équipe de terrain, à part" },
    caution: "Un hexagone (0,7 km²) ne dit rien des obligations de l’opérateur, qui se jugent sur au moins 50 km².",
    zone: (rank) => `Zone candidate n° ${rank}`,
    zoneSentence: (z, ops) => `Dans ce disque de 4 km, environ ${z.people} habitants ; la demande non satisfaite est estimée à ${z.unmet} (une pondération, pas un nombre d’habitants). Opérateurs dont la couverture y est contredite, à vérifier ou non déclarée : ${ops || "aucun"}.`,
    zoneCaution: "Une zone candidate est un lieu à examiner, pas un constat de manquement.",
    contradicted: "Hexagones contredits ou à confirmer", suspected: "Hexagones à vérifier", zonePhones: "Téléphones",
    evidenceClass: "Classe de preuve",
    classes: { A: "A : surtout verdicts forts, relevés de terrain ou couverture non déclarée", B: "B : surtout verdicts à confirmer ou à vérifier", C: "C : à mesurer d’abord" },
    communes: "Communes", points: "Points d’intérêt", hexagons: "Hexagones de la couche affichée", zoneId: "Identifiant",
    zonesAbout: (what) => `Proposées d’après les verdicts et les déclarations de tous les opérateurs (${what}).`,
    noZones: "Aucune zone : ni déclaration ni mesure publiable n’y conduit.",
    zoneLine: (z) => `${z.contradicted} contredit${z.contradicted > 1 ? "s" : ""} ou à confirmer, ${z.suspected} à vérifier · demande estimée ≈ ${z.unmet}`,
    synthetic: "Données synthétiques de démonstration : rien ici ne décrit un réseau réel.",
    syntheticHere: "Donnée synthétique, pas une mesure réelle",
    team: "Réservé à l’équipe projet : montre des lieux vus par 3 ou 4 appareils. Ne pas publier.",
    files: "Fichiers", manifest: "manifest.json : méthode, règles, paramètres, empreintes", licence: "Licence", attributions: "Sources",
    limits: "Limites", release: "Publication", failed: "La publication n’a pas pu être lue : ", map: "Carte des verdicts",
    controls: { "NavigationControl.ZoomIn": "Zoomer", "NavigationControl.ZoomOut": "Dézoomer", "AttributionControl.ToggleAttribution": "Afficher les sources", "Map.Title": "Carte" },
  },
  en: {
    subtitle: "Declared mobile coverage, compared with what phones measure",
    operator: "Operator", technology: "Technology", threshold: "What is tested",
    legend: "What the measurements say", zones: "Candidate zones", method: "Method, limits and files",
    switchTo: "Français",
    service: (technology) => `${technology} service`, rate: (mbps) => `Rate of at least ${mbps} Mbit/s`,
    verdict: {
      "contradicted strong": "Contradicted",
      "contradicted moderate": "Probably contradicted, to be confirmed",
      suspected: "To be checked on the ground", confirmed: "Confirmed",
      unclaimed_service: "Service present, not declared", insufficient: "Insufficient data",
    },
    rateVerdict: (mbps) => ({
      "contradicted strong": `Rate mostly below ${mbps} Mbit/s`,
      "contradicted moderate": `Rate often below ${mbps} Mbit/s, to be confirmed`,
      suspected: `Rate of ${mbps} Mbit/s to be checked on the ground`, confirmed: `Rate of ${mbps} Mbit/s mostly reached`,
      unclaimed_service: `${mbps} Mbit/s reached, service not declared`, insufficient: "Insufficient data",
    }),
    noVerdict: "Volunteers measured here this quarter; no verdict is published for this place. That is neither a confirmation nor a contradiction.",
    zoneDisc: "Candidate zone (4 km disc)",
    hint: "Choose a hexagon or a zone: the measurements behind it appear here.",
    noFigure: (k, name) => `No figure is published here for ${name}: fewer than ${k} volunteers’ phones measured. That is neither a confirmation nor a contradiction.`,
    near: (name) => `Commune of ${name}`, unknownPlace: "Outside the known communes",
    phones: "Failing phones", of: "of", days: "Phone-days", tests: "Tests", months: "Period",
    share: "Share declared covered", p: "Probability if the map is right at 95%", pWithdrawn: (r) => `… leaving out ${r} phone${r > 1 ? "s" : ""}`,
    where: "Place in the declared coverage", edge: "at the edge", inside: "inside", rule: "Rule", hexagon: "H3 hexagon",
    evidence: "Origin", crowd: "volunteers", survey: "field team", none: "no measurement",
    about: "about", notDeclared: "no source",
    other: { crowd: "Volunteers, apart", survey: "Field team, apart" },
    caution: "One hexagon (0.7 km²) says nothing of the operator’s obligations, which are judged over at least 50 km².",
    zone: (rank) => `Candidate zone no. ${rank}`,
    zoneSentence: (z, ops) => `About ${z.people} people live in this 4 km disc; unmet demand is estimated at ${z.unmet} (a weighting, not a number of people). Operators whose coverage is contradicted, to be checked or not declared here: ${ops || "none"}.`,
    zoneCaution: "A candidate zone is a place to look at, not a finding of non-compliance.",
    contradicted: "Hexagons contradicted or to be confirmed", suspected: "Hexagons to be checked", zonePhones: "Phones",
    evidenceClass: "Evidence class",
    classes: { A: "A: mostly strong verdicts, field surveys or undeclared coverage", B: "B: mostly verdicts to be confirmed or checked", C: "C: to be measured first" },
    communes: "Communes", points: "Points of interest", hexagons: "Hexagons of the layer shown", zoneId: "Identifier",
    zonesAbout: (what) => `Proposed from the verdicts and declarations of all operators (${what}).`,
    noZones: "No zone: no declaration or publishable measurement leads to one.",
    zoneLine: (z) => `${z.contradicted} contradicted or to be confirmed, ${z.suspected} to be checked · estimated demand ≈ ${z.unmet}`,
    synthetic: "Synthetic demonstration data: nothing here describes a real network.",
    syntheticHere: "Synthetic data, not a real measurement",
    team: "For the project team alone: shows places seen by 3 or 4 devices. Not to be published.",
    files: "Files", manifest: "manifest.json: method, rules, parameters, digests", licence: "Licence", attributions: "Sources",
    limits: "Limits", release: "Release", failed: "The release could not be read: ", map: "Map of verdicts",
    controls: {},
  },
};

export const language = (() => {
  const asked = new URLSearchParams(location.search).get("lang");
  if (asked === "fr" || asked === "en") return asked;
  return (navigator.language || "fr").toLowerCase().startsWith("en") ? "en" : "fr";
})();

export const words = WORDS[language];

const french = language === "fr";
const numbers = new Intl.NumberFormat(language);

/** A published count: above 20 it is rounded, and says so; null where it is withheld. */
export const count = (n) => (n === null ? null : n > 20 ? `${words.about} ${numbers.format(n)}` : numbers.format(n));

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

export const verdictKey = (row) => (row.verdict === "contradicted" ? `contradicted ${row.strength}` : row.verdict);

/** A verdict in words; an operator's map promises no rate, so a low rate contradicts no map. */
export const verdictText = (key, threshold) => (threshold === "service" ? words.verdict : words.rateVerdict(threshold))[key];
