"""What a device is told of its own contributions: all of it, right, and nothing of others'."""

import json
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import h3.api.basic_str as h3
import pytest

from client_sdk.bounds import instant_text
from client_sdk.mine.account import read_account
from client_sdk.sample import Sample
from client_sdk.signing.jws import sign_compact
from client_sdk.signing.keys import SigningKey
from collector.intake.contributions import account_of
from collector.storage.journeys import BriefSample

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
LATITUDE, LONGITUDE = 46.8289, 3.4622
DEGREES_PER_KM = 180 / math.pi / 6371.0088
JOSE = {"Content-Type": "application/jose"}

MakeSample = Callable[..., Sample]


def contributions(phone: Any, **changes: Any) -> Any:
    return phone.ask("contributions", "maille-contributions", **changes)


def placed(minutes: float = 0, km_north: float = 0, **more: Any) -> dict[str, Any]:
    where = {"latitude": round(LATITUDE + km_north * DEGREES_PER_KM, 7), "longitude": LONGITUDE, "accuracy_m": 5.0}
    network = {"sim_plmn": "20802", "service_state": "in_service", "rat": "lte", "context": "vehicle"}
    return {**where, **network, "measured_at": instant_text(NOON + timedelta(minutes=minutes)), **more}


def test_a_device_is_told_all_that_it_contributed(
    running_collector: Any, phone_of: Any, make_sample: MakeSample
) -> None:
    collector = running_collector(map_url="https://map.example.org")
    phone, other = phone_of(collector), phone_of(collector)
    here, there = placed(), placed(km_north=5)
    other.send([make_sample(**here), make_sample(**there)])
    phone.send(
        [
            make_sample(**placed(0)),
            make_sample(**placed(0.5, 0.4), kind="latency", outcome="ok"),
            make_sample(**placed(1, 0.8)),
            make_sample(**placed(40, 30, position_mock=True)),
            b"{}",
        ]
    )
    after = SigningKey.generate()
    assert phone.rotate(after).status_code == 201
    phone.key = after
    day = 24 * 60
    phone.send(
        [
            make_sample(**placed(day, 5, sim_plmn="20820", rat="nr", context="indoor")),
            make_sample(
                kind="service", measured_at="2026-10-02T23:59:59.000Z", service_state="no_service", sim_plmn="20801"
            ),
            make_sample(measured_at="2026-10-03T00:00:01.000Z"),
        ]
    )
    answer = contributions(phone)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    told = answer.json()
    assert (told["device"], told["tier"]) == (after.public.thumbprint, "volunteer")
    assert told["map_url"] == "https://map.example.org"
    assert told["samples"] == 7
    assert told["kinds"] == {"latency": 1, "service": 1, "signal": 5}
    assert (told["tests"], told["countable"]) == (1, 3)
    assert (told["days"], told["first_day"], told["last_day"]) == (4, "2026-10-02", "2026-11-21")
    assert told["months"] == {"2026-10": 2, "2026-11": 5}
    assert (told["excluded"], told["rejected"]) == (1, 1)
    assert told["accepted"] + told["flagged"] == 6
    assert told["kilometres"] == 0.8
    networks = {(one["operator"], one["rat"]): (one["samples"], one["days"]) for one in told["networks"]}
    assert networks == {
        ("20801", "lte"): (4, 1),
        ("20801", None): (1, 1),
        ("20820", "nr"): (1, 1),
        (None, None): (1, 1),
    }
    latitudes = [LATITUDE + km * DEGREES_PER_KM for km in (0, 0.4, 0.8, 5, 30)]
    cells = {h3.cell_to_parent(h3.latlng_to_cell(latitude, LONGITUDE, 9), 8) for latitude in latitudes}
    assert {one["h3"] for one in told["hexagons"]} == cells
    indoors = next(one for one in told["hexagons"] if one["operators"][0]["operator"] == "20820")
    assert (indoors["samples"], indoors["operators"][0]["countable"]) == (1, 0)
    centre = h3.cell_to_latlng(indoors["h3"])
    assert (indoors["latitude"], indoors["longitude"]) == pytest.approx(centre, abs=1e-5)
    corners = [(latitude, longitude) for longitude, latitude in indoors["outline"]]
    assert corners == [pytest.approx(corner, abs=1e-5) for corner in h3.cell_to_boundary(indoors["h3"])]
    account = read_account(told)
    assert (account.heap.samples, len(account.hexagons), account.rejected) == (7, len(cells), 1)
    assert other.key.public.thumbprint not in answer.text
    assert contributions(other).json()["samples"] == 2


