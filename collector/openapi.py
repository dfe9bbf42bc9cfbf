"""What the interface's own description (OpenAPI) says of each route: its body, its answers, all rules it refuses by.

The routes read their bodies themselves, so nothing of this follows from their signatures; the tests ask the running
collector whether it keeps to it.
"""

from collections.abc import Sequence
from typing import Any

from collector.errors import PROBLEMS

JOSE = "application/jose"
JSON = "application/json"
PROBLEM = "application/problem+json"

ANY = ("http-malformed", "rate-network", "internal")
"""Rules that any request may meet; ``not-found`` and ``method-not-allowed`` are of no route."""

BODY = ("body-incomplete", "body-timeout", "body-size", "content-type", "content-encoding")
SIGNATURE = ("jws-malformed", "jws-algorithm", "jws-type", "jws-critical", "jws-header", "jws-signature")
DEVICE = ("jws-unknown-key", "device-revoked", "device-replaced")
STORAGE = ("storage-unavailable", "storage-full")
ENVELOPE = (
    "signature-missing",
    "envelope-size",
    "envelope-text-size",
    "envelope-gzip",
    "envelope-lines",
    "rate-device",
    "intake-busy",
)
ENROLMENT = (
    "enrolment-payload",
    "enrolment-key",
    "enrolment-collector",
    "enrolment-privacy-notice",
    "enrolment-invitation",
    "rate-enrolment",
)

_RETRY_AFTER = {"Retry-After": {"description": "seconds to wait", "schema": {"type": "string", "pattern": "^[0-9]+$"}}}

_TEXT = {"type": "string"}
_COUNT = {"type": "integer", "minimum": 0}
_KEY = {
    "type": "object",
    "required": ["crv", "kty", "x"],
    "properties": {"crv": {"const": "Ed25519"}, "kty": {"const": "OKP"}, "x": {"type": "string", "minLength": 43}},
}


def members(**properties: Any) -> dict[str, Any]:
    """Schema of a JSON object; a name that ends in ``_or_absent`` loses that and may be missing."""
    absent = "_or_absent"
    return {
        "type": "object",
        "required": [name for name in properties if not name.endswith(absent)],
        "properties": {name.removesuffix(absent): schema for name, schema in properties.items()},
    }


STATUS = members(
    name={"const": "maille-collector"},
    version=_TEXT,
    collector_key=_KEY,
    collector_thumbprint=_TEXT,
    key_statements={"type": "array", "items": _TEXT},
    privacy_notice=members(version=_TEXT, text=members(fr=_TEXT, en=_TEXT)),
    limits=members(max_body_bytes=_COUNT, max_samples=_COUNT),
    accepting={"type": "boolean"},
    not_accepting_or_absent=members(rule=_TEXT, detail=_TEXT),
)
ENROLLED = members(device=_TEXT, tier={"enum": ["volunteer", "field_team"]}, enrolled_at=_TEXT, collector_key=_KEY)
SESSION = members(
    test_id=_TEXT,
    token=_TEXT,
    expires_at=_TEXT,
    ndt7_url_or_absent=_TEXT,
    echo_or_absent=members(host_or_absent=_TEXT, port=_COUNT, token=_TEXT, expires_at=_TEXT),
)
RECEIPT = {"type": "string", "description": "compact JWS of typ maille-receipt"}
ERASURE_RECEIPT = {"type": "string", "description": "compact JWS of typ maille-erasure-receipt"}
ARCHIVE = {"type": "string", "format": "binary", "description": "ZIP of all that is known of the device"}
FLAGS = members(
    device=_TEXT,
    keys={"type": "array", "items": _TEXT},
    tier={"enum": ["volunteer", "field_team"]},
    enrolled_at=_TEXT,
    revoked_at={"type": ["string", "null"]},
    revoked_from={"type": ["string", "null"]},
    unjudged={"type": "boolean"},
    samples=_COUNT,
    excluded=_COUNT,
    flags={
        "type": "array",
        "items": members(
            rule=_TEXT,
            version=_COUNT,
            excludes={"type": "boolean"},
            samples=_COUNT,
            first=_TEXT,
            last=_TEXT,
            reason_en=_TEXT,
            reason_fr=_TEXT,
            source=_TEXT,
        ),
    },
)

_DAY_OR_NULL = {"type": ["string", "null"], "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}
_TEXT_OR_NULL = {"type": ["string", "null"]}
_COUNTS = {"type": "object", "additionalProperties": _COUNT}
_DEGREES = {"type": "number", "minimum": -180, "maximum": 180}
_HEAP: dict[str, Any] = {
    **dict.fromkeys(("samples", "tests", "countable", "days"), _COUNT),
    **dict.fromkeys(("first_day", "last_day"), _DAY_OR_NULL),
}
CONTRIBUTIONS = members(
    device=_TEXT,
    tier={"enum": ["volunteer", "field_team"]},
    enrolled_at=_TEXT,
    map_url=_TEXT_OR_NULL,
    **_HEAP,
    kinds=_COUNTS,
    months=_COUNTS,
    **dict.fromkeys(("accepted", "flagged", "excluded", "rejected"), _COUNT),
    kilometres={"type": "number", "minimum": 0},
    networks={"type": "array", "items": members(operator=_TEXT_OR_NULL, rat=_TEXT_OR_NULL, **_HEAP)},
    hexagons={
        "type": "array",
        "items": members(
            h3={"type": "string", "pattern": "^[0-9a-f]{15}$"},
            latitude=_DEGREES,
            longitude=_DEGREES,
            outline={"type": "array", "items": {"type": "array", "items": _DEGREES, "minItems": 2, "maxItems": 2}},
            samples=_COUNT,
            operators={"type": "array", "items": members(operator=_TEXT_OR_NULL, **_HEAP)},
        ),
    },
)


def described(
    answers: Sequence[int], answer_type: str, schema: dict[str, Any], rules: Sequence[str], body: str | None = None
) -> dict[str, Any]:
    """OpenAPI of a route.

    Args:
        answers: its statuses where it does not refuse.
        answer_type: content type of those.
        schema: of those.
        rules: by which it refuses, besides :data:`ANY`.
        body: content type of the request's body, where it has one.
    """
    by_status: dict[int, list[str]] = {}
    for rule in (*ANY, *rules):
        by_status.setdefault(PROBLEMS[rule].status, []).append(rule)
    operation: dict[str, Any] = {
        "responses": {
            **{
                str(status): {"description": "done", "content": {answer_type: {"schema": schema}}} for status in answers
            },
            **{str(status): _refusal(status, found) for status, found in sorted(by_status.items())},
        }
    }
    if body:
        content = {body: {"schema": {"type": "string", "format": "binary"}}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _refusal(status: int, rules: list[str]) -> dict[str, Any]:
    schema = members(
        type={"enum": [f"urn:maille:problem:{rule}" for rule in rules]},
        title={"enum": [PROBLEMS[rule].title for rule in rules]},
        status={"const": status},
        detail={"type": "string", "minLength": 1},
        rule={"enum": rules},
    )
    answer = {
        "description": "; ".join(PROBLEMS[rule].title for rule in rules),
        "content": {PROBLEM: {"schema": schema}},
    }
    return answer | ({"headers": _RETRY_AFTER} if status in (429, 503, 507) else {})
