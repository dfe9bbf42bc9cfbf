"""The tables, for SQLite and PostgreSQL alike; the columns of a sample follow from :data:`client_sdk.sample.FIELDS`.

On PostgreSQL the migrations add a generated geometry column ``samples.position``, which stays out of this metadata
because SQLite has no such type: see :meth:`collector.storage.store.Store.samples_within`.
"""

from datetime import UTC, datetime
from types import NoneType
from typing import Any, get_args, get_origin

from annotated_types import MaxLen, Predicate
from sqlalchemy import (
    CHAR,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)
from sqlalchemy.types import TypeDecorator, TypeEngine

from client_sdk import bounds
from client_sdk.sample import FIELDS

THUMBPRINT = String(43)
SHA256 = String(64)
TIER = String(10)

_LENGTHS: dict[object, int] = {bounds.is_uuid7: 36, bounds.is_plmn: 6, bounds.is_sha256_hex: 64}


class UtcInstant(TypeDecorator[datetime]):
    """An aware instant in UTC, on both databases: SQLite keeps it without its zone, PostgreSQL answers in its own."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To UTC; without the zone where the database has none."""
        if value is None:
            return None
        instant = value.astimezone(UTC)
        return instant.replace(tzinfo=None) if dialect.name == "sqlite" else instant

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Back to an aware instant in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


def _sample_column(name: str, annotation: Any) -> Column[Any]:
    if name == "measured_at":
        return Column(name, UtcInstant, nullable=False)
    python_type, nullable = field_type(annotation)
    kinds: dict[type, TypeEngine[Any]] = {bool: Boolean(), int: BigInteger(), float: Double()}
    return Column(name, kinds.get(python_type) or String(_longest(annotation)), nullable=nullable)


def field_type(annotation: Any) -> tuple[type, bool]:
    """The plain type (``str``, ``bool``, ``int``, ``float``) behind a field's annotation, and whether it may be absent.

    Literal texts are ``str``.
    """
    choices, _ = _parts(annotation)
    (python_type,) = {str if isinstance(choice, str) else choice for choice in choices} - {NoneType}
    return python_type, NoneType in choices


def _longest(annotation: Any) -> int:
    """Most characters that a text field may hold."""
    choices, metadata = _parts(annotation)
    literals = [len(choice) for choice in choices if isinstance(choice, str)]
    return max(literals or [length for item in metadata if (length := _length(item))])


def _length(item: Any) -> int | None:
    if isinstance(item, MaxLen):
        return item.max_length
    return _LENGTHS.get(item.func) if isinstance(item, Predicate) else None


def _parts(annotation: Any) -> tuple[list[Any], list[Any]]:
    """All the types and literal values inside an annotation, and all its metadata."""
    inner = getattr(annotation, "__metadata__", None)
    if inner is not None:
        choices, metadata = _parts(annotation.__origin__)
        return choices, metadata + list(inner)
    if get_origin(annotation) is None:
        return [annotation], []
    parts = [_parts(argument) for argument in get_args(annotation)]
    return [choice for choices, _ in parts for choice in choices], [item for _, items in parts for item in items]


metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
    }
)

invitations = Table(
    "invitations",
    metadata,
    Column("code_sha256", SHA256, primary_key=True),
    Column("label", String(64), nullable=False),
    Column("devices", Integer, nullable=False),
    Column("created_at", UtcInstant, nullable=False),
    Column("expires_at", UtcInstant, nullable=False),
    Column("revoked_at", UtcInstant),
)

devices = Table(
    "devices",
    metadata,
    Column("thumbprint", THUMBPRINT, primary_key=True),
    Column("public_key", String(43), nullable=False),  # member x of the JWK
    Column("tier", TIER, nullable=False),
    Column("privacy_notice_version", String(16), nullable=False),
    Column("invitation", SHA256, ForeignKey(invitations.c.code_sha256)),
    Column("enrolled_at", UtcInstant, nullable=False),
    Column("revoked_at", UtcInstant),
    # the first key of a device that changed keys: what stands for the device in the archive follows it
    Column("origin", THUMBPRINT, nullable=False),
    Column("key_created_at", UtcInstant),
    # nothing that the key signed and dates from then on counts
    Column("revoked_from", UtcInstant),
    # samples came, or went, since the rules that look at a device's whole history were applied to it
    Column("unjudged", Boolean, nullable=False),
    Index("ix_devices_origin", "origin"),
)

witnesses = Table(
    "witnesses",
    metadata,
    Column("device", THUMBPRINT, ForeignKey(devices.c.thumbprint), primary_key=True),
    Column("test_id", String(64), primary_key=True),
    Column("direction", String(8), primary_key=True),
    Column("started_at", UtcInstant, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("duration_ms", Double, nullable=False),
    Column("asn", BigInteger),  # autonomous system that the device came from, where the server can tell
)

envelopes = Table(
    "envelopes",
    metadata,
    Column("device", THUMBPRINT, ForeignKey(devices.c.thumbprint), primary_key=True),
    Column("sha256", SHA256, primary_key=True),
    Column("received_at", UtcInstant, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("signature", Text, nullable=False),
    Column("receipt", Text, nullable=False),  # the receipt's verdicts as JSON: signed again, it gives the same bytes
)

samples = Table(
    "samples",
    metadata,
    Column("device", THUMBPRINT, primary_key=True),
    *(
        _sample_column(name, annotation) if name != "id" else Column("id", String(36), primary_key=True)
        for name, annotation in FIELDS.items()
    ),
    Column("envelope_sha256", SHA256, nullable=False),
    Column("line_sha256", SHA256, nullable=False),
    Column("received_at", UtcInstant, nullable=False),
    # the device's tier when it sent: a later invitation must not make a volunteer's past readings a field team's
    Column("tier", TIER, nullable=False),
    Column("measured_month", CHAR(7), nullable=False),
    Column("h3_cell", BigInteger),
    Column("flags", Text, nullable=False),
    Column("excluded", Boolean, nullable=False),
    Index("ix_samples_measured_month", "measured_month", "measured_at"),
    Index("ix_samples_h3_cell", "h3_cell"),
)

erasures = Table(
    "erasures",
    metadata,
    Column("thumbprint_sha256", SHA256, primary_key=True),
    Column("erased_at", UtcInstant, nullable=False),
    Column("samples", BigInteger, nullable=False),
    Column("envelopes", BigInteger, nullable=False),
)
"""What remains of an erased device: when, how much, and a digest by which a restored backup forgets it again."""

month_revisions = Table(
    "month_revisions",
    metadata,
    Column("measured_month", CHAR(7), primary_key=True),
    Column("revision", BigInteger, nullable=False),
)
"""Raised when samples of a month that were there before change or go: the archive then writes the month again."""
