"""Write the generated parts of ``command.md`` and ``commande.md``: run by ``scripts/format``, compared by the tests.

Every command with its options and one example, and the exit codes. Texts are chosen when a command's module is loaded,
so each language is written by a process of its own: ``generate_commands.py fr`` prints the French part.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import typer

from client_sdk.cli import KNOWN, build
from client_sdk.exit_codes import EXIT_CODES
from client_sdk.messages import Language, tr, use_language
from client_sdk.spoken_parser import speak

DOCS = Path(__file__).parent
PAGES: dict[Language, Path] = {"en": DOCS / "command.md", "fr": DOCS / "commande.md"}

EXAMPLES = {
    "device enrol": "maille device enrol 'https://collecte.example.org#key=…'",
    "device access": "maille device access --out copy.zip",
    "device erase": "maille device erase https://collecte.example.org",
    "device rotate": "maille device rotate",
    "device leave": "maille device leave https://collecte.example.org",
    "device check": "maille device check",
    "device show": "maille device show",
    "device hide": "maille device hide 47.2875,3.9452 --radius 500",
    "device unhide": "maille device unhide 1",
    "import": "maille import logs/ --time-zone Europe/Paris --plmn 20801 --dry-run",
    "measure": "maille measure --context outdoor",
    "plan": "maille plan --km 120 --test-every 2km --modems 2",
    "survey start": "maille survey start --campaign nievre --vehicle Kangoo --context vehicle --test-every 2km",
    "survey pause": "maille survey pause",
    "survey resume": "maille survey resume",
    "survey stop": "maille survey stop",
    "survey test": "maille survey test",
    "survey report": "maille survey report --out surveys",
    "upload": "maille upload",
    "export": "maille export /media/usb/maille",
    "status": "maille status --json",
    "collector serve": "maille collector serve --data maille-data",
    "collector measure-server": "maille collector measure-server --data maille-data --port 8421",
    "collector migrate": "maille collector migrate --data maille-data",
    "collector archive": "maille collector archive --data maille-data",
    "collector invite": 'maille collector invite "Équipe Nièvre" --devices 3 --url https://collecte.example.org',
    "collector rejudge": "maille collector rejudge --dry-run --data maille-data",
    "collector device": "maille collector device THUMBPRINT --data maille-data",
    "collector revoke": "maille collector revoke 1IG2tMH7J2wbJZnOf8LJzQitKf7LMvoAElsuDMVM54Y --from 2026-10-01",
    "collector rotate-key": "maille collector rotate-key --data maille-data",
    "collector purge": "maille collector purge --dry-run",
    "territory import": "maille territory import communes examples/nievre/communes.csv",
    "coverage import": "maille coverage import couverture.7z",
    "coverage show": "maille coverage show",
    "aggregate": "maille aggregate",
    "zones": "maille zones --count 10",
    "zones decide": 'maille zones decide 58-881f940b09 set-aside --reason "site annoncé"',
    "calibrate vehicle": "maille calibrate vehicle pairs.csv --write",
    "breach": "maille breach --departement 58",
    "corridors": "maille corridors railways",
    "missions": "maille missions --hours 6 --from 47.29,3.95",
    "missions report": "maille missions report",
    "publish": "maille publish",
    "release export": "maille release export maille-data/releases/2026-09-30-0123456789 --format csv-fr",
    "release load": "maille release load maille-data/releases/2026-09-30-0123456789 --database postgresql:///maille",
    "serve": "maille serve",
    "demo": "maille demo --no-serve",
}
"""Command → how it is called; every command has one."""


def main() -> None:
    """Write both pages where they changed."""
    for path, text in generated().items():
        if path.read_text() != text:
            path.write_text(text)


def generated() -> dict[Path, str]:
    """File → what it must hold."""
    texts: dict[Path, str] = {}
    for language, path in PAGES.items():
        part = subprocess.run(
            [sys.executable, __file__, language], capture_output=True, text=True, check=False, encoding="utf-8"
        )
        if part.returncode:
            raise SystemExit(part.stderr)
        page = path.read_text()
        for name in ("commands", "exit codes"):
            marks = rf"<!-- generated: {name} -->\n.*?<!-- end -->"
            found = re.search(marks, part.stdout, re.DOTALL)
            assert found, name
            page = re.sub(marks, lambda _, found=found: found[0], page, flags=re.DOTALL)
        texts[path] = page
    return texts


def commands() -> Iterator[tuple[str, Any, Any]]:
    """Path, command and context of every command that does something, in the current language."""
    for known in KNOWN:
        application = build(known.name)
        speak(application)
        root: Any = typer.main.get_command(application)
        context = root.make_context("maille", [known.name], resilient_parsing=True)
        yield from _leaves(known.name, root.commands[known.name], context)


def command_part() -> str:
    """A section for each command."""
    sections = []
    for path, command, context in commands():
        if path not in EXAMPLES:
            raise SystemExit(f"docs/generate_commands.py: give {path!r} an example")
        usage = " ".join(["maille", path, *command.collect_usage_pieces(context)])
        rows = [_row(parameter, context) for parameter in command.get_params(context) if "--help" not in parameter.opts]
        table = (
            [f"| {tr('name', 'nom')} | {tr('value', 'valeur')} | {tr('meaning', 'sens')} |", "|---|---|---|", *rows]
            if rows
            else []
        )
        example = f"```sh\n{EXAMPLES[path]}\n```"
        sections.append(
            f"### `maille {path}`\n\n{command.help}\n\n    {usage}\n\n" + "\n".join(table) + f"\n\n{example}\n"
        )
    return "\n".join(sections)


def exit_code_part() -> str:
    """The table of exit codes."""
    rows = [f"| {one.code} | {tr(one.english, one.french)} |" for one in EXIT_CODES]
    return "\n".join([f"| {tr('code', 'code')} | {tr('meaning', 'sens')} |", "|---|---|", *rows]) + "\n"


def _leaves(path: str, command: Any, parent: Any) -> Iterator[tuple[str, Any, Any]]:
    context = type(parent)(command, info_name=command.name, parent=parent)
    inside = getattr(command, "commands", None)
    if inside is None:
        yield path, command, context
        return
    if command.invoke_without_command and command.params:  # a command of its own too, unlike one that only says begin
        yield path, command, context
    for name, one in inside.items():
        yield from _leaves(f"{path} {name}", one, context)


def _row(parameter: Any, context: Any) -> str:
    is_argument = parameter.param_type_name == "argument"
    name = parameter.make_metavar(context) if is_argument else ", ".join(parameter.opts + parameter.secondary_opts)
    value = "" if is_argument or parameter.is_flag else parameter.make_metavar(context)
    if hasattr(parameter.type, "min") and not is_argument:
        value += f" {parameter.type.min}…{parameter.type.max}".replace("None", "")
    notes = []
    default = parameter.get_default(context, call=False)
    if default not in (None, False, (), []):
        notes.append(tr(f"default: {default}", f"par défaut : {default}"))
    if parameter.required:
        notes.append(tr("required", "obligatoire"))
    meaning = " ".join([parameter.help or "", *(f"[{note}]" for note in notes)])
    return "| " + " | ".join((f"`{name}`", _cell(value), _cell(meaning))) + " |"


def _cell(text: str) -> str:
    return text.strip().replace("\n", " ").replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    if sys.argv[1:]:
        (language,) = (choice for choice in get_args(Language) if choice == sys.argv[1])
        use_language(language)
        parts = (("commands", command_part()), ("exit codes", exit_code_part()))
        sys.stdout.writelines(f"<!-- generated: {name} -->\n{part}<!-- end -->\n" for name, part in parts)
    else:
        main()
