"""A join link as a QR code: in the terminal, or as a picture to print."""

import io
from pathlib import Path

import segno

from client_sdk.errors import MailleError
from client_sdk.messages import tr

QUIET_ZONE_MODULES = 4
"""ISO/IEC 18004 §9.1: the light margin that a reader needs."""

_WHITE_ON_BLACK = "\x1b[97;40m"
_AS_BEFORE = "\x1b[0m"


def terminal_text(link: str, *, coloured: bool) -> str:
    """The code in half blocks, light on dark.

    Args:
        link: what it says.
        coloured: set the colours, since on a light terminal the code would be inverted, which not every reader reads.
    """
    drawn = io.StringIO()
    _code(link).terminal(drawn, border=QUIET_ZONE_MODULES, compact=True)
    lines = drawn.getvalue().splitlines()
    return "\n".join(f"{_WHITE_ON_BLACK}{line}{_AS_BEFORE}" if coloured else line for line in lines)


def write_picture(link: str, path: Path) -> None:
    """Write the code as SVG or PNG, by the file's name.

    Raises:
        MailleError: the name ends otherwise.
        OSError: it cannot be written.
    """
    kind = picture_kind(path)
    with path.open("wb") as file:
        _code(link).save(file, kind=kind, scale=8, border=QUIET_ZONE_MODULES)


def picture_kind(path: Path) -> str:
    """``svg`` or ``png``, by the file's name.

    Raises:
        MailleError: the name ends otherwise.
    """
    kind = path.suffix.lower().removeprefix(".")
    if kind not in ("svg", "png"):
        raise MailleError(tr(f"{path}: expected a name in .svg or .png", f"{path} : nom attendu en .svg ou .png"))
    return kind


def _code(link: str) -> segno.QRCode:
    """Error correction M: a print that is a little dirty is still read (ISO/IEC 18004 §6.5.1, about 15 %)."""
    return segno.make_qr(link, error="m", boost_error=True)
