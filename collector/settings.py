"""Everything that can be configured, in one frozen object read once at start; nothing else reads the environment."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from ipaddress import ip_network
from pathlib import Path
from types import MappingProxyType
from typing import Literal
from urllib.parse import urlsplit

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from client_sdk.messages import tr
from collector.admission.limits import LIMIT_VARIABLES, Limits
from collector.errors import SettingsError

OPERATOR_ASNS = {
    "20801": frozenset({3215}),
    "20810": frozenset({15557}),
    "20815": frozenset({51207, 12322}),
    "20820": frozenset({5410}),
}
"""Ours, from general knowledge and not from a register: Orange AS3215, SFR AS15557, Free Mobile AS51207 and its
parent's AS12322, Bouygues Telecom AS5410. ``MAILLE_OPERATOR_ASNS`` replaces them all; an operator that is not listed is
not judged."""

_DATABASES = ("sqlite", "postgresql+psycopg")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Settings of one collector.

    Attributes:
        data: directory of keys, archive and, by default, the database (``MAILLE_DATA``).
        database_url: SQLAlchemy address, ``sqlite:///FILE`` or ``postgresql+psycopg://…``
            (``MAILLE_DATABASE_URL``; empty: ``collector.sqlite`` in ``data``).
        host: address to listen on (``MAILLE_HOST``).
        port: TCP port to listen on, 0 for any free one (``MAILLE_PORT``).
        measurement_url: ``ws://`` or ``wss://`` address of the measuring endpoints where it is not the collector's own
            (``MAILLE_MEASUREMENT_URL``).
        archive: directory of the Parquet archive, or URL of object storage that fsspec knows, ``s3://bucket/prefix``
            (``MAILLE_ARCHIVE``; empty: ``archive`` in ``data``).
        echo_port: UDP port of echoes, ``same`` as the TCP port, or ``off`` (``MAILLE_ECHO_PORT``).
        measurement_slots: transfers served at the same time (``MAILLE_MEASUREMENT_SLOTS``).
        territory: GeoJSON file with the outlines of the project's territory; samples outside are then flagged
            (``MAILLE_TERRITORY``).
        asn_database: file in MaxMind's format that gives an address its autonomous system, like GeoLite2-ASN or DB-IP's
            (``MAILLE_ASN_DATABASE``); a transfer is then witnessed with the network that it came from.
        operator_asns: operator → autonomous systems that its SIMs come from (``MAILLE_OPERATOR_ASNS``, like
            ``20801=3215 20815=51207,12322``).
        keep_samples_days: samples are purged so long after they were measured, or imported, 0 for never
            (``MAILLE_KEEP_SAMPLES_DAYS``). Ours: a verdict rests on 12 months, and can be contested and computed again
            for another 12.
        keep_envelopes_days: signed envelopes are purged so long after they came, and with the first of their samples,
            0 for no other time (``MAILLE_KEEP_ENVELOPES_DAYS``). Ours: the 12 months that a verdict rests on and a
            month to show who signed what.
        keep_witnesses_days: what the server saw of transfers is purged so long after, 0 for never
            (``MAILLE_KEEP_WITNESSES_DAYS``). Ours: as long as the samples, which are judged again by them.
        limits: limits of rate, one variable each: :class:`~collector.admission.limits.Limits`.
        trusted_proxies: addresses and networks whose ``X-Forwarded-For`` is believed, separated by commas
            (``MAILLE_TRUSTED_PROXIES``; empty: nobody's).
        min_free_mb: megabytes that stay free beside an SQLite database; with less nothing more is taken in
            (``MAILLE_MIN_FREE_MB``).
        workers: processes that serve, each on a core of its own (``MAILLE_WORKERS``).

    Raises:
        SettingsError: a value cannot be used; the message names the setting.
    """

    data: Path = Path("maille-data")
    database_url: str = field(default="", repr=False)  # may hold a password
    host: str = "127.0.0.1"
    port: int = 8420
    measurement_slots: int = 4
    measurement_url: str = ""
    echo_port: int | Literal["same", "off"] = "same"
    archive: str = ""
    territory: Path | None = None
    asn_database: Path | None = None
    operator_asns: Mapping[str, frozenset[int]] = field(default_factory=lambda: MappingProxyType(OPERATOR_ASNS))
    keep_samples_days: int = 730
    keep_envelopes_days: int = 395
    keep_witnesses_days: int = 730
    limits: Limits = field(default_factory=Limits)
    trusted_proxies: tuple[str, ...] = ()
    # Ours: several days of a busy collector, and what an archive, a backup or a vacuum needs to help itself with
    min_free_mb: int = 256
    workers: int = 1

    def __post_init__(self) -> None:
        if not self.database_url:
            url = URL.create("sqlite", database=str(self.data / "collector.sqlite"))
            object.__setattr__(self, "database_url", url.render_as_string(hide_password=False))
        if not self.archive:
            object.__setattr__(self, "archive", str(self.data / "archive"))
        _check_data(self.data)
        _check_database_url(self.database_url)
        _check_range("MAILLE_PORT", self.port, 0, 65_535)
        _check_range("MAILLE_MEASUREMENT_SLOTS", self.measurement_slots, 1, 1_000)
        _check_range("MAILLE_WORKERS", self.workers, 1, 64)
        _check_measurement_url(self.measurement_url)
        if isinstance(self.echo_port, int):
            _check_range("MAILLE_ECHO_PORT", self.echo_port, 0, 65_535)
        for name, days in zip(_RETENTION, self._kept_days, strict=True):
            _check_range(name, days, 0, 36_500)
        _check_retention(*self._kept_days)
        _check_range("MAILLE_MIN_FREE_MB", self.min_free_mb, 0, 1_000_000_000)
        _check_proxies(self.trusted_proxies)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """Read ``MAILLE_*``; an empty variable counts as absent.

        Raises:
            SettingsError: a value cannot be used; the message names the variable.
        """
        given = {name: value for name in VARIABLES if (value := environment.get(name, "").strip())}
        settings = cls(
            data=Path(given.get("MAILLE_DATA", "maille-data")),
            database_url=given.get("MAILLE_DATABASE_URL", ""),
            archive=given.get("MAILLE_ARCHIVE", ""),
        )
        return replace(
            settings,
            host=given.get("MAILLE_HOST", settings.host),
            port=_integer(given, "MAILLE_PORT", settings.port),
            measurement_slots=_integer(given, "MAILLE_MEASUREMENT_SLOTS", settings.measurement_slots),
            measurement_url=given.get("MAILLE_MEASUREMENT_URL", settings.measurement_url),
            echo_port=_echo_port(given),
            territory=_file(given, "MAILLE_TERRITORY"),
            asn_database=_file(given, "MAILLE_ASN_DATABASE"),
            operator_asns=_operator_asns(given, settings.operator_asns),
            keep_samples_days=_integer(given, "MAILLE_KEEP_SAMPLES_DAYS", settings.keep_samples_days),
            keep_envelopes_days=_integer(given, "MAILLE_KEEP_ENVELOPES_DAYS", settings.keep_envelopes_days),
            keep_witnesses_days=_integer(given, "MAILLE_KEEP_WITNESSES_DAYS", settings.keep_witnesses_days),
            limits=Limits.read(lambda name, default: _integer(given, name, default)),
            trusted_proxies=tuple(given.get("MAILLE_TRUSTED_PROXIES", "").replace(",", " ").split()),
            min_free_mb=_integer(given, "MAILLE_MIN_FREE_MB", settings.min_free_mb),
            workers=_integer(given, "MAILLE_WORKERS", settings.workers),
        )

    @property
    def _kept_days(self) -> tuple[int, int, int]:
        return self.keep_samples_days, self.keep_envelopes_days, self.keep_witnesses_days

    @property
    def collector_key(self) -> Path:
        """PEM file of the key that signs receipts."""
        return self.data / "collector-key.pem"

    @property
    def device_token_key(self) -> Path:
        """File of the 32 bytes that turn a device into its token in the archive."""
        return self.data / "device-token.key"

    @property
    def echo_seed(self) -> Path:
        """File of the 32 bytes that tokens of UDP echoes are made with."""
        return self.data / "echo-seed.key"

    @property
    def key_statements(self) -> Path:
        """File of the statements by which the collector changed its key, one a line."""
        return self.data / "key-statements.jws"

    @property
    def erasures(self) -> Path:
        """File of the tombstones of erased devices, which no restored database takes back."""
        return self.data / "erasures.ndjson"


