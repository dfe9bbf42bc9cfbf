"""A client in another language, written from ``docs/protocol.md`` alone, enrols, sends and checks its receipt."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from client_sdk.signing.keys import VerifyingKey
from collector.storage.devices import find_device

CLIENT = Path(__file__).parent.parent / "protocol_client" / "client.mjs"
GOLDEN = Path(__file__).parent.parent / "golden"


def call_client(*arguments: str) -> subprocess.CompletedProcess[str]:
    node = shutil.which("node")
    if node is None:
        pytest.fail("Node.js 18 or later is needed and was not found; on Debian: apt-get install nodejs", pytrace=False)
    return subprocess.run([node, CLIENT, *arguments], capture_output=True, text=True, check=False, timeout=60)


def run_client(*arguments: str) -> Any:
    done = call_client(*arguments)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_it_verifies_the_golden_vectors() -> None:
    assert run_client("--golden", str(GOLDEN)) == {"golden": "ok"}


ALTERED: dict[str, tuple[str, Callable[[str], str], str]] = {
    # name: (file, change, what the client says)
    "a key": ("keys.json", lambda text: text.replace('"seed_hex": "00', '"seed_hex": "01', 1), "keys.json: a key"),
    "an enrolment": ("enrolment.jws", lambda text: text.replace(".eyJ", ".eyK", 1), "maille-enrolment: signature"),
    "a measurement": ("measurement.jws", lambda text: text.replace(".", ".A", 1), "maille-measurement: signature"),
    "a body": ("envelope.base64", lambda text: text.replace("/", "A", 1), "maille-envelope: signature"),
    "its lines": ("envelope.ndjson", lambda text: text.replace("47.28754", "47.28755", 1), "envelope: holds other"),
    "a receipt": ("receipt.jws", lambda text: text.replace(".eyJ", ".eyK", 1), "maille-receipt: signature"),
}


@pytest.mark.parametrize("name", ALTERED)
def test_it_refuses_altered_vectors(name: str, tmp_path: Path) -> None:
    file, change, message = ALTERED[name]
    folder = tmp_path / "golden"
    shutil.copytree(GOLDEN, folder)
    before = (folder / file).read_text()
    after = change(before)
    assert after != before
    (folder / file).write_text(after)

    done = call_client("--golden", str(folder))

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"client: {message}")


def test_it_enrols_sends_and_checks_its_receipt(collector: Any) -> None:
    found = run_client(collector.base_url, collector.key.public.thumbprint, collector.app.state.notice.version)

    assert found == {
        "device": found["device"],
        "verdicts": ["stored", "stored", "stored", "rejected"],
        "same_receipt": True,
        "rejected_rule": "sample-field",
    }
    device = find_device(collector.store, found["device"])
    assert VerifyingKey.from_jwk(device.jwk).thumbprint == found["device"]
    assert device.tier == "volunteer"
    rows = [row for month in collector.store.months() for row in collector.store.samples_of_month(month.month)]
    assert sorted((row["seq"], row["kind"], row["service_state"]) for row in rows) == [
        (1, "throughput", "in_service"),
        (2, "web", "in_service"),
        (3, "service", "no_service"),
    ]
    assert {row["device"] for row in rows} == {found["device"]}
    assert {row["client"] for row in rows} == {"other-client 1.0"}


@pytest.mark.parametrize(
    ("thumbprint", "version", "message"),
    [
        ("A" * 43, None, "the collector's key is not the expected one"),
        (None, "2026-10", "another notice: NOTICE"),
    ],
)
def test_it_stops_before_it_enrols_at_a_collector_it_did_not_expect(
    collector: Any, thumbprint: str | None, version: str | None, message: str
) -> None:
    notice = collector.app.state.notice.version
    done = call_client(collector.base_url, thumbprint or collector.key.public.thumbprint, version or notice)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"client: {message.replace('NOTICE', notice)}\n"
