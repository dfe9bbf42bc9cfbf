"""How each setting is read and checked; a value that cannot be used is told with its variable."""

import os
import re
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from types import MappingProxyType
from typing import Literal
from urllib.parse import urlsplit

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from client_sdk.messages import tr
from collector.errors import SettingsError

_DATABASES = ("sqlite", "postgresql+psycopg")

RETENTION = ("MAILLE_KEEP_SAMPLES_DAYS", "MAILLE_KEEP_ENVELOPES_DAYS", "MAILLE_KEEP_WITNESSES_DAYS")


def check_data(data: Path) -> None:
    """A directory, or what can become one."""
    # os.path.exists: a directory that may not be looked into is told where it is opened
    nearest = next((path for path in (data, *data.parents) if os.path.exists(path)), None)
    if nearest is not None and not nearest.is_dir():
        raise SettingsError(
            tr(
                f"MAILLE_DATA: {nearest} is a file, expected a directory",
                f"MAILLE_DATA : {nearest} est un fichier, attendu : un répertoire",
            )
        )


def check_database_url(text: str) -> None:
    """One of the kinds of database, and one that lasts."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as error:
        forms = "sqlite:///FILE, postgresql+psycopg://USER@HOST/DATABASE"
        raise SettingsError(
            tr(
                f"MAILLE_DATABASE_URL: cannot be read as an address, expected one of {forms}",
                f"MAILLE_DATABASE_URL : adresse illisible, formes attendues : {forms}",
            )
        ) from error
    driver = url.drivername
    if driver not in _DATABASES:
        kinds = ", ".join(_DATABASES)
        raise SettingsError(
            tr(
                f"MAILLE_DATABASE_URL: got the kind {driver!r}, expected one of {kinds}",
                f"MAILLE_DATABASE_URL : type {driver!r}, types attendus : {kinds}",
            )
        )
    if driver == "sqlite" and _in_memory(url):
        raise SettingsError(
            tr(
                "MAILLE_DATABASE_URL: got an SQLite database in memory, which would be lost, expected sqlite:///FILE",
                "MAILLE_DATABASE_URL : base SQLite en mémoire, qui serait perdue, attendu : sqlite:///FICHIER",
            )
        )


def _in_memory(url: URL) -> bool:
    file = url.database or ":memory:"
    return file.removeprefix("file:").startswith(":memory:") or url.query.get("mode") == "memory"


def check_range(name: str, value: int, low: int, high: int) -> None:
    """An integer within its bounds."""
    if not low <= value <= high:
        raise SettingsError(
            tr(
                f"{name}: got {value}, expected an integer from {low} to {high}",
                f"{name} : {value}, attendu : un entier de {low} à {high}",
            )
        )


def check_retention(samples: int, envelopes: int, witnesses: int) -> None:
    """No period defeats another."""
    if samples and witnesses and witnesses < samples:
        raise SettingsError(
            tr(
                f"MAILLE_KEEP_WITNESSES_DAYS: got {witnesses}, expected at least MAILLE_KEEP_SAMPLES_DAYS ({samples}): "
                "samples are judged again by them",
                f"MAILLE_KEEP_WITNESSES_DAYS : {witnesses}, attendu : au moins MAILLE_KEEP_SAMPLES_DAYS ({samples}), "
                "car ils servent à juger de nouveau les relevés",
            )
        )
    if samples and envelopes > samples:
        raise SettingsError(
            tr(
                f"MAILLE_KEEP_ENVELOPES_DAYS: got {envelopes}, expected at most MAILLE_KEEP_SAMPLES_DAYS ({samples}): "
                "an envelope holds its samples",
                f"MAILLE_KEEP_ENVELOPES_DAYS : {envelopes}, attendu : au plus MAILLE_KEEP_SAMPLES_DAYS ({samples}), "
                "car une enveloppe contient ses relevés",
            )
        )


def check_proxies(proxies: tuple[str, ...]) -> None:
    """Addresses and networks."""
    for proxy in proxies:
        try:
            ip_network(proxy)
        except ValueError as error:
            raise SettingsError(
                tr(
                    f"MAILLE_TRUSTED_PROXIES: got {proxy!r}, expected addresses or networks like 127.0.0.1, 10.0.0.0/8",
                    f"MAILLE_TRUSTED_PROXIES : {proxy!r}, attendu : des adresses ou réseaux, 127.0.0.1, 10.0.0.0/8",
                )
            ) from error


def check_measurement_url(url: str) -> None:
    """A WebSocket address, or none."""
    parts = urlsplit(url)
    if url and (parts.scheme not in ("ws", "wss") or not parts.hostname):
        raise SettingsError(
            tr(
                f"MAILLE_MEASUREMENT_URL: got {url!r}, expected an address like wss://measure.example.org:8421",
                f"MAILLE_MEASUREMENT_URL : {url!r}, attendu : une adresse comme wss://mesure.example.org:8421",
            )
        )


def check_map_url(url: str) -> None:
    """A web address without a query, or none."""
    parts = urlsplit(url)
    plain = not parts.query and not parts.fragment and "@" not in parts.netloc
    if url and (parts.scheme not in ("http", "https") or not parts.hostname or not plain):
        raise SettingsError(
            tr(
                f"MAILLE_MAP_URL: got {url!r}, expected an address like https://map.example.org",
                f"MAILLE_MAP_URL : {url!r}, attendu : une adresse comme https://carte.example.org",
            )
        )


def read_echo_port(given: Mapping[str, str]) -> int | Literal["same", "off"]:
    """The UDP port of echoes."""
    text = given.get("MAILLE_ECHO_PORT", "same")
    if text in ("same", "off"):
        return "same" if text == "same" else "off"
    return read_integer(given, "MAILLE_ECHO_PORT", 0)


def read_file(given: Mapping[str, str], name: str) -> Path | None:
    """A file that is there, or None where none is named."""
    text = given.get(name)
    if text is None:
        return None
    if not (file := Path(text)).is_file():
        raise SettingsError(tr(f"{name}: {file} is not a file", f"{name} : {file} n’est pas un fichier"))
    return file


def read_operator_asns(given: Mapping[str, str], default: Mapping[str, frozenset[int]]) -> Mapping[str, frozenset[int]]:
    """Operator → autonomous systems."""
    text = given.get("MAILLE_OPERATOR_ASNS")
    if text is None:
        return default
    pairs = [part.partition("=") for part in text.split()]
    if not all(operator.isdecimal() and re.fullmatch(r"\d{1,10}(,\d{1,10})*", asns) for operator, _, asns in pairs):
        raise SettingsError(
            tr(
                f"MAILLE_OPERATOR_ASNS: got {text!r}, expected pairs like 20801=3215 20815=51207,12322",
                f"MAILLE_OPERATOR_ASNS : {text!r}, attendu : des paires comme 20801=3215 20815=51207,12322",
            )
        )
    return MappingProxyType({operator: frozenset(map(int, asns.split(","))) for operator, _, asns in pairs})


def read_integer(given: Mapping[str, str], name: str, default: int) -> int:
    """An integer."""
    text = given.get(name)
    if text is None:
        return default
    try:
        return int(text)
    except ValueError as error:
        raise SettingsError(
            tr(f"{name}: got {text!r}, expected an integer", f"{name} : {text!r}, attendu : un entier")
        ) from error
