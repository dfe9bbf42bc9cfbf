"""Everything that can be configured, in one frozen object read once at start; nothing else reads the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from client_sdk.messages import tr
from collector.errors import SettingsError

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
        echo_port: UDP port of echoes, ``same`` as the TCP port, or ``off`` (``MAILLE_ECHO_PORT``).
        measurement_slots: transfers served at the same time (``MAILLE_MEASUREMENT_SLOTS``).
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
    workers: int = 1

    def __post_init__(self) -> None:
        if not self.database_url:
            url = URL.create("sqlite", database=str(self.data / "collector.sqlite"))
            object.__setattr__(self, "database_url", url.render_as_string(hide_password=False))
        _check_data(self.data)
        _check_database_url(self.database_url)
        _check_range("MAILLE_PORT", self.port, 0, 65_535)
        _check_range("MAILLE_MEASUREMENT_SLOTS", self.measurement_slots, 1, 1_000)
        _check_range("MAILLE_WORKERS", self.workers, 1, 64)
        _check_measurement_url(self.measurement_url)
        if isinstance(self.echo_port, int):
            _check_range("MAILLE_ECHO_PORT", self.echo_port, 0, 65_535)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """Read ``MAILLE_*``; an empty variable counts as absent.

        Raises:
            SettingsError: a value cannot be used; the message names the variable.
        """
        given = {name: value for name in VARIABLES if (value := environment.get(name, "").strip())}
        settings = cls(
            data=Path(given.get("MAILLE_DATA", "maille-data")), database_url=given.get("MAILLE_DATABASE_URL", "")
        )
        return replace(
            settings,
            host=given.get("MAILLE_HOST", settings.host),
            port=_integer(given, "MAILLE_PORT", settings.port),
            measurement_slots=_integer(given, "MAILLE_MEASUREMENT_SLOTS", settings.measurement_slots),
            measurement_url=given.get("MAILLE_MEASUREMENT_URL", settings.measurement_url),
            echo_port=_echo_port(given),
            workers=_integer(given, "MAILLE_WORKERS", settings.workers),
        )

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
    def archive(self) -> Path:
        """Directory of the Parquet archive."""
        return self.data / "archive"


VARIABLES = (
    "MAILLE_DATA",
    "MAILLE_DATABASE_URL",
    "MAILLE_HOST",
    "MAILLE_PORT",
    "MAILLE_MEASUREMENT_SLOTS",
    "MAILLE_MEASUREMENT_URL",
    "MAILLE_ECHO_PORT",
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
