"""What a team's release says of itself, on every page and in every file."""

from client_sdk.messages import tr

TEAM_ONLY = {
    "en": "For the project team alone: it shows places seen by 3 or 4 devices. Not to be published.",
    "fr": "Réservé à l'équipe-projet : montre des lieux vus par 3 ou 4 appareils. Ne pas publier.",
}


def team_only() -> str:
    """The same in the current language, for files that people read one by one."""
    return tr(TEAM_ONLY["en"], TEAM_ONLY["fr"])
