"""The parts of a sentence about a verdict: what was seen, when, and what that means.

Each part depends on few values, so that a table of verdicts needs each of them built only once per different wording.
"""

from typing import NamedTuple

from aggregator.judgement.constants import Constants
from aggregator.judgement.wording import moment, operator_words, period, small, whole
from client_sdk.messages import Language

FALSE_PER_100 = {"strong": 4, "moderate": 5, "suspected": 15, "survey": 1}
"""Of a hundred places flagged so, how many are in truth served at 95 %, rounded up.

Of ``benchmarks/decision.py``: maps of which some are too optimistic, 1,000 volunteers with honest phones, ten seeds,
hexagons of resolution 8. With one phone in twenty dishonest they are 5, 6, 19 and 2."""

AGAINST = frozenset(("contradicted", "suspected"))

WAY_FORWARD: dict[Language, str] = {
    "fr": "À vérifier sur place avant toute démarche.",
    "en": "To be checked on site before any step is taken.",
}
"""Last words of every sentence that speaks against a map, or of a low rate."""


class Finding(NamedTuple):
    """What decides the words, but for the period. ``held_since`` is a day or a month, empty where nothing is held."""

    verdict: str
    strength: str
    evidence: str
    operator: str
    technology: str
    threshold: str
    usage: str
    resolution: int
    devices: int
    failing: int
    withdrawn: int
    claim_known: bool
    held_since: str

    @property
    def is_rate(self) -> bool:
        """Whether it is about a rate, which no operator promises."""
        return self.threshold != "service"

    @property
    def is_voice(self) -> bool:
        """Whether the claim is one of voice, which only the absence of all service can speak against."""
        return self.usage == "voix" or self.technology == "2G3G"

    @property
    def any_service(self) -> bool:
        """Whether the least service there is would do."""
        return not self.is_rate and (self.is_voice or self.technology == "2G")

    @property
    def tells_failures(self) -> bool:
        """Whether failures are counted in the sentence rather than successes; the count told is never 0."""
        return self.failing == self.devices or (self.verdict in AGAINST and self.failing > 0)


def fact(finding: Finding, language: Language) -> str:
    """What was seen, and where: how many phones, or points of a survey, of how many."""
    place = _place(finding, language)
    if finding.devices == 0:
        return f"{place}, " + ("aucune mesure" if language == "fr" else "no measurement")
    if finding.verdict == "insufficient":
        return f"{place}, {_looked(finding, language)}"
    told = finding.failing if finding.tells_failures else finding.devices - finding.failing
    count, of_all = whole(told, language), whole(finding.devices, language)
    if finding.evidence == "survey":
        return f"{place}, " + _at_points(finding, count, of_all, told > 1, language)
    if language == "en":
        return f"{place}, {count} of {of_all} different phones most often {_done_en(finding)}"
    phones = "téléphones différents" if told > 1 else "téléphone"
    verb = ("n’" if finding.tells_failures else "") + ("ont" if told > 1 else "a")
    return f"{place}, {count} {phones} sur {of_all} {verb} le plus souvent {_done_fr(finding)}"


def when(device_days: int, first: str, last: str, language: Language) -> str:
    """``, sur 9 journées de mesure, entre mars et août 2026``; a day of measuring is one phone on one day."""
    parts = []
    if device_days > 0:
        days = "days" if device_days > 1 else "day"
        journees = "journées" if device_days > 1 else "journée"
        number = whole(device_days, language)
        parts.append(f", sur {number} {journees} de mesure" if language == "fr" else f", over {number} {days} of tests")
    if first and last:
        parts.append(f", {period(first, last, language)}")
    return "".join(parts)


