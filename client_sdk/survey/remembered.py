"""The last session of echoes, kept for hours: a survey that begins again where nothing passes can still ask.

Without it, a device that was started anew in a place without data could not tell that place from one where it has no
session yet.
"""

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from client_sdk.measurement.echo import EchoAccess
from client_sdk.survey.whole_file import write_whole

FILE_NAME = "survey-echo.json"


@dataclass(frozen=True, slots=True)
class Remembered:
    """A token that is still answered, and where to.

    Attributes:
        echo: with an address in place of the host's name, which nobody could look up.
        remote: address family, address and TCP port of the collector.
    """

    echo: EchoAccess
    remote: tuple[int, str, int]


def remember(folder: Path, collector: str, echo: EchoAccess, remote: tuple[int, str, int]) -> None:
    """Keep a session's echoes; not being able to costs nothing else.

    Args:
        folder: of the device's files.
        collector: thumbprint of its key.
        echo: as the collector gave it.
        remote: how it was reached.
    """
    if echo.expires_at is None:
        return
    value = {
        "collector": collector,
        "port": echo.port,
        "token": base64.b64encode(echo.token).decode(),
        "expires_at": echo.expires_at.isoformat(),
        "remote": remote,
    }
    try:
        write_whole(folder / FILE_NAME, value)
    except OSError:
        return


def recall(folder: Path, collector: str, now: datetime | None = None) -> Remembered | None:
    """What was kept, if it is of this collector and still of use."""
    try:
        kept = json.loads((folder / FILE_NAME).read_bytes())
        expires_at = datetime.fromisoformat(kept["expires_at"])
        if kept["collector"] != collector or expires_at <= (now or datetime.now(UTC)):
            return None
        family, address, port = kept["remote"]
        echo = EchoAccess(str(address), int(kept["port"]), base64.b64decode(kept["token"], validate=True), expires_at)
        return Remembered(echo, (int(family), str(address), int(port)))
    except (OSError, ValueError, KeyError, TypeError):
        return None
