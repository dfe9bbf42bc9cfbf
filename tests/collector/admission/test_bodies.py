"""How large a body may be, on each route, whether or not its length is announced."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from client_sdk.signing.envelope import CONTENT_TYPE, MAX_BODY_BYTES
from collector.intake.devices import MAX_ENROLMENT_BYTES
from collector.measurement.tokens import MAX_REQUEST_BYTES

ROUTES = {
    "envelopes": (CONTENT_TYPE, MAX_BODY_BYTES),
    "devices": ("application/jose", MAX_ENROLMENT_BYTES),
    "measurement/sessions": ("application/jose", MAX_REQUEST_BYTES),
}


def in_chunks(size: int) -> Iterator[bytes]:
    for start in range(0, size, 1_000):
        yield b"x" * min(1_000, size - start)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("route", ROUTES)
def test_a_body_may_be_as_large_as_its_bound_and_no_larger(collector: Any, route: str) -> None:
    content_type, bound = ROUTES[route]
    headers = {"Content-Type": content_type, "Maille-Signature": "a..b"}
    with httpx.Client(base_url=f"{collector.base_url}/v1/", trust_env=False, timeout=60) as client:
        for size, rule in ((bound, "jws-malformed"), (bound + 1, "body-size"), (3 * bound, "body-size")):
            for content in (b"x" * size, in_chunks(size)):
                answer = client.post(route, content=content, headers=headers)
                assert answer.json()["rule"] == rule, size
