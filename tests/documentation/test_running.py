"""The guides' commands, run in order as their readers would, on a small demonstration.

A field guide is run against a real collector, on a device of its own; the texts of the server in one directory, one
after the other. What serves until it is stopped is started, asked once, and stopped.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pyarrow.parquet as pq
import pytest
from guides import ROOT, TEXTS, Command, commands_in
from inputs import write_inputs

from aggregator.demo_folder import DemoFolder
from aggregator.publication.password import PasswordHash

MAILLE = Path(sys.executable).with_name("maille")
IN_TURN = Path(__file__).with_name("run_in_turn.py")

RADIO = "reads the radio and the position of a device; tests/end_to_end does, on emulated ones"
SURVEY = "talks to a survey that is under way; tests/end_to_end has one"
MACHINE = "sets up the whole machine"
ELSEWHERE = "measures against somebody else's server"
SAMPLES = "takes minutes; tests/aggregator/test_sample_set.py runs it, smaller"
NOT_RUN = {
    "scripts/demo": MACHINE,
    "scripts/test": MACHINE,
    "uv pip compile": "asks a package index",
    "maille measure": RADIO,
    "maille survey start": RADIO,
    "maille survey pause": SURVEY,
    "maille survey resume": SURVEY,
    "maille survey report": SURVEY,
    "maille measure --server": ELSEWHERE,
    "maille demo": SAMPLES,
    "maille aggregate --no-archive --data samples/data": SAMPLES,
    "maille publish --data samples/data": SAMPLES,
}
"""Beginning of a command → why no test of the texts runs it. The longest beginning that fits counts."""

RUN_ALL_THE_SAME = ("maille measure --latitude",)
MAY_END = {"maille device check": (1,), "maille device leave": (1,)}
"""Codes that are right here: what a machine without a modem lacks is told by 1, and who erased everything has left."""

FIELD = ("device", "measure", "plan", "survey", "upload", "export", "status", "import")
READERS = ("curl", "ogrinfo", "ogr2ogr")
SERVERS = ("collector serve", "collector measure-server", "serve")
LINK = "https://collecte.example.org#key=…"
PASSWORD = "trois mots de passe"


def reason_left_out(command: Command) -> str | None:
    """The entry of ``NOT_RUN`` that a command is left out by."""
    if command.line.startswith(RUN_ALL_THE_SAME):
        return None
    fits = [one for one in NOT_RUN if re.match(rf"{re.escape(one)}( |$)", " ".join(without_language(command.words)))]
    return max(fits, key=len, default=None)


def without_language(words: list[str]) -> list[str]:
    return [words[0], *words[3:]] if words[1:2] == ["--lang"] else words


def is_field(command: Command) -> bool:
    return without_language(command.words)[1:2] != [] and without_language(command.words)[1] in FIELD


def serves(command: Command) -> bool:
    return " ".join(without_language(command.words)[1:]).startswith(SERVERS)


RUN = {
    path: [one for one in commands_in(path) if one.words[0] not in READERS and reason_left_out(one) is None]
    for path in TEXTS
}
FIELD_TEXTS = [path for path, commands in RUN.items() if any(map(is_field, commands))]


@dataclass(frozen=True, slots=True)
class Place:
    """A directory to run commands in, and what stands there for what texts name."""

    folder: Path
    instead: dict[str, str]
    environment: dict[str, str]

    def words(self, command: Command) -> list[str]:
        def put(word: str) -> str:
            for named, there in self.instead.items():
                word = word.replace(named, there)
            return word

        return [put(word) for word in command.words[1:]]

    def run(self, commands: list[Command]) -> list[dict[str, Any]]:
        """Run them in order; each must end well."""
        asked = [
            {"words": self.words(one), "settings": one.settings, "may_end": MAY_END.get(_plain(one), ())}
            for one in commands
        ]
        file = self.folder / "asked.json"
        file.write_text(json.dumps(asked), encoding="utf-8")
        done = subprocess.run(
            [sys.executable, str(IN_TURN), str(file)],
            cwd=self.folder,
            env=self.environment,
            input="y\n" * 50,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        told = [json.loads(line) for line in done.stdout.splitlines()]
        for command, one in zip(commands, told, strict=False):
            assert one["code"] in (0, *MAY_END.get(_plain(command), ())), (command.line, one)
        assert len(told) == len(commands)
        return told

    @contextmanager
    def serving(self, command: Command) -> Iterator[str]:
        """The address of a command that serves, on any free port."""
        words = self.words(command)
        if "--port" in words:
            del words[words.index("--port") : words.index("--port") + 2]
        process = subprocess.Popen(
            [MAILLE, *words, "--port", "0", "--json"],
            cwd=self.folder,
            env=self.environment | command.settings,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            assert line, command.line
            yield json.loads(line)["url"]
        finally:
            process.terminate()
            process.wait(60)
            process.stdout.close()


def _plain(command: Command) -> str:
    return " ".join(without_language(command.words))


def environment(**more: str) -> dict[str, str]:
    known = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG", "MAILLE_"))}
    return known | {"LANG": "C.UTF-8", "COLUMNS": "120", "BROWSER": "true", "PYTHONPATH": str(ROOT)} | more


@pytest.fixture(scope="module")
def server_place(small_demo: DemoFolder, tmp_path_factory: pytest.TempPathFactory) -> Place:
    folder = tmp_path_factory.mktemp("server")
    write_inputs(small_demo, folder)
    for name in ("mot-de-passe-equipe", "team-password"):
        PasswordHash.of(PASSWORD).write(folder / name)
    return Place(folder, {"/etc/maille/": f"{folder}/"}, environment())


@pytest.fixture(scope="module")
def join_link(server_place: Place) -> Iterator[str]:
    """A collector that the field guides' devices can join."""
    with server_place.serving(Command("", {}, ["maille", "collector", "serve"])) as address:
        invited = server_place.run([Command("", {}, ["maille", "collector", "invite", "--url", address, "--json"])])
        yield json.loads(invited[0]["out"])["link"]


