"""Operator codes in the names of Arcep's coverage files."""

from types import MappingProxyType

OPERATOR_OF_FILE_CODE = MappingProxyType(
    {
        "OF": "20801",
        "SFR0": "20810",
        "SFR": "20810",
        "FREE": "20815",
        "FREEM": "20815",
        "BOUY": "20820",
        "BYT": "20820",
    }
)
"""Operator codes in the names of Arcep's coverage files, old and new."""
