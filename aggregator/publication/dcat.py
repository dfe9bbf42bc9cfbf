"""``dcat.jsonld``: the release as an entry for open-data catalogues, in DCAT-AP, as data.gouv.fr harvests it.

Addresses are relative: they are those of wherever the file lies, beside the files it lists.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from aggregator.publication.media_types import media_type
from aggregator.publication.quarters import window_start

FILE = "dcat.jsonld"
CONTEXT = {
    "adms": "http://www.w3.org/ns/adms#",
    "dcat": "http://www.w3.org/ns/dcat#",
    "dct": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "gsp": "http://www.opengis.net/ont/geosparql#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "spdx": "http://spdx.org/rdf/terms#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
AUTHORITY = "http://publications.europa.eu/resource/authority"
FORMATS = {
    "csv": "CSV",
    "geojson": "GEOJSON",
    "gpkg": "GPKG",
    "json": "JSON",
    "jsonld": "JSON_LD",
    "parquet": "PARQUET",
}
"""Ending → name in the European table of file types, for those it has."""
KEYWORDS = {
    "fr": ["couverture mobile", "4G", "zones blanches", "New Deal Mobile", "données ouvertes"],
    "en": ["mobile coverage", "4G", "not-spots", "crowdsourcing", "H3"],
}


def catalogue_entry(
    told: Mapping[str, Any], files: Sequence[Mapping[str, Any]], bounds: tuple[float, float, float, float] | None
) -> dict[str, Any]:
    """One ``dcat:Dataset`` in JSON-LD.

    Args:
        told: what the manifest says.
        files: as ``manifest.listing`` gives them; those in subfolders are no distributions of their own.
        bounds: west, south, east and north of what is measured or declared, in degrees; None where nothing is.
    """
    parameters, publisher = told["parameters"], told["publisher"]
    last_day = date.fromisoformat(told["date"])
    access = "PUBLIC" if told["audience"] == "public" else "RESTRICTED"
    return {
        "@context": CONTEXT,
        "@id": "./",
        "@type": "dcat:Dataset",
        "dct:identifier": told["release"],
        "dct:title": _spoken(told["title"]),
        "dct:description": _spoken(_description(told)),
        "dct:publisher": {
            "@type": "foaf:Agent",
            "foaf:name": publisher["name"],
            **({"foaf:homepage": {"@id": publisher["url"]}} if publisher.get("url") else {}),
        },
        "dct:issued": _typed(told["date"], "date"),
        "dct:language": [{"@id": f"{AUTHORITY}/language/{code}"} for code in ("FRA", "ENG")],
        "dct:accessRights": {"@id": f"{AUTHORITY}/access-right/{access}"},
        "dcat:theme": [{"@id": f"{AUTHORITY}/data-theme/{code}"} for code in ("TECH", "REGI")],
        "dcat:keyword": [{"@language": code, "@value": word} for code, words in KEYWORDS.items() for word in words],
        "dcat:version": told["release"],
        "dct:bibliographicCitation": told["citation"]["fr"],
        "dct:temporal": {
            "@type": "dct:PeriodOfTime",
            "dcat:startDate": _typed(f"{window_start(last_day, parameters['window_days']):%Y-%m}", "gYearMonth"),
            "dcat:endDate": _typed(told["date"], "date"),
        },
        "dct:spatial": [*([_location(bounds)] if bounds else []), *_departements(parameters)],
        "dct:provenance": {
            "@type": "dct:ProvenanceStatement",
            "rdfs:label": [{"@language": "en", "@value": line} for line in told["attributions"]],
        },
        "dcat:distribution": [_distribution(file, told["licence"]["url"]) for file in files if "/" not in file["path"]],
    }


def _description(told: Mapping[str, Any]) -> dict[str, str]:
    synthetic = told["synthetic_label"] if told["synthetic"] else {}
    warnings = (synthetic, told.get("warning", {}))
    return {
        language: " ".join(filter(None, [*(one.get(language, "") for one in warnings), *told["limits"][language]]))
        for language in ("fr", "en")
    }


def _spoken(texts: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"@language": language, "@value": texts[language]} for language in ("fr", "en")]


def _typed(value: str, kind: str) -> dict[str, str]:
    return {"@type": f"xsd:{kind}", "@value": value}


def _location(bounds: tuple[float, float, float, float]) -> dict[str, Any]:
    west, south, east, north = (f"{bound:.6f}" for bound in bounds)
    ring = f"{west} {south}, {east} {south}, {east} {north}, {west} {north}, {west} {south}"
    return {
        "@type": "dct:Location",
        "dcat:bbox": {"@type": "gsp:wktLiteral", "@value": f"POLYGON(({ring}))"},
    }


def _departements(parameters: Mapping[str, Any]) -> list[dict[str, str]]:
    territory = parameters["territory"] or {"departements": ()}
    return [{"@id": f"http://id.insee.fr/geo/departement/{code}"} for code in territory["departements"]]


def _distribution(file: Mapping[str, Any], licence: str) -> dict[str, Any]:
    path = file["path"]
    ending = path.rpartition(".")[2]
    known = {"dct:format": {"@id": f"{AUTHORITY}/file-type/{FORMATS[ending]}"}} if ending in FORMATS else {}
    return {
        "@id": f"#{path}",
        "@type": "dcat:Distribution",
        "dct:title": path,
        "dcat:accessURL": {"@id": "./"},
        "dcat:downloadURL": {"@id": path},
        "dcat:mediaType": {"@id": f"https://www.iana.org/assignments/media-types/{media_type(path)}"},
        **known,
        "dcat:byteSize": _typed(str(file["bytes"]), "nonNegativeInteger"),
        "dct:license": {"@id": licence},
        "spdx:checksum": {
            "@type": "spdx:Checksum",
            "spdx:algorithm": {"@id": "spdx:checksumAlgorithm_sha256"},
            "spdx:checksumValue": _typed(file["sha256"], "hexBinary"),
        },
    }
