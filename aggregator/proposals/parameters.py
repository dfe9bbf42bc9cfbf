"""How zones are proposed, and where that is written: the weights of a project team, and what a release records."""

import json
import math
import tomllib
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from client_sdk.errors import MailleError
from client_sdk.messages import tr

WEIGHTS_FILE = "weights.toml"
"""In the data directory; read where no other file is named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemandWeights:
    """What a zone is worth. No national grid of weights is public: the defaults are ours, for a team to change.

    Attributes:
        person: of one inhabitant.
        main_road_km: of one kilometre of main road: as many people as it takes to be worth one.
        other_road_km: of one kilometre of any other road.
        prior_only: factor, 0..1, on the probability that a claim nobody tested fails. Such places make a zone only
            where evidence makes no more; at 0 they make none.
        undeclared: factor, 0..1, on the probability that an operator fails where it declares nothing; at 0 zones are
            made of claims alone, where volunteers or field teams found otherwise.
        dcc_reach_m: demand this near a decided point of the DCC is taken as dealt with, for the operators obliged.
        dcc_remaining: share of that demand, 0..1, which counts all the same.
    """

    person: float = 1.0
    main_road_km: float = 20.0
    other_road_km: float = 4.0
    prior_only: float = 1.0
    undeclared: float = 1.0
    dcc_reach_m: float = 2000.0
    dcc_remaining: float = 0.0


HIGHEST = {"prior_only": 1.0, "undeclared": 1.0, "dcc_remaining": 1.0}
"""Weights that are shares; the others are only bounded below, by 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneParameters:
    """How zones are proposed; the defaults are ours.

    Attributes:
        technology: whose verdicts count.
        threshold: ``service`` or Mbit/s of download.
        count: zones at most (a year's quota is 8 to 20).
        radius_m: radius of a disc; 4 km make 50 km², the least area for which a reliability is promised.
        near_m: a commune's centre is a point of interest when a needy hexagon lies at most this far from it.
        least_unmet: a disc whose unmet demand is worth fewer inhabitants than this is no zone.
        class_share: share of the unmet demand from which evidence makes a zone, and decides its class.
        exact: look for better discs than the greedy ones by mixed-integer programming.
        exact_seconds: time allowed for that; where it runs out, another machine may find other discs.
        weights: what a zone is worth.
    """

    technology: str = "4G"
    threshold: str = "service"
    count: int = 10
    radius_m: float = 4000.0
    near_m: float = 2000.0
    least_unmet: float = 1.0
    class_share: float = 0.5
    exact: bool = False
    exact_seconds: float = 120.0
    weights: DemandWeights = field(default_factory=DemandWeights)


def read_weights(file: Path) -> DemandWeights:
    """Weights of a TOML file with the names of :class:`DemandWeights`; those it does not name are the defaults.

    Raises:
        MailleError: the file is not TOML, names something else, or a value is out of its range.
    """
    try:
        members = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise MailleError(
            tr(f"{file}: cannot be read as TOML ({error})", f"{file} : illisible en TOML ({error})")
        ) from error
    names = [one.name for one in fields(DemandWeights)]
    for name, value in members.items():
        if name not in names:
            raise MailleError(
                tr(
                    f"{file}: {name} is no weight, expected {', '.join(names)}",
                    f"{file} : {name} n'est pas un poids, attendu {', '.join(names)}",
                )
            )
        highest = HIGHEST.get(name, math.inf)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not math.isfinite(value) or not 0 <= value <= highest:
            to = f"0…{highest:g}" if name in HIGHEST else "≥ 0"
            raise MailleError(
                tr(
                    f"{file}: {name} is {value!r}, expected a number {to}",
                    f"{file} : {name} vaut {value!r}, attendu un nombre {to}",
                )
            )
    return DemandWeights(**{name: float(value) for name, value in members.items()})


def weights_of(data: Path, file: Path | None = None) -> DemandWeights:
    """Weights of the file named, else of ``weights.toml`` in the data directory, else the defaults."""
    beside = data / WEIGHTS_FILE
    if file is None and not beside.exists():
        return DemandWeights()
    return read_weights(file or beside)


def write_parameters(parameters: ZoneParameters, proposals: Path) -> None:
    """Write ``parameters.json`` beside the proposals made with them."""
    (proposals / "parameters.json").write_text(json.dumps(asdict(parameters), indent=2) + "\n", encoding="utf-8")


def read_parameters(proposals: Path) -> ZoneParameters:
    """The parameters ``write_parameters`` left there, or the defaults.

    Raises:
        MailleError: they are of another version.
    """
    file = proposals / "parameters.json"
    if not file.exists():
        return ZoneParameters()
    try:
        members = json.loads(file.read_text(encoding="utf-8"))
        return ZoneParameters(**{**members, "weights": DemandWeights(**members["weights"])})
    except (ValueError, TypeError, KeyError) as error:
        again = tr("run `maille zones` again", "relancez `maille zones`")
        raise MailleError(
            tr(f"{file}: of another version ({error}); {again}", f"{file} : d'une autre version ({error}) ; {again}")
        ) from error
