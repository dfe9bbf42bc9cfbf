"""Five phones in a dead zone that an operator declares covered, followed to the row that a project team reads."""

import csv
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import geopandas
import h3
import httpx
import pyarrow.parquet as pq
import pytest
import shapely
from pyproj import Transformer

from aggregator import pipeline
from aggregator.evidence.claims import import_arcep
from aggregator.evidence.territory import import_communes
from aggregator.judgement.comparison import read_verdicts
from client_sdk.bounds import instant_text
from client_sdk.enrolment import enrol
from client_sdk.errors import CollectorError
from client_sdk.outbox.backoff import is_transport_trouble
from client_sdk.outbox.queue import Outbox
from client_sdk.outbox.upload import upload
from client_sdk.sample import Sample, new_sample_id
from client_sdk.signing.keys import SigningKey
from collector.serving import running_collector
from collector.settings import Settings

HOLLOW = h3.latlng_to_cell(47.2200, 3.7600, 8)
TOWN = (47.0800, 3.7000)
PLMN = "20801"
FIRST_MORNING = datetime(2026, 9, 7, 8, 0, tzinfo=UTC)
COMMUNES = """\
insee_com,name,population,latitude,longitude
58001,Le Creux,900,47.2210,3.7580
58002,Le Bourg,1500,47.0800,3.7000
58003,La Côte,400,47.3000,3.9000
58004,Le Bois,350,47.1500,3.9500
"""


@dataclass
class Phone:
    """What one volunteer carries."""

    key: SigningKey
    outbox: Outbox


