"""One table gives each rule its status: every row of it is provoked here, over the real interface."""

import ast
import asyncio
import gzip
import json
import secrets
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import update
from sqlalchemy.engine import make_url

import client_sdk.signing
import collector as collector_package
from client_sdk.bounds import instant_text
from client_sdk.signing.envelope import CONTENT_TYPE, Envelope
from client_sdk.signing.jws import sign_compact, sign_detached
from client_sdk.signing.keys import SigningKey
from collector import body
from collector.admission.rate import Rate
from collector.app import Collector
from collector.errors import PROBLEMS
from collector.intake.pipeline import Intake
from collector.storage.room import Room
from collector.storage.store import Store
from collector.storage.tables import devices

JOSE = {"Content-Type": "application/jose"}
# raised by the framework, or by anything that goes wrong
FRAMEWORK = {"http-malformed", "not-found", "method-not-allowed", "internal"}
# an envelope's size is checked while its body streams; the check of the client's package is for other readers
UNREACHABLE = {"envelope-size"}
# refuses one line of an envelope, or its sealing: never a request
RULE_OF_A_LINE = {"line-size"}

Case = Callable[[Any], Any]


def header_changed(phone: Any, **changes: Any) -> httpx.Response:
    from client_sdk.signing.base64url import encode_base64url

    body = phone.seal([b"{}"]).body
    header = {"alg": "Ed25519", "b64": False, "crit": ["b64"], "kid": phone.key.public.thumbprint}
    text = encode_base64url(json.dumps(header | {"typ": "maille-envelope"} | changes).encode())
    return phone.post(Envelope(body, f"{text}..{encode_base64url(phone.key.sign(text.encode() + b'.' + body))}"))


def signed(phone: Any, body: bytes) -> httpx.Response:
    return phone.post(Envelope(body, sign_detached(body, phone.key, "maille-envelope")))


def interrupted(phone: Any) -> httpx.Response:
    """A client that hangs up cannot be answered, so the application is asked without a connection."""

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    sent: list[dict[str, Any]] = []
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "path": "/v1/envelopes",
        "raw_path": b"/v1/envelopes",
        "query_string": b"",
        "headers": [(b"content-type", CONTENT_TYPE.encode()), (b"maille-signature", b"a..b")],
    }

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(phone.collector.app(scope, receive, send))
    start, end = sent
    return httpx.Response(start["status"], headers=start["headers"], content=end["body"])


def stalled(phone: Any) -> httpx.Response:
    """A client that announces more than it sends, and waits."""
    patience, body.BODY_TIMEOUT_S = body.BODY_TIMEOUT_S, 0.05
    try:
        url = httpx.URL(phone.collector.base_url)
        with socket.create_connection((url.host, url.port)) as connection:
            head = f"POST /v1/envelopes HTTP/1.1\r\nHost: {url.host}\r\nContent-Type: {CONTENT_TYPE}\r\n"
            connection.sendall(f"{head}Content-Length: 9\r\n\r\nhalf".encode())
            answer = HTTPResponse(connection)
            answer.begin()
            content = answer.read()
            assert connection.recv(1) == b"", "the connection stays open"
            return httpx.Response(answer.status, headers=answer.getheaders(), content=content)
    finally:
        body.BODY_TIMEOUT_S = patience


def with_state(phone: Any, state: Any) -> httpx.Response:
    app = phone.collector.app
    before, app.state.collector = app.state.collector, state
    try:
        return phone.post(phone.seal([b"{}"]))
    finally:
        app.state.collector = before


def without_database(phone: Any) -> httpx.Response:
    store = Store("postgresql+psycopg://maille@127.0.0.1:1/nowhere")
    intake = Intake(store, phone.collector.key)
    try:
        return with_state(phone, Collector(store, phone.collector.key, lambda: datetime.now(UTC), intake))
    finally:
        intake.close()
        store.close()


def with_closed_intake(phone: Any) -> httpx.Response:
    intake = Intake(phone.collector.store, phone.collector.key)
    intake.close()
    return with_state(phone, Collector(phone.collector.store, phone.collector.key, lambda: datetime.now(UTC), intake))


def revoked(phone: Any) -> httpx.Response:
    def revoke(at: datetime | None) -> None:
        with phone.collector.store.engine.begin() as connection:
            connection.execute(update(devices).values(revoked_at=at))

    revoke(datetime(2026, 1, 1, tzinfo=UTC))
    try:
        return phone.post(phone.seal([b"{}"]))
    finally:
        revoke(None)


