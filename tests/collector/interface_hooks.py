"""What schemathesis has to know of Maille to come past the first check: how bodies are made, and how they are signed.

Half of the bodies are bytes, half are what a device could have sent; most that conform to the description are signed by
a device that the collector knows.
"""

import gzip
import json
from typing import Any

import schemathesis
from hypothesis import strategies as st

from client_sdk.sample import FIELDS, Sample, encode, new_sample_id
from client_sdk.signing.envelope import CONTENT_TYPE, SIGNATURE_HEADER
from client_sdk.signing.jws import sign_compact, sign_detached
from client_sdk.signing.keys import SigningKey
from client_sdk.signing.statement_types import ENROLMENT, MEASUREMENT_REQUEST

KEY = SigningKey.from_seed(b"s" * 32)
JOSE = "application/jose"

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner))
NAMES = st.sampled_from(["jwk", "collector", "privacy_notice_version", "invitation", "requested_at", "more"])
STATEMENTS = st.builds(
    lambda members, typ: sign_compact(json.dumps(members).encode(), KEY, typ).encode(),
    st.dictionaries(NAMES, VALUES | st.just(KEY.public.jwk)),
    st.sampled_from([ENROLMENT, MEASUREMENT_REQUEST]),
)
GOOD = encode(Sample(id=new_sample_id(1_790_000_000_000), seq=1, kind="signal", measured_at="2026-11-20T08:00:00.000Z"))
CHANGES = st.dictionaries(st.sampled_from(list(FIELDS)), VALUES)
CHANGED = CHANGES.map(lambda changes: json.dumps(json.loads(GOOD) | changes).encode())
LINES = st.just(GOOD) | st.binary(max_size=60) | CHANGED
ENVELOPES = st.lists(LINES, max_size=4).map(lambda lines: gzip.compress(b"\n".join(lines), mtime=0))

schemathesis.openapi.media_type(JOSE, st.binary(max_size=300) | STATEMENTS)
schemathesis.openapi.media_type(CONTENT_TYPE, st.binary(max_size=300) | ENVELOPES)


@schemathesis.serializer(JOSE, CONTENT_TYPE)
def as_it_is(_: Any, value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")


@schemathesis.hook
def before_call(_: Any, case: schemathesis.Case, __: dict[str, Any]) -> None:
    generated = case.meta.generation.mode if case.meta else None
    if generated is not schemathesis.GenerationMode.POSITIVE or not isinstance(case.body, bytes):
        return
    if SIGNATURE_HEADER in (case.headers or {}) and len(case.body) % 4:
        case.headers[SIGNATURE_HEADER] = sign_detached(case.body, KEY, "maille-envelope")
