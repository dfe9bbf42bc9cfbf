"""Roads decide what is claimed, and a release that rests on them comes out again."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
from h3.api import basic_int as h3

from aggregator.evidence.accessible import accessible_digests, outdated_sources, read_accessible
from aggregator.evidence.claims import import_coverage, read_claim_sources, read_claims
from aggregator.evidence.hexagons import LAMBERT_93, outlines
from aggregator.evidence.layout import read_layout
from aggregator.evidence.lines import import_roads
from aggregator.judgement.basis import record_basis
from aggregator.judgement.comparison import compare, read_verdicts, write_verdicts
from aggregator.judgement.votes import cast_votes
from aggregator.publication.release import publish
from aggregator.publication.verifying import verify

NAME = "2026_T3_couv_Metropole_OF_4G_data"


def test_a_release_with_roads_is_made_again_from_its_claims(
    data: Path, ledger: pd.DataFrame, tmp_path: Path, hexagon: dict[str, int]
) -> None:
    copy = tmp_path / "data"
    shutil.copytree(data, copy, ignore=shutil.ignore_patterns("releases", "team-releases", "publication", "claims"))
    hole = hexagon["hole"]
    (shape,) = outlines(np.array([hole]), LAMBERT_93)
    disk = outlines(np.array(h3.grid_disk(hole, 40)), LAMBERT_93)
    west, south, east, north = gpd.GeoSeries(disk).total_bounds
    x, y = shape.centroid.x, shape.centroid.y
    file, layer = tmp_path / f"{NAME}.gpkg", tmp_path / "roads.gpkg"
    fields = {"operateur": 20801, "date": "2026-09-30", "techno": "4G", "usage": "data", "niveau": "CL", "dept": "58"}
    everywhere = gpd.GeoSeries.from_wkt(
        [f"POLYGON(({west} {south},{east} {south},{east} {north},{west} {north},{west} {south}))"]
    )
    narrow = gpd.GeoSeries.from_xy([x], [y]).buffer(150)
    gpd.GeoDataFrame([fields], geometry=everywhere.difference(narrow), crs=LAMBERT_93).to_file(file, layer=NAME)
    road = gpd.GeoSeries.from_wkt([f"LINESTRING({x - 140} {y},{x + 140} {y})"])
    gpd.GeoDataFrame({"ref": ["D1"]}, geometry=road, crs=LAMBERT_93).to_file(layer)

    def judged() -> pd.Series:
        accessible = read_accessible(copy / "territory")
        import_coverage(file, copy / "claims", read_layout("arcep"), accessible=accessible)
        write_verdicts(compare(cast_votes(copy / "evidence"), read_claims(copy / "claims")), copy / "judgement")
        record_basis(copy, ledger["day"].max(), 365)
        verdicts = read_verdicts(copy / "judgement")
        own = (verdicts["h3_r8"] == hole) & (verdicts["operator"] == "20801") & (verdicts["threshold"] == "service")
        return verdicts[own & (verdicts["technology"] == "4G") & (verdicts["evidence"] == "crowd")].iloc[0]

    before = judged()
    assert (before["verdict"], before["claimed"], before["accessible"]) == ("contradicted", True, False)
    bare = publish(copy)
    import_roads(layer, copy / "territory")
    assert outdated_sources(copy)
    after = judged()
    assert (after["verdict"], after["claimed"], after["accessible"]) == ("insufficient", False, True)
    assert after["declared_share"] == 0.0
    release = publish(copy)
    assert release.name != bare.name
    assert verify(release, copy).holds
    told = json.loads((release / "manifest.json").read_text(encoding="utf-8"))
    assert told["claim_sources"][0].items() >= accessible_digests(copy / "territory").items()
    (source,) = read_claim_sources(copy / "claims")
    changed = json.dumps([{**told["claim_sources"][0], "roads_sha256": "0" * 64}])
    (copy / "claims/sources.json").write_text(changed, encoding="utf-8")
    assert outdated_sources(copy) == [replace(source, roads_sha256="0" * 64)]
    assert any("claims/sources.json" in reason for reason in verify(release, copy).reasons)
