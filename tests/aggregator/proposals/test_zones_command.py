"""`maille zones` and `maille zones decide`, on a small territory."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest
from typer.testing import CliRunner

from aggregator.commands.zones import commands
from aggregator.evidence.claims_table import ClaimSource, replace_claims
from aggregator.judgement.comparison import VERDICTS, write_verdicts
from aggregator.proposals.decisions import read_decisions
from client_sdk.errors import MailleError
from client_sdk.messages import use_language

Around = Callable[[float, float, int], list[int]]

COSSAYE = (46.7722, 3.4817)
TREVOL = (46.6281, 3.3061)


@pytest.fixture
def data(
    communes: gpd.GeoDataFrame, around: Around, verdict_row: Callable[..., dict[str, object]], tmp_path: Path
) -> Path:
    """One operator that declares nothing near Cossaye and Trévol, one hexagon of which was measured."""
    use_language("en")
    cells = sorted({cell for place in (COSSAYE, TREVOL) for cell in around(*place, 9)})
    holes = {cell for place in (COSSAYE, TREVOL) for cell in around(*place, 3)}
    rows = pd.DataFrame({"h3_r8": [cell for cell in cells if cell not in holes], "declared_share": 1.0})
    rows = rows.assign(operator="20801", technology="4G", usage="data", level="")
    named = {"quarter": "2026_T3", "file": "f.gpkg", "file_sha256": "0" * 64, "source": "Arcep", "licence": "L"}
    source = ClaimSource(operator="20801", technology="4G", usage="data", bounded=True, **named)
    replace_claims(tmp_path / "claims", rows, [source], known=pd.Series(cells).to_numpy())
    (tmp_path / "territory").mkdir()
    communes.to_parquet(tmp_path / "territory" / "communes.parquet")
    one = pd.DataFrame([verdict_row(cells[0], "confirmed")])
    write_verdicts(one.reindex(columns=VERDICTS.names).astype({"held_since": object}), tmp_path / "judgement")
    return tmp_path


def run(data: Path, *words: str) -> Any:
    done = CliRunner().invoke(commands, [*words, "--data", str(data), "--json"])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return json.loads(done.output)


def test_zones_are_listed_with_what_a_team_wants_and_decisions_are_followed(data: Path) -> None:
    told = run(data, "--count", "2", "--exact")
    first, second = told["zones"]
    assert (first["rank"], first["operators_missing"], first["evidence_class"]) == (1, 1, "A")
    assert first["nearest_site_m"] is None
    assert told["choice"]["exact"]["proven"] is True
    assert told["choice"]["exact"]["held"] >= told["choice"]["exact"]["greedy_held"]

    made = run(data, "decide", first["zone_id"], "set-aside", "--reason", "site annoncé", "--note", "vu le 3 mars")
    assert (made["decision"], made["reason"], made["name"]) == ("set-aside", "site annoncé", first["name"])
    (kept,) = read_decisions(data)
    assert kept.latitude is not None
    again = run(data, "--count", "2")["zones"]
    assert [zone["decision"] for zone in again] == ["", "", "set-aside"]
    assert (again[0]["zone_id"], again[2]["zone_id"], again[2]["rank"]) == (second["zone_id"], first["zone_id"], 0)

    run(data, "decide", again[1]["zone_id"], "merged", "--into", second["zone_id"])
    run(data, "decide", first["zone_id"], "open", "--answer", "Orange : étude en cours")
    merged = run(data, "--count", "1")["zones"]
    assert merged[0]["zone_id"] == second["zone_id"]
    assert merged[0]["merged"] == again[1]["zone_id"]
    assert merged[0]["decision"] == "kept"
    kept = run(data, "decide", second["zone_id"], "kept")
    assert kept["name"] == second["name"]
    assert run(data, "--count", "1")["zones"][0]["name"] == merged[0]["name"]
    opened = {one.zone_id: one for one in read_decisions(data)}[first["zone_id"]]
    assert (opened.decision, opened.note, opened.operator_answer) == ("open", "vu le 3 mars", "Orange : étude en cours")


def test_the_list_for_people_is_in_their_language(data: Path) -> None:
    use_language("fr")
    shown = CliRunner().invoke(commands, ["--count", "1", "--radius-km", "3", "--data", str(data)])
    assert shown.exit_code == 0, shown.output
    assert "1 opérateur manquant, 0 téléphone, 0 journée, classe A" in shown.output
    assert "du meilleur choix possible" in shown.output


def test_a_decision_may_be_said_in_french(data: Path) -> None:
    zone = run(data, "--count", "1")["zones"][0]["zone_id"]
    use_language("fr")
    for word, kind in (("gardée", "kept"), ("écartée", "set-aside"), ("ouverte", "open")):
        words = ["decide", zone, word, "--reason", "site annoncé", "--data", str(data)]
        shown = CliRunner().invoke(commands, words)
        assert shown.output == f"{data / 'decisions.csv'} : {zone} {word}\n"
        assert [one.decision for one in read_decisions(data)] == [kind]


def test_weights_of_a_file_are_used_and_recorded(data: Path, tmp_path: Path) -> None:
    plain = run(data, "--count", "1")["zones"][0]["unmet_people"]
    (tmp_path / "w.toml").write_text("person = 2.0\n")
    doubled = run(data, "--count", "1", "--weights", str(tmp_path / "w.toml"))["zones"][0]["unmet_people"]
    assert doubled == pytest.approx(2 * plain, abs=0.2)
    recorded = json.loads((data / "proposals" / "parameters.json").read_text())
    assert recorded["weights"]["person"] == 2.0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("58-nowhere", "kept"), "ZONE 58-nowhere is not proposed; known zones: 58-"),
        (("ZONE", "set-aside"), "reason is empty, expected why the zone is set aside"),
        (("ZONE", "merged"), "into is '', expected the zone_id of another zone"),
    ],
)
def test_a_decision_that_cannot_be_followed_is_refused_and_nothing_written(
    words: tuple[str, ...], message: str, data: Path
) -> None:
    zone = run(data, "--count", "1")["zones"][0]["zone_id"]
    with pytest.raises(MailleError, match=message):
        run(data, "decide", *(zone if word == "ZONE" else word for word in words))
    assert not (data / "decisions.csv").exists()
