"""Calling the programs that know the radio: with a time-out of ours, and every failure told as such."""

import json
import subprocess
from collections.abc import Sequence
from typing import Any

from client_sdk.messages import tr
from client_sdk.sources.reading import SourceUnavailableError

TIMEOUT_S = 8.0
"""Ours: a program that has not answered by then is given up; the next reading tries again."""


def output_of(words: Sequence[str], way_out: str, timeout_s: float = TIMEOUT_S) -> str:
    """What a program prints.

    Args:
        words: program and arguments.
        way_out: told where the program is missing or fails.
        timeout_s: it is ended then.

    Raises:
        SourceUnavailableError: it is missing, hangs, crashes, or says that it failed.
    """
    try:
        done = subprocess.run(
            list(words), capture_output=True, timeout=timeout_s, check=False, stdin=subprocess.DEVNULL
        )
    except FileNotFoundError as error:
        raise SourceUnavailableError(
            tr(f"{words[0]}: not installed", f"{words[0]} : programme absent"), way_out
        ) from error
    except subprocess.TimeoutExpired as error:
        raise SourceUnavailableError(
            tr(f"{words[0]}: no answer in {timeout_s:.0f} s", f"{words[0]} : pas de réponse en {timeout_s:.0f} s"),
            way_out,
        ) from error
    except OSError as error:
        raise SourceUnavailableError(f"{words[0]}: {error.strerror}", way_out) from error
    if done.returncode != 0:
        said = (done.stderr or done.stdout).decode("utf-8", "replace").strip().splitlines()
        reason = said[-1][:200] if said else tr(f"exit code {done.returncode}", f"code de sortie {done.returncode}")
        raise SourceUnavailableError(f"{words[0]}: {reason}", way_out)
    return done.stdout.decode("utf-8", "replace")


def json_of(words: Sequence[str], way_out: str, timeout_s: float = TIMEOUT_S) -> Any:
    """What a program prints, as JSON.

    Raises:
        SourceUnavailableError: as :func:`output_of`, or what it prints is no JSON.
    """
    return read_json(output_of(words, way_out, timeout_s), words[0], way_out)


def read_json(printed: str, program: str, way_out: str) -> Any:
    """Read what a program printed.

    Raises:
        SourceUnavailableError: it is no JSON.
    """
    try:
        return json.loads(printed)
    except (ValueError, RecursionError) as error:
        shown = "".join(c if c.isprintable() else " " for c in printed[:60])
        raise SourceUnavailableError(
            tr(
                f"{program}: printed something else than JSON ({shown!r})", f"{program} : réponse illisible ({shown!r})"
            ),
            way_out,
        ) from error