@pytest.mark.parametrize("text", FIELD_TEXTS, ids=lambda path: path.name)
def test_the_commands_of_the_field_run_in_order(
    text: Path, join_link: str, tmp_path: Path, server_place: Place
) -> None:
    instead = {LINK: join_link, "logs/": f"{server_place.folder}/logs/"}
    place = Place(tmp_path, instead, environment(MAILLE_HOME=str(tmp_path / "home")))
    commands = [one for one in RUN[text] if is_field(one)]
    if not any("enrol" in one.words for one in commands):
        commands = [Command("", {}, ["maille", "device", "enrol", join_link]), *commands]

    told = place.run(commands)

    assert len(told) == len(commands)


def test_the_commands_of_the_server_run_in_order(server_place: Place) -> None:
    asked: list[Command] = []
    for text in sorted(RUN, key=lambda path: path.name != "equipes-projet.md"):
        new = [one for one in RUN[text] if not is_field(one) and one.line not in {two.line for two in asked}]
        asked += new
    decided = [one for one in asked if " zones decide " in one.line]
    exported = [one for one in asked if " release " in one.line]

    server_place.run([one for one in asked if one not in (*decided, *exported) and not serves(one)])

    releases = server_place.folder / "maille-data" / "releases"
    latest = json.loads((releases / "latest.json").read_text(encoding="utf-8"))["release"]
    server_place.instead["PUBLICATION"] = str(releases / latest)
    server_place.run(exported)
    proposed = pq.read_table(server_place.folder / "maille-data" / "proposals" / "zones.parquet", columns=["zone_id"])
    ids = proposed["zone_id"].to_pylist()
    named = dict.fromkeys(re.findall(r"58-[0-9a-f]{10}", " ".join(one.line for one in decided)))
    server_place.instead.update(zip(named, ids, strict=False))
    server_place.run(decided)

    for command in filter(serves, asked):
        with server_place.serving(command) as address:
            answers(command, address)


def answers(command: Command, address: str) -> None:
    """What serves answers those whom it is for, and nobody else."""
    if not address.startswith("http"):
        return  # measures; told to have started
    if "collector" in command.words:
        assert httpx.get(f"{address}/v1/status").status_code == 200, command.line
        return
    known: dict[str, Any] = {}
    if "--team" in command.words:
        assert httpx.get(address).status_code in (401, 403), command.line
        by_proxy = "--proxy-login" in command.words
        known = {"headers": {"X-Remote-User": "camille"}} if by_proxy else {"auth": ("", PASSWORD)}
    assert httpx.get(address, **known).status_code == 200, command.line


def test_programs_read_what_is_served(server_place: Place, small_demo: DemoFolder) -> None:
    serve = Command("", {}, ["maille", "serve", "--data", str(small_demo.data)])
    with server_place.serving(serve) as address:
        for command in (one for path in TEXTS for one in commands_in(path) if one.words[0] in READERS):
            words = [word.replace("http://127.0.0.1:8421/", address) for word in command.words]
            more = ["--fail", "--silent", "--show-error"] if words[0] == "curl" else []
            done = subprocess.run([*words, *more], cwd=server_place.folder, capture_output=True, check=False)
            assert done.returncode == 0, (command.line, done.stderr)
            assert done.stdout or words[0] == "ogr2ogr", command.line


def test_what_is_not_run_is_there_and_says_why() -> None:
    used = {reason_left_out(one) for path in TEXTS for one in commands_in(path)} - {None}

    assert used == set(NOT_RUN)
    assert all(NOT_RUN.values())
    lines = [one.line for path in TEXTS for one in commands_in(path)]
    for beginning in (*RUN_ALL_THE_SAME, *MAY_END):
        assert any(beginning in line for line in lines), beginning


def test_what_is_run_covers_every_guide() -> None:
    assert {path.name for path, commands in RUN.items() if commands} >= {
        *("README.md", "benevoles.md", "volunteers.md", "equipes-projet.md", "maires.md", "operations.md")
    }
