"""Commands of the guides, as people read them: the lines of their code blocks, in order."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
NOT_A_GUIDE = {"command.md", "commande.md"}
"""Reference: one example of each command, out of order. That they exist is tested, and the guides run them."""

TEXTS = [
    ROOT / "README.md",
    *(path for path in sorted((ROOT / "docs").glob("*.md")) if path.name not in NOT_A_GUIDE),
]


@dataclass(frozen=True, slots=True)
class Command:
    """A line of a code block.

    Attributes:
        line: as written, without a comment.
        settings: variables set before it.
        words: program and arguments.
    """

    line: str
    settings: dict[str, str]
    words: list[str]


def commands_in(path: Path) -> list[Command]:
    """The commands of a text's code blocks, in order, with continued lines joined."""
    text = path.read_text(encoding="utf-8")
    blocks = re.findall(r"^ *```(?:sh|console)\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
    lines = [line.strip().removeprefix("$ ") for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    return [parsed(line) for line in lines if line and not line.startswith("#")]


def parsed(line: str) -> Command:
    """A line as the shell takes it apart."""
    words = shlex.split(line, comments=True)
    settings: dict[str, str] = {}
    while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
        name, _, value = words.pop(0).partition("=")
        settings[name] = value
    return Command(line.partition("  # ")[0].strip(), settings, words)
