"""The running collector keeps to its own description, whatever it is sent: schemathesis reads one and asks the other.

``MAILLE_INTERFACE_EXAMPLES`` makes it a longer run: so many cases for each route instead of 40, another draw each time.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from collector.errors import PROBLEMS

HOOKS = Path(__file__).parent / "interface_hooks.py"
EXAMPLES = "MAILLE_INTERFACE_EXAMPLES"

ON_ONE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

# what no schema tells is whether a signature holds: that good bodies are accepted is not for this test
WITHOUT = "positive_data_acceptance"

# of a measuring handshake only, or of no route at all
ELSEWHERE = {"not-found", "method-not-allowed", "measurement-protocol", "measurement-token", "measurement-busy"}


@ON_ONE
def test_the_collector_keeps_to_its_description(collector: Any, phone_of: Any, tmp_path: Path) -> None:
    from client_sdk.signing.keys import SigningKey

    phone = phone_of(collector, enrolled=False)
    phone.key = SigningKey.from_seed(b"s" * 32)  # the hooks' device
    assert phone.enrol().status_code == 201
    number = os.environ.get(EXAMPLES)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "run", f"{collector.base_url}/v1/openapi.json"),
            *("--checks", "all", "--exclude-checks", WITHOUT, "--phases", "coverage,fuzzing"),
            *("--max-examples", number or "40", *([] if number else ["--generation-deterministic"])),
            *("--no-color", "--continue-on-failure"),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env=os.environ | {"SCHEMATHESIS_HOOKS": str(HOOKS), "PYTHONPATH": str(HOOKS.parent)},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Operations:       9 selected / 9 total" in done.stdout
    assert collector.store.count_samples() > 0, "no case came as far as a receipt"


@ON_ONE
def test_every_rule_is_described_where_it_can_be_met(collector: Any) -> None:
    paths = httpx.get(f"{collector.base_url}/v1/openapi.json").json()["paths"]
    described: set[str] = set()
    for path in paths.values():
        for operation in path.values():
            for status, answer in operation["responses"].items():
                if schema := answer["content"].get("application/problem+json", {}).get("schema"):
                    rules = schema["properties"]["rule"]["enum"]
                    assert {str(PROBLEMS[rule].status) for rule in rules} == {status}
                    described |= set(rules)
    assert described == set(PROBLEMS) - ELSEWHERE
