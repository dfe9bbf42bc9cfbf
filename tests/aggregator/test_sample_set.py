"""The synthetic samples: an archive on which the whole path runs, with its truth and its description."""

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from aggregator import pipeline
from aggregator.demo import make_samples
from aggregator.synthetic.sample_set import SampleSet
from aggregator.synthetic.world import Scenario
from client_sdk.sample import FIELDS

SCENARIO = Scenario(seed=5, volunteers=2)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> SampleSet:
    return make_samples(tmp_path_factory.mktemp("samples") / "out", SCENARIO)


def test_the_same_seed_gives_the_same_bytes(made: SampleSet, tmp_path: Path) -> None:
    again = make_samples(tmp_path / "again", SCENARIO)
    files = [file.relative_to(made.folder) for file in sorted(made.folder.rglob("*")) if file.is_file()]
    assert files == [file.relative_to(again.folder) for file in sorted(again.folder.rglob("*")) if file.is_file()]
    assert [name for name in files if (made.folder / name).read_bytes() != (again.folder / name).read_bytes()] == []
    assert {file.suffix for file in files} == {".parquet", ".json", ".gz", ".csv", ".md"}
    assert made.size_bytes < 5e6


def test_csv_and_archive_hold_the_same_samples(made: SampleSet) -> None:
    months = sorted(made.folder.glob("archive/*/*.parquet"))
    archive = pd.concat([pd.read_parquet(month) for month in months], ignore_index=True)
    told = pd.read_csv(made.folder / "samples.csv.gz", dtype={"sim_plmn": str, "serving_plmn": str})
    assert len(told) == len(archive) == made.samples > 0
    assert told["id"].tolist() == archive["id"].tolist()
    assert set(archive.columns) - set(told.columns) == set(archive.columns[archive.isna().all()])
    assert set(told["device_model"]) == {"synthetic"}
    assert (
        pd.to_datetime(told["measured_at"]).astype("int64").tolist()
        == pd.to_datetime(archive["measured_at"], utc=True)
        .astype(pd.to_datetime(told["measured_at"]).dtype)
        .astype("int64")
        .tolist()
    )


def test_every_column_is_described_by_the_vocabulary(made: SampleSet) -> None:
    package = json.loads((made.folder / "datapackage.json").read_text(encoding="utf-8"))
    assert package["description"].startswith("SYNTHETIC")
    assert (made.folder / "README.md").read_text(encoding="utf-8").count("SYNTH") == 2
    for resource in package["resources"]:
        for field in resource["schema"]["fields"]:
            assert field["description"], field["name"]
    fields = {field["name"]: field for field in package["resources"][-1]["schema"]["fields"]}
    assert set(FIELDS) <= set(fields)
    assert (fields["lte_rsrp_dbm"]["type"], fields["lte_rsrp_dbm"]["unit"]) == ("number", "dBm")
    assert fields["seq"]["type"] == "integer"
    told = subprocess.run(
        [
            Path(sys.executable).with_name("frictionless"),
            *("validate", "--json", "--limit-rows", "40", "datapackage.json"),
        ],
        cwd=made.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    report = json.loads(told.stdout)
    assert [task["errors"] for task in report["tasks"] if task["errors"]] == []
    assert len(report["tasks"]) == 5


def test_the_whole_path_runs_on_it_and_says_that_it_is_synthetic(made: SampleSet) -> None:
    release = pipeline.run(made.folder, archive_first=False, last_day=SCENARIO.last_day)
    manifest = json.loads((release / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["synthetic"] is True
    truth = pd.read_csv(made.folder / "truth.csv", dtype={"operator": str})
    verdicts = pd.read_parquet(made.folder / "judgement/verdicts.parquet")
    both = verdicts.assign(h3=verdicts["h3_r8"].map("{:x}".format)).merge(truth, on=["h3", "operator"])
    assert len(both) > 0
    assert truth["p"].between(0, 1).all()
