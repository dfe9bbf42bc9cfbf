"""Under ``--lang fr`` nothing that a person reads is English: help of every command, and what was typed wrong."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent
MAILLE = Path(sys.executable).with_name("maille")

EVERY_HELP = f"""
import contextlib, importlib.util, io, json, sys
from client_sdk.messages import use_language
use_language(sys.argv[1])
spec = importlib.util.spec_from_file_location("pages", {str(ROOT / "docs" / "generate_commands.py")!r})
pages = importlib.util.module_from_spec(spec)
spec.loader.exec_module(pages)
found = {{}}
for path, command, context in pages.commands():
    with contextlib.redirect_stdout(io.StringIO()) as shown:
        command.get_help(context)
    parameters = {{" ".join(one.opts): one.help or "" for one in command.get_params(context)}}
    found[path] = {{"help": command.help or "", "shown": shown.getvalue(), "parameters": parameters}}
print(json.dumps(found))
"""

SAME_IN_BOTH = {"Version.", "JSON"}
ENGLISH = re.compile(
    r"\b(the|of|and|with|for|from|this|that|are|is|not|where|when|usage|commands|default|required|exit|"
    r"folder|integer|float|str|path|text|your|its|by|to)\b",
    re.IGNORECASE,
)
NOT_WORDS = re.compile(r"`[^`]*`|--[\w-]+|<[^>]*>|\S*[/:=]\S*")
"""Code, options, choices, addresses: the same in every language."""


@pytest.fixture(scope="module")
def helps() -> dict[str, dict[str, Any]]:
    """Language → command → its help text, its whole help as shown, and the texts of its parameters."""
    environment = os.environ | {"COLUMNS": "400", "LC_ALL": "C.UTF-8", "TERMINAL_WIDTH": "400"}
    return {
        language: json.loads(
            subprocess.run(
                [sys.executable, "-c", EVERY_HELP, language],
                capture_output=True,
                text=True,
                check=True,
                env=environment,
            ).stdout
        )
        for language in ("en", "fr")
    }


def test_both_languages_have_the_same_commands_and_options(helps: dict[str, dict[str, Any]]) -> None:
    english, french = helps["en"], helps["fr"]
    assert len(english) >= 20
    assert {path: [*one["parameters"]] for path, one in english.items()} == {
        path: [*one["parameters"]] for path, one in french.items()
    }


def test_every_text_is_there_and_translated(helps: dict[str, dict[str, Any]]) -> None:
    untold = [
        f"maille {path} {name}"
        for path, one in helps["en"].items()
        for name, text in {"": one["help"], **one["parameters"]}.items()
        if not text
    ]
    untranslated = [
        f"maille {path} {name}: {text}"
        for path, one in helps["en"].items()
        for name, text in {"": one["help"], **one["parameters"]}.items()
        if text not in SAME_IN_BOTH and text == {"": helps["fr"][path]["help"], **helps["fr"][path]["parameters"]}[name]
    ]

    assert (untold, untranslated) == ([], [])


def test_no_english_is_left_in_french_help(helps: dict[str, dict[str, Any]]) -> None:
    left = {
        f"maille {path}: {line.strip(' │')}"
        for path, one in helps["fr"].items()
        for line in one["shown"].splitlines()
        if ENGLISH.search(NOT_WORDS.sub(" ", line))
    }

    assert left == set()


def test_help_in_french_has_the_parsers_words() -> None:
    shown = maille("--lang", "fr", "import", "--help").stdout
    for words in (
        "Utilisation : maille import [OPTIONS] {FICHIERS...}",
        "<chemin>",
        "[obligatoire]",
        "<AAAA-MM-JJ>",
        "[par défaut : unknown]",
        "Afficher ce message, puis quitter.",
    ):
        assert words in shown
    assert "Commandes" in maille("--lang", "fr", "--help").stdout


@pytest.mark.parametrize(
    ("words", "english", "french"),
    [
        (("fly",), "no command 'fly' (see maille --help)", "la commande 'fly' n’existe pas (voir maille --help)"),
        (
            ("imprt",),
            "no command 'imprt'; did you mean 'import'? (see maille --help)",
            "la commande 'imprt' n’existe pas ; vouliez-vous dire 'import' ? (voir maille --help)",
        ),
        (
            ("status", "--jsom"),
            "no option --jsom; did you mean --json? (see maille status --help)",
            "l’option --jsom n’existe pas ; vouliez-vous dire --json ? (voir maille status --help)",
        ),
        (
            ("import",),
            "FILES is missing (see maille import --help)",
            "il manque FICHIERS (voir maille import --help)",
        ),
        (
            ("territory", "import"),
            "KIND is missing: one of communes, population, sites, planned-sites, outages, roads, railways, dcc "
            "(see maille territory import --help)",
            "il manque SORTE : communes, population, sites, planned-sites, outages, roads, railways, dcc "
            "(voir maille territory import --help)",
        ),
        (
            ("territory", "import", "communes", "nowhere.csv"),
            "FILE: 'nowhere.csv' does not exist (see maille territory import --help)",
            "FICHIER : 'nowhere.csv' n’existe pas (voir maille territory import --help)",
        ),
        (
            ("territory", "import", "communes", "/"),
            "FILE: '/' is a folder, not a file (see maille territory import --help)",
            "FICHIER : '/' est un dossier, il faut un fichier (voir maille territory import --help)",
        ),
        (
            ("measure", "--max-seconds", "99"),
            "--max-seconds: 99.0 is not in the range 1<=x<=10 (see maille measure --help)",
            "--max-seconds : 99.0 sort de l’intervalle 1<=x<=10 (voir maille measure --help)",
        ),
        (
            ("measure", "--latitude", "north"),
            "--latitude: 'north' is not a number (see maille measure --help)",
            "--latitude : 'north' n’est pas un nombre (voir maille measure --help)",
        ),
        (
            ("plan", "--modems", "two"),
            "--modems: 'two' is not a whole number (see maille plan --help)",
            "--modems : 'two' n’est pas un nombre entier (voir maille plan --help)",
        ),
        (
            ("import", "x", "--measured-on", "today"),
            "--measured-on: 'today' is not like 'YYYY-MM-DD' (see maille import --help)",
            "--measured-on : 'today' n’est pas de la forme 'AAAA-MM-JJ' (voir maille import --help)",
        ),
        (
            ("import", "x", "--technology", "6G"),
            "--technology: '6G' is not one of '2G', '3G', '4G', '5G' (see maille import --help)",
            "--technology : '6G' ne fait pas partie de '2G', '3G', '4G', '5G' (voir maille import --help)",
        ),
        (
            ("status", "now"),
            "too much: now (see maille status --help)",
            "en trop : now (voir maille status --help)",
        ),
        (
            ("measure", "--latitude"),
            "option '--latitude' needs a value (see maille measure --help)",
            "l’option '--latitude' demande une valeur (voir maille measure --help)",
        ),
        (
            ("status", "--json=1"),
            "option '--json' takes no value (see maille status --help)",
            "l’option '--json' ne prend pas de valeur (voir maille status --help)",
        ),
    ],
)
def test_what_was_typed_wrong_is_one_line(words: tuple[str, ...], english: str, french: str) -> None:
    for language, line in (("en", english), ("fr", french)):
        done = maille("--lang", language, *words)
        assert (done.returncode, done.stdout, done.stderr) == (2, "", f"maille: {line}\n")


def maille(*words: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG"))}
    environment |= {"LANG": "C.UTF-8", "COLUMNS": "120"}
    return subprocess.run([MAILLE, *words], capture_output=True, text=True, env=environment, check=False, timeout=120)