VARIABLES = (
    "MAILLE_DATA",
    "MAILLE_DATABASE_URL",
    "MAILLE_HOST",
    "MAILLE_PORT",
    "MAILLE_MEASUREMENT_SLOTS",
    "MAILLE_MEASUREMENT_URL",
    "MAILLE_ECHO_PORT",
    "MAILLE_ARCHIVE",
    "MAILLE_TERRITORY",
    "MAILLE_ASN_DATABASE",
    "MAILLE_OPERATOR_ASNS",
    "MAILLE_KEEP_SAMPLES_DAYS",
    "MAILLE_KEEP_ENVELOPES_DAYS",
    "MAILLE_KEEP_WITNESSES_DAYS",
    *LIMIT_VARIABLES.values(),
    "MAILLE_TRUSTED_PROXIES",
    "MAILLE_MIN_FREE_MB",
    "MAILLE_WORKERS",
)
"""Environment variable of each setting, in the order of the settings."""


def _check_data(data: Path) -> None:
    # os.path.exists: a directory that may not be looked into is told where it is opened
    nearest = next((path for path in (data, *data.parents) if os.path.exists(path)), None)
    if nearest is not None and not nearest.is_dir():
        raise SettingsError(
            tr(
                f"MAILLE_DATA: {nearest} is a file, expected a directory",
                f"MAILLE_DATA : {nearest} est un fichier, attendu : un répertoire",
            )
        )


