"""What `maille demo` prints at its end: what was found, beside what is true."""

from typing import Any

from aggregator.demo import DemoOutcome
from aggregator.synthetic import label
from client_sdk.messages import kilometres, tr
from client_sdk.operators import operator_name


def print_report(outcome: DemoOutcome) -> None:
    """Tables on standard output."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    sent = outcome.sent
    console.print(
        tr(
            f"{sent.phones} phones sent {sent.samples} samples in {sent.envelopes} signed envelopes; "
            f"{sent.rejected} rejected.",
            f"{sent.phones} téléphones ont envoyé {sent.samples} relevés en {sent.envelopes} enveloppes signées ; "
            f"{sent.rejected} refusé{'s' if sent.rejected > 1 else ''}.",
        )
    )
    table = Table(
        title=tr(
            "4G service: verdicts on a hexagon and an operator, beside the truth that only the generator knows",
            "Service 4G : verdicts par hexagone et opérateur, face à la vérité que seul le générateur connaît",
        ),
        caption=tr(
            "truth: a test outdoors fails in ≥ 25 % of cases (bad), 5–25 % (mild), ≤ 5 % (good)",
            "vérité : un test en extérieur échoue dans ≥ 25 % des cas (mauvais), 5–25 % (médiocre), ≤ 5 % (bon)",
        ),
    )
    table.add_column(tr("verdict", "verdict"), min_width=14)
    table.add_column(tr("found", "trouvés"), justify="right")
    table.add_column(tr("truly bad", "mauvais"), justify="right")
    table.add_column(tr("mild", "médiocre"), justify="right")
    table.add_column(tr("good", "bon"), justify="right")
    table.add_column(tr("off roads", "hors routes"), justify="right")
    for row in outcome.verdicts:
        figures = (str(row[name]) for name in ("hexagons", "bad", "mild", "good", "elsewhere"))
        table.add_row(_verdict(row), *figures)
    console.print(table)

    zones = Table(title=tr("Candidate zones: places to look at", "Zones candidates : lieux à examiner"))
    zones.add_column(tr("rank", "rang"), justify="right")
    zones.add_column(tr("near", "près de"))
    zones.add_column(tr("people", "habitants"), justify="right")
    zones.add_column(tr("operators missing", "opérateurs absents"))
    zones.add_column(tr("truth: a dead zone of the generator", "vérité : une zone blanche du générateur"))
    for zone in outcome.zones:
        away = "–" if zone["dead_zone_m"] is None else kilometres(zone["dead_zone_m"])
        inside = tr("inside, ", "dedans, à ") if zone["in_dead_zone"] else tr("none within 4 km, ", "aucune à 4 km, à ")
        names = ", ".join(map(operator_name, zone["operators"]))
        zones.add_row(str(zone["rank"]), zone["name"], str(zone["people"]), names, inside + away)
    console.print(zones)
    console.print(
        tr(
            f"Of the generator's {outcome.dead_zones} dead zones, mostly declared covered, "
            f"{outcome.dead_zones_contradicted} are contradicted and {outcome.dead_zones_found} lie in a candidate "
            "zone. Zones also count what operators do not declare, which may hold more people; a weight leaves that "
            "out (undeclared = 0).",
            f"Des {outcome.dead_zones} zones blanches du générateur, déclarées couvertes pour la plupart, "
            f"{outcome.dead_zones_contradicted} sont contredites et {outcome.dead_zones_found} sont dans une zone "
            "candidate. Les zones comptent aussi ce que les opérateurs ne déclarent pas, parfois plus peuplé ; un "
            "poids l'écarte (undeclared = 0).",
        )
    )
    data, release = outcome.folder.data, outcome.release
    console.print(tr(f"Release: {release}", f"Publication : {release}"), soft_wrap=True)
    console.print(
        tr(f"Map: maille serve --data {data}", f"Carte : maille serve --data {data}"), soft_wrap=True, highlight=False
    )
    console.print(label(), style="bold yellow")


def _verdict(row: dict[str, Any]) -> str:
    return {
        ("contradicted", "strong"): tr("contradicted, strong", "contredite"),
        ("contradicted", "moderate"): tr("contradicted, moderate", "probablement contredite, à confirmer"),
        ("suspected", ""): tr("suspected: to be checked on the spot", "à vérifier sur place"),
        ("confirmed", ""): tr("confirmed", "confirmée"),
        ("unclaimed_service", ""): tr("service, not claimed", "service présent, non déclaré"),
        ("insufficient", ""): tr("insufficient data", "données insuffisantes"),
    }[row["verdict"], row["strength"]]
