"""``codebook.md``: every file and every column in words, in French and in English."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from aggregator.publication.columns import TABLES
from aggregator.publication.described import Column
from client_sdk.messages import Language

FILE = "codebook.md"
HEADINGS: dict[Language, dict[str, str]] = {
    "fr": {
        "title": "Dictionnaire des données",
        "release": "Publication",
        "licence": "Licence",
        "cite": "À citer ainsi",
        "conventions": "Conventions",
        "privacy": "Ce qui n’est pas publié",
        "limits": "Limites",
        "thanks": "Sources",
        "files": "Fichiers",
        "columns": "| colonne | type | unité | sens | valeurs |",
        "geometry": "Géométrie",
        "key": "Clé",
    },
    "en": {
        "title": "Codebook",
        "release": "Release",
        "licence": "Licence",
        "cite": "Please cite as",
        "conventions": "Conventions",
        "privacy": "What is not published",
        "limits": "Limits",
        "thanks": "Sources",
        "files": "Files",
        "columns": "| column | type | unit | meaning | values |",
        "geometry": "Geometry",
        "key": "Key",
    },
}
CONVENTIONS: dict[Language, list[str]] = {
    "fr": [
        "Un type suivi de `?` peut manquer.",
        "Une valeur absente est vide (`NA` dans `dcc_poi.csv`) ; jamais 0, jamais -1. Un texte vide veut dire « "
        "rien à dire ».",
        "Les codes (PLMN, INSEE, H3) sont des textes : `01` n’est pas `1`.",
        "Booléens : `true`/`false` ; 1/0 en GeoPackage s’ils peuvent manquer.",
        "Effectifs au-dessus de 20 arrondis à 5, de sorte que 20 vaut pour 20, 21 ou 22 ; parts à 3 ou 4 décimales ; "
        "coordonnées à 6 décimales de degré.",
        "Jours et heures ne sont pas publiés : les périodes sont des mois (`2026-03`) ou des trimestres (`2026_T1`).",
    ],
    "en": [
        "A type followed by `?` may be missing.",
        "A missing value is empty (`NA` in `dcc_poi.csv`); never 0, never -1. An empty text means that there is "
        "nothing to say.",
        "Codes (PLMN, INSEE, H3) are texts: `01` is not `1`.",
        "Booleans are `true`/`false`; 1/0 in a GeoPackage where they may be missing.",
        "Counts above 20 are rounded to 5, so that 20 stands for 20, 21 or 22; shares to 3 or 4 decimals; coordinates "
        "to 6 decimals of a degree.",
        "Days and hours are not published: periods are months (`2026-03`) or quarters (`2026_T1`).",
    ],
}


def codebook(told: Mapping[str, Any], columns: Mapping[str, Sequence[str]]) -> str:
    """The whole text, French first.

    Args:
        told: what the manifest says.
        columns: names of the columns that each table has here, without its geometry.

    Raises:
        PublicationError: a column has no description.
    """
    languages: tuple[Language, ...] = ("fr", "en")
    return "\n".join(line for language in languages for line in _lines(told, columns, language))


def _lines(told: Mapping[str, Any], columns: Mapping[str, Sequence[str]], language: Language) -> Iterator[str]:
    words, licence = HEADINGS[language], told["licence"]
    colon = " :" if language == "fr" else ":"
    yield f"# {words['title']} – {told['title'][language]}\n"
    for warning in (told["synthetic_label"] if told["synthetic"] else {}, told.get("warning", {})):
        if warning:
            yield f"**{warning[language]}**\n"
    yield f"{words['release']}{colon} `{told['release']}`."
    yield f"{words['licence']}{colon} [{licence['name']}]({licence['url']}).\n"
    yield f"{words['cite']}{colon} {told['citation'][language]}\n"
    for heading, lines in (
        ("conventions", CONVENTIONS[language]),
        ("privacy", [told["not_included"][language]]),
        ("limits", told["limits"][language]),
        ("thanks", told["attributions_fr" if language == "fr" else "attributions"]),
    ):
        yield f"## {words[heading]}\n"
        yield from (f"- {line}" for line in lines)
        yield ""
    yield f"## {words['files']}\n"
    for table in TABLES.values():
        about = table.fr if language == "fr" else table.en
        yield f"### `{table.name}` – {', '.join(f'`{file}`' for file in table.files)}\n"
        yield f"{about[0].upper()}{about[1:]}.\n"
        geometry = f" {words['geometry']}{colon} {table.geometry}, EPSG:{table.epsg}." if table.geometry else ""
        yield f"{words['key']}{colon} {', '.join(f'`{name}`' for name in table.key)}.{geometry}\n"
        yield f"{words['columns']}\n|---|---|---|---|---|"
        yield from (_row(table.column(name), language) for name in columns[table.name])
        yield ""


def _row(column: Column, language: Language) -> str:
    values = ", ".join(f"`{value}`" for value in column.values if value)
    if not values and (column.least, column.most) != (None, None):
        values = "–".join("" if bound is None else f"{bound:g}" for bound in (column.least, column.most))
    meaning = column.fr if language == "fr" else column.en
    kind = column.kind if column.required else f"{column.kind}?"
    return f"| `{column.name}` | {kind} | {column.unit} | {meaning} | {values} |"
