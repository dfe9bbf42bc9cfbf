"""How a collector changes its key: a statement, signed by the old key, names the new one; several are a chain."""

import json
from collections.abc import Sequence

from client_sdk.errors import DeviceKeyError
from client_sdk.signing.base64url import decode_base64url
from client_sdk.signing.jws import JwsError, read_object, sign_compact, verify_compact
from client_sdk.signing.keys import SigningKey, VerifyingKey
from client_sdk.signing.statement_types import KEY_ROTATION

MAX_STATEMENTS = 100
"""Ours: a collector that changes its key twice a year needs fifty years for them."""


def sign_key_statement(old: SigningKey, new: VerifyingKey, rotated_at: str) -> str:
    """Compact JWS by the old key, which it names in full, so that a thumbprint is enough to verify it."""
    members = {"previous": old.public.jwk, "jwk": new.jwk, "rotated_at": rotated_at}
    return sign_compact(json.dumps(members, separators=(",", ":")).encode(), old, KEY_ROTATION)


def names_of(statement: str) -> tuple[str, str]:
    """Thumbprints of the old and the new key of a statement whose signature holds.

    Raises:
        JwsError: it does not hold, or is no such statement.
    """
    try:
        claimed = VerifyingKey.from_jwk(read_object(decode_base64url(statement.split(".")[1]), "statement")["previous"])
        payload, old = verify_compact(statement, {claimed.thumbprint: claimed}.get, KEY_ROTATION)
        return old.thumbprint, VerifyingKey.from_jwk(read_object(payload, "statement")["jwk"]).thumbprint
    except JwsError:
        raise
    except (ValueError, KeyError, IndexError, DeviceKeyError) as error:
        raise JwsError("jws-malformed", f"statement: {error}") from error


def leads_to(known: str, shown: str, statements: Sequence[object]) -> bool:
    """Whether a chain of statements leads from a key that is known to the one that is shown now.

    Args:
        known: thumbprint of the first.
        shown: thumbprint of the last.
        statements: as the collector gave them, in whatever order; what is no valid statement counts for nothing.
    """
    steps: dict[str, str] = {}
    for statement in statements[-MAX_STATEMENTS:]:
        if not isinstance(statement, str):
            continue
        try:
            old, new = names_of(statement)
        except JwsError:
            continue
        steps[old] = new
    reached = known
    for _ in range(len(steps)):
        if reached == shown or reached not in steps:
            break
        reached = steps[reached]
    return reached == shown
