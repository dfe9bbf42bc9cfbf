"""The protocol's text says what the code does: generated parts are current, rules and vectors appear."""

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from client_sdk.sample import FIELDS
from collector.errors import PROBLEMS

ROOT = Path(__file__).parent.parent.parent
PROTOCOL = (ROOT / "docs" / "protocol.md").read_text()
GOLDEN = ROOT / "tests" / "golden"


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["protocol.md", "plausibility.md", "sample.schema.json"])
def test_what_is_generated_is_current(name: str, generate: ModuleType) -> None:
    texts: dict[Path, str] = generate.generated()

    assert (ROOT / "docs" / name).read_text() == texts[ROOT / "docs" / name], "run scripts/format"


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_is_told_once(name: str) -> None:
    assert len(re.findall(rf"^\| (?:\*\*)?`{name}`(?:\*\*)? \|", PROTOCOL, re.MULTILINE)) == 1


@pytest.mark.parametrize("rule", PROBLEMS)
def test_every_rule_is_told_with_its_status(rule: str) -> None:
    assert f"| `{rule}` | {PROBLEMS[rule].status} |" in PROTOCOL


@pytest.mark.parametrize(
    "rule", ["line-size", "line-utf8", "line-json", "sample-field", "sample-law", "sample-expired", "sample-id-reused"]
)
def test_every_rule_of_a_line_is_told(rule: str) -> None:
    assert f"| `{rule}` |" in PROTOCOL
    sources = "".join(path.read_text() for path in (ROOT / "collector").rglob("*.py"))
    assert f'"{rule}"' in sources


@pytest.mark.parametrize("name", ["receipt", "enrolment"])
def test_the_examples_are_the_golden_vectors(name: str) -> None:
    from client_sdk.signing.base64url import decode_base64url

    payload = decode_base64url((GOLDEN / f"{name}.jws").read_text().split(".")[1]).decode()

    assert payload in PROTOCOL


def test_the_schema_takes_the_golden_sample_and_tells_every_field() -> None:
    schema: dict[str, Any] = json.loads((ROOT / "docs" / "sample.schema.json").read_text())

    assert list(schema["properties"]) == list(FIELDS)
    assert schema["additionalProperties"] is False
    assert all("description" in member for member in schema["properties"].values())
    sample = json.loads((GOLDEN / "sample.ndjson").read_text())
    assert set(schema["required"]) <= sample.keys() <= schema["properties"].keys()
    assert re.fullmatch(schema["properties"]["id"]["pattern"], sample["id"])


def test_the_vectors_are_linked() -> None:
    for path in GOLDEN.iterdir():
        if path.suffix in (".jws", ".base64", ".ndjson"):
            assert f"(../tests/golden/{path.name})" in PROTOCOL


def test_every_kind_of_signed_message_is_told() -> None:
    from client_sdk.signing import envelope, receipt, statement_types

    kinds = {value for name, value in vars(statement_types).items() if name.isupper()} | {envelope.TYPE, receipt.TYPE}
    assert {kind for kind in kinds if f"| `{kind}` |" not in PROTOCOL} == set()
