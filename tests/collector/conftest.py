"""A phone that speaks to a running collector over real HTTP."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from client_sdk.bounds import instant_text
from client_sdk.sample import Sample, encode, new_sample_id
from client_sdk.signing.envelope import Envelope, seal
from client_sdk.signing.jws import sign_compact
from client_sdk.signing.keys import SigningKey
from client_sdk.signing.receipt import Receipt, open_receipt

sys.path.insert(0, str(Path(__file__).parent))  # taking_in, which is no test

JOSE = {"Content-Type": "application/jose"}


def _client(collector: Any) -> httpx.Client:
    # patient: how long an answer takes says more about the machine than about the code
    return httpx.Client(base_url=collector.base_url, trust_env=False, timeout=120)


class Phone:
    """One device with its key."""

    def __init__(self, collector: Any, http: httpx.Client) -> None:
        self.collector, self.http, self.key = collector, http, SigningKey.generate()

    def enrol(self, **changes: Any) -> httpx.Response:
        return self.http.post("/v1/devices", content=self.enrolment(**changes), headers=JOSE)

    def enrolment(self, **changes: Any) -> str:
        members = {
            "jwk": self.key.public.jwk,
            "collector": self.collector.key.public.thumbprint,
            "privacy_notice_version": self.collector.app.state.notice.version,
        }
        members = {name: value for name, value in (members | changes).items() if value is not None}
        return sign_compact(json.dumps(members).encode(), self.key, "maille-enrolment")

    def session(self, now: datetime | None = None) -> dict[str, Any]:
        members = {
            "collector": self.collector.key.public.thumbprint,
            "requested_at": instant_text(now or datetime.now(UTC)),
        }
        jws = sign_compact(json.dumps(members).encode(), self.key, "maille-measurement")
        answer = self.http.post("/v1/measurement/sessions", content=jws, headers=JOSE)
        assert answer.status_code == 200, answer.text
        granted: dict[str, Any] = answer.json()
        return granted

    def ask(self, path: str, typ: str, key: SigningKey | None = None, **changes: Any) -> httpx.Response:
        """A request about the device itself, signed by its key or another."""
        key = key or self.key
        members = {
            "jwk": key.public.jwk,
            "collector": self.collector.key.public.thumbprint,
            "requested_at": instant_text(self.collector.app.state.collector.clock()),
        }
        members = {name: value for name, value in (members | changes).items() if value is not None}
        jws = sign_compact(json.dumps(members).encode(), key, typ)
        return self.http.post(f"/v1/devices/{path}", content=jws, headers=JOSE)

    def access(self, **changes: Any) -> httpx.Response:
        return self.ask("access", "maille-access", **changes)

    def erase(self, **changes: Any) -> httpx.Response:
        return self.ask("erasure", "maille-erasure", **changes)

    def rotate(self, new: SigningKey, proof_by: SigningKey | None = None, **changes: Any) -> httpx.Response:
        """Ask for a new key; the phone goes on with the old one."""
        named = {"device": self.key.public.thumbprint, "collector": self.collector.key.public.thumbprint}
        proof = sign_compact(json.dumps(named).encode(), proof_by or new, "maille-rotation-proof")
        return self.ask("rotations", "maille-rotation", **{"jwk": new.public.jwk, "proof": proof} | changes)

    def seal(self, lines: Sequence[Sample | bytes]) -> Envelope:
        return seal([line if isinstance(line, bytes) else encode(line) for line in lines], self.key)

    def post(self, envelope: Envelope) -> httpx.Response:
        headers = {"Content-Type": "application/vnd.maille.envelope", "Maille-Signature": envelope.signature}
        return self.http.post("/v1/envelopes", content=envelope.body, headers=headers)

    def receipt(self, envelope: Envelope) -> Receipt:
        answer = self.post(envelope)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "application/jose"
        return open_receipt(answer.text, self.collector.key.public, envelope.sha256)

    def send(self, lines: Sequence[Sample | bytes]) -> Receipt:
        return self.receipt(self.seal(lines))


@pytest.fixture
def phone_of() -> Iterator[Callable[..., Phone]]:
    """``phone_of(collector)`` is an enrolled phone; ``enrolled=False`` leaves it a stranger."""
    with ExitStack() as stack:

        def make(collector: Any, *, enrolled: bool = True) -> Phone:
            phone = Phone(collector, stack.enter_context(_client(collector)))
            if enrolled:
                assert phone.enrol().status_code == 201
            return phone

        yield make


@pytest.fixture
def make_sample() -> Callable[..., Sample]:
    """A small valid sample; keywords change its fields."""
    counter = iter(range(1_000_000))

    def make(**fields: Any) -> Sample:
        defaults: dict[str, Any] = {
            "id": new_sample_id(),
            "seq": next(counter),
            "kind": "signal",
            "measured_at": "2026-11-20T08:00:00.000Z",
        }
        return Sample(**defaults | fields)

    return make
