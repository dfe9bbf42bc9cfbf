"""Tables as administrations publish them: `;` or `,`, UTF-8 or Latin-1, decimal points or commas."""

import csv
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aggregator.evidence.errors import EvidenceError
from client_sdk.messages import tr


def read_table(file: Path, *, required: tuple[str, ...] = ()) -> pd.DataFrame:
    """All columns as text, their names in lower case; an empty field is an empty text.

    Raises:
        EvidenceError: the file cannot be read, is no table, or lacks a required column.
    """
    content = content_of(file)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    header = text.split("\n", 1)[0]
    separator = max(";,\t", key=header.count)
    try:
        table = pd.read_csv(StringIO(text), sep=separator, dtype=str, keep_default_na=False, quoting=csv.QUOTE_MINIMAL)
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise EvidenceError(tr(f"{file}: not a table ({error})", f"{file} : pas un tableau ({error})")) from error
    table.columns = [str(name).strip().lower() for name in table.columns]
    missing = [name for name in required if name not in table.columns]
    if missing:
        raise EvidenceError(
            tr(
                f"{file}: has no column {', '.join(missing)}, expected {', '.join(required)}",
                f"{file} : pas de colonne {', '.join(missing)} ; attendu : {', '.join(required)}",
            )
        )
    return table


def content_of(file: Path) -> bytes:
    """The bytes of a file that somebody names.

    Raises:
        EvidenceError: it cannot be read.
    """
    try:
        return file.read_bytes()
    except OSError as error:
        raise EvidenceError(
            tr(f"{file}: cannot be read ({error.strerror})", f"{file} : illisible ({error.strerror})")
        ) from error


def numbers(file: Path, table: pd.DataFrame, column: str, lowest: float, highest: float) -> NDArray[np.float64]:
    """A column as numbers, decimal comma or point.

    Raises:
        EvidenceError: a value is not a number from ``lowest`` to ``highest``.
    """
    values = lenient_numbers(table[column])
    wrong = ~((values >= lowest) & (values <= highest))
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise EvidenceError(
            tr(
                (
                    f"{file}, line {row + 2}: {column} is {table[column].iloc[row]!r}, expected a number "
                    f"from {lowest:g} to {highest:g}"
                ),
                (
                    f"{file}, ligne {row + 2} : {column} vaut {table[column].iloc[row]!r} ; attendu : un nombre "
                    f"de {lowest:g} à {highest:g}"
                ),
            )
        )
    return values


def lenient_numbers(texts: "pd.Series[str]") -> NDArray[np.float64]:
    """Texts as numbers, decimal comma or point; NaN where there is none."""
    plain = texts.str.strip().str.replace("\u00a0", "").str.replace(",", ".")
    return pd.to_numeric(plain, errors="coerce").to_numpy(np.float64)