def _check_database_url(text: str) -> None:
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


def _check_range(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise SettingsError(
            tr(
                f"{name}: got {value}, expected an integer from {low} to {high}",
                f"{name} : {value}, attendu : un entier de {low} à {high}",
            )
        )


_RETENTION = ("MAILLE_KEEP_SAMPLES_DAYS", "MAILLE_KEEP_ENVELOPES_DAYS", "MAILLE_KEEP_WITNESSES_DAYS")


def _check_retention(samples: int, envelopes: int, witnesses: int) -> None:
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


def _check_proxies(proxies: tuple[str, ...]) -> None:
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


def _check_measurement_url(url: str) -> None:
    parts = urlsplit(url)
    if url and (parts.scheme not in ("ws", "wss") or not parts.hostname):
        raise SettingsError(
            tr(
                f"MAILLE_MEASUREMENT_URL: got {url!r}, expected an address like wss://measure.example.org:8421",
                f"MAILLE_MEASUREMENT_URL : {url!r}, attendu : une adresse comme wss://mesure.example.org:8421",
            )
        )


def _echo_port(given: Mapping[str, str]) -> int | Literal["same", "off"]:
    text = given.get("MAILLE_ECHO_PORT", "same")
    if text in ("same", "off"):
        return "same" if text == "same" else "off"
    return _integer(given, "MAILLE_ECHO_PORT", 0)


def _file(given: Mapping[str, str], name: str) -> Path | None:
    text = given.get(name)
    if text is None:
        return None
    if not (file := Path(text)).is_file():
        raise SettingsError(tr(f"{name}: {file} is not a file", f"{name} : {file} n’est pas un fichier"))
    return file


def _operator_asns(given: Mapping[str, str], default: Mapping[str, frozenset[int]]) -> Mapping[str, frozenset[int]]:
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


def _integer(given: Mapping[str, str], name: str, default: int) -> int:
    text = given.get(name)
    if text is None:
        return default
    try:
        return int(text)
    except ValueError as error:
        raise SettingsError(
            tr(f"{name}: got {text!r}, expected an integer", f"{name} : {text!r}, attendu : un entier")
        ) from error
