"""A client in another language, written from ``docs/protocol.md`` alone, enrols, sends and checks its receipt."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from client_sdk.signing.keys import VerifyingKey
from collector.intake import privacy_notice

CLIENT = Path(__file__).parent.parent / "protocol_client" / "client.mjs"
GOLDEN = Path(__file__).parent.parent / "golden"


def run_client(*arguments: str) -> Any:
    node = shutil.which("node")
    if node is None:
        pytest.fail("Node.js 18 or later is needed and was not found; on Debian: apt-get install nodejs", pytrace=False)
    done = subprocess.run([node, CLIENT, *arguments], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_it_opens_the_golden_vectors() -> None:
    found = run_client("--golden", str(GOLDEN))

    keys = json.loads((GOLDEN / "keys.json").read_text())
    assert found["enrolment"]["jwk"] == keys["device"]["jwk"]
    assert found["measurement"]["collector"] == keys["collector"]["thumbprint"]
    assert [verdict["verdict"] for verdict in found["receipt"]["verdicts"]] == ["stored", "duplicate", "rejected"]


def test_it_enrols_sends_and_checks_its_receipt(collector: Any) -> None:
    found = run_client(collector.base_url, collector.key.public.thumbprint, privacy_notice.VERSION)

    assert (found["enrolled"], found["enrolled_again"], found["tier"]) == (201, 200, "volunteer")
    verdicts = found["receipt"]["verdicts"]
    assert [verdict["verdict"] for verdict in verdicts] == [
        "stored",
        "stored",
        "stored",
        "rejected",
        "duplicate",
        "rejected",
    ]
    assert (verdicts[3]["rule"], verdicts[3]["field"]) == ("sample-field", "latitude")
    assert verdicts[5]["rule"] == "line-json"
    assert found["same_receipt"] is True
    assert found["forged_refused"] is True
    assert (found["tampered"]["status"], found["tampered"]["rule"]) == (403, "jws-signature")

    device = collector.store.find_device(found["device"])
    assert VerifyingKey.from_jwk(device.jwk).thumbprint == found["device"]
    assert collector.store.count_samples() == 3
    rows = [row for month in collector.store.months() for row in collector.store.samples_of_month(month.month)]
    assert {row["id"]: row["lte_rsrp_dbm"] for row in rows} == {
        sample["id"]: sample.get("lte_rsrp_dbm") for sample in found["samples"][:3]
    }
    assert "Téléphone d’essai" in {row["device_model"] for row in rows}
