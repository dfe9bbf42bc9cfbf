"""Every refusal and failure as ``application/problem+json`` (RFC 9457), those of the framework too."""

import json
import math
from collections.abc import Mapping

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from client_sdk.errors import EnvelopeError
from client_sdk.signing.jws import JwsError
from collector.errors import PROBLEMS, BusyError, RefusedError

_RULE_OF_STATUS = {404: "not-found", 405: "method-not-allowed"}


def problem(rule: str, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """The answer for one rule of :data:`collector.errors.PROBLEMS`."""
    status, title = PROBLEMS[rule]
    members = {
        "type": f"urn:maille:problem:{rule}",
        "title": title,
        "status": status,
        "detail": detail,
        "rule": rule,
    }
    # half a surrogate pair is no UTF-8; written as an escape it is still JSON
    body = json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")
    return Response(body, status, headers=headers, media_type="application/problem+json")


def tell_problems(app: FastAPI) -> None:
    """Install the handlers that turn exceptions into problems."""
    app.add_exception_handler(RefusedError, _refused)
    app.add_exception_handler(EnvelopeError, _refused)
    app.add_exception_handler(JwsError, _refused)
    app.add_exception_handler(HTTPException, _framework)
    app.add_exception_handler(Exception, _internal)


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, RefusedError | EnvelopeError | JwsError)
    return problem_of(error)


def problem_of(error: RefusedError | EnvelopeError | JwsError) -> Response:
    """The answer to a refusal, with the headers that its status asks for."""
    headers = {}
    if isinstance(error, BusyError):
        headers["Retry-After"] = str(math.ceil(error.retry_after_s))
    if PROBLEMS[error.rule].status == 401:
        headers["WWW-Authenticate"] = "Bearer" if error.rule == "measurement-token" else "Maille-Signature"
    if PROBLEMS[error.rule].status == 408:
        headers["Connection"] = "close"  # the rest of the body may still come: nothing can follow it
    return problem(error.rule, str(error), headers)


async def _framework(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    rule = _RULE_OF_STATUS.get(error.status_code)
    if rule is None:
        return problem("internal", f"{request.method} {request.url.path}: {error.detail}")
    return problem(rule, f"{request.method} {request.url.path}: {PROBLEMS[rule].title.lower()}", error.headers)


async def _internal(request: Request, _: Exception) -> Response:
    # the server drops the connection after a failure: say so, or the client's next request meets a reset
    close = {"Connection": "close"}
    return problem("internal", f"{request.method} {request.url.path}: the collector failed; its log says why", close)
