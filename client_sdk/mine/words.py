"""How an account and what became of it are said to people, on the terminal and on the page."""

from client_sdk.dates import day_text, span_text
from client_sdk.messages import current_language, kilometres, tr
from client_sdk.mine.account import Account
from client_sdk.mine.changes import TECHNOLOGY, VERDICTS, Changes
from client_sdk.mine.release import Release
from client_sdk.operators import operator_name

TECHNOLOGIES = {"gsm": "2G", "umts": "3G", "lte": "4G", "nr": "5G"}


def said_names() -> dict[str, str]:
    """What is said of a place, in words."""
    return {
        "confirmed": tr("declared coverage confirmed", "couverture déclarée confirmée"),
        "contradicted-strong": tr("declared coverage contradicted", "couverture déclarée contredite"),
        "contradicted-moderate": tr("probably contradicted, to be confirmed", "probablement contredite, à confirmer"),
        "suspected": tr("to be checked on the spot", "à vérifier sur place"),
        "unclaimed_service": tr("service, though none is declared", "service présent, non déclaré"),
        "insufficient": tr("not enough measurements yet", "pas encore assez de mesures"),
        "unpublished": tr("not published yet", "pas encore publié"),
        "later": tr("measured after this release", "mesuré après cette publication"),
        "uncounted": tr("does not count: indoors, or without a vote", "ne compte pas : à l’intérieur, ou sans vote"),
    }


def counted(count: int, english: str, french: str) -> str:
    """A number with its noun, given as ``day|days``; French says one of none as of one."""
    one, many = tr(english, french).split("|")
    alone = count == 1 or (count == 0 and current_language() == "fr")
    return f"{count} {one if alone else many}"


def kinds_text(kinds: dict[str, int]) -> str:
    """What was done, and how often."""
    names = {
        "signal": ("reading|readings of the signal", "lecture|lectures du signal"),
        "service": ("state|states of service", "état|états du service"),
        "throughput": ("throughput test|throughput tests", "test|tests de débit"),
        "latency": ("latency test|latency tests", "test|tests de latence"),
        "web": ("web page|web pages", "page web|pages web"),
    }
    return ", ".join(counted(count, *names.get(kind, (f"{kind}|{kind}",) * 2)) for kind, count in kinds.items())


def thanks(account: Account) -> str:
    """One sentence that a person is glad to read, and nothing that is not so."""
    if not account.heap.samples:
        return tr("Nothing has arrived from this device yet.", "Rien n’est encore arrivé de cet appareil.")
    days = counted(account.heap.days, "day|days", "jour|jours")
    places = counted(len(account.hexagons), "place|places", "lieu|lieux")
    way = kilometres(account.kilometres * 1000)
    return tr(
        f"Thank you. This device measured on {days} and in {places} of 0.7 km², over {way}.",
        f"Merci. Cet appareil a mesuré pendant {days}, dans {places} de 0,7 km², sur {way}.",
    )


def totals(account: Account) -> list[str]:
    """How much, and what became of it at the collector."""
    heap = account.heap
    if heap.first_day is None or heap.last_day is None:
        return []
    samples = counted(heap.samples, "sample|samples", "relevé|relevés")
    when = span_text(heap.first_day, heap.last_day)
    return [
        tr(
            f"{samples} {when}: {kinds_text(account.kinds)}.",
            f"{samples}, {when} : {kinds_text(account.kinds)}.",
        ),
        tr(
            f"Accepted as they are: {account.accepted}; with a remark: {account.flagged}; without a vote: "
            f"{account.excluded}; rejected: {account.rejected}.",
            f"Acceptés tels quels : {account.accepted} ; avec une remarque : {account.flagged} ; sans vote : "
            f"{account.excluded} ; rejetés : {account.rejected}.",
        ),
    ]


def networks(account: Account) -> list[str]:
    """Samples by operator of the SIM and technology, a line each."""
    unknown, none = tr("unknown operator", "opérateur inconnu"), tr("no network", "aucun réseau")
    return [
        f"  {operator_name(one.operator) if one.operator else unknown}, {TECHNOLOGIES.get(one.rat or '', none)}"
        + tr(
            f": samples {one.heap.samples}, tests {one.heap.tests}, days {one.heap.days}",
            f" : relevés {one.heap.samples}, tests {one.heap.tests}, jours {one.heap.days}",
        )
        for one in account.networks
    ]


def heading(release: Release, changes: Changes) -> str:
    """Of how many of the device's places a release speaks."""
    judged, day = changes.count(*VERDICTS), day_text(release.date)
    return tr(
        f"Release of {day}, {TECHNOLOGY} service: it speaks of {judged} of the places × operators where this "
        "device is one of those that measured.",
        f"Publication du {day}, service {TECHNOLOGY} : elle parle de {judged} des lieux × opérateurs où cet "
        "appareil est un de ceux qui ont mesuré.",
    )


def verdicts(changes: Changes) -> list[str]:
    """Each verdict with the number of places of which it is said, a line each."""
    names = said_names()
    return [f"  {names[said]}{tr(':', ' :')} {count}" for said in VERDICTS if (count := changes.count(said))]


def remarks(account: Account, release: Release, changes: Changes) -> list[str]:
    """Why nothing is said of the other places, as far as public data tell."""
    lines = []
    if unpublished := changes.count("unpublished"):
        lines.append(_unpublished(account, release, unpublished))
    if later := changes.count("later"):
        lines.append(
            tr(
                f"Measured after this release’s data, to count in the next one: {later}.",
                f"Mesurés après les données de cette publication, à compter dans la suivante : {later}.",
            )
        )
    if uncounted := changes.count("uncounted"):
        lines.append(
            tr(
                f"Not for a map, being measured indoors, nobody knows where, or without a vote: {uncounted}.",
                f"Hors de la carte, car mesurés à l’intérieur, on ne sait où, ou sans vote : {uncounted}.",
            )
        )
    if release.synthetic:
        lines.append(
            tr(
                "Synthetic data: nothing in this release describes a real network.",
                "Données synthétiques : rien dans cette publication ne décrit un réseau réel.",
            )
        )
    return lines


def _unpublished(account: Account, release: Release, count: int) -> str:
    if account.tier != "volunteer":
        return tr(
            f"Not in this release, being outside its territory or not usable: {count}.",
            f"Absents de cette publication, car hors de son territoire ou inutilisables : {count}.",
        )
    return tr(
        f"Not published yet: {count}. Nothing is shown where fewer than {release.k} volunteers’ phones measured, so "
        f"that nobody can be recognised: beside this one, at most {release.k - 1} more are needed there as a rule.",
        f"Pas encore publiés : {count}. Rien n’est montré là où moins de {release.k} téléphones de volontaires ont "
        f"mesuré, pour que personne ne soit reconnu : avec celui-ci, il en faut en général au plus {release.k - 1} "
        "autres.",
    )
