"""The parts of a sentence about a verdict that tell what was seen, and when (:mod:`.meanings` has what that means).

Each part depends on few values, so that a table of verdicts needs each of them built only once per different wording.
"""

from typing import NamedTuple

from aggregator.judgement.wording import EXACT_UP_TO, about, operator_words, period, rounded
from client_sdk.messages import Language

AGAINST = frozenset(("contradicted", "suspected"))


class Finding(NamedTuple):
    """What decides the words, but for the period.

    ``held_since`` is a day or a month, empty where nothing is held. ``partly_claimed`` is of service where the operator
    declares some of the place, too little for a claim.
    """

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
    partly_claimed: bool
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
    count, of_all, alone = about(told, language), about(finding.devices, language), ""
    if finding.devices > told and rounded(told) == rounded(finding.devices):
        of_all = {"fr": "un peu plus", "en": "slightly more"}[language]
    elif finding.devices == told > EXACT_UP_TO:
        alone = {"fr": ", sans exception,", "en": ", without exception,"}[language]
    if finding.evidence == "survey":
        return f"{place}, " + _at_points(finding, count, of_all, alone, language)
    if language == "en":
        return f"{place}, {count} of {of_all} different phones{alone} most often {_done_en(finding)}"
    phones = "téléphones différents" if told > 1 else "téléphone"
    verb = ("n’" if finding.tells_failures else "") + ("ont" if told > 1 else "a")
    return f"{place}, {count} {phones} sur {of_all}{alone} {verb} le plus souvent {_done_fr(finding)}"


def when(device_days: int, first: str, last: str, language: Language) -> str:
    """``, sur 9 journées de mesure, entre mars et août 2026``; a day of measuring is one phone on one day."""
    parts = []
    if device_days > 0:
        days = "days" if device_days > 1 else "day"
        journees = "journées" if device_days > 1 else "journée"
        number = about(device_days, language)
        parts.append(f", sur {number} {journees} de mesure" if language == "fr" else f", over {number} {days} of tests")
    if first and last:
        parts.append(f", {period(first, last, language)}")
    return "".join(parts)


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
    number, several = about(finding.devices, language), finding.devices > 1
    _, of = operator_words(finding.operator, language)
    survey = finding.evidence == "survey"
    if language == "fr":
        who = ("points ont" if several else "point a") if survey else ("téléphones ont" if several else "téléphone a")
        return f"{number} {who} servi à tester le réseau {of}" if survey else f"{number} {who} testé le réseau {of}"
    if survey:
        return f"the network {of} was tested at {number} {'points' if several else 'point'}"
    return f"{number} {'phones' if several else 'phone'} tested the network {of}"


def _at_points(finding: Finding, count: str, of_all: str, alone: str, language: Language) -> str:
    failed = finding.tells_failures
    name, of = operator_words(finding.operator, language)
    if language == "en":
        where = f"at {count} of {of_all} {'point' if of_all == '1' else 'points'}{alone}"
        if finding.any_service:
            return f"{where} there was {'no service at all' if failed else 'service'} from {name}"
        if finding.is_rate:
            return (
                f"{where} {finding.threshold} Mbit/s {'was not' if failed else 'was'} reached on {_network_en(finding)}"
            )
        return f"{where} {_network_en(finding)} {'could not be used' if failed else 'could be used'}"
    better = "" if failed or finding.technology == "5G" else " ou mieux"
    where = f"à {count} {'point' if count == '1' else 'points'} sur {of_all}{alone or ','}"
    if finding.any_service:
        return f"{where} il {'n’y avait aucun service' if failed else 'y avait du service'} {of}"
    if finding.is_rate:
        reached = "n’ont pas été atteints" if failed else "ont été atteints"
        return f"{where} {finding.threshold} Mbit/s {reached} en {finding.technology}{better} chez {name}"
    return f"{where} la {finding.technology} {of}{better} {'n’a pas pu' if failed else 'a pu'} être utilisée"


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
