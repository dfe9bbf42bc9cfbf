"""What a data directory says of itself: whether its data were generated, and whom to thank for what is in it.

It lies beside the data, so that no later command can publish generated data as if they were measured.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from aggregator.publication.errors import PublicationError
from client_sdk.messages import Language, current_language, tr

FILE = "origin.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Of the data in one directory.

    Attributes:
        synthetic: whether they were generated: every file and page made from them says so.
        label: what the page's banner adds, in ``en`` and ``fr``.
        attributions: lines that every release carries.
        publisher: who publishes the releases: ``name``, and ``url`` of its page; empty for nobody in particular.
    """

    synthetic: bool = False
    label: dict[str, str] = field(default_factory=dict)
    attributions: tuple[str, ...] = ()
    publisher: dict[str, str] = field(default_factory=dict)


def read_origin(data: Path) -> Origin:
    """What ``origin.json`` says; a directory without one holds measured data.

    Raises:
        PublicationError: the file cannot be read: what cannot be read may say that the data were generated.
    """
    file = data / FILE
    if not file.exists():
        return Origin()
    try:
        members: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return Origin(
            synthetic=bool(members["synthetic"]),
            label={str(language): str(text) for language, text in members["label"].items()},
            attributions=tuple(str(line) for line in members["attributions"]),
            publisher={str(name): str(text) for name, text in members.get("publisher", {}).items()},
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise PublicationError(tr(f"{file}: cannot be read ({error!r})", f"{file} : illisible ({error!r})")) from error


def synthetic_text(origin: Origin, language: Language | None = None) -> str:
    """What a file made from generated data says of them, in a language or the current one; empty for measured ones."""
    if not origin.synthetic:
        return ""
    spoken = language or current_language()
    return origin.label.get(spoken) or {"en": "Synthetic data.", "fr": "Données synthétiques."}[spoken]


def write_origin(data: Path, origin: Origin) -> None:
    """Say it once, before anything is published."""
    text = json.dumps(asdict(origin), ensure_ascii=False, indent=1, sort_keys=True)
    (data / FILE).write_text(text + "\n", encoding="utf-8")
