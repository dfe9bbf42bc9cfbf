"""How an account and what became of it are said to people, on the terminal and on the page."""

from client_sdk.messages import kilometres, tr
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


def kind_names() -> dict[str, str]:
    """What was done, in words."""
    return {
        "signal": tr("readings of the signal", "lectures du signal"),
        "service": tr("states of service", "états du service"),
        "throughput": tr("throughput tests", "tests de débit"),
        "latency": tr("latency tests", "tests de latence"),
        "web": tr("web pages", "pages web"),
    }


def thanks(account: Account) -> str:
    """One sentence that a person is glad to read, and nothing that is not so."""
    if not account.heap.samples:
        return tr("Nothing has arrived from this device yet.", "Rien n’est encore arrivé de cet appareil.")
    return tr(
        f"Thank you. This device measured on {account.heap.days} days and in {len(account.hexagons)} places of "
        f"0.7 km², over {kilometres(account.kilometres * 1000)}.",
        f"Merci. Cet appareil a mesuré {account.heap.days} jours, en {len(account.hexagons)} lieux de 0,7 km², sur "
        f"{kilometres(account.kilometres * 1000)}.",
    )


def totals(account: Account) -> list[str]:
    """How much, and what became of it at the collector."""
    heap, names = account.heap, kind_names()
    if not heap.samples:
        return []
    kinds = ", ".join(f"{count} {names.get(kind, kind)}" for kind, count in account.kinds.items())
    return [
        tr(
            f"{heap.samples} samples from {heap.first_day} to {heap.last_day}: {kinds}.",
            f"{heap.samples} relevés, du {heap.first_day} au {heap.last_day} : {kinds}.",
        ),
        tr(
            f"{account.accepted} accepted as they are, {account.flagged} accepted with a remark, {account.excluded} "
            f"without a vote, {account.rejected} rejected.",
            f"{account.accepted} acceptés tels quels, {account.flagged} acceptés avec une remarque, "
            f"{account.excluded} sans vote, {account.rejected} rejetés.",
        ),
    ]


def networks(account: Account) -> list[str]:
    """Samples by operator of the SIM and technology, a line each."""
    unknown, none = tr("unknown operator", "opérateur inconnu"), tr("no network", "aucun réseau")
    return [
        f"  {operator_name(one.operator) if one.operator else unknown}, {TECHNOLOGIES.get(one.rat or '', none)}"
        + tr(
            f": {one.heap.samples} samples, {one.heap.tests} of them tests, on {one.heap.days} days",
            f" : {one.heap.samples} relevés, dont {one.heap.tests} tests, en {one.heap.days} jours",
        )
        for one in account.networks
    ]


def outcome(account: Account, release: Release, changes: Changes) -> list[str]:
    """What the release says where this device measured, one sentence a line; only what public data tell."""
    names, judged = said_names(), changes.count(*VERDICTS)
    lines = [
        tr(
            f"Release of {release.date}, {TECHNOLOGY} service: it speaks of {judged} of the places × operators where "
            "this device is one of those that measured.",
            f"Publication du {release.date}, service {TECHNOLOGY} : elle parle de {judged} des lieux × opérateurs où "
            "cet appareil est un de ceux qui ont mesuré.",
        )
    ]
    lines += [f"  {names[said]}{tr(':', ' :')} {count}" for said in VERDICTS if (count := changes.count(said))]
    if unpublished := changes.count("unpublished"):
        lines.append(_unpublished(account, release, unpublished))
    if later := changes.count("later"):
        lines.append(
            tr(
                f"{later} were measured after this release’s data: they can count in the next one.",
                f"{later} ont été mesurés après les données de cette publication : ils peuvent compter dans la "
                "suivante.",
            )
        )
    if uncounted := changes.count("uncounted"):
        lines.append(
            tr(
                f"{uncounted} do not count for a map: measured indoors, or nobody knows where, or without a vote.",
                f"{uncounted} ne comptent pas pour la carte : mesurés à l’intérieur, ou on ne sait où, ou sans vote.",
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
            f"{count} are not in this release: outside its territory, or not usable.",
            f"{count} ne sont pas dans cette publication : hors de son territoire, ou inutilisables.",
        )
    return tr(
        f"{count} are not published yet. Nothing is shown where fewer than {release.k} volunteers’ phones measured, so "
        f"that nobody can be recognised: beside this one, at most {release.k - 1} more are needed there as a rule.",
        f"{count} ne sont pas encore publiés. Rien n’est montré là où moins de {release.k} téléphones de bénévoles ont "
        f"mesuré, pour que personne ne soit reconnu : avec celui-ci, il en faut en général au plus {release.k - 1} "
        "autres.",
    )