def meaning(finding: Finding, language: Language, constants: Constants) -> str:
    """What follows from it, and what does not."""
    french = language == "fr"
    if finding.verdict == "insufficient":
        return _nothing_follows(finding, language)
    parts = [_chance(finding, language, constants), _held(finding, language)]
    if finding.verdict == "unclaimed_service":
        parts.append(
            "L’opérateur n’y déclare pas de couverture." if french else "The operator declares no coverage there."
        )
    elif finding.is_rate:
        parts.append(
            "L’opérateur promet un service et aucun débit : sa carte n’est pas en cause."
            if french
            else "The operator promises service and no rate: its map is not in question."
        )
    elif finding.verdict in AGAINST:
        parts.append(_false_alarms(finding, language))
        parts.append(
            "Un lieu seul ne dit rien du respect des obligations de l’opérateur."
            if french
            else "One place says nothing of whether the operator meets its obligations."
        )
    else:
        parts.append(
            "La carte est confirmée en ce lieu, dehors et aux jours de mesure, pas à l’intérieur des bâtiments."
            if french
            else "The map is confirmed at this place, outdoors and on the days of the tests, not inside buildings."
        )
    if finding.is_voice:
        parts.append(
            "Aucun appel n’est testé : seule l’absence de tout service peut aller contre une carte de la voix."
            if french
            else "No call is tried: only the absence of all service can speak against a map of voice."
        )
    if finding.verdict in AGAINST:
        parts.append(WAY_FORWARD[language])
    return " ".join(part for part in parts if part)


def _place(finding: Finding, language: Language) -> str:
    if finding.resolution < 8:
        place = {
            "fr": "Aux endroits peu mesurés du secteur d’environ 5 km² autour de ce lieu",
            "en": "Where few measured in the area of about 5 km² around this place",
        }[language]
    else:
        place = {"fr": "En ce lieu", "en": "At this place"}[language]
    if finding.evidence != "survey":
        return place
    return f"{place}, " + ("lors d’une campagne de terrain" if language == "fr" else "in a field campaign")


def _looked(finding: Finding, language: Language) -> str:
    number, several = whole(finding.devices, language), finding.devices > 1
    _, of = operator_words(finding.operator, language)
    survey = finding.evidence == "survey"
    if language == "fr":
        who = ("points ont" if several else "point a") if survey else ("téléphones ont" if several else "téléphone a")
        return f"{number} {who} servi à tester le réseau {of}" if survey else f"{number} {who} testé le réseau {of}"
    if survey:
        return f"the network {of} was tested at {number} {'points' if several else 'point'}"
    return f"{number} {'phones' if several else 'phone'} tested the network {of}"


def _at_points(finding: Finding, count: str, of_all: str, several: bool, language: Language) -> str:
    failed = finding.tells_failures
    name, of = operator_words(finding.operator, language)
    if language == "en":
        where = f"at {count} of {of_all} {'point' if of_all == '1' else 'points'}"
        if finding.any_service:
            return f"{where} there was {'no service at all' if failed else 'service'} from {name}"
        if finding.is_rate:
            return (
                f"{where} {finding.threshold} Mbit/s {'was not' if failed else 'was'} reached on {_network_en(finding)}"
            )
        return f"{where} {_network_en(finding)} {'could not be used' if failed else 'could be used'}"
    better = "" if failed or finding.technology == "5G" else " ou mieux"
    where = f"à {count} {'points' if several else 'point'} sur {of_all}"
    if finding.any_service:
        return f"{where}, il {'n’y avait aucun service' if failed else 'y avait du service'} {of}"
    if finding.is_rate:
        reached = "n’ont pas été atteints" if failed else "ont été atteints"
        return f"{where}, {finding.threshold} Mbit/s {reached} en {finding.technology}{better} chez {name}"
    return f"{where}, la {finding.technology} {of}{better} {'n’a pas pu' if failed else 'a pu'} être utilisée"


def _done_fr(finding: Finding) -> str:
    name, of = operator_words(finding.operator, "fr")
    failed = finding.tells_failures
    better = "" if failed or finding.technology == "5G" else " ou mieux"
    if finding.any_service:
        return f"eu {'aucun service' if failed else 'du service'} {of}"
    if finding.is_rate:
        reached = f"atteint {finding.threshold} Mbit/s en {finding.technology}{better} chez {name}"
        return f"pas {reached}" if failed else reached
    used = f"pu utiliser la {finding.technology} {of}{better}"
    return f"pas {used}" if failed else used


def _done_en(finding: Finding) -> str:
    failed = finding.tells_failures
    if finding.any_service:
        return f"had {'no service at all' if failed else 'service'} from {operator_words(finding.operator, 'en')[0]}"
    if finding.is_rate:
        return f"{'did not reach' if failed else 'reached'} {finding.threshold} Mbit/s on {_network_en(finding)}"
    return f"{'could not use' if failed else 'could use'} {_network_en(finding)}"


