"""The obvious alternative: FastAPI, Pydantic models, one ORM ``add`` per sample, one commit per request.

Written as its tools' tutorials do it, with the same columns, bounds and signature: the body is a JSON list of samples,
the header ``Signature`` an Ed25519 signature over its bytes, ``Device`` names the key.
"""

import os
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import MISSING, fields
from datetime import UTC, datetime
from typing import Annotated, Any

import h3.api.basic_int as h3
from fastapi import Depends, FastAPI, Header, HTTPException, Request
from pydantic import BaseModel, ConfigDict, create_model
from sqlalchemy import create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, sessionmaker

from client_sdk.sample import FIELDS, Sample
from client_sdk.signing.keys import VerifyingKey
from collector.storage import tables


class Base(DeclarativeBase):
    """Of the mapped classes."""

    metadata = tables.metadata


class SampleRow(Base):
    """A stored sample."""

    __table__ = tables.samples


class DeviceRow(Base):
    """An enrolled device."""

    __table__ = tables.devices
    public_key: Mapped[str]
    tier: Mapped[str]


class Strict(BaseModel):
    """Unknown members are refused."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


_FIELDS: dict[str, Any] = {
    field.name: (FIELDS[field.name], ... if field.default is MISSING else field.default) for field in fields(Sample)
}
SampleIn: Any = create_model("SampleIn", __base__=Strict, **_FIELDS)
"""What is sent: the same fields with the same bounds."""

_URL = os.environ["DATABASE_URL"]
# the file is in WAL mode already, and synchronous=FULL is SQLite's own choice: the same durability as the collector's
sessions = sessionmaker(create_engine(_URL, connect_args={"timeout": 30} if _URL.startswith("sqlite") else {}))


def session() -> Iterator[Session]:
    """A session for one request."""
    with sessions() as opened:
        yield opened


async def raw_body(request: Request) -> bytes:
    """The bytes that were signed."""
    return await request.body()


app = FastAPI()


@app.post("/samples")
def add_samples(
    samples: list[SampleIn],
    device: Annotated[str, Header()],
    signature: Annotated[str, Header()],
    body: Annotated[bytes, Depends(raw_body)],
    database: Annotated[Session, Depends(session)],
) -> dict[str, int]:
    """Verify, then store every sample of the request."""
    row = database.get(DeviceRow, device)
    if row is None:
        raise HTTPException(401)
    key = VerifyingKey.from_jwk({"kty": "OKP", "crv": "Ed25519", "x": row.public_key})
    if not key.verifies(b64decode(signature), body):
        raise HTTPException(403)
    now = datetime.now(UTC)
    for sample in samples:
        located = sample.latitude is not None and sample.longitude is not None
        values = sample.model_dump() | {"measured_at": datetime.fromisoformat(sample.measured_at)}
        database.add(
            SampleRow(
                **values,
                device=device,
                envelope_sha256="",
                line_sha256="",
                received_at=now,
                tier=row.tier,
                measured_month=sample.measured_at[:7],
                h3_cell=h3.latlng_to_cell(sample.latitude, sample.longitude, 10) if located else None,
                flags="",
                excluded=False,
            )
        )
    database.commit()
    return {"stored": len(samples)}
