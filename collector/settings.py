"""Everything that can be configured, in one frozen object read once at start; nothing else reads the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from sqlalchemy.engine import URL

from collector.admission.limits import LIMIT_VARIABLES, Limits
from collector.setting_values import (
    RETENTION,
    check_data,
    check_database_url,
    check_map_url,
    check_measurement_url,
    check_proxies,
    check_range,
    check_retention,
    read_echo_port,
    read_file,
    read_integer,
    read_operator_asns,
)

OPERATOR_ASNS = {
    "20801": frozenset({3215}),
    "20810": frozenset({15557}),
    "20815": frozenset({51207, 12322}),
    "20820": frozenset({5410}),
}
"""Ours, from general knowledge and not from a register: Orange AS3215, SFR AS15557, Free Mobile AS51207 and its
parent's AS12322, Bouygues Telecom AS5410. ``MAILLE_OPERATOR_ASNS`` replaces them all; an operator that is not listed is
not judged."""


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
        map_url: ``https://`` address of the public map, told to devices that ask what their samples changed; empty for
            none (``MAILLE_MAP_URL``).
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
    map_url: str = ""
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
        check_data(self.data)
        check_database_url(self.database_url)
        check_range("MAILLE_PORT", self.port, 0, 65_535)
        check_range("MAILLE_MEASUREMENT_SLOTS", self.measurement_slots, 1, 1_000)
        check_range("MAILLE_WORKERS", self.workers, 1, 64)
        check_measurement_url(self.measurement_url)
        check_map_url(self.map_url)
        if isinstance(self.echo_port, int):
            check_range("MAILLE_ECHO_PORT", self.echo_port, 0, 65_535)
        for name, days in zip(RETENTION, self._kept_days, strict=True):
            check_range(name, days, 0, 36_500)
        check_retention(*self._kept_days)
        check_range("MAILLE_MIN_FREE_MB", self.min_free_mb, 0, 1_000_000_000)
        check_proxies(self.trusted_proxies)

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
            port=read_integer(given, "MAILLE_PORT", settings.port),
            measurement_slots=read_integer(given, "MAILLE_MEASUREMENT_SLOTS", settings.measurement_slots),
            measurement_url=given.get("MAILLE_MEASUREMENT_URL", settings.measurement_url),
            map_url=given.get("MAILLE_MAP_URL", settings.map_url).rstrip("/"),
            echo_port=read_echo_port(given),
            territory=read_file(given, "MAILLE_TERRITORY"),
            asn_database=read_file(given, "MAILLE_ASN_DATABASE"),
            operator_asns=read_operator_asns(given, settings.operator_asns),
            keep_samples_days=read_integer(given, "MAILLE_KEEP_SAMPLES_DAYS", settings.keep_samples_days),
            keep_envelopes_days=read_integer(given, "MAILLE_KEEP_ENVELOPES_DAYS", settings.keep_envelopes_days),
            keep_witnesses_days=read_integer(given, "MAILLE_KEEP_WITNESSES_DAYS", settings.keep_witnesses_days),
            limits=Limits.read(lambda name, default: read_integer(given, name, default)),
            trusted_proxies=tuple(given.get("MAILLE_TRUSTED_PROXIES", "").replace(",", " ").split()),
            min_free_mb=read_integer(given, "MAILLE_MIN_FREE_MB", settings.min_free_mb),
            workers=read_integer(given, "MAILLE_WORKERS", settings.workers),
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
    "MAILLE_MAP_URL",
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
