"""A device's page: by command, and over HTTP for the device that signs the request."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from judging_desk import Desk

from client_sdk.bounds import instant_text
from client_sdk.cli import main
from client_sdk.messages import use_language
from client_sdk.signing.jws import sign_compact
from client_sdk.signing.keys import SigningKey
from collector.plausibility.device_page import device_page
from collector.plausibility.rules import find_rule

JOSE = {"Content-Type": "application/jose"}


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    for name in [name for name in os.environ if name.startswith("MAILLE_")]:
        monkeypatch.delenv(name)

    def invoke(*arguments: str, code: int = 0, language: str = "en") -> str:
        with pytest.raises(SystemExit) as ended:
            main(["--lang", language, "collector", *arguments])
        use_language("en")
        told = capsys.readouterr()
        assert ended.value.code == code, told
        return told.err if code else told.out

    return invoke


def test_a_page_tells_each_rule_with_its_samples(desk: Desk) -> None:
    first = desk.device()
    second = desk.device(origin=first)
    desk.send(first, [desk.sample(0), desk.sample(1), desk.sample(2, position_mock=True)])
    desk.send(second, [desk.sample(3), desk.sample(4, None, lte_rsrp_dbm=-150.0)])
    assert device_page(desk.store, first)["unjudged"] is True
    desk.judge()
    page = device_page(desk.store, second)
    told = {flag["rule"]: (flag["samples"], flag["first"], flag["last"], flag["excludes"]) for flag in page["flags"]}
    assert told == {
        "position-mock": (1, "2026-11-20T12:02:00.000Z", "2026-11-20T12:02:00.000Z", True),
        "radio-range": (1, "2026-11-20T12:04:00.000Z", "2026-11-20T12:04:00.000Z", False),
        "repeated": (2, "2026-11-20T12:01:00.000Z", "2026-11-20T12:03:00.000Z", True),
    }
    assert (page["device"], page["samples"], page["excluded"], page["unjudged"]) == (second, 5, 3, False)
    assert (set(page["keys"]), page["tier"]) == ({first, second}, "volunteer")
    rule = find_rule("repeated")
    assert rule is not None
    shown = page["flags"][-1]
    assert (shown["reason_en"], shown["reason_fr"], shown["version"]) == (rule.reason_en, rule.reason_fr, rule.version)
    assert json.loads(json.dumps(page)) == page


def test_the_commands_judge_and_show(run: Any, tmp_path: Path) -> None:
    from collector.storage.store import Store

    data = ["--data", str(tmp_path)]
    run("migrate", *data)
    store = Store(f"sqlite:///{tmp_path / 'collector.sqlite'}")
    desk = Desk(store)
    device = desk.device()
    desk.send(device, [desk.sample(0), desk.sample(1)])
    assert json.loads(run("device", device, *data, "--json"))["unjudged"] is True
    assert "collector rejudge" in run("device", device, *data)
    told = json.loads(run("rejudge", "--dry-run", "--json", *data))
    assert (told["dry_run"], told["rules"]) == (True, {"repeated": {"gained": 1, "lost": 0}})
    shown = run("rejudge", *data, language="fr")
    assert "repeated: +1 −0" in shown
    assert "1 perdent leur vote" in shown
    assert json.loads(run("rejudge", *data, "--json")) == {
        "dry_run": False,
        "devices": 1,
        "samples": 2,
        "rules": {},
        "excluded": 0,
        "readmitted": 0,
        "changed_devices": 0,
        "months": [],
        "unsettled": 0,
    }
    assert "repeated v1: 1," in run("device", device, *data)
    assert "not an enrolled device" in run("device", "stranger", *data, code=1)
    store.close()


def test_the_archive_holds_what_is_settled(run: Any, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    from collector.storage.store import Store

    run("migrate", "--data", str(tmp_path))
    store = Store(f"sqlite:///{tmp_path / 'collector.sqlite'}")
    desk = Desk(store)
    desk.send(desk.device(), [desk.sample(0), desk.sample(1)])
    store.close()
    run("archive", "--data", str(tmp_path))
    table = pq.read_table(tmp_path / "archive" / "measured_month=2026-11" / "samples.parquet")
    assert table["flags"].to_pylist() == ["", "repeated"]
    assert table["excluded"].to_pylist() == [False, True]


def test_the_territory_of_the_environment_is_that_of_the_rules(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from collector.storage.store import Store

    run("migrate", "--data", str(tmp_path))
    store = Store(f"sqlite:///{tmp_path / 'collector.sqlite'}")
    desk = Desk(store)
    desk.send(desk.device(), [desk.sample(0)])
    store.close()
    outline = [[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]
    file = tmp_path / "territory.geojson"
    file.write_text(json.dumps({"type": "Polygon", "coordinates": [outline]}))
    monkeypatch.setenv("MAILLE_TERRITORY", str(file))
    told = json.loads(run("rejudge", "--json", "--data", str(tmp_path)))
    assert (told["rules"], told["excluded"]) == ({"position-outside": {"gained": 1, "lost": 0}}, 0)


class Request:
    """What a device asks with."""

    def __init__(self, collector: Any, phone: Any) -> None:
        self.collector, self.phone = collector, phone

    def jws(self, typ: str = "maille-flags-request", key: SigningKey | None = None, **changes: Any) -> str:
        members = {
            "collector": self.collector.key.public.thumbprint,
            "requested_at": instant_text(datetime.now(UTC)),
        }
        return sign_compact(json.dumps(members | changes).encode(), key or self.phone.key, typ)

    def post(self, jws: str) -> Any:
        return self.phone.http.post("/v1/devices/flags", content=jws, headers=JOSE)


def test_a_device_may_ask_for_its_own_flags(collector: Any, phone_of: Any) -> None:
    phone = phone_of(collector)
    asked = Request(collector, phone)
    desk = Desk(collector.store)
    phone.send([desk.sample(0, position_mock=True)])
    answer = asked.post(asked.jws())
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert answer.json() == json.loads(json.dumps(device_page(collector.store, phone.key.public.thumbprint)))
    assert [flag["rule"] for flag in answer.json()["flags"]] == ["position-mock"]


@pytest.mark.parametrize(
    ("changes", "status", "rule"),
    [
        ({"typ": "maille-measurement"}, 400, "jws-type"),
        ({"collector": "another"}, 400, "device-request"),
        ({"requested_at": "yesterday"}, 400, "device-request"),
        ({"requested_at": instant_text(datetime.now(UTC) - timedelta(minutes=16))}, 400, "device-request"),
        ({"key": SigningKey.generate()}, 401, "jws-unknown-key"),
    ],
)
def test_a_request_is_for_this_collector_now_and_from_a_device_it_knows(
    running_collector: Any, phone_of: Any, changes: dict[str, Any], status: int, rule: str
) -> None:
    collector = running_collector()
    asked = Request(collector, phone_of(collector))
    answer = asked.post(asked.jws(**changes))
    assert (answer.status_code, answer.json()["rule"]) == (status, rule)


def test_a_device_that_is_refused_is_shown_so_in_words(run: Any, tmp_path: Path) -> None:
    from collector.storage.store import Store

    data = ["--data", str(tmp_path)]
    run("migrate", *data)
    store = Store(f"sqlite:///{tmp_path / 'collector.sqlite'}")
    desk = Desk(store)
    device = desk.device()
    desk.send(device, [desk.sample(0)])
    store.close()
    run("revoke", device, "--from", "2026-11-01", *data)
    shown = run("device", device, *data, language="fr")
    assert "(bénévole)" in shown
    assert "qui date du 2026-11-01T00:00:00.000Z ou d’après ne compte pas" in shown
    assert json.loads(run("device", device, "--json", *data))["revoked_from"] == "2026-11-01T00:00:00.000Z"
    run("revoke", device, "--undo", *data)
    assert "refused" not in run("device", device, *data)


def test_a_thumbprint_may_begin_with_a_dash(run: Any, tmp_path: Path) -> None:
    unknown = "-" + "a" * 42
    assert f"{unknown}: is not an enrolled device" in run("device", unknown, "--data", str(tmp_path), code=1)
