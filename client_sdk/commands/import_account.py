"""The account of an import: what became samples, what was left out and why."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from client_sdk.importers.formats import Found, Part
from client_sdk.messages import tr
from client_sdk.outbox.queue import Added
from client_sdk.sample import Sample


class Account:
    """Counts what passes by.

    Args:
        parts: what is imported.
        passed_over: names of files of no known kind.
        dry_run: whether nothing is kept.
    """

    def __init__(self, parts: Sequence[Part], passed_over: Sequence[str], *, dry_run: bool) -> None:
        self._formats = Counter(part.format for part in parts for _ in part.logs)
        self._passed_over = list(passed_over)
        self._dry_run = dry_run
        self._kinds: Counter[str] = Counter()
        self._left_out: Counter[tuple[str, bool]] = Counter()
        self._examples: dict[tuple[str, bool], str] = {}
        self._added = self._hidden = 0

    def over(self, items: Iterable[Found]) -> Iterator[Sample]:
        """The samples among what was found; all of it is counted."""
        for log, item in items:
            if isinstance(item, Sample):
                self._kinds[item.kind] += 1
                yield item
                continue
            reason = (item.reason, item.field is None)
            self._left_out[reason] += 1
            if reason not in self._examples:
                self._examples[reason] = f"{Path(log.name).name}:{item.row} {item.detail}".rstrip()

    def keep(self, done: Added) -> None:
        """Count what the outbox did with some of the samples."""
        self._added += done.added
        self._hidden += done.hidden

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        read = self._kinds.total()
        return {
            "files": self._formats.total(),
            "formats": dict(self._formats),
            "passed_over": self._passed_over,
            "samples": read,
            "kinds": dict(self._kinds),
            "added": self._added,
            "known": 0 if self._dry_run else read - self._added - self._hidden,
            "hidden": self._hidden,
            "dry_run": self._dry_run,
            "left_out": [
                {"reason": reason, "count": count, "whole_row": whole, "example": self._examples[reason, whole]}
                for (reason, whole), count in self._left_out.most_common()
            ],
        }

    def told(self) -> str:
        """For people."""
        data = self.as_json()
        lines = [_first_line(data), tr("  formats: ", "  formats : ") + _listed(data["formats"])]
        lines += [
            f"  {_fate(one['count'], whole=one['whole_row'])}{tr(':', ' :')} {one['reason']} ({one['example']})"
            for one in data["left_out"]
        ]
        lines += [
            tr(f"  {name}: not a log that is known here", f"  {name} : journal non reconnu")
            for name in self._passed_over
        ]
        return "\n".join(lines)


def _first_line(data: dict[str, Any]) -> str:
    kinds = _listed(data["kinds"]) or "0"
    if data["dry_run"]:
        first = tr(
            f"{data['samples']} samples would be imported from {data['files']} files ({kinds}).",
            f"{data['samples']} relevés seraient importés de {data['files']} fichiers ({kinds}).",
        )
    else:
        first = tr(
            f"{data['added']} samples imported from {data['files']} files ({kinds}), {data['known']} known already.",
            f"{data['added']} relevés importés de {data['files']} fichiers ({kinds}), {data['known']} déjà connus.",
        )
    if data["hidden"]:
        first += tr(
            f" {data['hidden']} are near a hidden place, or have no position: left out.",
            f" {data['hidden']} sont près d’un lieu masqué, ou sans position : écartés.",
        )
    return first


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())


def _fate(count: int, *, whole: bool) -> str:
    if whole and count == 1:
        return tr("1 row left out", "1 ligne écartée")
    if whole:
        return tr(f"{count} rows left out", f"{count} lignes écartées")
    if count == 1:
        return tr("1 value left absent", "1 valeur laissée vide")
    return tr(f"{count} values left absent", f"{count} valeurs laissées vides")
