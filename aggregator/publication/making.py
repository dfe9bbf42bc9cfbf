"""What a release is made from and what it says: nothing but inputs and parameters decide that.

``writing`` turns it into files, ``release.publish`` puts them on the shelf, ``verifying`` makes all again and compares.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Literal

import geopandas as gpd
import pandas as pd

from aggregator.evidence.digest import sha256_of
from aggregator.evidence.hexagons import HEXAGON_RESOLUTION, parent
from aggregator.evidence.months import FILE as MONTHS
from aggregator.evidence.outline import Territory
from aggregator.judgement import basis
from aggregator.judgement.comparison import read_verdicts
from aggregator.judgement.constants import Constants
from aggregator.judgement.excused import read_excused
from aggregator.judgement.votes import VOTING_CONTEXTS, voting_rows
from aggregator.proposals import decisions, surroundings
from aggregator.proposals.parameters import ZoneParameters
from aggregator.publication import origin
from aggregator.publication.errors import PublicationError
from aggregator.publication.issuing import Issue, issue
from aggregator.publication.mission_layer import mission_inputs
from aggregator.publication.observatory.history import read_history
from aggregator.publication.quarters import counted_quarter, quarter_of, window_start
from aggregator.publication.record import read_record, record_digests
from aggregator.publication.rsrp_levels import with_signal
from aggregator.publication.software import code
from client_sdk.messages import tr

Audience = Literal["public", "team"]

NEEDED = (
    *("evidence/ledger.parquet", "evidence/capability.parquet"),
    *("judgement/verdicts.parquet", basis.FILE, "territory/communes.parquet"),
)
SIGNALS = "evidence/signals.parquet"
INPUTS = (
    *NEEDED,
    *(f"evidence/{MONTHS}", "evidence/histograms.parquet", SIGNALS, "claims/claims.parquet"),
    *("claims/sources.json", origin.FILE),
    *(f"territory/{name}" for name in (*surroundings.FILES, "railways.parquet")),
    *(decisions.FILE, "proposals/zones.parquet"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseParameters:
    """What a release depends on besides its inputs; the defaults are ours.

    Attributes:
        audience: ``public``, or ``team`` for the project team alone.
        k: least number of distinct volunteer devices behind a published figure.
        window_days: length of the decision window that ends with the last day.
        last_day: last day of data, ISO.
        territory: hexagons that are published; none means all.
        synthetic: whether the data were generated.
        label: what the page's banner adds on synthetic data, by language.
        constants: those the verdicts were made with.
        zones: how candidate zones are proposed.
        attributions: more lines of attribution.
        publisher: who publishes: ``name`` and ``url``; empty for nobody in particular.
    """

    audience: Audience
    k: int
    window_days: int
    last_day: str
    territory: Territory | None = None
    synthetic: bool = False
    label: dict[str, str] = field(default_factory=dict)
    constants: Constants = field(default_factory=Constants)
    zones: ZoneParameters = field(default_factory=ZoneParameters)
    attributions: tuple[str, ...] = ()
    publisher: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """A data directory that a release can be made from.

    Attributes:
        data: where it is.
        basis: of its verdicts.
        origin: what it says of itself.
        inputs: SHA-256 of each input that is there, by its path.
    """

    data: Path
    basis: basis.Basis
    origin: origin.Origin
    inputs: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Making:
    """A release about to be written.

    Attributes:
        ground: what it is made from.
        parameters: its parameters.
        issue: what it says.
        inputs: SHA-256 of everything read, the record of the release before included.
        previous: id of the release before, or None.
        zones: zones of the release before, or None.
        history: rows of its observatory, or None.
        made_from: digest of inputs, parameters and code.
        release: its id.
    """

    ground: Ground
    parameters: ReleaseParameters
    issue: Issue
    inputs: dict[str, str]
    previous: str | None
    zones: gpd.GeoDataFrame | None
    history: pd.DataFrame | None
    made_from: str
    release: str


def read_ground(data: Path, audience: Audience) -> Ground:
    """What lies in a data directory, checked; missions are for the team alone, and inputs of its releases only.

    Raises:
        PublicationError: an input is missing.
        MailleError: an input changed since the verdicts were made.
    """
    for name in NEEDED:
        if not (data / name).exists():
            raise PublicationError(
                tr(
                    f"{data / name}: missing; a release is made from what `maille aggregate` leaves there",
                    f"{data / name} : absent ; une publication se fait de ce que laisse `maille aggregate`",
                )
            )
    found = basis.require_basis(data)
    others = [name for name in INPUTS if name not in found.inputs and (data / name).exists()]
    if decisions.FILE not in others:
        others = [name for name in others if name != "proposals/zones.parquet"]  # they only tell where decided ones are
    others += mission_inputs(data) if audience == "team" else []
    inputs = found.inputs | {name: sha256_of(data / name) for name in others}
    return Ground(data=data, basis=found, origin=origin.read_origin(data), inputs=inputs)


def made_from(ground: Ground, parameters: ReleaseParameters) -> str:
    """Digest of what a release is made from, but for the release before it."""
    return digest({"inputs": ground.inputs, "parameters": asdict(parameters), "code": code()})


def prepare(ground: Ground, parameters: ReleaseParameters, previous: str | None, shelf: Path) -> Making:
    """Decide what is said, after the release before.

    Raises:
        PublicationError: no test in the window or the territory, or the record of the release before is missing.
    """
    data = ground.data
    ledger = pd.read_parquet(data / "evidence/ledger.parquet")
    capability = pd.read_parquet(data / "evidence/capability.parquet")
    last_day = date.fromisoformat(parameters.last_day) if parameters.last_day else date.min
    rows = ledger if ledger.empty else _voting(data, ledger, capability, parameters)
    verdicts = read_verdicts(data / "judgement")
    if parameters.territory is not None and len(rows):
        cells = parameters.territory.cells
        rows = rows[parent(rows["h3_r9"].astype("int64"), HEXAGON_RESOLUTION).isin(cells)]
        verdicts = verdicts[verdicts["h3_r8"].isin(cells)]
    if rows.empty:
        raise PublicationError(
            tr(
                f"{data / 'evidence/ledger.parquet'}: no test in the window; there is nothing to publish",
                f"{data / 'evidence/ledger.parquet'} : aucun test dans la période ; il n'y a rien à publier",
            )
        )
    # what was measured indoors, or nobody knows where, is in no figure, whoever else lets it pass
    rows = rows[rows["context"].isin(VOTING_CONTEXTS)].reset_index(drop=True)
    texts = {name: rows[name].astype("str") for name in ("operator", "technology", "threshold", "evidence")}
    rows = rows.assign(**texts, device_token=rows["device_token"].astype("str"), context=rows["context"].astype("str"))
    if (data / SIGNALS).exists():
        rows = with_signal(rows, pd.read_parquet(data / SIGNALS))
    watched = parameters.audience == "public" and previous is not None
    before = read_record(data, previous, set(ledger["device_token"])) if watched and previous else None
    crowd = rows.loc[rows["evidence"] == "crowd", "day"]
    said = issue(
        rows,
        verdicts.reset_index(drop=True),
        quarter=counted_quarter(crowd.min().date() if len(crowd) else last_day, last_day),
        k=parameters.k,
        before=before,
        said_in=quarter_of(last_day),
        since=quarter_of(window_start(last_day, parameters.window_days)),
    )
    own = made_from(ground, parameters)
    return Making(
        ground=ground,
        parameters=parameters,
        issue=said,
        inputs=ground.inputs | (record_digests(data, previous) if watched and previous else {}),
        previous=previous,
        zones=gpd.read_file(shelf / previous / "zones.geojson") if previous else None,
        history=read_history(shelf / previous) if previous else None,
        made_from=own,
        release=release_id(parameters, own, previous),
    )


def _voting(data: Path, ledger: pd.DataFrame, capability: pd.DataFrame, parameters: ReleaseParameters) -> pd.DataFrame:
    """What the verdicts of the window rest on: nothing measured indoors, in a declared outage, or in quarantine."""
    return voting_rows(
        ledger,
        capability,
        date.fromisoformat(parameters.last_day),
        parameters.window_days,
        constants=parameters.constants,
        excused=read_excused(data),
    )


def release_id(parameters: ReleaseParameters, origin_digest: str, previous: str | None) -> str:
    """The last day of data and a hash of what the release is made from, the release before included."""
    return f"{parameters.last_day}-{digest({'origin': origin_digest, 'previous': previous})[:10]}"


def digest(members: dict[str, Any]) -> str:
    """SHA-256 of members, whatever their order."""
    return hashlib.sha256(json.dumps(members, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
