"""Who is let in to the team's releases: by a password, or by a proxy's login; and that every answer is marked."""

import base64
import html
import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
import typer.testing
from gate_rig import raw, running
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from aggregator.cli import commands
from aggregator.publication.gate import TEAM_HEADERS, Login, Password, ProxyLogin
from aggregator.publication.password import PasswordHash
from aggregator.publication.shelf import Shelf
from aggregator.publication.team_words import TEAM_ONLY
from client_sdk.errors import MailleError
from client_sdk.messages import use_language

MAILLE = Path(sys.executable).with_name("maille")
PASSWORD = "trois mots très différents"

Served = Callable[[Shelf, Login | None], str]


@pytest.fixture(autouse=True)
def _in_english() -> None:
    use_language("en")


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The public's release and the team's; who may read them depends on nothing else that is in them."""
    data = tmp_path_factory.mktemp("login") / "data"
    made = []
    for folder, audience, name in (
        ("releases", "public", "2026-06-13-71003dffdc"),
        ("team-releases", "team", "2026-06-13-a1dd655527"),
    ):
        release = data / folder / name
        release.mkdir(parents=True)
        (release / "manifest.json").write_text(json.dumps({"audience": audience}))
        (release / "hexagons.parquet").write_bytes(b"PAR1 and so on")
        (data / folder / "latest.json").write_text(json.dumps({"release": name}))
        made.append(release)
    return made[0], made[1]


@pytest.fixture
def serve() -> Iterator[Served]:
    with ExitStack() as stack:
        yield lambda shelf, login: stack.enter_context(running(shelf, login))


def basic(password: str, name: str = "equipe") -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


@pytest.fixture(scope="module")
def known() -> PasswordHash:
    return PasswordHash.of(PASSWORD)


def is_marked(headers: dict[str, str]) -> bool:
    told = {name: headers.get(name.lower()) for name in TEAM_HEADERS}
    return told == TEAM_HEADERS and not any(name.startswith("access-control") for name in headers)


def test_the_password_opens_and_every_answer_is_marked(
    releases: tuple[Path, Path], serve: Served, known: PasswordHash
) -> None:
    team = releases[1]
    url = serve(Shelf(team.parent, "team"), Password(known))
    manifest = f"/releases/{team.name}/manifest.json"
    for target in ("/", manifest, "/releases/latest.json", "/style.css", "/nowhere"):
        for method in ("GET", "HEAD", "POST"):
            status, headers, body = raw(url, target, method)
            assert (status, is_marked(headers)) == (401, True), (target, method)
            assert headers["www-authenticate"].startswith("Basic realm=")
            assert team.name.encode() not in body
    _, _, page = raw(url, "/")
    assert "Réservé à l’équipe-projet".encode() in page
    assert b"For the project team alone" in page
    for bad in (
        *("", "Basic", "Basic ?", "Bearer x", basic(""), basic(PASSWORD.upper()), basic(PASSWORD + "\0")),
        "Basic " + base64.b64encode(PASSWORD.encode()).decode(),
    ):
        assert raw(url, manifest, Authorization=bad)[0] == 401, bad
    for name in ("equipe", "", "préfète"):
        status, headers, body = raw(url, manifest, Authorization=basic(PASSWORD, name))
        assert (status, is_marked(headers), body) == (200, True, (team / "manifest.json").read_bytes())
    ours = {"Authorization": basic(PASSWORD)}
    assert raw(url, manifest, "HEAD", **ours)[2] == b""
    status, headers, body = raw(url, f"/releases/{team.name}/hexagons.parquet", Range="bytes=0-3", **ours)
    assert (status, is_marked(headers), body) == (206, True, b"PAR1")
    status, headers, _ = raw(url, manifest, If_None_Match=raw(url, manifest, **ours)[1]["etag"], **ours)
    assert (status, is_marked(headers)) == (304, True)
    status, headers, _ = raw(url, f"/releases/{releases[0].name}/manifest.json", **ours)
    assert (status, is_marked(headers)) == (404, True)
    assert raw(url, "/", **ours)[0] == 200


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        (b"<html><body class=x><h1>Lieux</h1></body></html>", b"<html><body class=x>%s<h1>Lieux</h1></body></html>"),
        (b"<h1>no body</h1>", b"%s<h1>no body</h1>"),
        (b'<body><p role="note">mine</p></body>', b'<body><p role="note">mine</p></body>'),
    ],
)
def test_a_page_without_a_banner_gets_one(releases: tuple[Path, Path], page: bytes, expected: bytes) -> None:
    async def tell(_: Request) -> StreamingResponse:
        async def pieces() -> AsyncIterator[bytes]:
            yield page[:7]
            yield page[7:]

        return StreamingResponse(pieces(), media_type="text/html; charset=utf-8")

    reading = Starlette(routes=[Route("/page", tell)])
    with running(Shelf(releases[1].parent, "team"), ProxyLogin("X-User"), reading) as url:
        _, headers, body = raw(url, "/page", X_User="mairie")
        _, of_head, nothing = raw(url, "/page", "HEAD", X_User="mairie")
    before, _, after = expected.partition(b"%s")
    assert body.startswith(before)
    assert body.endswith(after)
    assert body.count(b'role="note"') == 1
    assert int(headers["content-length"]) == len(body)
    assert (nothing, is_marked(of_head)) == (b"", True)
    if b"mine" not in page:
        assert all(words in html.unescape(body.decode()) for words in TEAM_ONLY.values())


def test_an_accent_may_be_typed_in_two_ways(known: PasswordHash) -> None:
    assert known.matches(PASSWORD.replace("è", "e\u0300"))


def test_guesses_are_slowed_down_by_network_and_nobody_else_is(
    releases: tuple[Path, Path], serve: Served, known: PasswordHash
) -> None:
    url = serve(Shelf(releases[1].parent, "team"), Password(known, behind_proxy=True))

    def ask(password: str, client: str) -> tuple[int, dict[str, str]]:
        # what the client itself wrote there comes first, what our proxy saw comes last
        return raw(url, "/", Authorization=basic(password), X_Forwarded_For=f"198.51.100.7, {client}")[:2]

    assert [ask(f"guess {n}", "203.0.113.5")[0] for n in range(5)] == [401] * 5
    status, headers = ask("guess 5", "203.0.113.77")
    assert status == 429
    assert 1 <= int(headers["retry-after"]) <= 61
    assert is_marked(headers)
    assert ask(PASSWORD, "203.0.113.5")[0] == 429, "the right one must wait too, or waiting would tell"
    assert ask(PASSWORD, "192.0.2.1")[0] == 200
    assert ask(PASSWORD, "203.0.113.5")[0] == 200, "the team, once let in, is not kept out by who guesses beside it"
    assert ask("guess 6", "203.0.113.5")[0] == 429


def test_parallel_guesses_are_counted_one_by_one(
    releases: tuple[Path, Path], serve: Served, known: PasswordHash
) -> None:
    from concurrent.futures import ThreadPoolExecutor

    url = serve(Shelf(releases[1].parent, "team"), Password(known))
    with ThreadPoolExecutor(12) as pool:
        found = list(pool.map(lambda n: raw(url, "/", Authorization=basic(f"guess {n}"))[0], range(12)))
    assert sorted(found) == [401] * 5 + [429] * 7


def test_a_proxy_names_the_person_once(releases: tuple[Path, Path], serve: Served) -> None:
    url = serve(Shelf(releases[1].parent, "team"), ProxyLogin("X-Remote-User"))
    for headers in ({}, {"X_Remote_User": ""}, {"X_Remote_User": "  "}, {"X_Remote_Users": "mairie"}):
        status, told, _ = raw(url, "/releases/latest.json", **headers)
        assert (status, is_marked(told)) == (403, True), headers
    assert httpx.get(url, headers=[("X-Remote-User", "a"), ("x-remote-user", "b")]).status_code == 403
    status, told, body = raw(url, "/releases/latest.json", X_Remote_User="mairie")
    assert (status, is_marked(told), json.loads(body)["release"]) == (200, True, releases[1].name)


@pytest.mark.parametrize(
    ("options", "environment", "told"),
    [
        (["--team"], {}, "--password-file FILE, MAILLE_TEAM_PASSWORD, or --proxy-login HEADER"),
        (["--team"], {"MAILLE_TEAM_PASSWORD": "court"}, "5 characters, expected at least 12, printable"),
        (["--team", "--host", "0.0.0.0"], {"MAILLE_TEAM_PASSWORD": PASSWORD}, "say --behind-proxy"),
        (["--team", "--host", "::"], {"MAILLE_TEAM_PASSWORD": PASSWORD}, "say --behind-proxy"),
        (["--team", "--host", "192.0.2.7", "--proxy-login", "X-User", "--behind-proxy"], {}, "only a loopback address"),
        (["--team", "--proxy-login", "X User"], {}, "expected the name of a header"),
        (["--team", "--password-file", "/dev/null"], {}, "/dev/null: not a hash"),
        (["--proxy-login", "X-User"], {}, "go with --team"),
        (["--behind-proxy"], {}, "go with --team"),
    ],
)
def test_the_command_refuses_what_would_open_the_door(
    releases: tuple[Path, Path], options: list[str], environment: dict[str, str], told: str
) -> None:
    arguments = ["serve", *options, "--port", "0", "--data", str(releases[0].parent.parent)]
    answer = typer.testing.CliRunner().invoke(commands, arguments, env={"MAILLE_TEAM_PASSWORD": None} | environment)
    assert isinstance(answer.exception, MailleError)
    assert told in str(answer.exception)


def test_the_command_asks_for_a_password_once_and_serves_the_team(releases: tuple[Path, Path], tmp_path: Path) -> None:
    file, team = tmp_path / "password", releases[1]
    serve = [MAILLE, "serve", "--team", "--password-file", file, "--port", "0"]
    for typed in (f"{PASSWORD}\n{PASSWORD}\n", ""):
        process = subprocess.Popen(
            [*serve, "--json", "--data", str(team.parent.parent)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # without a terminal the password comes from standard input
        )
        assert process.stdin
        assert process.stdout
        process.stdin.write(typed)
        process.stdin.close()
        line = process.stdout.readline()
        assert line, process.stderr.read() if process.stderr else ""
        url = json.loads(line)["url"].rstrip("/")
        assert raw(url, "/releases/latest.json")[0] == 401
        assert raw(url, "/releases/latest.json", Authorization=basic("a wrong password"))[0] == 401
        assert json.loads(raw(url, "/releases/latest.json", Authorization=basic(PASSWORD))[2]) == {"release": team.name}
        process.terminate()
        process.wait(30)
        process.stdout.close()
        if process.stderr:
            process.stderr.close()
        assert file.stat().st_mode & 0o777 == 0o600
        assert re.fullmatch(r"scrypt\$32768\$8\$3\$[A-Za-z0-9+/=]+\$[A-Za-z0-9+/=]+\n", file.read_text())