def replaced(phone: Any) -> httpx.Response:
    """A key that a newer one took the place of."""
    before, phone.key = phone.key, SigningKey.generate()
    assert phone.enrol().status_code == 201
    assert phone.rotate(SigningKey.generate()).status_code == 201
    try:
        return phone.enrol()
    finally:
        phone.key = before


def session(phone: Any, **changes: Any) -> httpx.Response:
    members = {"collector": phone.collector.key.public.thumbprint, "requested_at": instant_text(datetime.now(UTC))}
    jws = sign_compact(json.dumps(members | changes).encode(), phone.key, "maille-measurement")
    return phone.http.post("/v1/measurement/sessions", content=jws, headers=JOSE)


def upgrade(phone: Any, query: str = "", protocol: str = "net.measurementlab.ndt.v7") -> httpx.Response:
    """The answer to a WebSocket handshake, as plain HTTP."""
    headers = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
        "Sec-WebSocket-Protocol": protocol,
    }
    answer: httpx.Response = phone.http.get(f"/ndt/v7/download?{query}", headers=headers)
    return answer


def without_slots(phone: Any) -> httpx.Response:
    slots, number = phone.collector.app.state.slots, phone.collector.settings.measurement_slots
    for _ in range(number):
        slots.take(None, "download")
    try:
        return upgrade(phone, f"access_token={session(phone).json()['token']}")
    finally:
        for _ in range(number):
            slots.give_back()


def no_http(phone: Any) -> httpx.Response:
    url = httpx.URL(phone.collector.base_url)
    with socket.create_connection((url.host, url.port)) as connection:
        connection.sendall(b"HELLO\r\n\r\n")
        answer = HTTPResponse(connection)
        answer.begin()
        return httpx.Response(answer.status, headers=answer.getheaders(), content=answer.read())


def beyond(rate: str, ask: Case) -> Case:
    """What is asked once more than a limit of one lets through."""

    def provoke(phone: Any) -> httpx.Response:
        admission = phone.collector.app.state.admission
        before = getattr(admission, rate)
        setattr(admission, rate, Rate(1, 60))
        try:
            assert ask(phone).status_code < 300
            answer: httpx.Response = ask(phone)
            return answer
        finally:
            setattr(admission, rate, before)

    return provoke


def newcomer(phone: Any) -> Any:
    return type(phone)(phone.collector, phone.http).enrol()


def without_room(phone: Any) -> Any:
    store = phone.collector.store
    before, store.room = store.room, Room(make_url(f"sqlite:///{Path(__file__)}"), 10**18)
    try:
        return phone.post(phone.seal([b"{}", b"{}"]))
    finally:
        store.room = before


CASES: dict[str, Case] = {
    "http-malformed": no_http,
    "body-incomplete": interrupted,
    "body-timeout": stalled,
    "body-size": lambda phone: phone.post(Envelope(b"x" * 2_000_000, "a..b")),
    "content-type": lambda phone: phone.http.post("/v1/devices", content=b"x"),
    "content-encoding": lambda phone: phone.http.post(
        "/v1/devices", content=b"x", headers=JOSE | {"Content-Encoding": "br"}
    ),
    "signature-missing": lambda phone: phone.http.post(
        "/v1/envelopes", content=b"x", headers={"Content-Type": CONTENT_TYPE}
    ),
    "not-found": lambda phone: phone.http.get("/v2/status"),
    "method-not-allowed": lambda phone: phone.http.get("/v1/envelopes"),
    "internal": lambda phone: with_state(phone, None),
    "storage-unavailable": without_database,
    "storage-full": without_room,
    "intake-busy": with_closed_intake,
    "rate-network": beyond("_requests", lambda phone: phone.http.get("/v1/status")),
    "rate-device": beyond("_envelopes", lambda phone: phone.post(phone.seal([secrets.token_hex(8).encode()]))),
    "rate-enrolment": beyond("_enrolments", newcomer),
    "jws-malformed": lambda phone: phone.post(Envelope(b"x", "x")),
    "jws-algorithm": lambda phone: header_changed(phone, alg="none"),
    "jws-type": lambda phone: header_changed(phone, typ="JWT"),
    "jws-critical": lambda phone: header_changed(phone, b64=True),
    "jws-header": lambda phone: header_changed(phone, exp=1),
    "jws-unknown-key": lambda phone: header_changed(phone, kid=SigningKey.generate().public.thumbprint),
    "jws-signature": lambda phone: phone.post(Envelope(b"x", phone.seal([b"{}"]).signature)),
    "device-revoked": revoked,
    "device-replaced": replaced,
    "envelope-text-size": lambda phone: signed(phone, gzip.compress(b" " * 5_000_000)),
    "envelope-gzip": lambda phone: signed(phone, b"x"),
    "envelope-lines": lambda phone: signed(phone, gzip.compress(b"")),
    "enrolment-payload": lambda phone: phone.enrol(collector=None),
    "enrolment-key": lambda phone: phone.enrol(jwk={}),
    "enrolment-collector": lambda phone: phone.enrol(collector="x"),
    "enrolment-privacy-notice": lambda phone: phone.enrol(privacy_notice_version="x"),
    "enrolment-invitation": lambda phone: phone.enrol(invitation="x"),
    "device-request": lambda phone: phone.access(requested_at="yesterday"),
    "rotation-key": lambda phone: phone.rotate(SigningKey.generate(), phone.key),
    "measurement-request": lambda phone: session(
        phone, requested_at=instant_text(datetime.now(UTC) - timedelta(days=1))
    ),
    "measurement-protocol": lambda phone: upgrade(phone, protocol="other"),
    "measurement-token": upgrade,
    "measurement-busy": without_slots,
}


