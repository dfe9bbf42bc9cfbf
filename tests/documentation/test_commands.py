"""Every command and option that a text for people names is there."""

import re
import shlex
from pathlib import Path
from typing import Any, get_args

import pytest
import typer.main

from client_sdk.cli import KNOWN, build
from client_sdk.messages import Language

ROOT = Path(__file__).parent.parent.parent
TEXTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def commands_of(text: str) -> set[str]:
    """Lines of code blocks, and code in sentences, that call ``maille`` or a script."""
    blocks = re.findall(r"^```(?:sh|console)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = [line.removeprefix("$ ") for block in blocks for line in block.splitlines()]
    inline = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))
    return {line for line in (*lines, *inline) if re.match(r"(maille|scripts/\w+)( |$)", line)}


CASES = [(path.name, command) for path in TEXTS for command in sorted(commands_of(path.read_text()))]


def test_the_texts_name_commands() -> None:
    assert {"README.md", "benevoles.md", "equipes-projet.md"} <= {name for name, _ in CASES}


@pytest.mark.parametrize(("text", "command"), CASES)
def test_a_named_command_exists_with_its_options(text: str, command: str) -> None:
    program, *words = [word for word in shlex.split(command, comments=True) if word != "…"]
    if program == "scripts/demo":
        words = ["demo", *words]
    elif program != "maille":
        script = ROOT / program
        assert script.is_file(), f"{text}: {command}"
        assert script.stat().st_mode & 0o100, f"{text}: {command} cannot be executed"
        return
    if words[:1] == ["--lang"]:
        assert words[1] in get_args(Language)
        words = words[2:]
    found: Any = typer.main.get_command(build(words[0] if words else None))
    while words and hasattr(found, "commands") and not (found.params and words[0].startswith("-")):
        name = words.pop(0)
        assert name in found.commands, f"{text}: {command}: no command {name}"
        found = found.commands[name]
    options = {option: parameter for parameter in found.params for option in parameter.opts + parameter.secondary_opts}
    for word, value in zip(words, [*words[1:], ""], strict=False):
        if not word.startswith("-") or word == "--help":
            continue
        assert word in options, f"{text}: {command}: no option {word}"
        choices = getattr(options[word].type, "choices", None)
        assert choices is None or value in choices, f"{text}: {command}: {word} takes {choices}"


@pytest.mark.parametrize("name", [command.name for command in KNOWN])
def test_every_command_is_told(name: str) -> None:
    assert any(re.search(rf"\b(maille |scripts/){name}\b", path.read_text()) for path in TEXTS)
