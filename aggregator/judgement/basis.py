"""What verdicts were made from: their window and the digests of their inputs.

Figures of one state of the data beside verdicts of another would contradict each other without anyone noticing.
"""

import json
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

from aggregator.evidence.digest import sha256_of
from aggregator.evidence.outline import Territory, territory_from
from aggregator.evidence.whole_file import replacing
from client_sdk.errors import MailleError
from client_sdk.messages import tr

FILE = "judgement/basis.json"
INPUTS = (
    *("evidence/ledger.parquet", "evidence/capability.parquet", "claims/claims.parquet"),
    *("constants.json", "territory/outages.parquet"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """Window of the votes (``last_day`` ISO, or empty without data) and SHA-256 of each input that was there.

    ``territory`` is the part of the ground whose hexagons were judged; None for all.
    """

    last_day: str
    window_days: int
    inputs: dict[str, str]
    territory: Territory | None = None


def record_basis(data: Path, last_day: date | None, window_days: int, territory: Territory | None = None) -> None:
    """Write what the verdicts of ``data`` have just been made from."""
    day = last_day.isoformat() if last_day else ""
    basis = Basis(last_day=day, window_days=window_days, inputs=_inputs(data), territory=territory)
    with replacing(data / FILE) as partial:
        partial.write_text(json.dumps(asdict(basis), indent=1, sort_keys=True) + "\n", encoding="utf-8")


def require_basis(data: Path) -> Basis:
    """The basis of the verdicts, which must still be what lies in ``data``.

    Raises:
        MailleError: there is none, it cannot be read, or an input changed since.
    """
    again = tr("run `maille aggregate` again", "relancez `maille aggregate`")
    try:
        members = json.loads((data / FILE).read_text(encoding="utf-8"))
        basis = Basis(**{**members, "territory": territory_from(members.get("territory"))})
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise MailleError(
            tr(f"{data / FILE}: missing or unreadable; {again}", f"{data / FILE} : absent ou illisible ; {again}")
        ) from error
    now = _inputs(data)
    changed = sorted(name for name in {*now, *basis.inputs} if now.get(name) != basis.inputs.get(name))
    if changed:
        raise MailleError(
            tr(
                f"{data / changed[0]}: changed since the verdicts were made; {again}",
                f"{data / changed[0]} : modifié depuis que les verdicts ont été rendus ; {again}",
            )
        )
    return basis


def _inputs(data: Path) -> dict[str, str]:
    return {name: sha256_of(data / name) for name in INPUTS if (data / name).exists()}
