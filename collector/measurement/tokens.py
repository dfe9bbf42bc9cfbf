"""Who may measure here: a signed wish becomes a session with a token, which soon expires and opens few transfers.

So nobody can have the server send traffic without being an enrolled device, and a token that leaked is no tap.
"""

import base64
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from client_sdk.bounds import instant_text
from client_sdk.sample import new_sample_id
from client_sdk.signing.jws import JwsError, read_object, sign_compact, verify_compact
from client_sdk.signing.keys import SigningKey
from client_sdk.signing.statement_types import MEASUREMENT_REQUEST, MEASUREMENT_TOKEN
from collector.errors import RequestError
from collector.intake.devices import find_enrolled_key
from collector.intake.signed_request import addressed_wrongly
from collector.measurement.echo import EchoEndpoint
from collector.storage.store import Store

MAX_REQUEST_BYTES = 4 * 1024
TOKEN_LIFETIME = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a valid token says: whose test it is, and until when.

    Attributes:
        device: thumbprint.
        test_id: of the session.
        expires_at: end of its life.
        checked_at: when it was found valid.
    """

    device: str
    test_id: str
    expires_at: datetime
    checked_at: datetime


def grant_session(
    jws: bytes,
    store: Store,
    key: SigningKey,
    now: datetime,
    *,
    measurement_url: str,
    echo: EchoEndpoint | None,
    client_address: str | None,
) -> dict[str, Any]:
    """A measuring session for an enrolled device that signed the request, as the protocol spells it.

    Args:
        jws: compact JWS of type ``maille-measurement``.
        store: where devices are known.
        key: the collector's.
        now: instant of reception.
        measurement_url: address of the measuring endpoints, empty where it is the collector's own.
        echo: the UDP endpoint, where there is one.
        client_address: the address that asks, for the echo's token; used at once and kept nowhere.

    Raises:
        DeviceError: the device is unknown or revoked.
        JwsError: the signature does not hold.
        RequestError: ``measurement-request``: made for another collector, or not now.
    """
    text = jws.decode("ascii", errors="replace").strip()
    payload, device = verify_compact(
        text, lambda thumbprint: find_enrolled_key(store, thumbprint, now), MEASUREMENT_REQUEST
    )
    members = _read_payload(payload)
    if trouble := addressed_wrongly(members, key.public.thumbprint, now):
        raise RequestError("measurement-request", trouble)
    test_id = new_sample_id(round(now.timestamp() * 1000))
    expires_at = instant_text(now + TOKEN_LIFETIME)
    claims = {"device": device.thumbprint, "test_id": test_id, "expires_at": expires_at}
    token = sign_compact(json.dumps(claims, separators=(",", ":")).encode(), key, MEASUREMENT_TOKEN)
    session: dict[str, Any] = {"test_id": test_id, "token": token, "expires_at": expires_at}
    if measurement_url:
        session["ndt7_url"] = measurement_url
    if echo is not None:
        given, echo_expires_at = echo.grant(client_address, now)
        session["echo"] = {
            **({"host": echo.host} if echo.host else {}),
            "port": echo.port,
            "token": base64.b64encode(given).decode(),
            "expires_at": instant_text(echo_expires_at),
        }
    return session


def check_token(token: str, key: SigningKey, now: datetime) -> Ticket:
    """What a token of ours says, if it has not expired.

    Raises:
        RequestError: ``measurement-token``.
    """
    if not token:
        raise RequestError("measurement-token", "access_token: missing, expected one from measurement/sessions")
    try:
        ours = {key.public.thumbprint: key.public}
        payload, _ = verify_compact(token.strip(), ours.get, MEASUREMENT_TOKEN)
    except JwsError as error:
        raise RequestError("measurement-token", f"access_token: not a token of this collector ({error})") from error
    claims = read_object(payload, "token")
    expires_at = datetime.fromisoformat(claims["expires_at"])
    if now >= expires_at:
        raise RequestError("measurement-token", f"access_token: expired at {claims['expires_at']}")
    return Ticket(claims["device"], claims["test_id"], expires_at, now)


def _read_payload(payload: bytes) -> dict[str, Any]:
    try:
        return read_object(payload, "payload")
    except ValueError as error:
        raise RequestError("measurement-request", str(error)) from error
