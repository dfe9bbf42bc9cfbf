"""The command line's own words in both languages: usage lines, headings, types, marks.

Typer speaks English. Its commands can be of classes of ours (``cls``, which it documents), and these put our words
where it has its own: in what they inherit, and in the constants that its ``rich_utils`` is made to be adapted by.
"""

import re
from copy import copy
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from client_sdk.messages import tr


def speak(app: typer.Typer) -> None:
    """Give every command of an application, and of the groups in it, classes that speak the chosen language."""
    app.info.cls = SpokenGroup
    for command in app.registered_commands:
        command.cls = SpokenCommand
    for group in app.registered_groups:
        group.cls = SpokenGroup
        if group.typer_instance is not None:
            speak(group.typer_instance)


class SpokenCommand(TyperCommand):
    """A command whose help is in the chosen language."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _translate_parameters(self.params)

    def format_usage(self, ctx: Any, formatter: Any) -> None:
        """The usage line."""
        _write_usage(self, ctx, formatter)

    def get_help_option(self, ctx: Any) -> Any:
        """``--help``."""
        return _spoken_help(super().get_help_option(ctx))

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """The whole help."""
        _translate_headings()
        super().format_help(ctx, formatter)


class SpokenGroup(TyperGroup):
    """A group whose help is in the chosen language."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.subcommand_metavar = tr("COMMAND [ARGS]...", "COMMANDE [ARGUMENTS]...")
        _translate_parameters(self.params)

    def format_usage(self, ctx: Any, formatter: Any) -> None:
        """The usage line."""
        _write_usage(self, ctx, formatter)

    def get_help_option(self, ctx: Any) -> Any:
        """``--help``."""
        return _spoken_help(super().get_help_option(ctx))

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """The whole help."""
        _translate_headings()
        super().format_help(ctx, formatter)


_FRENCH_TYPES = {
    "str": "texte",
    "int": "entier",
    "float": "nombre",
    "path": "chemin",
    "file": "fichier",
    "directory": "dossier",
    "uuid": "UUID",
}
_FRENCH_METAVARS = {
    "FILE": "FICHIER",
    "FILES": "FICHIERS",
    "FOLDER": "DOSSIER",
    "HEADER": "EN-TÊTE",
    "HOST": "HÔTE",
    "KIND": "SORTE",
    "LABEL": "NOM",
    "LAYER": "COUCHE",
    "LINK": "LIEN",
    "NAME": "NOM",
    "RADIUS": "RAYON",
    "RELEASE": "PUBLICATION",
    "SURVEY": "RELEVÉ",
    "THUMBPRINT": "EMPREINTE",
    "URL": "ADRESSE",
}
"""What a person gives, as usage lines name it; a word that is not here stays as it is."""


def _translate_parameters(parameters: list[Any]) -> None:
    for parameter in parameters:
        kind = parameter.type.name.partition(" ")[0]
        if parameter.param_type_name == "argument":
            named = parameter.metavar or parameter.name.upper()
            dots = "..." if parameter.nargs != 1 and not named.endswith("...") else ""
            parameter.metavar = _metavar(named) + dots
            if kind in _FRENCH_TYPES:
                parameter.type = copy(parameter.type)
                parameter.type.name = tr(kind, _FRENCH_TYPES[kind])
        elif parameter.metavar is not None:
            parameter.metavar = _metavar(parameter.metavar)
        elif formats := getattr(parameter.type, "formats", None):
            parameter.metavar = f"<{'|'.join(map(readable_format, formats))}>"
        elif kind in _FRENCH_TYPES:
            parameter.metavar = f"<{tr(kind, _FRENCH_TYPES[kind])}>"


def _metavar(english: str) -> str:
    return tr(english, re.sub("[A-Z]+", lambda word: _FRENCH_METAVARS.get(word[0], word[0]), english))


def readable_format(pattern: str) -> str:
    """A form of dates as people write it, in place of the codes of ``strptime``."""
    words = {"%Y": tr("YYYY", "AAAA"), "%m": "MM", "%d": tr("DD", "JJ"), "%H": "HH", "%M": "MM", "%S": "SS"}
    for code, word in words.items():
        pattern = pattern.replace(code, word)
    return pattern


def _write_usage(command: TyperCommand | TyperGroup, ctx: Any, formatter: Any) -> None:
    pieces = " ".join(command.collect_usage_pieces(ctx))
    formatter.write_usage(ctx.command_path, pieces, prefix=tr("Usage: ", "Utilisation : "))


def _spoken_help(option: Any) -> Any:
    if option is not None:
        option.help = tr("Show this message and exit.", "Afficher ce message, puis quitter.")
    return option


def _translate_headings() -> None:
    from typer import rich_utils

    rich_utils.DEFAULT_STRING = tr("[default: {}]", "[par défaut : {}]")
    rich_utils.ENVVAR_STRING = tr("[env var: {}]", "[variable d’environnement : {}]")
    rich_utils.REQUIRED_LONG_STRING = tr("[required]", "[obligatoire]")
    rich_utils.DEPRECATED_STRING = tr("(deprecated) ", "(obsolète) ")
    rich_utils.ARGUMENTS_PANEL_TITLE = tr("Arguments", "Arguments")
    rich_utils.OPTIONS_PANEL_TITLE = tr("Options", "Options")
    rich_utils.COMMANDS_PANEL_TITLE = tr("Commands", "Commandes")