def test_five_phones_in_a_dead_zone_become_a_row_of_the_dcc_file(database_url: str, tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "data", database_url=database_url, port=0)
    phones = [Phone(SigningKey.generate(), Outbox(tmp_path / f"phone-{n}" / "outbox.sqlite")) for n in range(5)]

    # at home, with a network, each phone enrols
    with running_collector(settings) as collector, httpx.Client() as client:
        for phone in phones:
            assert enrol(collector.base_url, phone.key, phone.outbox, None, client).tier == "volunteer"
        port = urlsplit(collector.base_url).port
        assert port is not None

    # a walk through the hollow on two mornings: no service, and nothing reaches the collector either
    for number, phone in enumerate(phones):
        phone.outbox.add(walk_through_the_hollow(number))
        with httpx.Client() as client:
            trouble = upload(phone.outbox, phone.key, client).trouble
        assert isinstance(trouble, CollectorError)
        assert is_transport_trouble(trouble)
        assert phone.outbox.counts().pending == 9

    # back in town: everything is sent, and only a signed receipt empties the outbox
    with running_collector(replace(settings, port=port)) as collector, httpx.Client() as client:
        for phone in phones:
            summary = upload(phone.outbox, phone.key, client, by_hand=True)
            assert (summary.sent, summary.duplicates, summary.rejected) == (9, 0, ())
            assert phone.outbox.counts().pending == 0
            assert len(phone.outbox.receipts()) == 1
        assert collector.store.count_samples() == 45

    # the project team knows its communes and what the operator declares
    (tmp_path / "communes.csv").write_text(COMMUNES, encoding="utf-8")
    import_communes(tmp_path / "communes.csv", settings.data / "territory")
    (source,) = import_arcep(declared_coverage(tmp_path), settings.data / "claims")
    assert (source.operator, source.technology, source.usage, source.quarter) == (PLMN, "4G", "data", "2026_T3")

    release = pipeline.run(settings.data, settings=settings)

    # the archive names no device
    archive = pq.read_table(sorted((settings.data / "archive").glob("*/samples.parquet"))).to_pylist()
    assert len(archive) == 45
    assert not {phone.key.public.thumbprint for phone in phones} & {row["device_token"] for row in archive}

    # the claim on the hollow is contradicted, strongly, by five phones of five
    verdicts = read_verdicts(settings.data / "judgement")
    (verdict,) = verdicts[
        (verdicts["h3_r8"] == h3.str_to_int(HOLLOW))
        & (verdicts["operator"] == PLMN)
        & (verdicts["technology"] == "4G")
        & (verdicts["threshold"] == "service")
    ].to_dict("records")
    assert (verdict["verdict"], verdict["strength"]) == ("contradicted", "strong")
    assert (verdict["devices"], verdict["failing"], verdict["device_days"], verdict["edge"]) == (5, 5, 10, False)
    assert verdict["p_withdrawn"] == pytest.approx(0.1177**2, abs=1e-4)  # two failing votes of two are left

    # and the release shows a zone there, with a row for the project team
    manifest = json.loads((release / "manifest.json").read_text(encoding="utf-8"))
    assert (manifest["date"], manifest["audience"], manifest["synthetic"]) == ("2026-09-08", "public", False)
    zones = geopandas.read_file(release / "zones.geojson")
    (told,) = zones[zones["contradicted"] == 1].to_dict("records")
    assert told["name"] == "Le Creux"
    assert told["geometry"].contains(shapely.Point(*reversed(h3.cell_to_latlng(HOLLOW))))
    # nothing else was measured: the other zones rest on what one hexagon says of all
    assert set(zones.loc[zones["zone_id"] != told["zone_id"], "evidence_class"]) == {"C"}
    with (release / "dcc_poi.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    (seat,) = [row for row in rows if (row["id_dossier"], row["nom_point_arrete"]) == (told["zone_id"], "Le Creux")]
    assert (seat["code_insee"], seat[PLMN]) == ("58001", "1")
    x, y = Transformer.from_crs("EPSG:4326", "EPSG:2154", always_xy=True).transform(3.7580, 47.2210)
    assert (float(seat["x_lambert_93"]), float(seat["y_lambert_93"])) == pytest.approx((x, y), abs=1)


def walk_through_the_hollow(number: int) -> list[Sample]:
    """Four stops without service on each of two mornings, and a reading in town, so that the phone is known to work."""
    samples = []
    for day in range(2):
        for stop, cell in enumerate(sorted(h3.cell_to_children(HOLLOW, 9))[:4]):
            instant = FIRST_MORNING + timedelta(days=day, minutes=number * 10 + stop * 2)
            samples.append(
                reading(
                    h3.cell_to_latlng(cell),
                    instant,
                    kind="service",
                    duration_ms=60_000,
                    service_state="no_service",
                    service_evidence="strong",
                    service_polls=12,
                )
            )
    noon = FIRST_MORNING + timedelta(hours=4)
    town = {"kind": "signal", "service_state": "in_service", "serving_plmn": PLMN, "rat": "lte", "lte_rsrp_dbm": -95}
    samples.append(reading(TOWN, noon, **town))
    return samples


def reading(position: tuple[float, float], instant: datetime, **fields: object) -> Sample:
    common = {
        "id": new_sample_id(int(instant.timestamp() * 1000)),
        "seq": 0,
        "measured_at": instant_text(instant),
        "latitude": round(position[0], 6),
        "longitude": round(position[1], 6),
        "accuracy_m": 8.0,
        "context": "outdoor",
        "sim_plmn": PLMN,
    }
    return Sample(**common | fields)


def declared_coverage(folder: Path) -> Path:
    """A map in Arcep's layout: 20 km around the hollow, all of it declared covered."""
    stem = "2026_T3_couv_Metropole_OF_4G_data"
    latitude, longitude = h3.cell_to_latlng(HOLLOW)
    x, y = Transformer.from_crs("EPSG:4326", "EPSG:2154", always_xy=True).transform(longitude, latitude)
    frame = geopandas.GeoDataFrame(
        {
            "operateur": [int(PLMN)],
            "operateur_commercial": ["invented"],
            "operateur_infra": ["invented"],
            "date": ["2026-09-30"],
            "techno": ["4G"],
            "usage": ["data"],
            "niveau": ["CL"],
            "dept": ["58"],
        },
        geometry=[shapely.MultiPolygon([shapely.box(x - 20_000, y - 20_000, x + 20_000, y + 20_000)])],
        crs="EPSG:2154",
    ).rename_geometry("geom")
    frame.to_file(folder / f"{stem}.gpkg", layer=stem, driver="GPKG", engine="pyogrio", GEOMETRY_NAME="geom")
    return folder / f"{stem}.gpkg"
