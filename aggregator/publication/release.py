"""One release: a directory of immutable files named after the last day of data and a hash of what it was made from."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Literal

import geopandas as gpd
import pandas as pd

import client_sdk
from aggregator.evidence.claims import read_claims
from aggregator.evidence.digest import sha256_of
from aggregator.evidence.territory import read_communes
from aggregator.judgement import basis
from aggregator.judgement.comparison import read_verdicts
from aggregator.judgement.constants import Constants
from aggregator.judgement.rules import RULES
from aggregator.judgement.votes import voting_rows
from aggregator.proposals import decisions, surroundings
from aggregator.proposals.demand import DEMAND_MODEL, DEMAND_TEXT
from aggregator.proposals.parameters import ZoneParameters, read_parameters
from aggregator.publication import manifest, origin
from aggregator.publication.anonymity import K_TEAM, K_VOLUNTEERS
from aggregator.publication.contents import write_contents
from aggregator.publication.errors import PublicationError
from client_sdk.messages import tr

Audience = Literal["public", "team"]
Progress = Callable[[str, float], None]

FOLDER: dict[Audience, str] = {"public": "releases", "team": "team-releases"}
"""Apart, so that serving the public folder never serves what is for the project team alone."""

INPUTS = (
    *("evidence/ledger.parquet", "evidence/capability.parquet", "judgement/verdicts.parquet", basis.FILE),
    *("territory/communes.parquet", "claims/claims.parquet", "claims/sources.json", origin.FILE),
    *(f"territory/{name}" for name in surroundings.FILES),
    *(decisions.FILE, "proposals/zones.parquet"),
)
OPTIONAL_INPUTS = frozenset({"claims/claims.parquet", "claims/sources.json", origin.FILE, *INPUTS[8:]})


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseParameters:
    """What a release depends on besides its inputs; the defaults are ours.

    Attributes:
        audience: ``public``, or ``team`` for the project team alone.
        k: least number of distinct volunteer devices behind a published figure.
        window_days: length of the decision window that ends with the last day.
        last_day: last day of data, ISO.
        synthetic: whether the data were generated.
        label: what the page's banner adds on synthetic data, by language.
        constants: those the verdicts were made with.
        zones: how candidate zones are proposed.
        attributions: more lines of attribution.
    """

    audience: Audience
    k: int
    window_days: int
    last_day: str
    synthetic: bool = False
    label: dict[str, str] = field(default_factory=dict)
    constants: Constants = field(default_factory=Constants)
    zones: ZoneParameters = field(default_factory=ZoneParameters)
    attributions: tuple[str, ...] = ()


def publish(
    data: Path,
    *,
    audience: Audience = "public",
    previous: Path | None = None,
    k: int | None = None,
    zones: ZoneParameters | None = None,
    constants: Constants | None = None,
    progress: Progress | None = None,
) -> Path:
    """Write a release and make it the latest of its audience.

    Args:
        data: the server-side data directory.
        audience: ``public`` into ``releases/``, or ``team`` into ``team-releases/``.
        previous: release whose zones' ids are kept; by default the latest one there.
        k: least number of volunteer devices; by default 5, or 3 for the team.
        zones: how zones are proposed; by default as ``proposals/parameters.json`` says.
        constants: those the verdicts were made with; by default those of this version.
        progress: told what is being done, and the fraction done.

    Returns:
        The release's directory. The same inputs and parameters give the same name and the same bytes; if it is there
        already, it is left as it is.

    Raises:
        PublicationError: an input is missing or unreadable, or there is nothing to publish.
        MailleError: an input changed since the verdicts were made.
    """
    tell = progress or (lambda _label, _fraction: None)
    tell("reading", 0.0)
    for name in INPUTS:
        if name not in OPTIONAL_INPUTS and not (data / name).exists():
            raise PublicationError(
                tr(
                    f"{data / name}: missing; a release is made from what `maille aggregate` leaves there",
                    f"{data / name} : absent ; une publication se fait de ce que laisse `maille aggregate`",
                )
            )
    ground = basis.require_basis(data)
    source = origin.read_origin(data)
    ledger = pd.read_parquet(data / "evidence/ledger.parquet")
    capability = pd.read_parquet(data / "evidence/capability.parquet")
    rows = ledger if ledger.empty else _voting(ledger, capability, ground, constants)
    if rows.empty:
        raise PublicationError(
            tr(
                f"{data / 'evidence/ledger.parquet'}: no test in the window; there is nothing to publish",
                f"{data / 'evidence/ledger.parquet'} : aucun test dans la période ; il n'y a rien à publier",
            )
        )
    parameters = ReleaseParameters(
        audience=audience,
        k=k if k is not None else K_VOLUNTEERS if audience == "public" else K_TEAM,
        window_days=ground.window_days,
        last_day=ground.last_day,
        synthetic=source.synthetic,
        label=source.label,
        constants=constants or Constants(),
        zones=zones or read_parameters(data / "proposals"),
        attributions=source.attributions,
    )
    shelf = data / FOLDER[audience]
    others = [name for name in INPUTS if name not in ground.inputs and (data / name).exists()]
    if decisions.FILE not in others:
        others = [name for name in others if name != "proposals/zones.parquet"]  # they only tell where decided ones are
    inputs = ground.inputs | {name: sha256_of(data / name) for name in others}
    made_from = _digest({"inputs": inputs, "parameters": asdict(parameters), "code": client_sdk.__version__})
    before = previous.name if previous else _previous(shelf, made_from, source.synthetic)
    release = f"{ground.last_day}-{_digest({'origin': made_from, 'previous': before})[:10]}"
    target = shelf / release
    if not target.exists():
        tell("writing", 0.2)
        shelf.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=shelf))
        try:
            _fill(draft, data, rows, parameters, release, (previous or shelf / before) if before else None)
            _describe(draft, data, parameters, {"release": release, "previous": before, "origin": made_from}, inputs)
            draft.chmod(0o755)
            draft.rename(target)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
    tell("published", 1.0)
    _point_latest(shelf, release)
    return target


def _voting(
    ledger: pd.DataFrame, capability: pd.DataFrame, ground: basis.Basis, constants: Constants | None
) -> pd.DataFrame:
    day = date.fromisoformat(ground.last_day)
    return voting_rows(ledger, capability, day, ground.window_days, constants=constants)


def _claim_sources(file: Path) -> list[dict[str, Any]]:
    if not file.exists():
        return []
    try:
        sources = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise PublicationError(
            tr(
                f"{file}: is not JSON ({error}); import the coverage files again",
                f"{file} : n'est pas du JSON ({error}) ; importez à nouveau les fichiers de couverture",
            )
        ) from error
    if not isinstance(sources, list) or not all(isinstance(one, dict) and "operator" in one for one in sources):
        raise PublicationError(f"{file}: expected a list of sources; import the coverage files again")
    return sources


def _fill(
    draft: Path, data: Path, rows: pd.DataFrame, parameters: ReleaseParameters, release: str, previous: Path | None
) -> None:
    write_contents(
        draft,
        release=release,
        day=date.fromisoformat(parameters.last_day),
        rows=rows,
        verdicts=read_verdicts(data / "judgement"),
        claims=read_claims(data / "claims"),
        communes=read_communes(data / "territory"),
        territory=data / "territory",
        decisions=_decisions(data, parameters.audience),
        previous=gpd.read_file(previous / "zones.geojson") if previous else None,
        k=parameters.k,
        notice="; ".join(
            [*["synthetic data"] * parameters.synthetic, *["project team only"] * (parameters.audience == "team")]
        ),
        parameters=parameters.zones,
        about={
            "release": release,
            "date": parameters.last_day,
            "audience": parameters.audience,
            "k": parameters.k,
            "synthetic": parameters.synthetic,
            "label": parameters.label,
        },
    )


def _decisions(data: Path, audience: Audience) -> list[decisions.Decision]:
    """Of the team: all for itself, for the public only what it set aside."""
    proposed = data / "proposals" / "zones.parquet"
    known = gpd.read_parquet(proposed) if proposed.exists() else None
    found = decisions.located(decisions.read_decisions(data), known)
    return [one for one in found if audience == "team" or one.decision == "set-aside"]


def _describe(
    draft: Path, data: Path, parameters: ReleaseParameters, names: dict[str, Any], inputs: dict[str, str]
) -> None:
    """Write the manifest, last: it lists every other file."""
    sources = _claim_sources(data / "claims/sources.json")
    note = manifest.NOT_INCLUDED
    members = {
        **names,
        "title": {
            "en": "Maille: mobile coverage, declared and measured",
            "fr": "Maille : couverture déclarée, mesurée",
        },
        "date": parameters.last_day,
        "audience": parameters.audience,
        **({"warning": manifest.TEAM_ONLY} if parameters.audience == "team" else {}),
        "synthetic": parameters.synthetic,
        "synthetic_label": parameters.label,
        "licence": manifest.LICENCE,
        "attributions": manifest.attributions(sources, read_communes(data / "territory"), parameters.attributions),
        "code": {"name": "maille", "version": client_sdk.__version__},
        "rules": [{"id": rule.id, "verdict": rule.verdict, "reason": rule.reason} for rule in RULES],
        "parameters": asdict(parameters),
        "demand_model": {"id": DEMAND_MODEL, **DEMAND_TEXT},
        "k": parameters.k,
        "limits": manifest.LIMITS,
        "not_included": {language: text.format(k=parameters.k) for language, text in note.items()},
        "dcc_values": manifest.DCC_VALUES,
        "inputs": [{"path": name, "sha256": value} for name, value in sorted(inputs.items())],
        "claim_sources": sources,
        "files": manifest.listing(draft),
    }
    manifest.write_json(members, draft / "manifest.json")


def _previous(shelf: Path, origin: str, synthetic: bool) -> str | None:
    """Id of the release before: the latest one, or the one before it when the latest has the same origin."""
    latest = shelf / "latest.json"
    if not latest.exists():
        return None
    release = json.loads(latest.read_text(encoding="utf-8"))["release"]
    known = json.loads((shelf / release / "manifest.json").read_text(encoding="utf-8"))
    if known["synthetic"] != synthetic:
        return None
    before = known["previous"] if known["origin"] == origin else known["release"]
    return None if before is None else str(before)


def _point_latest(shelf: Path, release: str) -> None:
    draft = shelf / ".latest.json"
    draft.write_text(json.dumps({"release": release}) + "\n", encoding="utf-8")
    os.replace(draft, shelf / "latest.json")


def _digest(members: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(members, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
