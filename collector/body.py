"""Reading the body of a request: bounded while it streams, of the expected type, never decoded on the way."""

from starlette.requests import ClientDisconnect, Request

from collector.errors import RequestError


async def read_body(request: Request, content_type: str, max_bytes: int) -> bytes:
    """The body's bytes.

    Args:
        request: whose body was not read yet.
        content_type: expected media type; parameters of it are ignored.
        max_bytes: more than that is refused without being kept in memory.

    Raises:
        RequestError: ``content-type``, ``content-encoding``, ``body-size`` or ``body-incomplete``.
    """
    given = request.headers.get("content-type", "")
    if given.partition(";")[0].strip().lower() != content_type:
        raise RequestError("content-type", f"Content-Type: got {given[:64]!a}, expected “{content_type}”")
    if "content-encoding" in request.headers:
        raise RequestError("content-encoding", "Content-Encoding: got one, expected none: send the bytes as they are")
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > max_bytes:
        raise _too_large(max_bytes)
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > max_bytes:
                raise _too_large(max_bytes)
    except ClientDisconnect as error:
        raise RequestError("body-incomplete", "body: ended before its announced length") from error
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


def _too_large(max_bytes: int) -> RequestError:
    return RequestError("body-size", f"body: expected at most {max_bytes} bytes")
