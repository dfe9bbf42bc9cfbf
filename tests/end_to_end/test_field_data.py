"""Real files of four publishers go down the whole path and come out as a survey."""

import json
from pathlib import Path

import geopandas
import pandas as pd
import pyarrow.parquet as pq
import pytest

from aggregator.evidence.claims import read_claim_sources, read_claims
from aggregator.evidence.territory import read_communes, read_sites
from aggregator.field_data import walk


@pytest.mark.field_data
def test_real_files_become_a_published_survey(field_data: Path, tmp_path: Path) -> None:
    outcome = walk(field_data, tmp_path / "out")

    # 484 web tests and one drive log, all stored
    campaign, drive = outcome.samples.items()
    assert campaign[1] == 484
    assert drive[1] > 1000
    assert (outcome.stored, outcome.rejected) == (campaign[1] + drive[1], 0)

    # the archive keeps what each file was, and the tier of who imported it
    data = outcome.folder.data
    archive = pq.read_table(sorted((data / "archive").glob("*/samples.parquet"))).to_pandas()
    assert set(archive["tier"]) == {"field_team"}
    web = archive[archive["import_format"] == "arcep-qos"]
    assert len(web) == 484
    assert set(web["kind"]) == {"web"}
    assert set(web["sim_plmn"]) == {"20801", "20810", "20815", "20820"}
    assert {instant.date().isoformat() for instant in web["measured_at"]} == {"2025-06-15"}
    log = archive[archive["import_format"] == "gnettrack"]
    assert set(log["sim_plmn"]) == {"27203"}
    assert log["download_bps"].isna().all()  # traffic is no test
    assert log["observed_download_bps"].notna().any()
    assert log["lte_rsrp_dbm"].min() > -141  # the sentinel −200 was left out

    # Bremen's declarations are claims, its communes and sites are the territory
    claims = read_claims(data / "claims")
    assert set(claims["operator"]) == {"26201", "26202", "26203"}
    assert {source.source for source in read_claim_sources(data / "claims")} == {"Bundesnetzagentur"}
    communes, sites = read_communes(data / "territory"), read_sites(data / "territory")
    assert set(communes["outline_kind"]) == {"official"}
    assert sites is not None
    assert len(sites) == outcome.sites > 8000

    # the train line is drawn through its own tests; where nothing is declared, nothing is concluded
    strip = pd.read_csv(data / "corridors" / "railways" / "corridors.csv", sep=";")
    assert outcome.strip.stat().st_size > 10_000
    assert set(strip["operator"].astype(str)) == {"20801", "20810", "20815", "20820"}
    assert (strip["unknown_km"] == strip["length_km"]).all()
    assert (strip["measured_unknown_km"] > 50).all()

    # the release shows every hexagon measured, as a survey, and never as the crowd's
    hexagons = geopandas.read_parquet(outcome.release / "hexagons.parquet")
    assert set(hexagons["evidence"]) == {"survey"}
    assert set(hexagons["resolution"]) == {8}
    assert set(hexagons["operator"]) == {"20801", "20810", "20815", "20820", "27203"}
    service = hexagons[(hexagons["technology"] == "4G") & (hexagons["threshold"] == "service")]
    assert service.loc[service["operator"] != "27203", "tests"].sum() > 0
    manifest = json.loads((outcome.release / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["synthetic"] is False
    assert manifest["date"] == "2025-06-15"
    assert any("Arcep" in line for line in manifest["attributions"])
    assert any("Bundesnetzagentur" in line for line in manifest["attributions"])

    # nothing was written where the files are
    assert not (field_data / "maille-demo.json").exists()
