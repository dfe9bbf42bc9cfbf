"""The pages of commands are current in both languages; every command speaks JSON and ends as the table says."""

import ast
import importlib
import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from client_sdk.exit_codes import EXIT_CODES

ROOT = Path(__file__).parent.parent.parent
PACKAGES = ("client_sdk", "collector", "aggregator")


@pytest.fixture(scope="module")
def pages() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_commands", ROOT / "docs" / "generate_commands.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_what_is_generated_is_current(pages: ModuleType) -> None:
    for path, text in pages.generated().items():
        assert path.read_text() == text, "run scripts/format"


def test_every_command_is_told_with_an_example(pages: ModuleType) -> None:
    paths = {path for path, _, _ in pages.commands()}

    assert paths == set(pages.EXAMPLES)
    for page in pages.PAGES.values():
        assert set(re.findall(r"^### `maille (.+)`$", page.read_text(), re.MULTILINE)) == paths


def test_every_command_has_json(pages: ModuleType) -> None:
    silent = [path for path, command, _ in pages.commands() if not any("--json" in one.opts for one in command.params)]

    assert silent == []


def exits() -> Iterator[tuple[str, object]]:
    """Every way that the code ends the process on its own account: where, and with what."""
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if not isinstance(node, ast.Call) or not node.args:
                    continue
                if ast.unparse(node.func) not in ("typer.Exit", "SystemExit", "_fail"):
                    continue
                code = node.args[-1]
                where = f"{path.relative_to(ROOT)}:{node.lineno}"
                if isinstance(code, ast.Constant):
                    yield where, code.value
                elif isinstance(code, ast.Name) and code.id.isupper():
                    module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
                    yield where, getattr(importlib.import_module(module), code.id)


def test_commands_end_as_the_table_says() -> None:
    told = {one.code for one in EXIT_CODES}
    found = dict(exits())

    assert len(told) == len(EXIT_CODES)
    assert len(found) >= 5
    assert {where: code for where, code in found.items() if code not in told} == {}