def _network_en(finding: Finding) -> str:
    name, of = operator_words(finding.operator, "en")
    better = "" if finding.tells_failures or finding.technology == "5G" else " or better"
    if name.startswith("operator "):  # one we have no name for
        return f"{finding.technology}{better} {of}"
    return f"{name} {finding.technology}{better}"


def _held(finding: Finding, language: Language) -> str:
    """That later tests do not say it any more, where the counts are those of an earlier window."""
    if not finding.held_since:
        return ""
    since = moment(finding.held_since, language)
    if language == "fr":
        start = since if len(finding.held_since) == len("2026-06") else f"le {since}"
        return (
            f"Les mesures faites depuis {start} ne suffisent plus à le dire : ce résultat sera retiré si un trimestre "
            "entier ne le confirme pas."
        )
    return (
        f"Tests made since {since} no longer suffice to say so: this result is withdrawn if a full quarter does not "
        "support it."
    )


def _chance(finding: Finding, language: Language, constants: Constants) -> str:
    """How surprising the counts would be: were the map right, or were the place poor."""
    if finding.devices == 0 or (finding.verdict in AGAINST and finding.failing == 0):
        return ""
    once = whole(round(1 / constants.significance), language)
    if finding.verdict not in AGAINST:
        poor = whole(round(1 / constants.poor_failure), language)
        if language == "fr":
            return f"Si un test sur {poor} y échouait, on verrait si peu d’échecs au plus une fois sur {once}."
        return f"If one test in {poor} failed there, so few failures would be seen at most once in {once}."
    few = finding.evidence != "survey" and finding.verdict == "suspected"
    if finding.is_rate:
        if not few:
            return ""
        return "Cela repose sur peu de téléphones." if language == "fr" else "This rests on few phones."
    right = f"{100 * (1 - constants.promised_failure):g}"
    if language == "fr":
        start = f"Si la carte était juste à {right.replace('.', ',')} %, on verrait cela au plus une fois sur {once}"
        weak = " ; mais cela repose sur peu de téléphones : c’est un lieu à visiter, pas un constat."
    else:
        start = f"If the map were right {right}% of the time, this would be seen at most once in {once}"
        weak = "; but it rests on few phones: a place to visit, not a finding."
    if few:
        return start + weak
    withdrawn = 0 if finding.evidence == "survey" else min(finding.withdrawn, finding.failing)
    return start + _without(withdrawn, language) + "."


def _without(withdrawn: int, language: Language) -> str:
    if withdrawn < 1:
        return ""
    number = small(withdrawn, language)
    if language == "fr":
        who = "le téléphone le plus défavorable" if withdrawn == 1 else f"les {number} téléphones les plus défavorables"
        return f", même en écartant {who}"
    return ", even without the " + ("most adverse phone" if withdrawn == 1 else f"{number} most adverse phones")


def _false_alarms(finding: Finding, language: Language) -> str:
    """The share of such places flagged wrongly, where it was measured: not of wider areas, nor of results held."""
    if finding.resolution < 8 or finding.held_since or finding.failing == 0:
        return ""
    survey = finding.evidence == "survey"
    kind = "survey" if survey else "suspected" if finding.verdict == "suspected" else finding.strength
    number = FALSE_PER_100[kind]
    honest = {"fr": "" if survey else ", téléphones honnêtes", "en": "" if survey else ", honest phones"}[language]
    if language == "fr":
        would = "le seraient" if number > 1 else "le serait"
        return f"Sur 100 lieux signalés ainsi, {number} environ {would} à tort (mesuré en simulation{honest})."
    return f"Of 100 places flagged so, about {number} would be wrong (measured in simulation{honest})."


def _nothing_follows(finding: Finding, language: Language) -> str:
    if not finding.claim_known:
        return {
            "fr": "Ce que l’opérateur y déclare n’est pas connu : rien à quoi comparer.",
            "en": "What the operator declares there is not known: nothing to compare with.",
        }[language]
    if finding.is_rate:
        return {"fr": "Cela ne suffit pas pour conclure.", "en": "Not enough to conclude."}[language]
    return {
        "fr": "Cela ne suffit ni à confirmer la carte ni à la mettre en doute.",
        "en": "Not enough to confirm the map, nor to put it in doubt.",
    }[language]
