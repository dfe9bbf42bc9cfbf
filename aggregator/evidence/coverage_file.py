"""Files of declared coverage: anything GDAL reads, and CSV tables; alone or in a 7z or ZIP archive; in batches."""

import codecs
import zipfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

import numpy as np
import pandas as pd
import py7zr
import pyarrow as pa
import pyogrio
import shapely
from numpy.typing import NDArray
from py7zr.exceptions import ArchiveError
from pyogrio.errors import DataLayerError, DataSourceError

from aggregator.evidence.errors import EvidenceError
from aggregator.evidence.hexagons import Shapes
from client_sdk.messages import tr

BATCH_FEATURES = 2_000
BATCH_ROWS = 200_000

TABLES = (".csv", ".txt")
READABLE = ((".gpkg", ".shp", ".gdb", ".fgb", ".gml", ".tab", ".mif"), (".geojson", ".json"), TABLES)
"""What is looked for in an archive: the first kinds that it holds, as tables and JSON often describe the others."""

Bounds = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Part:
    """A layer of a file, or a table.

    Attributes:
        path: unpacked. name: of the file, as the archive calls it. layer: empty for a table.
        features: rows in all; for a table, bytes.
        fields: lower case → as written.
        system: declared reference system, or empty.
        extent: west, south, east, north in that system, or None.
        kind: of the geometries.
    """

    path: Path
    name: str
    layer: str
    features: int
    fields: dict[str, str]
    system: str = ""
    extent: Bounds | None = None
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of a part: their columns in lower case, their geometries (n,) or None, and the progress they make."""

    table: pd.DataFrame
    shapes: Shapes | None
    progress: int


@contextmanager
def opened(file: Path) -> Iterator[list[Path]]:
    """The readable files of a file: itself, or what an archive holds, unpacked for as long as the context lasts.

    Raises:
        EvidenceError: no file, an archive that cannot be read, or nothing readable inside.
    """
    if not file.is_file():
        raise EvidenceError(
            tr(
                f"{file}: no such file, expected a map of coverage (a folder: packed as .zip)",
                f"{file} : fichier absent ; attendu : une carte de couverture (un dossier : dans un .zip)",
            )
        )
    if file.suffix.lower() not in (".7z", ".zip"):
        yield [file]
        return
    with TemporaryDirectory() as directory:
        try:
            _unpack(file, Path(directory))
        except (ArchiveError, zipfile.BadZipFile, OSError, EOFError, ValueError) as error:
            raise EvidenceError(
                tr(
                    f"{file}: not an archive that can be read ({error})",
                    f"{file} : archive illisible ({error})",
                )
            ) from error
        inside = sorted(Path(directory).rglob("*"))
        found = next(
            filter(None, ([path for path in inside if path.suffix.lower() in kinds] for kinds in READABLE)), []
        )
        if not found:
            wanted = ", ".join(suffix for kinds in READABLE for suffix in kinds)
            raise EvidenceError(
                tr(
                    f"{file}: holds no {wanted}, expected a map of coverage",
                    f"{file} : aucun fichier {wanted} ; attendu : une carte de couverture",
                )
            )
        yield found


def _unpack(file: Path, directory: Path) -> None:
    if file.suffix.lower() == ".zip":
        with zipfile.ZipFile(file) as archive:
            archive.extractall(directory)
        return
    with py7zr.SevenZipFile(file) as archive:
        archive.extractall(directory)


def parts_of(path: Path) -> list[Part]:
    """The layers of a file that have geometries, or the table that it is.

    Raises:
        EvidenceError: GDAL cannot read it.
    """
    if path.suffix.lower() in TABLES:
        with path.open("rb") as stream:
            columns = _read_csv(path, stream, nrows=0).columns
        return [Part(path, path.name, "", path.stat().st_size, {str(name).strip().lower(): name for name in columns})]
    try:
        layers = [str(name) for name, kind in pyogrio.list_layers(path) if kind is not None]
        return [_layer(path, layer) for layer in layers]
    except (DataSourceError, DataLayerError) as error:
        raise EvidenceError(
            tr(f"{path.name}: not a map that can be read ({error})", f"{path.name} : carte illisible ({error})")
        ) from error


def _layer(path: Path, layer: str) -> Part:
    info = pyogrio.read_info(path, layer=layer, force_feature_count=True, force_total_bounds=True)
    extent = info["total_bounds"]
    known = extent is not None and info["features"] and np.isfinite(extent).all()
    return Part(
        path,
        path.name,
        layer,
        int(info["features"]),
        {str(name).lower(): str(name) for name in info["fields"]},
        str(info["crs"] or ""),
        _bounds(extent) if known else None,
        str(info["geometry_type"]),
    )


def _bounds(extent: Any) -> Bounds:
    west, south, east, north = map(float, extent)
    return west, south, east, north


def batches(part: Part, columns: set[str], bounds: Bounds | None, *, shapes: bool) -> Generator[Batch]:
    """Rows of a part.

    Args:
        part: of a file.
        columns: wanted, in lower case; those that the part lacks are left out.
        bounds: features that lie elsewhere are not read.
        shapes: whether the geometries are wanted.
    """
    wanted = [written for name, written in part.fields.items() if name in columns]
    if not part.layer:
        read = 0
        with (
            part.path.open("rb") as stream,
            _read_csv(part.path, stream, usecols=wanted, chunksize=BATCH_ROWS) as tables,
        ):
            for table in tables:
                table.columns = [str(name).strip().lower() for name in table.columns]
                yield Batch(table.reset_index(drop=True), None, stream.tell() - read)
                read = stream.tell()
        return
    with pyogrio.open_arrow(
        part.path,
        layer=part.layer,
        columns=wanted,
        bbox=bounds,
        read_geometry=shapes,
        batch_size=BATCH_FEATURES if shapes else BATCH_ROWS,
        use_pyarrow=True,
    ) as (meta, reader):
        geometry = meta["geometry_name"] or "wkb_geometry"
        for batch in reader:
            table = pa.Table.from_batches([batch])
            found = _shapes(table.column(geometry)) if shapes else None
            kept = [name for name in table.column_names if name.lower() in columns]
            frame = table.select(kept).to_pandas()
            frame.columns = [name.lower() for name in kept]
            if not kept:
                frame = pd.DataFrame(index=range(table.num_rows))
            yield Batch(frame, found, table.num_rows)


def _shapes(column: Any) -> Shapes:
    return np.asarray(shapely.from_wkb(column.to_numpy(zero_copy_only=False), on_invalid="fix"))


def only_polygons(part: Part, shapes: Shapes) -> NDArray[np.bool_]:
    """Refuse geometries (n,) that have no area; True where there is one.

    Raises:
        EvidenceError: a geometry is neither a polygon nor a multipolygon.
    """
    kinds = shapely.get_type_id(shapes)
    wrong = ~np.isin(kinds, [-1, shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON])
    if wrong.any():
        raise no_polygon(part.name, shapes[wrong][0].geom_type)
    return np.asarray(kinds >= 0)


def no_polygon(name: str, kind: str) -> EvidenceError:
    """What to say of a file whose geometries have no area."""
    return EvidenceError(
        tr(
            f"{name}: its geometries are {kind}, expected Polygon or MultiPolygon",
            f"{name} : ses géométries sont {kind} ; attendu : Polygon ou MultiPolygon",
        )
    )


def _read_csv(path: Path, stream: IO[bytes], **options: Any) -> Any:
    separator = max(b";,\t|", key=stream.readline().count)
    stream.seek(0)
    try:
        return pd.read_csv(stream, sep=chr(separator), dtype=str, encoding=_encoding(path), **options)
    except ValueError as error:
        raise EvidenceError(
            tr(f"{path.name}: not a CSV that can be read ({error})", f"{path.name} : CSV illisible ({error})")
        ) from error


def _encoding(path: Path) -> str:
    """UTF-8, else Latin-1; by the whole file, as an accent may come late."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as stream:
        try:
            while block := stream.read(1 << 20):
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "latin-1"
    return "utf-8-sig"
