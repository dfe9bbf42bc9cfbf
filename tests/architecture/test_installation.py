"""The base install is the phone's and stays light; every file that a command needs is in the wheel."""

import json
import os
import subprocess
import sys
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
UV = Path(sys.executable).with_name("uv")
SERVER_PACKAGES = {
    "alembic",
    "duckdb",
    "fastapi",
    "geopandas",
    "h3",
    "ibis",
    "numpy",
    "pandas",
    "pyarrow",
    "pydantic",
    "shapely",
    "sqlalchemy",
    "uvicorn",
}
COMPILED = {"cryptography", "cffi"}
CLEAN = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV", "MAILLE"))}

IMPORT_EVERYTHING = """
import importlib, json, pkgutil, sys
import client_sdk
names = [found.name for found in pkgutil.walk_packages(client_sdk.__path__, "client_sdk.")]
for name in names:
    importlib.import_module(name)
print(json.dumps({"imported": names, "loaded": sorted({name.partition(".")[0] for name in sys.modules})}))
"""

COMPILED_PACKAGES = """
import json
from importlib.metadata import distributions
print(json.dumps({
    found.name: (
        found.version, [str(file) for file in found.files or () if file.suffix in (".so", ".pyd", ".dylib")]
    )
    for found in distributions()
}))
"""


def run(*command: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, env=CLEAN, cwd=cwd)


def answer_of(*command: str | Path, cwd: Path | None = None) -> str:
    done = run(*command, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's wheel, as it would be published."""
    folder = tmp_path_factory.mktemp("wheel")
    answer_of(UV, "build", "--wheel", "--out-dir", folder, ROOT)
    (wheel,) = folder.glob("maille-*.whl")
    return wheel


@pytest.fixture(scope="session")
def phone(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Directory of the programs of a clean environment that has the base install only."""
    folder = tmp_path_factory.mktemp("phone")
    answer_of(UV, "venv", "--python", sys.executable, folder / "venv")
    python = folder / "venv" / "bin" / "python"
    answer_of(UV, "pip", "install", "--python", python, "--constraint", ROOT / "requirements.lock", wheel)
    return python.parent


def test_the_phone_loads_nothing_of_the_server(phone: Path, tmp_path: Path) -> None:
    found = json.loads(answer_of(phone / "python", "-c", IMPORT_EVERYTHING, cwd=tmp_path))

    assert {"client_sdk.cli", "client_sdk.sample", "client_sdk.signing.envelope"} <= set(found["imported"])
    assert SERVER_PACKAGES & set(found["loaded"]) == set()


def pure_copy(package: str, version: str, target: Path) -> subprocess.CompletedProcess[str]:
    """Install a package's wheel for Termux, where next to nobody publishes compiled ones."""
    wheels_only = ("--only-binary", ":all:", "--no-deps", "--python-platform", "aarch64-linux-android")
    return run(
        UV, "pip", "install", "--python", sys.executable, *wheels_only, "--target", target, f"{package}=={version}"
    )


def test_the_phone_needs_nothing_compiled_but_cryptography(phone: Path, tmp_path: Path) -> None:
    """What else is compiled is an accelerator: the same version has a pure wheel, which holds the same modules."""
    found = json.loads(answer_of(phone / "python", "-c", COMPILED_PACKAGES, cwd=tmp_path))
    compiled = {name: version for name, (version, files) in found.items() if files}

    assert compiled.keys() >= COMPILED
    for name in compiled.keys() - COMPILED:
        done = pure_copy(name, compiled[name], tmp_path / name)
        assert done.returncode == 0, f"{name} has no pure wheel: {done.stderr}"
        assert [path for path in (tmp_path / name).rglob("*") if path.suffix in (".so", ".pyd", ".dylib")] == []
        program = f"import sys; sys.path.insert(0, {str(tmp_path / name)!r}); import {name}; print({name}.__file__)"
        assert answer_of(phone / "python", "-I", "-c", program).startswith(str(tmp_path / name))


def test_a_compiled_package_would_be_noticed(tmp_path: Path) -> None:
    assert pure_copy("cffi", version("cffi"), tmp_path / "cffi").returncode != 0


def test_the_command_works_on_a_phone(phone: Path, tmp_path: Path) -> None:
    english = answer_of(phone / "maille", "--lang", "en", "--help", cwd=tmp_path)
    french = answer_of(phone / "maille", "--lang", "fr", "--help", cwd=tmp_path)

    assert "upload" in english
    assert "collector" in english
    assert english != french


def test_the_line_that_installs_it_works(wheel: Path, tmp_path: Path) -> None:
    places = {"UV_TOOL_DIR": str(tmp_path / "tools"), "UV_TOOL_BIN_DIR": str(tmp_path / "bin")}
    done = subprocess.run(
        [UV, "tool", "install", "--python", sys.executable, wheel],
        capture_output=True,
        text=True,
        check=False,
        env=CLEAN | places,
    )

    assert done.returncode == 0, done.stderr
    assert answer_of(tmp_path / "bin" / "maille", "--version").startswith("maille ")
    for text in ("command.md", "commande.md"):
        assert "uv tool install maille" in (ROOT / "docs" / text).read_text()


@pytest.mark.parametrize("words", [("collector", "serve"), ("demo",), ("aggregate",), ("publish",)])
def test_a_command_of_the_server_says_how_to_install_it(words: tuple[str, ...], phone: Path, tmp_path: Path) -> None:
    done = run(phone / "maille", "--lang", "en", *words, cwd=tmp_path)

    assert done.returncode == 2
    assert "pip install 'maille[server]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_wheel_carries_what_commands_need(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())

    tracked = {
        "collector/migrations/env.py",
        *(f"collector/migrations/versions/{path.name}" for path in (ROOT / "migrations" / "versions").glob("*.py")),
        *(
            f"aggregator/examples/{path.relative_to(ROOT / 'examples')}"
            for path in (ROOT / "examples").rglob("*")
            if path.suffix in (".csv", ".md")
        ),
        *(
            str(path.relative_to(ROOT))
            for path in (ROOT / "aggregator" / "publication" / "web").rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        ),
    }
    assert len(tracked) > 4
    assert tracked - names == set()
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {
        "client_sdk",
        "collector",
        "aggregator",
        "maille",
    }


def test_a_command_works_from_the_installed_wheel(wheel: Path, tmp_path: Path) -> None:
    target = tmp_path / "installed"
    answer_of(UV, "pip", "install", "--python", sys.executable, "--no-deps", "--target", target, wheel)
    program = (
        "import sys\n"
        f"sys.path[:] = [{str(target)!r}, *(entry for entry in sys.path if entry not in ('', {str(ROOT)!r}))]\n"
        "import collector\n"
        f"assert collector.__file__.startswith({str(target)!r}), collector.__file__\n"
        "from client_sdk.cli import main\n"
        "main(sys.argv[1:])\n"
    )
    data = tmp_path / "data"

    words = ("collector", "migrate", "--data", str(data), "--json")
    answer = answer_of(sys.executable, "-I", "-c", program, *words, cwd=tmp_path)

    assert json.loads(answer)["revision"]
    assert (data / "collector.sqlite").stat().st_size > 0
