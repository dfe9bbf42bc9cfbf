"""One release: a directory of immutable files named after the last day of data and a hash of what it was made from."""

import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from aggregator.evidence.outline import Territory
from aggregator.evidence.whole_file import replacing
from aggregator.judgement.constants import Constants
from aggregator.judgement.constants_file import read_constants
from aggregator.proposals.parameters import ZoneParameters, read_parameters
from aggregator.publication.anonymity import K_TEAM, K_VOLUNTEERS
from aggregator.publication.making import (
    Audience,
    ReleaseParameters,
    made_from,
    prepare,
    read_ground,
    release_id,
)
from aggregator.publication.record import write_record
from aggregator.publication.shelf import FOLDER
from aggregator.publication.writing import write_release

Progress = Callable[[str, float], None]


def publish(
    data: Path,
    *,
    audience: Audience = "public",
    previous: Path | None = None,
    k: int | None = None,
    territory: Territory | None = None,
    zones: ZoneParameters | None = None,
    constants: Constants | None = None,
    progress: Progress | None = None,
) -> Path:
    """Write a release and make it the latest of its audience.

    Args:
        data: the server-side data directory.
        audience: ``public`` into ``releases/``, or ``team`` into ``team-releases/``.
        previous: release whose zones' ids are kept, and what it said repeated; by default the latest one there.
        k: least number of volunteer devices; by default 5, or 3 for the team.
        territory: hexagons to publish, among those that were judged; by default all of these.
        zones: how zones are proposed; by default as ``proposals/parameters.json`` says.
        constants: those the verdicts were made with; by default those of the data.
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
    ground = read_ground(data, audience)
    parameters = ReleaseParameters(
        audience=audience,
        k=k if k is not None else K_VOLUNTEERS if audience == "public" else K_TEAM,
        window_days=ground.basis.window_days,
        last_day=ground.basis.last_day,
        territory=territory.within(ground.basis.territory) if territory else ground.basis.territory,
        synthetic=ground.origin.synthetic,
        label=ground.origin.label,
        constants=constants or read_constants(data),
        zones=zones or read_parameters(data / "proposals"),
        attributions=ground.origin.attributions,
        publisher=ground.origin.publisher,
    )
    shelf = data / FOLDER[audience]
    own = made_from(ground, parameters)
    before = previous.name if previous else _previous(shelf, own, ground.origin.synthetic)
    target = shelf / release_id(parameters, own, before)
    if not target.exists():
        tell("deciding", 0.1)
        making = prepare(ground, parameters, before, previous.parent if previous else shelf)
        tell("writing", 0.3)
        shelf.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=shelf))
        try:
            write_release(making, draft, lambda label, share: tell(label, 0.4 + 0.6 * share))
            draft.chmod(0o755)
            if audience == "public":
                write_record(data, making.release, making.issue, keep=before)
            draft.rename(target)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
    tell("published", 1.0)
    _point_latest(shelf, target.name)
    return target


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
    with replacing(shelf / "latest.json") as partial:
        partial.write_text(json.dumps({"release": release}) + "\n", encoding="utf-8")
