"""What was typed wrong, in one line and in the chosen language, with the way to the right help.

The parser's own messages are English sentences made on the spot; each kind that can arise here has its pattern below,
and one that has none is shown as it is.
"""

import re
from collections.abc import Sequence
from typing import Any

import typer

from client_sdk.messages import tr
from client_sdk.spoken_parser import readable_format

UsageError: type[Exception] = typer.BadParameter.__mro__[1]
"""Root of what the parser raises about what was typed."""

_SENTENCES = tuple(
    (re.compile(pattern, re.DOTALL), english, french)
    for pattern, english, french in (
        (
            r"(.+) is not a valid int(?:eger)?(?: range)?\.",
            r"\1 is not a whole number",
            r"\1 n’est pas un nombre entier",
        ),
        (r"(.+) is not a valid float(?: range)?\.", r"\1 is not a number", r"\1 n’est pas un nombre"),
        (r"(.+) is not a valid bool(?:ean)?\..*", r"\1 is neither yes nor no", r"\1 n’est ni yes ni no"),
        (r"(.+) is not in the range (.+)\.", r"\1 is not in the range \2", r"\1 sort de l’intervalle \2"),
        (r"(.+) is not one of (.+)\.", r"\1 is not one of \2", r"\1 ne fait pas partie de \2"),
        (r"(.+) does not match the formats? (.+)\.", r"\1 is not like \2", r"\1 n’est pas de la forme \2"),
        (r"(?:\w+) (.+) does not exist\.", r"\1 does not exist", r"\1 n’existe pas"),
        (r"(?:\w+) (.+) is a file\.", r"\1 is a file, not a folder", r"\1 est un fichier, il faut un dossier"),
        (r"(?:\w+) (.+) is a directory\.", r"\1 is a folder, not a file", r"\1 est un dossier, il faut un fichier"),
        (r"(?:\w+) (.+) is not readable\.", r"\1 cannot be read", r"\1 ne peut pas être lu"),
        (r"(?:\w+) (.+) is not writable\.", r"\1 cannot be written", r"\1 ne peut pas être écrit"),
        (r"Missing command\.", "a command is missing", "il manque la commande"),
        (
            r"No such command (.+?)\. Did you mean (.+)\?",
            r"no command \1; did you mean \2?",
            r"la commande \1 n’existe pas ; vouliez-vous dire \2 ?",
        ),
        (r"No such command (.+)\.", r"no command \1", r"la commande \1 n’existe pas"),
        (r"Got unexpected extra arguments?(?:\(s\))? \((.+)\)", r"too much: \1", r"en trop : \1"),
        (r"Option (.+) requires an argument\.", r"option \1 needs a value", r"l’option \1 demande une valeur"),
        (r"Option (.+) does not take a value\.", r"option \1 takes no value", r"l’option \1 ne prend pas de valeur"),
    )
)


def told(error: Any, words: Sequence[str]) -> str:
    """The line to show.

    Args:
        error: a ``UsageError`` of the parser.
        words: what was typed.
    """
    asked = next((word for word in words if not word.startswith("-")), "")
    path = error.ctx.command_path if error.ctx is not None else f"maille {asked}".rstrip()
    return f"{_what(error)} {tr('(see', '(voir')} {path} --help)"


def is_plain_help(error: Any) -> bool:
    """Whether nothing was typed wrong: a group without a command shows its help."""
    return type(error).__name__ == "NoArgsIsHelpError"


def _what(error: Any) -> str:
    option_name, parameter = getattr(error, "option_name", None), getattr(error, "param", None)
    if type(error).__name__ == "NoSuchOption":
        near = ", ".join(sorted(error.possibilities or ()))
        told = tr(f"no option {option_name}", f"l’option {option_name} n’existe pas")
        return told + (tr(f"; did you mean {near}?", f" ; vouliez-vous dire {near} ?") if near else "")
    if type(error).__name__ == "MissingParameter" and parameter is not None:
        choices = ", ".join(map(str, getattr(parameter.type, "choices", ())))
        told = tr(f"{_name(parameter)} is missing", f"il manque {_name(parameter)}")
        return told + (tr(f": one of {choices}", f" : {choices}") if choices else "")
    sentence = _spoken(error.message)
    return sentence if parameter is None else f"{_name(parameter)}{tr(':', ' :')} {sentence}"


def _name(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return str(parameter.metavar or parameter.name.upper()).rstrip(".")
    return "/".join(parameter.opts)


def _spoken(message: str) -> str:
    for pattern, english, french in _SENTENCES:
        if found := pattern.fullmatch(message):
            return readable_format(found.expand(tr(english, french)))
    return message
