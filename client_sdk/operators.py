"""Which operator a PLMN belongs to, and what people call it.

An *operator* is named by its main PLMN as text, the code that Arcep's files use. A PLMN nobody listed is an operator of
its own, so foreign networks work without a table. Source: Arcep's numbering decisions for 208.
"""

from types import MappingProxyType

OPERATOR_OF_PLMN = MappingProxyType(
    {
        "20801": "20801",
        "20802": "20801",
        "20809": "20810",
        "20810": "20810",
        "20811": "20810",
        "20813": "20810",
        "20815": "20815",
        "20816": "20815",
        "20835": "20815",
        "20836": "20815",
        "20820": "20820",
        "20821": "20820",
        "20888": "20820",
    }
)
"""PLMN of a SIM → operator; a PLMN not listed is itself the operator."""

_NAMES = MappingProxyType(
    {
        "20801": "Orange",
        "20810": "SFR",
        "20815": "Free Mobile",
        "20820": "Bouygues Telecom",
        "26201": "Telekom Deutschland",
        "26202": "Vodafone Deutschland",
        "26203": "Telefónica Deutschland",
    }
)


def operator_of(plmn: str) -> str:
    """Operator of a SIM's or a network's PLMN."""
    return OPERATOR_OF_PLMN.get(plmn, plmn)


def operator_name(operator: str) -> str:
    """Display name, or the code itself where we know none."""
    return _NAMES.get(operator, operator)
