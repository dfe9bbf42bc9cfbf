"""The team's releases are the team's alone: who asks the public's server for them learns not even that they exist."""

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from gate_rig import raw, running

from aggregator.publication.api import create_app, write_site
from aggregator.publication.errors import PublicationError
from aggregator.publication.gate import Login, ProxyLogin, gated
from aggregator.publication.release import publish
from aggregator.publication.shelf import Shelf
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


@pytest.fixture
def serve() -> Iterator[Served]:
    with ExitStack() as stack:
        yield lambda shelf, login: stack.enter_context(running(shelf, login))


@pytest.fixture(scope="module")
def public(releases: tuple[Path, Path]) -> Iterator[str]:
    with running(Shelf(releases[0].parent, "public")) as url:
        yield url


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
            refused = (400, 404, 405, 204) if method == "OPTIONS" else (400, 404, 405)  # 204 for any address of the API
            assert status in refused, (status, target(team.name), method, headers)
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
