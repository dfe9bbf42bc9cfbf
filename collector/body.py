"""Reading the body of a request: bounded while it streams, of the expected type, never decoded on the way."""

import asyncio

from starlette.requests import ClientDisconnect, Request

from collector.errors import RequestError

MAX_DISCARDED_BYTES = 4 * 1024 * 1024
"""Ours: thrown away after a refusal, since many clients read the answer only once they have sent their body."""

BODY_TIMEOUT_S = 60
"""Ours: 500 samples, 40 kB, then need 6 kbit/s; a sender that stalls must not hold its connection for ever."""


async def read_body(request: Request, content_type: str, max_bytes: int) -> bytes:
    """The body's bytes.

    Args:
        request: whose body was not read yet.
        content_type: expected media type; parameters of it are ignored.
        max_bytes: more than that is refused without being kept in memory.

    Raises:
        RequestError: ``content-type``, ``content-encoding``, ``body-size``, ``body-incomplete`` or ``body-timeout``.
    """
    refusal = _refusal_of_head(request, content_type, max_bytes)
    body, received = bytearray(), 0
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            async for chunk in request.stream():
                received += len(chunk)
                if refusal is None and received > max_bytes:
                    refusal = _too_large(max_bytes)
                if refusal is None:
                    body += chunk
                elif received > MAX_DISCARDED_BYTES:
                    break
    except TimeoutError as error:
        raise RequestError(
            "body-timeout", f"body: got {received} bytes in {BODY_TIMEOUT_S} s, expected all of it"
        ) from error
    except ClientDisconnect as error:
        raise RequestError("body-incomplete", "body: ended before its announced length") from error
    if refusal is not None:
        raise refusal
    return bytes(body)


def single_header(request: Request, name: str) -> str:
    """A header that must be there exactly once.

    Raises:
        RequestError: ``signature-missing``.
    """
    values = request.headers.getlist(name)
    if len(values) != 1:
        raise RequestError("signature-missing", f"{name}: got {len(values)} headers of that name, expected one")
    return values[0]


def _refusal_of_head(request: Request, content_type: str, max_bytes: int) -> RequestError | None:
    given = request.headers.get("content-type", "")
    if given.partition(";")[0].strip().lower() != content_type:
        return RequestError("content-type", f"Content-Type: got {given[:64]!a}, expected “{content_type}”")
    if "content-encoding" in request.headers:
        return RequestError("content-encoding", "Content-Encoding: got one, expected none: send the bytes as they are")
    declared = request.headers.get("content-length", "")
    return _too_large(max_bytes) if declared.isdecimal() and int(declared[:20]) > max_bytes else None


def _too_large(max_bytes: int) -> RequestError:
    return RequestError("body-size", f"body: expected at most {max_bytes} bytes")
