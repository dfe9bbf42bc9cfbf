"""A chain of statements leads forwards from each of its keys to each later one, and nowhere else."""

import itertools
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from client_sdk.signing.jws import sign_compact
from client_sdk.signing.key_statements import leads_to, sign_key_statement
from client_sdk.signing.keys import SigningKey

KEYS = [SigningKey.from_seed(bytes([number]) * 32) for number in range(1, 7)]
NAMES = [key.public.thumbprint for key in KEYS]
CHAIN = [sign_key_statement(old, new.public, "2026-11-23T16:34:00.123Z") for old, new in itertools.pairwise(KEYS)]


@settings(max_examples=60)
@given(st.permutations(CHAIN), st.sets(st.integers(0, len(CHAIN) - 1)), st.integers(0, 5), st.integers(0, 5))
def test_a_chain_leads_forwards_as_long_as_no_link_is_missing(
    shuffled: list[str], lost: set[int], known: int, shown: int
) -> None:
    given_now = [statement for statement in shuffled if CHAIN.index(statement) not in lost]
    whole = known <= shown and not lost & set(range(known, shown))
    assert leads_to(NAMES[known], NAMES[shown], given_now) is whole


def test_a_key_that_was_not_known_can_sign_for_nobody() -> None:
    thief = SigningKey.from_seed(b"t" * 32)
    own = sign_key_statement(thief, thief.public, "2026-11-23T16:34:00.123Z")
    stolen = sign_key_statement(thief, KEYS[5].public, "2026-11-23T16:34:00.123Z")
    assert not leads_to(NAMES[0], thief.public.thumbprint, [*CHAIN, own, stolen])
    assert not leads_to(NAMES[0], NAMES[5], [stolen])


def test_a_statement_of_another_kind_is_none() -> None:
    payload = b'{"previous":%s,"jwk":%s}'
    claims = payload % (json.dumps(KEYS[0].public.jwk).encode(), json.dumps(KEYS[1].public.jwk).encode())
    assert leads_to(NAMES[0], NAMES[1], [sign_compact(claims, KEYS[0], "maille-key-rotation")])
    assert not leads_to(NAMES[0], NAMES[1], [sign_compact(claims, KEYS[0], "maille-receipt")])


def test_a_circle_ends() -> None:
    back = sign_key_statement(KEYS[1], KEYS[0].public, "2026-11-23T16:34:00.123Z")
    assert leads_to(NAMES[0], NAMES[1], [CHAIN[0], back])
    assert not leads_to(NAMES[0], NAMES[5], [CHAIN[0], back])
