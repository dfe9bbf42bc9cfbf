"""The ``maille`` command.

Only the command asked for is loaded, so that a phone starts fast and never needs the server's packages: the others
are known by name and by one line of help. Commands of the server packages join through the entry points
``maille.commands``.

Exit codes are told in :mod:`client_sdk.exit_codes`.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from typing import Annotated, Literal, NoReturn, get_args

import typer

from client_sdk import __version__
from client_sdk.errors import CollectorError, MailleError
from client_sdk.exit_codes import DONE, FAILED, USAGE
from client_sdk.messages import Language, tr, use_language
from client_sdk.spoken_parser import speak
from client_sdk.system_errors import refused
from client_sdk.usage_errors import UsageError, is_plain_help, told

Place = Literal["command", "group", "server group", "server command"]


@dataclass(frozen=True, slots=True)
class Known:
    """A command that is not loaded until it is asked for.

    Attributes:
        name: as typed.
        english: one line of help.
        french: the same.
        place: where its code is found.
        module: its module, for those of this package.
    """

    name: str
    english: str
    french: str
    place: Place
    module: str = ""


KNOWN = (
    Known("device", "Enrol this device, show its key.", "Enrôler l’appareil, afficher sa clé.", "group", "device"),
    Known(
        "import",
        "Import drive-test logs of other tools.",
        "Importer des journaux de mesure d’autres outils.",
        "command",
        "import_logs",
    ),
    Known(
        "measure",
        "Measure round trip, download and upload, once.",
        "Mesurer latence et débits, une fois.",
        "command",
        "measure",
    ),
    Known(
        "plan",
        "Say what a campaign will cost in mobile data.",
        "Dire ce qu’une campagne coûtera en données mobiles.",
        "command",
        "plan",
    ),
    Known(
        "survey",
        "Measure along a road or at a place, for hours.",
        "Mesurer le long d’une route ou sur un site, pendant des heures.",
        "group",
        "survey",
    ),
    Known("upload", "Send what is pending.", "Envoyer ce qui est en attente.", "command", "upload"),
    Known(
        "export",
        "Write what is pending to a folder, a USB stick say.",
        "Écrire ce qui est en attente dans un dossier, une clé USB par exemple.",
        "command",
        "export",
    ),
    Known(
        "status", "Show what is pending, sent, rejected.", "Afficher l’état de la file d’envoi.", "command", "status"
    ),
    Known("collector", "Run a collector.", "Faire tourner un collecteur.", "server group"),
    Known("territory", "Import communes and sites.", "Importer communes et sites.", "server command"),
    Known("coverage", "Import declared coverage.", "Importer la couverture déclarée.", "server command"),
    Known(
        "aggregate",
        "Turn the archive into verdicts and zones.",
        "Tirer verdicts et zones de l’archive.",
        "server command",
    ),
    Known("zones", "Propose candidate zones.", "Proposer des zones candidates.", "server command"),
    Known(
        "calibrate",
        "Measure constants of the decision rule.",
        "Mesurer des constantes de la règle de décision.",
        "server command",
    ),
    Known(
        "breach",
        "Hold a field team's success rate over an area against what is asked.",
        "Comparer le taux de réussite sur une zone à ce qui est demandé.",
        "server command",
    ),
    Known("corridors", "Follow roads and railways.", "Suivre routes et voies ferrées.", "server command"),
    Known("missions", "Plan tours of a field team.", "Prévoir les tournées d’une équipe de terrain.", "server command"),
    Known("publish", "Write a release.", "Écrire une publication.", "server command"),
    Known("release", "Use a release elsewhere.", "Utiliser une publication ailleurs.", "server command"),
    Known("serve", "Serve a release: read API and map.", "Servir une publication : API et carte.", "server command"),
    Known(
        "demo",
        "Run the whole path on a real territory.",
        "Dérouler toute la chaîne sur un territoire réel.",
        "server command",
    ),
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of the console script; always ends by ``SystemExit``."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        words = _choose_language(words)
        ended = _run(build(next((word for word in words if not word.startswith("-")), None)), words)
    except UsageError as error:
        _fail(told(error, words), USAGE)
    except typer.Abort:
        _fail(tr("given up: nothing was done", "abandonné : rien n’a été fait"), FAILED)
    except MissingPackagesError as error:
        _fail(str(error), USAGE)
    except ModuleNotFoundError as error:  # a command imports what it needs when it runs
        if _is_ours(error.name):
            raise
        _fail(str(MissingPackagesError(error.name)), USAGE)
    except CollectorError as error:
        from client_sdk.commands.terminal import exit_code

        _fail(str(error), exit_code(error))
    except MailleError as error:
        _fail(str(error), FAILED)
    except OSError as error:
        _fail(refused(error), FAILED)
    raise SystemExit(ended)


def _run(application: typer.Typer, words: list[str]) -> int:
    """Run a command; its exit code."""
    speak(application)
    try:
        ended = typer.main.get_command(application).main(args=words, prog_name="maille", standalone_mode=False)
    except UsageError as error:
        if not is_plain_help(error):
            raise
        return USAGE
    return ended if isinstance(ended, int) else DONE


def build(asked: str | None) -> typer.Typer:
    """The application, with the command that is asked for loaded and the others by name only."""
    root = typer.Typer(
        add_completion=False,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        help=tr("Measure mobile coverage where it really is.", "Mesurer la couverture mobile là où elle est vraiment."),
    )
    root.callback()(_root_options())
    known = next((command for command in KNOWN if command.name == asked), None)
    server_commands: set[str | None] = set()
    if asked is not None and (known is None or known.place == "server command"):
        server_commands = _join_server_commands(root, asked)
    for command in KNOWN:
        if command.name in server_commands or (command.name == asked and command.place == "server command"):
            continue  # joined, or not to be had: never a command that does nothing
        if command.name != asked:
            root.command(command.name, help=tr(command.english, command.french))(_nothing)
        elif command.place == "server group":
            root.add_typer(_server_typer(command.name), name=command.name, help=tr(command.english, command.french))
        else:
            module = import_module(f"client_sdk.commands.{command.module}")
            text = tr(command.english, command.french)
            if command.place == "group":
                root.add_typer(module.commands, name=command.name, help=text)
            else:
                root.command(command.name, help=text)(module.command)
    return root


def _root_options() -> Callable[..., None]:
    """Options of ``maille`` itself, in the language that was chosen before anything was loaded."""

    def options(
        language: Annotated[
            Language | None, typer.Option("--lang", help=tr("Language of messages.", "Langue des messages."))
        ] = None,
        version: Annotated[
            bool,
            typer.Option("--version", is_eager=True, callback=_print_version, help=tr("Version.", "Version.")),
        ] = False,
    ) -> None:
        pass

    return options


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"maille {__version__}")
        raise typer.Exit


def _nothing() -> None:
    """Stands for a command that was not asked for: only its line of help is read."""


def _choose_language(words: list[str]) -> list[str]:
    """Take ``--lang`` out of the arguments, wherever it stands, since every text depends on it."""
    rest: list[str] = []
    remaining = iter(words)
    for word in remaining:
        if word == "--":
            return [*rest, word, *remaining]
        name, separator, value = word.partition("=")
        if name != "--lang":
            rest.append(word)
            continue
        language = value if separator else next(remaining, "")
        if language not in get_args(Language):
            expected = tr(" or ", " ou ").join(get_args(Language))
            _fail(
                tr(f"--lang: got {language!r}, expected {expected}", f"--lang : {language!r} au lieu de {expected}"),
                USAGE,
            )
        use_language(language)  # type: ignore[arg-type]
    return rest


def _server_typer(name: str) -> typer.Typer:
    """What the entry point ``name`` brings.

    Raises:
        MissingPackagesError: the server's packages are not installed.
    """
    for entry in entry_points(group="maille.commands", name=name):
        try:
            commands: typer.Typer = entry.load()
        except ModuleNotFoundError as error:
            if _is_ours(error.name):
                raise
            raise MissingPackagesError(error.name) from error
        return commands
    raise MissingPackagesError(name)


def _is_ours(module: str | None) -> bool:
    """Whether a missing module is one of this distribution: a mistake of ours, not a package to install."""
    return (module or "").partition(".")[0] in ("client_sdk", "collector", "aggregator")


def _join_server_commands(root: typer.Typer, asked: str) -> set[str | None]:
    """Add the aggregator's commands if ``asked`` is one of them; their names."""
    try:
        server = _server_typer("aggregator")
    except MissingPackagesError:
        if asked in {command.name for command in KNOWN}:
            raise
        return set()
    names = {info.name or str(getattr(info.callback, "__name__", "")) for info in server.registered_commands}
    names |= {str(info.name) for info in server.registered_groups}
    if asked not in names:
        return set()
    root.add_typer(server)
    return set(names)


class MissingPackagesError(MailleError):
    """A command of the server, on a machine that has only what a phone needs."""

    def __init__(self, package: str | None) -> None:
        super().__init__(
            tr(
                f"this command needs the server's packages ({package} is missing): pip install 'maille[server]'",
                f"cette commande demande les paquets du serveur ({package} manque) : pip install 'maille[server]'",
            )
        )


def _fail(text: str, code: int) -> NoReturn:
    typer.echo(f"maille: {text}", err=True)
    raise SystemExit(code)
