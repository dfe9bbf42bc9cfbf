"""What the operating system refused, in the chosen language, with what to do about it."""

import socket
from errno import (
    EACCES,
    EADDRINUSE,
    ECONNREFUSED,
    ECONNRESET,
    EEXIST,
    EHOSTUNREACH,
    EISDIR,
    ENETDOWN,
    ENETUNREACH,
    ENOENT,
    ENOSPC,
    ENOTDIR,
    EPERM,
    EPIPE,
    EROFS,
    ETIMEDOUT,
)

from client_sdk.messages import tr


def refused(error: OSError) -> str:
    """One line about an error of the system; one that is not common is told as the system tells it."""
    known = {
        EACCES: tr("you may not read or write this", "vous n’avez pas le droit de lire ou d’écrire ici"),
        EPERM: tr("you may not do this", "vous n’avez pas le droit de faire cela"),
        EEXIST: tr("is there already", "existe déjà"),
        EISDIR: tr("is a folder, not a file", "est un dossier, pas un fichier"),
        ENOENT: tr("no such file or folder", "fichier ou dossier introuvable"),
        ENOSPC: tr(
            "the disk is full: make room, then try again", "le disque est plein : faites de la place, réessayez"
        ),
        ENOTDIR: tr("is not a folder", "n’est pas un dossier"),
        EROFS: tr("this disk cannot be written to", "ce disque ne peut pas être écrit"),
        EADDRINUSE: tr("this port is in use: choose another", "ce port est déjà pris : choisissez-en un autre"),
    }
    if error.errno not in known:
        return str(error)
    return f"{error.filename}{tr(':', ' :')} {known[error.errno]}" if error.filename else known[error.errno]


def unreachable(error: OSError) -> str:
    """Why another computer was not reached, or left; what is not common is told as the system tells it."""
    if isinstance(error, socket.gaierror):
        return tr("its name is not known, or there is no network", "nom inconnu, ou pas de réseau")
    if isinstance(error, TimeoutError) and not error.errno:
        return tr("no answer", "pas de réponse")
    known = {
        ECONNREFUSED: tr("nothing answers at this port", "rien ne répond à ce port"),
        **dict.fromkeys((ECONNRESET, EPIPE), tr("the connection was broken off", "connexion interrompue")),
        **dict.fromkeys((ENETUNREACH, ENETDOWN, EHOSTUNREACH), tr("no network leads there", "aucun réseau n’y mène")),
        ETIMEDOUT: tr("no answer", "pas de réponse"),
    }
    return known.get(error.errno or 0) or str(error.strerror or error)


def cause_of(error: BaseException) -> str:
    """What was behind a failed request: the system's reason where there was one, else the library's words."""
    found: BaseException | None = error
    while found is not None and not isinstance(found, OSError):
        found = found.__cause__ or found.__context__
    return unreachable(found) if isinstance(found, OSError) else str(error) or type(error).__name__
