"""The latest public release where this device measured, read from the map's own files.

Whole files of large areas (H3 resolution 4, some 1,770 km²) are fetched: the map's server learns that somebody asked
for these areas, and not which hexagons of them matter.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import httpx

from client_sdk.errors import CollectorError
from client_sdk.hexagon_index import parent
from client_sdk.messages import tr
from client_sdk.mine.account import Point
from client_sdk.system_errors import cause_of

AREA_RESOLUTION = 4
MAX_FILE_BYTES = 8_000_000
"""Ours: twenty times an area in which every hexagon was measured on every network."""

_ID_CHARACTERS = frozenset("0123456789abcdef-")

Subject = tuple[str, str]
"""Operator and technology."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """What a release says of service in some areas.

    Attributes:
        release: its id.
        date: last day of its data, ISO.
        k: least number of volunteers' phones behind anything that it says.
        synthetic: whether its data were generated.
        verdicts: hexagon → operator and technology → verdict, with its strength where it has one.
        centres: hexagon → its centre.
    """

    release: str
    date: str
    k: int
    synthetic: bool
    verdicts: dict[str, dict[Subject, str]] = field(default_factory=dict)
    centres: dict[str, Point] = field(default_factory=dict)


def areas_of(hexagons: Iterable[str]) -> list[str]:
    """The large areas that hold some hexagons, sorted."""
    return sorted({f"{parent(int(cell, 16), AREA_RESOLUTION):x}" for cell in hexagons})


def fetch_release(map_url: str, hexagons: Iterable[str], client: httpx.Client) -> Release:
    """Read the latest release where some hexagons are.

    Args:
        map_url: address of the map.
        hexagons: their H3 indexes.
        client: makes the requests.

    Raises:
        CollectorError: no answer, or not a map's.
    """
    try:
        name = str(_read(f"{map_url}/releases/latest.json", client)["release"])
        if not name or set(name) - _ID_CHARACTERS:
            raise ValueError(name)
        folder = f"{map_url}/releases/{name}/verdicts"
        about = _read(f"{folder}/index.json", client)
        published = set(about["parents"])
        found = Release(
            release=name,
            date=date.fromisoformat(about["date"]).isoformat(),
            k=int(about["k"]),
            synthetic=bool(about["synthetic"]),
        )
        if about["resolution"] != AREA_RESOLUTION or about["audience"] != "public":
            raise ValueError("another form of release")
        for area in areas_of(hexagons):
            if area in published:
                _take(_read(f"{folder}/{area}.json", client), found)
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise CollectorError(
            tr(
                f"{map_url}: no release of a map there that this version can read",
                f"{map_url} : pas de publication lisible par cette version",
            )
        ) from error
    return found


def _take(members: dict[str, Any], into: Release) -> None:
    subjects = [(str(operator), str(technology)) for operator, technology in members["subjects"]]
    words = [str(word) for word in members["verdicts"]]
    for cell, (longitude, latitude, codes) in members["hexagons"].items():
        into.centres[cell] = (float(longitude), float(latitude))
        pairs = zip(subjects, codes, strict=True)
        into.verdicts[cell] = {subject: words[code] for subject, code in pairs if code is not None}


def _read(url: str, client: httpx.Client) -> Any:
    content = b""
    try:
        with client.stream("GET", url, follow_redirects=False) as answer:
            if answer.status_code != 200:
                raise CollectorError(
                    tr(f"{url} answered {answer.status_code}", f"{url} a répondu {answer.status_code}"),
                    answer.status_code,
                )
            for piece in answer.iter_bytes():
                content += piece
                if len(content) > MAX_FILE_BYTES:
                    raise ValueError(url)
    except httpx.InvalidURL as error:
        raise CollectorError(f"{url}: {error}") from error
    except httpx.HTTPError as error:
        reason = cause_of(error)
        raise CollectorError(tr(f"{url}: no answer ({reason})", f"{url} : pas de réponse ({reason})")) from error
    return json.loads(content)
