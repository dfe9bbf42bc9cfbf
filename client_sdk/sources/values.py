"""From what programs and radios print to values of a sample: sentinels and values out of bounds become absent."""

from collections.abc import Mapping
from typing import Any

from client_sdk.bounds import check_value, is_plmn
from client_sdk.errors import SampleError
from client_sdk.sample import FIELDS

SENTINELS = frozenset({2_147_483_647.0, -2_147_483_648.0, -32_768.0, 65_535.0, 268_435_455.0})
"""Absence as Android (the greatest int), QMI (−32768) and 3GPP identities of all ones spell it."""

LONG_MNC_COUNTRIES = frozenset({"302", "334", "338", "342", "344", "346", "348", "352", "358", "365", "376", "405"}) | {
    str(mcc) for mcc in range(310, 317)
}
"""Countries (MCC) whose network codes have three digits, after ITU-T E.212's list; elsewhere two."""


def kept(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that their sample's fields can hold; None and the others are left out."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if value is None:
            continue
        try:
            check_value(name, value, FIELDS[name])
        except SampleError:
            continue
        found[name] = value
    return found


def number(value: Any) -> float | None:
    """A finite number, written as a number or a text; None for anything else and for sentinels."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if abs(found) < float("inf") and found not in SENTINELS else None


def whole(value: Any, base: int = 10) -> int | None:
    """An integer, written as an integer or a text in ``base``; None for anything else and for sentinels."""
    if isinstance(value, bool):
        return None
    try:
        found = int(value, base) if isinstance(value, str) else int(value) if isinstance(value, int) else None
    except ValueError:
        return None
    return None if found is None or float(found) in SENTINELS else found


def text(value: Any) -> str | None:
    """Printable text of 1 to 64 characters; None for anything else and for ``--``."""
    if not isinstance(value, str):
        return None
    found = value.strip()[:64]
    return found if found and found != "--" and found.isprintable() else None


def plmn(mcc: Any, mnc: Any) -> str | None:
    """PLMN of a country and network code, each a number or a text; the network's zeros are put back."""
    country = str(mcc) if isinstance(mcc, int | str) and not isinstance(mcc, bool) else ""
    network = str(mnc) if isinstance(mnc, int | str) and not isinstance(mnc, bool) else ""
    if isinstance(mnc, int) or len(network) == 1:
        network = network.zfill(3 if country in LONG_MNC_COUNTRIES else 2)
    return plmn_text(country + network) if len(country) == 3 else None


def plmn_text(value: Any) -> str | None:
    """A PLMN of 5 or 6 digits that is not all zeros; None for anything else."""
    return value if isinstance(value, str) and is_plmn(value) and int(value[:3]) >= 200 else None


def members(value: Any) -> dict[str, Any]:
    """A JSON object, or an empty one in its place."""
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[Any]:
    """A JSON array, or an empty one in its place."""
    return value if isinstance(value, list) else []
