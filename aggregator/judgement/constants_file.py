"""Constants that a team measured itself: ``DATA/constants.json`` in place of the defaults.

The file is one JSON object, names of :class:`aggregator.judgement.constants.Constants` with their values:
``{"vehicle_loss_db": 7.4}``. Constants that differ from the defaults carry a version of their own, made from what
differs, so that no verdict can pass for one of the defaults.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from aggregator.evidence.whole_file import replacing
from aggregator.judgement.constants import Constants
from client_sdk.errors import MailleError
from client_sdk.messages import tr

FILE = "constants.json"

BOUNDS: Mapping[str, tuple[float, float]] = {
    "spurious_failure": (0.0, 0.2),
    "hexagon_spread_db": (0.5, 15.0),
    "device_spread_db": (0.0, 15.0),
    "vehicle_loss_db": (0.0, 30.0),
    "promised_failure": (0.001, 0.2),
    "poor_failure": (0.1, 0.9),
    "significance": (0.001, 0.2),
    "claimed_share": (0.01, 1.0),
    "edge_rings": (0, 10),
    "least_devices": (2, 100),
}
"""Ours: beyond them a number is a slip of the pen rather than a measurement. Those not named go from 0 to 1,000."""


def read_constants(data: Path) -> Constants:
    """The constants of ``data``: the defaults, with what ``constants.json`` changes where there is one.

    Raises:
        MailleError: the file cannot be read, names no constant, or a value is out of its bounds.
    """
    return with_changes(read_changes(data), str(data / FILE))


def read_changes(data: Path) -> dict[str, Any]:
    """What ``constants.json`` holds; nothing where there is none.

    Raises:
        MailleError: the file is no JSON object.
    """
    file = data / FILE
    if not file.exists():
        return {}
    try:
        changes = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _refused(str(file), str(error)) from error
    if not isinstance(changes, dict):
        raise _refused(str(file), tr("not a JSON object", "pas un objet JSON"))
    return changes


def with_changes(changes: Mapping[str, Any], where: str = "constants") -> Constants:
    """The defaults with some values replaced, under a version that says so.

    Args:
        changes: by name of a constant.
        where: what to call it in a refusal.

    Raises:
        MailleError: a name is none of a constant's, or a value is not a number within its bounds.
    """
    default = Constants()
    known = {name: value for name, value in asdict(default).items() if isinstance(value, int | float)}
    for name, value in changes.items():
        if name not in known:
            raise _refused(
                where, tr(f"{name} is none of {', '.join(known)}", f"{name} n’est pas l’une de {', '.join(known)}")
            )
        lowest, highest = BOUNDS.get(name, (0, 1_000))
        kind = int if isinstance(known[name], int) else float
        fits = isinstance(value, int | float) and not isinstance(value, bool) and lowest <= value <= highest
        if not fits or (kind is int and value != int(value)):
            whole, entier = ("whole number", "nombre entier") if kind is int else ("number", "nombre")
            expected = tr(
                f"{name} is {value!r}, expected a {whole} from {lowest:g} to {highest:g}",
                f"{name} vaut {value!r}, attendu un {entier} de {lowest:g} à {highest:g}",
            )
            raise _refused(where, expected)
    different: dict[str, Any] = {
        name: type(known[name])(value) for name, value in changes.items() if value != known[name]
    }
    if not different:
        return default
    digest = hashlib.sha256(json.dumps(different, sort_keys=True).encode()).hexdigest()
    return replace(default, **different, version=f"{default.version}+{digest[:8]}")


def write_change(data: Path, name: str, value: float) -> Path:
    """Put one constant into ``constants.json``, beside those already there.

    Raises:
        MailleError: the value is out of its bounds, or the file cannot be read.
    """
    changes = {**read_changes(data), name: value}
    with_changes(changes, str(data / FILE))
    with replacing(data / FILE) as partial:
        partial.write_text(json.dumps(changes, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return data / FILE


def _refused(where: str, reason: str) -> MailleError:
    return MailleError(tr(f"{where}: {reason}", f"{where} : {reason}"))