def test_a_device_without_anything_is_told_so(collector: Any, phone_of: Any) -> None:
    told = contributions(phone_of(collector)).json()
    assert (told["samples"], told["hexagons"], told["first_day"], told["kilometres"]) == (0, [], None, 0.0)
    assert told["map_url"] is None
    assert read_account(told).heap.samples == 0


@pytest.mark.parametrize(
    ("changes", "status", "rule"),
    [
        ({"typ": "maille-flags-request"}, 400, "jws-type"),
        ({"typ": "maille-access"}, 400, "jws-type"),
        ({"collector": "another"}, 400, "device-request"),
        ({"requested_at": "yesterday"}, 400, "device-request"),
        ({"key": SigningKey.from_seed(b"k" * 32)}, 401, "jws-unknown-key"),
    ],
)
def test_a_request_is_for_this_collector_and_this_purpose(
    collector: Any, phone_of: Any, changes: dict[str, Any], status: int, rule: str
) -> None:
    phone = phone_of(collector)
    answer = phone.ask("contributions", **{"typ": "maille-contributions"} | changes)
    assert (answer.status_code, answer.json()["rule"]) == (status, rule)


def test_a_request_that_was_overheard_is_soon_worth_nothing(running_collector: Any, phone_of: Any) -> None:
    now = [NOON]
    collector = running_collector(clock=lambda: now[0])
    phone = phone_of(collector)
    said = {"collector": collector.key.public.thumbprint, "requested_at": instant_text(NOON)}
    jws = sign_compact(json.dumps(said).encode(), phone.key, "maille-contributions")

    def post(content: str) -> int:
        return int(phone.http.post("/v1/devices/contributions", content=content, headers=JOSE).status_code)

    assert post(jws) == 200
    for minutes in (-16, 16, 60 * 24):
        now[0] = NOON + timedelta(minutes=minutes)
        assert post(jws) == 400
    now[0] = NOON
    head, payload, signature = jws.split(".")
    for forged in (f"{head}.{payload}.{signature[:-4]}AAAA", f"{head}.{payload}x.{signature}", f"{head}.{payload}."):
        assert post(forged) in (400, 403)
    elsewhere = running_collector(clock=lambda: NOON, data=collector.settings.data.with_name("elsewhere"))
    answer = phone.http.post(f"{elsewhere.base_url}/v1/devices/contributions", content=jws, headers=JOSE)
    assert answer.status_code == 400


def test_only_the_latest_key_asks_and_a_refused_device_still_may(collector: Any, phone_of: Any) -> None:
    from collector.storage.devices import revoke_device

    phone, new = phone_of(collector), SigningKey.generate()
    old = phone.key
    assert phone.rotate(new).status_code == 201
    answer = contributions(phone, key=old)
    assert (answer.status_code, answer.json()["rule"]) == (401, "device-replaced")
    revoke_device(collector.store, new.public.thumbprint, NOON, datetime.now(UTC))
    assert contributions(phone, key=new).status_code == 200


def moment(seconds: float, east_m: float, **changes: Any) -> BriefSample:
    fields: dict[str, Any] = {"kind": "signal", "duration_ms": 0, "context": "vehicle", "sim_plmn": None, "rat": None}
    fields |= {"latitude": 0.0, "longitude": east_m / 1000 * DEGREES_PER_KM, "accuracy_m": 5.0, "h3_cell": None}
    fields |= {"flags": "", "excluded": False, "measured_at": NOON + timedelta(seconds=seconds)}
    return BriefSample(**fields | changes)


@pytest.mark.parametrize(
    ("moments", "km"),
    [
        ([moment(0, 0), moment(10, 1000), moment(20, 2000)], 2.0),
        ([moment(s, s % 3 * 5) for s in range(600)], 0.0),  # a receiver that stands still wanders
        ([moment(0, 0), moment(10, 300, accuracy_m=400.0)], 0.0),
        ([moment(0, 0), moment(61, 5000), moment(71, 6000)], 1.0),  # nobody knows the way of the first step
        ([moment(0, 0, duration_ms=60_000), moment(61, 5000)], 5.0),
        ([moment(0, 0), moment(10, 9000, excluded=True), moment(20, 1000)], 1.0),
        ([moment(0, 0), moment(10, 9, latitude=None, longitude=None), moment(20, 1000)], 1.0),
        ([moment(0, 0), moment(0, 0), moment(10, 1000), moment(10, 1000)], 1.0),  # two modems, one journey
    ],
)
def test_kilometres_are_those_of_the_road(moments: list[BriefSample], km: float) -> None:
    assert account_of(moments)["kilometres"] == pytest.approx(km, abs=0.05)
