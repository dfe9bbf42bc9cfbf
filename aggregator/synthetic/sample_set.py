"""A synthetic set of samples to study the method on, with the coverage that only its generator knows.

The folder is a server's data directory whose archive is closed: the whole path runs on it. Nothing in it was measured.
"""

import gzip
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import NoneType
from typing import Any, get_args

import pandas as pd
from h3.api import basic_int as h3

from aggregator.evidence.digest import sha256_of
from aggregator.publication.manifest import LICENCE, write_json
from aggregator.synthetic import LABEL
from client_sdk.bounds import Meaning, Unit, described
from client_sdk.sample import FIELDS

SAMPLES, TRUTH, PACKAGE, README = "samples.csv.gz", "truth.csv", "datapackage.json", "README.md"
KEPT = ("archive", "claims", "territory", "origin.json")
"""Of the data directory: what `maille aggregate` reads."""
P_DECIMALS = 4
BY_COLLECTOR = {
    "device_token": "keyed hash of the device, the same in all its samples",
    "tier": "volunteer or field_team",
    "h3_cell": "cell of H3 resolution 10 that holds the position, as a number",
    "flags": "rules of plausibility that the sample met, apart by a space",
    "excluded": "whether one of them takes the sample out of what is counted",
    "received_at": "when the collector received it, UTC",
}
TRUTH_FIELDS = {
    "h3": ("string", "index of the hexagon in H3, resolution 8; those crossed by a road"),
    "operator": ("string", "operator, by its PLMN"),
    "p": (
        "number",
        "probability that a test by a median phone outdoors finds no service on its roads",
    ),
    "claimed": ("boolean", "at least half of its roads are declared covered"),
    "condition": ("string", "good (p ≤ 0.05), mild, or bad (p ≥ 0.25)"),
}
TEXT = """# Synthetic samples of a mobile-coverage campaign / Échantillons synthétiques

**{en}**

**{fr}**

Made by `maille demo --samples-only` (seed {seed}, {volunteers} phones of each of four operators); the same command
gives the same samples. Licence: [{licence}]({url}).
Communes: INSEE codes and names by way of @etalab/decoupage-administratif (MIT), centres from GeoNames (CC BY 4.0).

- `archive/`: the samples as a collector archives them, Parquet by month
- `samples.csv.gz`: the same as CSV, without the columns that are empty everywhere
- `truth.csv`: how often a reference test really fails, by hexagon and operator: what verdicts are held against
- `claims/`, `territory/`: what the operators declare, the communes and the sites
- `datapackage.json`: what every column means

From here to verdicts, and to a release beside the truth:

    maille aggregate --no-archive --data .
    maille publish --data .
"""


@dataclass(frozen=True, slots=True)
class SampleSet:
    """What was written.

    Attributes:
        folder: where.
        samples: how many.
        hexagons: hexagons and operators whose truth is told.
        size_bytes: of all files.
    """

    folder: Path
    samples: int
    hexagons: int
    size_bytes: int


def write_sample_set(data: Path, truth: pd.DataFrame, into: Path, *, seed: int, volunteers: int) -> SampleSet:
    """Copy what the method needs out of a demonstration's data directory, and describe it.

    Args:
        data: with an archive that is up to date.
        truth: as :func:`aggregator.synthetic.truth.failure_probability` gives it.
        into: where to, beside what is there.
        seed: of the generator.
        volunteers: phones of each operator.
    """
    for name in KEPT:
        if (data / name).is_dir():
            shutil.copytree(data / name, into / name, ignore=shutil.ignore_patterns("*lock"))
        else:
            shutil.copy(data / name, into / name)
    months = sorted((into / "archive").glob("measured_month=*/*.parquet"))
    # nullable types: a whole number stays one where some are missing
    tables = [pd.read_parquet(month, dtype_backend="numpy_nullable") for month in months]
    samples = pd.concat(tables, ignore_index=True)
    told = samples.dropna(axis="columns", how="all")
    text = told.to_csv(index=False, lineterminator="\n", date_format="%Y-%m-%dT%H:%M:%S.%fZ")
    (into / SAMPLES).write_bytes(gzip.compress(text.encode(), 9, mtime=0))

    known = truth.assign(h3=[h3.int_to_str(int(cell)) for cell in truth["h3_r8"]], p=truth["p"].round(P_DECIMALS))
    known = known[list(TRUTH_FIELDS)].sort_values(["h3", "operator"])
    known.to_csv(into / TRUTH, index=False, lineterminator="\n")

    words = {**LABEL, "seed": seed, "volunteers": volunteers, "licence": LICENCE["name"], "url": LICENCE["url"]}
    (into / README).write_text(TEXT.format(**words), encoding="utf-8")
    write_json(_package(into, months, list(told.columns), list(samples.columns)), into / PACKAGE)
    size = sum(file.stat().st_size for file in into.rglob("*") if file.is_file())
    return SampleSet(folder=into, samples=len(samples), hexagons=len(known), size_bytes=size)


def _package(into: Path, months: list[Path], told: list[str], columns: list[str]) -> dict[str, Any]:
    truth = {
        "fields": [{"name": name, "type": kind, "description": text} for name, (kind, text) in TRUTH_FIELDS.items()],
        "primaryKey": ["h3", "operator"],
    }
    return {
        "name": "maille-synthetic-samples",
        "title": "Synthetic samples of a mobile-coverage campaign",
        "description": LABEL["en"],
        "descriptions": LABEL,
        "licenses": [{"name": LICENCE["spdx"], "path": LICENCE["url"], "title": LICENCE["name"]}],
        "resources": [
            _table(into, into / SAMPLES, {"fields": list(_fields(told)), "missingValues": [""]}, compression="gz"),
            _table(into, into / TRUTH, truth),
            *(
                _table(into, month, {"fields": list(_fields(columns)), "missingValues": ["", "nan"]})
                for month in months
            ),
        ],
    }


def _table(into: Path, file: Path, schema: dict[str, Any], **more: str) -> dict[str, Any]:
    path = file.relative_to(into).as_posix()
    name = path.lower().replace("/", "-").replace(".", "-").replace("=", "-").replace("_", "-")
    form = "parquet" if file.suffix == ".parquet" else "csv"
    mark = {"hash": f"sha256:{sha256_of(file)}"}
    return {"name": name, "type": "table", "path": path, "format": form, **more, **mark, "schema": schema}


def _fields(columns: list[str]) -> Iterator[dict[str, Any]]:
    """A Table Schema's fields for columns of the archive, by what the vocabulary of samples says of them."""
    for name in columns:
        if name in BY_COLLECTOR:
            kind = {"h3_cell": "integer", "excluded": "boolean", "received_at": "any"}.get(name, "string")
            yield {"name": name, "type": kind, "description": BY_COLLECTOR[name]}
            continue
        annotation = FIELDS[name]
        marks = list(_marks(annotation))
        unit = [("unit", mark.symbol) for mark in marks if isinstance(mark, Unit)]
        meaning = " ".join(mark.text for mark in marks if isinstance(mark, Meaning))
        yield {"name": name, "type": _kind(name, annotation), "description": meaning, **dict(unit)}


def _kind(name: str, annotation: Any) -> str:
    word = described(annotation).split(",")[0].split(" or absent")[0]
    known = {"number": "number", "integer": "integer", "true or false": "boolean"}
    return "any" if name == "measured_at" else known.get(word, "string")


def _marks(annotation: Any) -> Iterator[Any]:
    for part in get_args(annotation):
        if part is NoneType or isinstance(part, str):
            continue
        yield from _marks(part)
        if isinstance(part, (Meaning, Unit)):
            yield part
