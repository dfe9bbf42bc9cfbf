"""`maille breach`: a field team's success rate over an area large enough for one to be promised."""

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from aggregator.commands.options import Departement, Outline, data_directory
from client_sdk.commands.terminal import Json, answer
from client_sdk.messages import tr
from collector.options import Data

if TYPE_CHECKING:
    from shapely import MultiPolygon, Polygon


def breach(
    departement: Departement = None,
    commune: Annotated[
        list[str] | None,
        typer.Option(
            help=tr("INSEE code of a commune; give it for each of a group.", "Code INSEE ; une fois par commune."),
            metavar="CODE",
        ),
    ] = None,
    outline: Outline = None,
    technology: Annotated[
        Literal["2G", "3G", "4G", "5G"], typer.Option(help=tr("Technology tested.", "Technologie testée."))
    ] = "4G",
    last_day: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help=tr("End of the 12 months that count.", "Fin des 12 mois qui comptent."),
        ),
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """From what `aggregate` left; the crowd's tests are not counted."""
    from dataclasses import asdict

    import pyarrow.parquet as pq

    from aggregator.evidence.claims import read_claims
    from aggregator.evidence.ledger import CAPABILITY, LEDGER
    from aggregator.judgement.breach import area_km2, breach_figures
    from aggregator.judgement.breach_words import breach_sentence
    from aggregator.judgement.excused import read_excused
    from aggregator.judgement.votes import last_day_in

    folder = data_directory(data)
    area = _area(folder, departement, commune or [], outline)
    evidence = folder / "evidence"
    _require_evidence(evidence)
    figures = breach_figures(
        pq.read_table(evidence / "ledger.parquet", schema=LEDGER).to_pandas(),
        pq.read_table(evidence / "capability.parquet", schema=CAPABILITY).to_pandas(),
        read_claims(folder / "claims"),
        area,
        last_day=last_day.date() if last_day else last_day_in(evidence) or date.min,
        technology=technology,
        excused=read_excused(folder),
    )
    rows = [
        {**asdict(figure), "sentence_en": breach_sentence(figure, "en"), "sentence_fr": breach_sentence(figure, "fr")}
        for figure in figures
    ]
    text = "\n".join(tr(row["sentence_en"], row["sentence_fr"]) for row in rows)
    nobody = tr(f"No operator's {technology} coverage was imported.", f"Aucune couverture {technology} importée.")
    answer(as_json, {"area_km2": area_km2(area), "technology": technology, "figures": rows}, text or nobody)


def _require_evidence(evidence: Path) -> None:
    from client_sdk.errors import MailleError

    if not (evidence / "ledger.parquet").exists():
        raise MailleError(
            tr(
                f"{evidence}: no evidence yet, run `maille aggregate`",
                f"{evidence} : rien encore, lancez `maille aggregate`",
            )
        )


def _area(
    folder: Path, departement: list[str] | None, communes: list[str], outline: Path | None
) -> "Polygon | MultiPolygon":
    """The area asked for, in WGS 84.

    Raises:
        MailleError: not exactly one was asked for, or it is not known.
    """
    import shapely
    from shapely import MultiPolygon, Polygon

    from aggregator.evidence.outline import shape_of
    from aggregator.evidence.territory import read_communes
    from client_sdk.errors import MailleError

    if sum(map(bool, (departement, communes, outline))) != 1:
        raise MailleError(
            tr(
                "expected one of --departement, --commune and --outline",
                "attendu : --departement, --commune ou --outline, un seul",
            )
        )
    if not communes:
        shape = shape_of(folder, departement, outline)
        assert shape is not None  # one of the two is given
        return shape
    known = read_communes(folder / "territory")
    missing = sorted(set(communes) - set(known["insee_com"]))
    if missing:
        raise MailleError(tr(f"--commune {missing[0]}: not imported", f"--commune {missing[0]} : pas importée"))
    union = shapely.union_all(known.geometry[known["insee_com"].isin(communes)].to_numpy())
    assert isinstance(union, Polygon | MultiPolygon)
    return union
