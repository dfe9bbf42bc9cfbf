"""A synthetic campaign on a real territory, for demonstrations and tests.

Only the communes are real. Antennas, declared coverage, phones and measurements are drawn from a seed; the operators
bear real PLMN codes so that every part works as it does in production, and nothing here says anything about them.
The radio model is the specification of a simulator, not a prediction. Same seed, same world.
"""

from client_sdk.messages import tr

LABEL = {
    "en": "SYNTHETIC: only the communes are real. Antennas, declared coverage, phones and measurements are invented; "
    "the operators' codes are those of real operators, about whom nothing is said here.",
    "fr": "SYNTHÉTIQUE : seules les communes sont réelles. Antennes, couverture déclarée, téléphones et mesures sont "
    "inventés ; les codes sont ceux d’opérateurs réels, dont il n’est rien dit ici.",
}
"""What must be said wherever something made from this package is shown."""


def label() -> str:
    """The label in the reader's language."""
    return tr(LABEL["en"], LABEL["fr"])
