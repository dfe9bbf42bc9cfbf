"""How ``maille`` ends: each exit code once, with what it means; the commands' documentation is made from here."""

from typing import NamedTuple


class ExitCode(NamedTuple):
    """One way to end.

    Attributes:
        code: what the process ends with.
        english: what it means, and what to do.
        french: the same.
    """

    code: int
    english: str
    french: str


DONE = 0
FAILED = 1
USAGE = 2
UNREACHABLE = 3
REFUSED = 4
SOME_REJECTED = 5
INTERRUPTED = 130

EXIT_CODES = (
    ExitCode(DONE, "done", "terminé"),
    ExitCode(
        FAILED,
        "an error, told in one line on standard error; of `maille device check`: a radio or a position is missing",
        "une erreur, dite en une ligne sur la sortie d’erreur ; pour `maille device check` : il manque une radio ou "
        "une position",
    ),
    ExitCode(
        USAGE,
        "wrong usage, or a command whose packages are not installed",
        "commande mal écrite, ou dont les paquets ne sont pas installés",
    ),
    ExitCode(
        UNREACHABLE,
        "the collector could not be reached, or asks to wait: try again later, nothing is lost",
        "le collecteur est injoignable ou demande d’attendre : réessayez plus tard, rien n’est perdu",
    ),
    ExitCode(
        REFUSED,
        "the collector refused: trying again will not help, read the message",
        "le collecteur a refusé : réessayer ne servira à rien, lisez le message",
    ),
    ExitCode(
        SOME_REJECTED,
        "all was sent, but the collector rejected some samples; `maille status` lists them",
        "tout est envoyé, mais le collecteur a rejeté des relevés ; `maille status` les énumère",
    ),
    ExitCode(INTERRUPTED, "interrupted by Ctrl-C", "interrompu par Ctrl-C"),
)
