"""What follows from a verdict, in words, and what does not: how surprising it is, how often it is wrong, what to do."""

from aggregator.judgement.constants import Constants
from aggregator.judgement.phrases import AGAINST, Finding
from aggregator.judgement.wording import moment, small, whole
from client_sdk.messages import Language

FALSE_PER_100 = {"strong": 2, "moderate": 7, "suspected": 15, "survey": 1}
"""Of a hundred places flagged so, how many are in truth served at 95 %, rounded up; moderate are those not strong.

Of ``benchmarks/decision.py``: maps of which some are too optimistic, 1,000 volunteers with honest phones, hexagons of
resolution 8; ten seeds, 33 for the contradictions (173 strong, 541 moderate). With one phone in twenty dishonest they
are 1, 9, 19 and 2; where all maps are nearly right, 3 and 10 of the contradictions."""

WAY_FORWARD: dict[Language, str] = {
    "fr": "À vérifier sur place avant toute démarche.",
    "en": "To be checked on site before any step is taken.",
}
"""Last words of every sentence that speaks against a map, or of a low rate."""


def meaning(finding: Finding, language: Language, constants: Constants) -> str:
    """What follows from it, and what does not."""
    french = language == "fr"
    if finding.verdict == "insufficient":
        return _nothing_follows(finding, language)
    parts = [_chance(finding, language, constants), _held(finding, language)]
    if finding.verdict == "unclaimed_service":
        parts.append(_unclaimed(finding, language))
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


def _unclaimed(finding: Finding, language: Language) -> str:
    """What the operator declares where its claim, if any, is of too little of the place to count."""
    french = language == "fr"
    if finding.partly_claimed:
        return (
            "L’opérateur n’y déclare qu’une couverture partielle."
            if french
            else "The operator declares only partial coverage there."
        )
    return "L’opérateur n’y déclare pas de couverture." if french else "The operator declares no coverage there."


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
    honest = {
        "fr": "" if survey else ", où les téléphones disent vrai",
        "en": "" if survey else ", where phones report truly",
    }[language]
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
