"""`maille zones`: propose candidate zones, and write down what the team decides about them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from aggregator.commands.options import Departement, Outline, Technology, Threshold, data_directory, territory_given
from client_sdk.commands.terminal import Json, answer, progress_bar
from client_sdk.errors import MailleError
from client_sdk.messages import counted, kilometres, rounded, tr
from collector.options import Data

if TYPE_CHECKING:
    from aggregator.proposals.areas import Choice

commands = typer.Typer(invoke_without_command=True)

SHOWN = [
    *(
        "rank",
        "zone_id",
        "name",
        "communes",
        "people",
        "unmet_people",
        "evidenced_people",
        "contradicted",
        "suspected",
        "operators_missing",
    ),
    *("devices", "device_days", "evidence_class", "nearest_site_m", "nearest_planned_m", "dcc_near", "decision"),
    "merged",
]


@commands.callback()
def zones(
    context: typer.Context,
    count: Annotated[int, typer.Option(min=1, max=1000, help=tr("Zones at most.", "Nombre maximal de zones."))] = 10,
    radius_km: Annotated[float, typer.Option(min=0.5, max=50, help=tr("Radius of a zone.", "Rayon d’une zone."))] = 4.0,
    technology: Technology = "4G",
    threshold: Threshold = "service",
    weights: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help=tr(
                "TOML file of weights (weights.toml in the data directory).",
                "Fichier TOML de poids (weights.toml du dossier de données).",
            ),
        ),
    ] = None,
    exact: Annotated[
        bool,
        typer.Option(
            "--exact",
            help=tr(
                "Also look for the best zones by integer programming, and say how far the greedy ones are.",
                "Chercher aussi les meilleures zones par programmation en nombres entiers, et dire l’écart.",
            ),
        ),
    ] = False,
    exact_seconds: Annotated[
        float, typer.Option(min=1, max=86_400, help=tr("Time allowed for --exact.", "Temps accordé à --exact."))
    ] = 120.0,
    departement: Departement = None,
    outline: Outline = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """From every verdict, for the project team; `publish` then proposes what may be public, the same way."""
    if context.invoked_subcommand:
        return
    from aggregator import pipeline
    from aggregator.only_run import only_run
    from aggregator.proposals.parameters import ZoneParameters, weights_of
    from aggregator.proposals.writing import members_of

    folder = data_directory(data)
    parameters = ZoneParameters(
        count=count,
        radius_m=1000 * radius_km,
        technology=technology,
        threshold=threshold,
        weights=weights_of(folder, weights),
        exact=exact,
        exact_seconds=exact_seconds,
    )
    choices: list[Choice] = []
    territory = territory_given(folder, departement, outline)
    with only_run(folder), progress_bar(as_json) as progress:
        proposed = pipeline.propose(
            folder, parameters, territory=territory, progress=progress, tell_choice=choices.append
        )
    rows = [
        {str(name): None if value != value else value for name, value in zone.items()}
        for zone in proposed[SHOWN].astype(object).to_dict("records")
    ]
    lines = _lines(rows) or [tr("No zone: no unmet demand found.", "Aucune zone.")]
    answer(
        as_json,
        {"zones": rows, "choice": members_of(choices[0], parameters)},
        "\n".join([*lines, *_told(choices[0])]),
    )


@commands.command(help=tr("Write down a decision about a zone.", "Noter une décision sur une zone."))
def decide(
    zone: Annotated[
        str, typer.Argument(metavar="ZONE", help=tr("Its identifier, as listed.", "Son identifiant, tel que listé."))
    ],
    decision: Annotated[
        Literal["kept", "set-aside", "merged", "open", "gardée", "écartée", "fusionnée", "ouverte"],
        typer.Argument(
            help=tr(
                "kept; set-aside, with --reason; merged, with --into; open: a note or an answer alone. In French too.",
                "gardée (kept) ; écartée (set-aside), avec --reason ; fusionnée (merged), avec --into ; "
                "ouverte (open) : une note ou une réponse seule.",
            )
        ),
    ],
    reason: Annotated[str, typer.Option(help=tr("Why it is set aside.", "Pourquoi elle est écartée."))] = "",
    note: Annotated[str, typer.Option(help=tr("Anything to remember.", "Tout ce qui est à retenir."))] = "",
    operator_answer: Annotated[
        str, typer.Option("--answer", help=tr("What an operator said.", "Ce qu’un opérateur a répondu."))
    ] = "",
    into: Annotated[
        str, typer.Option(help=tr("Zone it is merged into.", "Zone dans laquelle elle est fusionnée."))
    ] = "",
    data: Data = None,
    as_json: Json = False,
) -> None:
    """In decisions.csv of the data directory, which any spreadsheet opens; the next `maille zones` follows it."""
    from dataclasses import asdict
    from datetime import datetime

    import geopandas as gpd

    from aggregator.proposals.decisions import FILE, WORDS, Decision, own_name, read_decisions
    from aggregator.proposals.decisions import decide as write_decision

    folder = data_directory(data)
    file = folder / "proposals" / "zones.parquet"
    proposed = gpd.read_parquet(file) if file.exists() else None
    known = {one.zone_id for one in read_decisions(folder)} | set(() if proposed is None else proposed["zone_id"])
    for name in filter(None, (zone, into)):
        if name not in known:
            listed = ", ".join(sorted(known)) or tr("none yet: run `maille zones`", "aucune : lancez `maille zones`")
            raise MailleError(
                tr(
                    f"ZONE {name} is not proposed; known zones: {listed}",
                    f"ZONE {name} inconnue ; zones connues : {listed}",
                )
            )
    row: dict[Any, Any] = (
        {} if proposed is None else next(iter(proposed[proposed["zone_id"] == zone].to_dict("records")), {})
    )
    made = Decision(
        zone_id=zone,
        decision=WORDS[decision],
        reason=reason,
        note=note,
        operator_answer=operator_answer,
        into=into,
        name=own_name(row) if row else "",
        latitude=row.get("latitude"),
        longitude=row.get("longitude"),
        decided_on=datetime.now().astimezone().date().isoformat(),
    )
    folder.mkdir(parents=True, exist_ok=True)
    written = next(one for one in write_decision(folder, made) if one.zone_id == zone)
    kind = written.decision
    answer(as_json, asdict(written), f"{folder / FILE}{tr(':', ' :')} {zone} {tr(kind, _IN_FRENCH[kind])}")


_IN_FRENCH = {"kept": "gardée", "set-aside": "écartée", "merged": "fusionnée", "open": "ouverte", "": ""}


def _lines(zones: list[dict[str, Any]]) -> list[str]:
    """Zones by rank, those of class C under a heading of their own."""
    proposed = [_line(zone) for zone in zones if zone["evidence_class"] != "C" or zone["decision"]]
    first = [_line(zone) for zone in zones if zone["evidence_class"] == "C" and not zone["decision"]]
    heading = tr(
        "To be measured first, for want of evidence (class C; see `maille missions`):",
        "À mesurer d’abord, faute de preuves (classe C ; voir `maille missions`) :",
    )
    return [*proposed, heading, *first] if first else proposed


def _line(zone: dict[str, Any]) -> str:
    """What a project team wants of one zone."""
    parts = [
        f"{zone['rank'] or '–':>3}  {zone['zone_id']}  {zone['name']} ({zone['communes']})",
        rounded(zone["people"], 0) + tr(" people", " habitants"),
        counted(zone["operators_missing"], "operator(s) lacking", "opérateur(s) manquant(s)"),
        counted(zone["devices"], "phone(s)", "téléphone(s)"),
        counted(zone["device_days"], "day(s)", "journée(s)"),
        tr("class ", "classe ") + str(zone["evidence_class"]),
    ]
    if zone["nearest_site_m"] is not None:
        parts.append(tr("site at ", "site à ") + kilometres(zone["nearest_site_m"]))
    if zone["nearest_planned_m"] is not None:
        parts.append(tr("planned site at ", "site prévu à ") + kilometres(zone["nearest_planned_m"]))
    if zone["dcc_near"]:
        parts.append(counted(zone["dcc_near"], "DCC point(s) decided", "point(s) DCC décidé(s)"))
    if zone["decision"]:
        parts.append(tr(zone["decision"], _IN_FRENCH[zone["decision"]]))
    return ", ".join(parts)


def _told(choice: "Choice") -> list[str]:
    """How good the choice is, for those who ask."""
    share = f"{100 * choice.chosen.guarantee:.0f} %"
    if choice.exact is None:
        return [tr(f"At least {share} of the best choice of as many.", f"Au moins {share} du meilleur choix possible.")]
    greedy = f"{rounded(100 * choice.exact.greedy_total / max(choice.chosen.total, 1e-9))} %"
    if choice.exact.proven:
        return [
            tr(
                f"No choice is better; the greedy one has {greedy} of it.",
                f"Aucun choix meilleur ; le glouton : {greedy}.",
            )
        ]
    return [
        tr(
            f"Time ran out: at least {share} of the best choice; the greedy one has {greedy} of this one.",
            f"Temps écoulé : au moins {share} du meilleur choix ; le glouton a {greedy} de celui-ci.",
        )
    ]
