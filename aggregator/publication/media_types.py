"""What kind of file each of a release is, by IANA's registry where it knows the kind."""

from pathlib import PurePosixPath

MEDIA_TYPES = {
    ".csv": "text/csv",
    ".geojson": "application/geo+json",
    ".gpkg": "application/geopackage+sqlite3",
    ".json": "application/json",
    ".jsonld": "application/ld+json",
    ".md": "text/markdown",
    ".parquet": "application/vnd.apache.parquet",
    ".pbf": "application/vnd.mapbox-vector-tile",
    ".pdf": "application/pdf",
    ".pmtiles": "application/vnd.pmtiles",
    ".txt": "text/plain",
    ".zip": "application/zip",
}


def media_type(path: str) -> str:
    """Of a file, by its ending."""
    return MEDIA_TYPES.get(PurePosixPath(path).suffix, "application/octet-stream")
