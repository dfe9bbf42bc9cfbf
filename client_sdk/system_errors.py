"""What the operating system refused, in the chosen language, with what to do about it."""

from errno import EACCES, EADDRINUSE, EEXIST, EISDIR, ENOENT, ENOSPC, ENOTDIR, EPERM, EROFS

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
