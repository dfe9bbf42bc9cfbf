"""The chain of packages is the path of the data: client_sdk ← collector ← aggregator, without cycles."""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
CHAIN = ("client_sdk", "collector", "aggregator")
FORBIDDEN_NAMES = {"utils", "util", "common", "helpers", "helper", "base", "manager", "service", "misc"}
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for package in CHAIN
    for path in sorted((ROOT / package).rglob("*.py"))
}


def imported(path: Path) -> set[str]:
    """Our own modules that a module imports anywhere, lazily too, except for its types alone."""
    tree = ast.parse(path.read_text())
    typing_only = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.dump(block.test)
        for statement in block.body
        for node in ast.walk(statement)
    }
    found: set[str] = set()
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            submodules = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= submodules & MODULES.keys()
            if submodules - MODULES.keys():
                found.add(node.module)
    return {name for name in found if name.partition(".")[0] in CHAIN}


def test_the_walk_sees_the_packages() -> None:
    assert set(CHAIN) <= MODULES.keys()
    assert "client_sdk.sample" in imported(MODULES["collector.intake.accept"])
    assert "collector.intake.privacy_notice" in imported(MODULES["collector.app"])


@pytest.mark.parametrize("package", CHAIN)
def test_a_package_imports_those_before_it_only(package: str) -> None:
    allowed = CHAIN[: CHAIN.index(package) + 1]
    wrong = [
        f"{name} imports {other}"
        for name, path in MODULES.items()
        if name.partition(".")[0] == package
        for other in sorted(imported(path))
        if other.partition(".")[0] not in allowed
    ]

    assert wrong == []


def test_modules_import_each_other_without_cycles() -> None:
    graph = {name: imported(path) - {name} for name, path in MODULES.items()}

    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"cycle: {' → '.join(error.args[1])}")


def test_what_is_imported_exists() -> None:
    missing = {f"{name} imports {other}" for name, path in MODULES.items() for other in imported(path) - MODULES.keys()}

    assert missing == set()


def test_names_say_what_a_module_is() -> None:
    named = {part for name in MODULES for part in name.split(".")}

    assert named & FORBIDDEN_NAMES == set()


@pytest.mark.parametrize("folder", [*CHAIN, "migrations", "docs", "tests"])
def test_modules_stay_short(folder: str) -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in (ROOT / folder).rglob("*.py")
        if (lines := len(path.read_text().splitlines())) > (400 if folder == "tests" else 300)
    }

    assert long == {}