def test_every_rule_of_the_table_has_its_case() -> None:
    assert set(CASES) | UNREACHABLE == set(PROBLEMS)


def test_every_rule_is_told_with_its_status(collector: Any, phone_of: Any) -> None:
    phone = phone_of(collector)
    for rule, provoke in CASES.items():
        answer = provoke(phone)
        status, title = PROBLEMS[rule]
        assert answer.headers["content-type"] == "application/problem+json", rule
        problem = answer.json()
        detail = problem.pop("detail")
        assert problem == {
            "type": f"urn:maille:problem:{rule}",
            "title": title,
            "status": status,
            "rule": rule,
        }
        assert answer.status_code == status, rule
        assert detail, rule
        assert "\n" not in detail, rule
        assert ("retry-after" in answer.headers) == (status in (429, 503, 507)), rule
        assert ("www-authenticate" in answer.headers) == (status == 401), rule
        assert ("allow" in answer.headers) == (status == 405), rule
    assert phone.post(phone.seal([b"{}"])).status_code == 200


def test_a_slash_at_the_end_is_another_path_and_no_redirection(collector: Any) -> None:
    for path in ("/v1/status/", "/v1/envelopes/"):
        answer = httpx.get(collector.base_url + path)
        assert (answer.status_code, answer.json()["rule"]) == (404, "not-found")


def test_an_envelope_too_large_has_its_status_too() -> None:
    assert PROBLEMS["envelope-size"].status == 413


def test_the_table_holds_exactly_the_rules_that_the_code_raises() -> None:
    raised: set[str] = set()
    for package in (collector_package, client_sdk.signing):
        for file in Path(package.__path__[0]).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
                    rule = node.args[0]
                    if node.func.id in _REFUSALS and isinstance(rule, ast.Constant):
                        raised.add(rule.value)
    assert raised == (set(PROBLEMS) - FRAMEWORK) | RULE_OF_A_LINE


_REFUSALS = {
    "RefusedError",
    "EnrolmentError",
    "DeviceError",
    "RequestError",
    "BusyError",
    "EnvelopeError",
    "JwsError",
}


def test_a_stranger_with_a_key_of_its_own_is_told_to_enrol(collector: Any, phone_of: Any) -> None:
    phone = phone_of(collector)
    phone.key = SigningKey.generate()
    answer = phone.post(phone.seal([b"{}"]))
    assert (answer.status_code, answer.json()["rule"]) == (401, "jws-unknown-key")


def test_the_interface_describes_itself(collector: Any, phone_of: Any) -> None:
    described = phone_of(collector).http.get("/v1/openapi.json").json()
    for path, content_type in (
        ("/v1/envelopes", "application/vnd.maille.envelope"),
        ("/v1/devices/flags", "application/jose"),
        ("/v1/measurement/sessions", "application/jose"),
    ):
        body = described["paths"][path]["post"]["requestBody"]
        assert list(body["content"]) == [content_type]
    assert set(described["paths"]) == {
        "/v1/status",
        "/v1/devices",
        "/v1/devices/flags",
        "/v1/devices/access",
        "/v1/devices/contributions",
        "/v1/devices/erasure",
        "/v1/devices/rotations",
        "/v1/envelopes",
        "/v1/measurement/sessions",
    }
