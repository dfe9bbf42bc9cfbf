"""A release made again from its inputs, byte for byte, by whoever holds the data directory."""

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from aggregator.evidence.digest import sha256_of
from aggregator.publication.errors import PublicationError
from aggregator.publication.making import ReleaseParameters, prepare, read_ground
from aggregator.publication.manifest import listing
from aggregator.publication.software import code, libraries
from aggregator.publication.writing import write_release
from client_sdk.errors import MailleError
from client_sdk.messages import tr

MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What came out.

    Attributes:
        release: id of the release.
        files: path → ``same``, ``different``, ``missing`` (not in the release) or ``unexpected`` (not made again).
        reasons: likely reasons for what differs.
    """

    release: str
    files: dict[str, str]
    reasons: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether every file came out the same, under the same name."""
        return not self.reasons and all(state == "same" for state in self.files.values())

    def members(self) -> dict[str, Any]:
        """For scripts."""
        return {"release": self.release, "holds": self.holds, "files": self.files, "reasons": list(self.reasons)}

    def text(self) -> str:
        """For people: one line per file that differs, the reasons, and how many are the same."""
        words = {
            "different": tr("DIFFERENT", "DIFFÉRENT"),
            "missing": tr("MISSING from the release", "ABSENT de la publication"),
            "unexpected": tr("UNEXPECTED in the release", "DE TROP dans la publication"),
        }
        differing = [f"  {words[state]}  {path}" for path, state in self.files.items() if state != "same"]
        total = len(self.files)
        same = total - len(differing)
        if self.holds:
            verdict = tr(
                f": every byte came out again ({total} files)", f" : chaque octet a été retrouvé ({total} fichiers)"
            )
        else:
            verdict = tr(" does not come out again", " n’a pas été retrouvée")
            if same:  # none is where it cannot be made again, so that nothing was compared
                verdict += tr(f"; {same} of {total} files are the same", f" ; {same} fichiers identiques sur {total}")
        return "\n".join([*differing, *self.reasons, f"{self.release}{verdict}"])


def verify(release: Path, data: Path) -> Verification:
    """Make a release again in a temporary place, with its manifest's parameters, and compare.

    Args:
        release: its directory.
        data: the data directory it was made from.

    Raises:
        PublicationError: it has no manifest that can be read.
    """
    told = _manifest(release)
    shelf = release.parent
    reasons = _reasons(told, data, shelf)
    with tempfile.TemporaryDirectory(prefix="maille-verify-") as folder:
        draft = Path(folder)
        try:
            parameters = TypeAdapter(ReleaseParameters).validate_python(told["parameters"])
            making = prepare(read_ground(data, parameters.audience), parameters, told["previous"], shelf)
            write_release(making, draft)
        except (MailleError, OSError, ValueError) as error:
            cannot = tr("it cannot be made again", "elle ne peut être refaite")
            return Verification(
                release=release.name, files=_as_listed(release, told), reasons=(*reasons, f"{cannot}: {error}")
            )
        files = _compared(release, draft)
        if making.release != release.name:
            reasons.append(
                tr(
                    f"made again it is called {making.release}: inputs, parameters or code are not those of its name",
                    f"refaite, elle s'appelle {making.release} : entrées, paramètres ou code ne sont pas ceux du nom",
                )
            )
    if not reasons and any(state != "same" for state in files.values()):
        reasons.append(
            tr(
                "inputs, parameters, code and libraries are the manifest's: the release's own files were changed",
                "entrées, paramètres, code et bibliothèques sont ceux du manifeste : les fichiers ont été modifiés",
            )
        )
    return Verification(release=release.name, files=files, reasons=tuple(reasons))


def _manifest(release: Path) -> dict[str, Any]:
    try:
        told = json.loads((release / MANIFEST).read_text(encoding="utf-8"))
        if {"release", "previous", "parameters", "inputs", "code", "libraries", "files"} <= told.keys():
            return dict(told)
        problem = tr("lacks members that this version writes", "sans des membres que cette version écrit")
    except (OSError, ValueError, AttributeError) as error:
        problem = str(error)
    raise PublicationError(
        tr(
            f"{release / MANIFEST}: {problem}; expected the directory of a release",
            f"{release / MANIFEST} : {problem} ; attendu : le dossier d'une publication",
        )
    )


def _reasons(told: dict[str, Any], data: Path, shelf: Path) -> list[str]:
    """What is not as the manifest says, before anything is made again."""
    reasons = []
    for one in told["inputs"]:
        file = data / one["path"]
        now = sha256_of(file) if file.is_file() else tr("missing", "absent")
        if now != one["sha256"]:
            reasons.append(
                tr(
                    f"input {one['path']}: {now[:12]}, the manifest says {one['sha256'][:12]}",
                    f"entrée {one['path']} : {now[:12]}, le manifeste dit {one['sha256'][:12]}",
                )
            )
    for kind, then, now_here in (("code", told["code"], code()), ("library", told["libraries"], libraries())):
        word = tr(kind, {"code": "code", "library": "bibliothèque"}[kind])
        for name in sorted({*then, *now_here}):
            if then.get(name) != now_here.get(name):
                here, there = now_here.get(name, "-"), then.get(name, "-")
                reasons.append(
                    tr(
                        f"{word} {name}: {here[:12]}, the manifest says {there[:12]}",
                        f"{word} {name} : {here[:12]}, le manifeste dit {there[:12]}",
                    )
                )
    if told["previous"] and not (shelf / told["previous"] / "zones.geojson").is_file():
        reasons.append(
            tr(
                f"{shelf / told['previous']}: missing; the release before gives the zones their names",
                f"{shelf / told['previous']} : absent ; la publication précédente donne leurs noms aux zones",
            )
        )
    return reasons


def _compared(release: Path, draft: Path) -> dict[str, str]:
    theirs, ours = ({one["path"]: one["sha256"] for one in listing(folder)} for folder in (release, draft))
    states = {}
    for path in sorted({*theirs, *ours}):
        if path not in ours:
            states[path] = "unexpected"
        elif path not in theirs:
            states[path] = "missing"
        else:
            states[path] = "same" if theirs[path] == ours[path] else "different"
    return states


def _as_listed(release: Path, told: dict[str, Any]) -> dict[str, str]:
    """Files that are not those the manifest lists: all that can be said where a release cannot be made again."""
    found = {one["path"]: one["sha256"] for one in listing(release)}
    listed = {one["path"]: one["sha256"] for one in told["files"]}
    missing = {path: "missing" for path in listed if path not in found}
    return missing | {path: "different" for path, value in listed.items() if path in found and found[path] != value}
