"""The team's releases are the team's alone: who asks the public's server for them learns not even that they exist."""

import base64
import html
import http.client
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
import typer.testing
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from aggregator.cli import commands
from aggregator.publication.api import create_app, write_site
from aggregator.publication.errors import PublicationError
from aggregator.publication.gate import TEAM_HEADERS, Login, Password, ProxyLogin, gated
from aggregator.publication.password import PasswordHash
from aggregator.publication.release import publish
from aggregator.publication.shelf import Shelf
from aggregator.publication.team_words import TEAM_ONLY
from client_sdk.errors import MailleError
from client_sdk.messages import use_language

MAILLE = Path(sys.executable).with_name("maille")
PASSWORD = "trois mots très différents"
ABSENT = "2026-09-30-0123456789"

Served = Callable[[Shelf, Login | None], str]


@pytest.fixture(autouse=True)
def _in_english() -> None:
    use_language("en")


@pytest.fixture(scope="module")
def releases(data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The public's release and the team's, in a data directory of their own."""
    copy = tmp_path_factory.mktemp("gate") / "data"
    shutil.copytree(data, copy, ignore=shutil.ignore_patterns("releases", "team-releases", "publication"))
    return publish(copy), publish(copy, audience="team")


@contextmanager
def running(shelf: Shelf, login: Login | None = None, reading: Starlette | None = None) -> Iterator[str]:
    app = gated(reading or create_app(shelf.folder), shelf, login)
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", lifespan="off", proxy_headers=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture
def serve() -> Iterator[Served]:
    with ExitStack() as stack:
        yield lambda shelf, login: stack.enter_context(running(shelf, login))


@pytest.fixture(scope="module")
def public(releases: tuple[Path, Path]) -> Iterator[str]:
    with running(Shelf(releases[0].parent, "public")) as url:
        yield url


def raw(url: str, target: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    """A request whose target is sent as it stands: clients tidy up what attackers do not."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=30)
    connection.putrequest(method, target, skip_accept_encoding=True)
    for name, value in headers.items():
        connection.putheader(name.replace("_", "-"), value)
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, body


WAYS = [
    "/releases/{id}/{file}",
    "/releases//{id}/{file}",
    "//releases/{id}/{file}",
    "/releases/{id}//{file}",
    "/releases/./{id}/{file}",
    "/releases/{id}/{file}/",
    "/releases/{id}/{file}%00",
    "/releases/{id}/{file}%00.json",
    "/releases/{id}%2F{file}",
    "/releases%2F{id}%2F{file}",
    "/team-releases/{id}/{file}",
    "/releases/../team-releases/{id}/{file}",
    "/releases/%2e%2e/team-releases/{id}/{file}",
    "/releases/..%2fteam-releases%2f{id}%2f{file}",
    "/releases/%252e%252e/team-releases/{id}/{file}",
    "/releases/..%5cteam-releases%5c{id}%5c{file}",
    "/releases/..;/team-releases/{id}/{file}",
    "/releases/{public}/../../team-releases/{id}/{file}",
    "/releases/{public}/%2e%2e/%2e%2e/team-releases/{id}/{file}",
    "/releases/{public}/..%2f..%2fteam-releases%2f{id}%2f{file}",
    "/releases/{public}/%2e%2e/{id}/{file}",
    "/releases/{public}/map/../../../team-releases/{id}/{file}",
    "/maplibre/../releases/../team-releases/{id}/{file}",
    "/%2e%2e/team-releases/{id}/{file}",
    "/{folder}/{id}/{file}",
    "/releases/{folder}/{id}/{file}",
    "/releases/%2f{folder}/{id}/{file}",
    "http://127.0.0.1/releases/{id}/{file}",
    "/releases/latest.json/../../team-releases/{id}/{file}",
    "/releases/?release={id}",
    "/ogc/releases/{id}/collections",
    "/v1/releases/{id}",
    "/v1/releases/{id}/hexagons",
    "/v1/releases/..%2f..%2fteam-releases%2f{id}",
    "/v1/hexagons?release={id}",
]


@pytest.mark.parametrize("way", WAYS)
def test_a_release_of_the_team_is_as_absent_as_one_that_never_was(
    public: str, releases: tuple[Path, Path], way: str
) -> None:
    own, team = releases
    for file in ("manifest.json", "map/index.json"):

        def target(release: str, file: str = file) -> str:
            return way.format(id=release, public=own.name, folder=team.parent, file=file)

        etag = f'"{os.stat(team / file).st_mtime}-{os.stat(team / file).st_size}"'
        for method, headers in (
            *(("GET", {}), ("HEAD", {}), ("OPTIONS", {})),
            *(("GET", {"Range": "bytes=0-9"}), ("GET", {"If_None_Match": etag})),
            ("GET", {"If_Modified_Since": "Fri, 01 Jan 2038 00:00:00 GMT"}),
            ("GET", {"X_Remote_User": "prefet", "X_Original_URL": f"/team-releases/{team.name}/{file}"}),
        ):
            status, told, body = raw(public, target(team.name), method, **headers)
            assert status in (400, 404, 405), (status, target(team.name), method, headers)
            never = raw(public, target(ABSENT), method, **headers)
            assert (status, body.replace(team.name.encode(), ABSENT.encode())) == (never[0], never[2])
            assert {name: value for name, value in told.items() if name != "date"} == {
                name: value for name, value in never[1].items() if name != "date"
            }


def test_nothing_of_the_public_names_a_release_of_the_team(public: str, releases: tuple[Path, Path]) -> None:
    own, team = releases
    for target in (
        "/",
        "/releases/",
        "/releases",
        "/team-releases/",
        "/releases/latest.json",
        "/v1/releases",
        f"/releases/{own.name}/",
    ):
        status, headers, body = raw(public, target)
        assert team.name.encode() not in body, target
        assert "team" not in headers.get("location", ""), target
        assert status in (200, 404) or (status, headers["location"].rstrip("/")) == (307, f"{public}{target}")
    for file in (path for path in own.rglob("*") if path.is_file()):
        assert team.name.encode() not in file.read_bytes(), file
        assert b"project team only" not in file.read_bytes(), file


def copied(team: Path, shelf: Path) -> None:
    shutil.copytree(team, shelf / team.name)


def linked(team: Path, shelf: Path) -> None:
    (shelf / team.name).symlink_to(team)


def pointed_at(team: Path, shelf: Path) -> None:
    (shelf / "latest.new").write_text(json.dumps({"release": f"../team-releases/{team.name}"}))
    (shelf / "latest.new").rename(shelf / "latest.json")


def named(team: Path, shelf: Path) -> None:
    shutil.copy(team.parent / "latest.json", shelf / "latest.new")
    (shelf / "latest.new").rename(shelf / "latest.json")


def unsaid(team: Path, shelf: Path) -> None:
    (shelf / team.name).mkdir()


@pytest.mark.parametrize("put", [copied, linked, pointed_at, named, unsaid])
def test_a_folder_with_a_release_for_others_serves_nothing(
    releases: tuple[Path, Path], serve: Served, tmp_path: Path, put: Callable[[Path, Path], None]
) -> None:
    own, team = releases
    shelf = tmp_path / "releases"
    shutil.copytree(own.parent, shelf)
    url = serve(Shelf(shelf, "public"), None)
    assert raw(url, "/releases/latest.json")[0] == 200
    put(team, shelf)
    for target in (f"/releases/{team.name}/manifest.json", f"/releases/{own.name}/manifest.json", "/", "/releases/"):
        assert raw(url, target)[0] == 404, target
    with pytest.raises(PublicationError, match="not of the audience 'public'"):
        gated(create_app(shelf), Shelf(shelf, "public"))
    with pytest.raises(PublicationError, match="not of the audience 'public'"):
        write_site(shelf, tmp_path / "site")
    assert not (tmp_path / "site").exists()


def test_a_link_within_a_release_leads_nowhere(releases: tuple[Path, Path], serve: Served, tmp_path: Path) -> None:
    own, team = releases
    shelf = tmp_path / "data" / "releases"
    shutil.copytree(own.parent, shelf)
    shutil.copytree(team.parent, tmp_path / "data" / "team-releases")
    for name, target in (("file.json", f"{team.name}/manifest.json"), ("folder", team.name)):
        (shelf / own.name / name).symlink_to(tmp_path / "data" / "team-releases" / target)
    (shelf / "latest.json").unlink()
    (shelf / "latest.json").symlink_to(tmp_path / "data" / "team-releases" / "latest.json")
    app = create_app(shelf)
    with pytest.raises(PublicationError, match=team.name):
        gated(app, Shelf(shelf, "public"))
    (shelf / "latest.json").unlink()
    url = serve(Shelf(shelf, "public"), None)
    for path in ("file.json", "folder/manifest.json", "folder", "folder/map/index.json"):
        assert raw(url, f"/releases/{own.name}/{path}")[0] == 404, path
    assert raw(url, f"/releases/{own.name}/manifest.json")[0] == 200


def test_a_folder_that_is_a_link_to_the_teams_is_seen_through(releases: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "releases").symlink_to(releases[1].parent)
    with pytest.raises(PublicationError, match=releases[1].name):
        gated(create_app(tmp_path / "releases"), Shelf(tmp_path / "releases", "public"))


def test_the_team_has_a_login_and_the_public_none(releases: tuple[Path, Path]) -> None:
    own, team = (release.parent for release in releases)
    with pytest.raises(ValueError, match="expected a login for the team"):
        gated(create_app(team), Shelf(team, "team"))
    with pytest.raises(ValueError, match="none for the public"):
        gated(create_app(own), Shelf(own, "public"), ProxyLogin("X-Remote-User"))
    with pytest.raises(PublicationError, match="not of the audience 'team'"):
        gated(create_app(own), Shelf(own, "team"), ProxyLogin("X-Remote-User"))


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
    assert "Réservé à l’équipe projet".encode() in page
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
