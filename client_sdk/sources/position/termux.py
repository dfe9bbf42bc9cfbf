"""The phone's position through Termux:API.

``termux-location -r updates`` runs for 30 s, prints one object after the other, and is started again; it says nothing
while the phone stands still, so ``-r last`` is asked beside it, whose ``elapsedMs`` is the age of the fix. A call that
hangs is ended by us. ``bearing`` and ``speed`` of 0.0 may mean unknown, so a speed of zero is left out.
"""

import json
import subprocess
import threading
import time
from contextlib import suppress
from typing import Any, Literal

from client_sdk.messages import tr
from client_sdk.sources.programs import json_of
from client_sdk.sources.reading import PositionFix, SourceUnavailableError
from client_sdk.sources.values import kept, members, number

_RESTART_S = 2.0
_LAST_TIMEOUT_S = 5.0
_LAST_EVERY_S = 5.0
_SOURCES: dict[str, Literal["gnss", "network", "fused"]] = {"gps": "gnss", "network": "network", "fused": "fused"}


def way_out() -> str:
    """What to do where Termux:API gives no position."""
    return tr(
        "install the app Termux:API from F-Droid, run `pkg install termux-api`, allow it the precise location, and "
        "switch location on",
        "installez l’application Termux:API depuis F-Droid, lancez « pkg install termux-api », autorisez-lui la "
        "position précise et activez la localisation",
    )


def parse(answer: Any, read_at_s: float) -> PositionFix | None:
    """A fix from one printed object; None where it holds none.

    Raises:
        SourceUnavailableError: Termux:API says that it failed, or lacks a permission.
    """
    said = members(answer)
    if problem := said.get("error") or said.get("API_ERROR"):
        raise SourceUnavailableError(f"Termux:API: {str(problem)[:200]}", way_out())
    speed_mps = number(said.get("speed"))
    values = kept(
        {
            "latitude": number(said.get("latitude")),
            "longitude": number(said.get("longitude")),
            "accuracy_m": number(said.get("accuracy")) or None,
            "altitude_m": number(said.get("altitude")),
            "speed_mps": speed_mps or None,
        }
    )
    if "latitude" not in values or "longitude" not in values or (values["latitude"], values["longitude"]) == (0, 0):
        return None
    mocked = said.get("mocked")
    return PositionFix(
        fixed_at_s=read_at_s - max(0.0, number(said.get("elapsedMs")) or 0.0) / 1000,
        position_source=_SOURCES.get(str(said.get("provider")), "fused"),
        accuracy_kind="android_68" if "accuracy_m" in values else None,
        position_mock=mocked if isinstance(mocked, bool) else None,
        **values,
    )


def objects(text: str) -> tuple[list[Any], str]:
    """The whole JSON objects at the head of a text, and what is left of it."""
    decoder, found = json.JSONDecoder(), []
    rest = text.lstrip()
    while rest:
        try:
            value, end = decoder.raw_decode(rest)
        except ValueError:
            break
        found.append(value)
        rest = rest[end:].lstrip()
    return found, rest


class TermuxPosition:
    """The phone's newest position, kept up to date by a thread."""

    name = "termux"

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._newest: PositionFix | None = None
        self._trouble: SourceUnavailableError | None = None
        self._last_asked_s = float("-inf")
        self._closing = threading.Event()
        self._updates: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._run, name="termux-location", daemon=True)
        self._thread.start()

    def read(self) -> PositionFix | None:
        """The newest fix, asking for the phone's last known one where updates are silent.

        Raises:
            SourceUnavailableError: Termux:API is missing, hangs, or lacks a permission.
        """
        now_s = time.monotonic()
        with self._lock:
            newest, trouble = self._newest, self._trouble
        stale = newest is None or now_s - newest.fixed_at_s > _LAST_EVERY_S
        if stale and now_s - self._last_asked_s >= _LAST_EVERY_S:
            self._last_asked_s = now_s
            answer = json_of(["termux-location", "-r", "last", "-p", "gps"], way_out(), _LAST_TIMEOUT_S)
            self._keep(parse(answer, time.monotonic()))
            with self._lock:
                newest, trouble = self._newest, None
        if newest is None and trouble is not None:
            raise trouble
        return newest

    def close(self) -> None:
        """End the updates."""
        self._closing.set()
        if self._updates is not None:
            with suppress(OSError):
                self._updates.terminate()
        self._thread.join(_RESTART_S + 1)

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                self._updates = subprocess.Popen(
                    ["termux-location", "-r", "updates", "-p", "gps"],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                )
            except OSError as error:
                self._say(SourceUnavailableError(f"termux-location: {error.strerror}", way_out()))
            else:
                self._listen(self._updates)
            self._closing.wait(_RESTART_S)

    def _listen(self, updates: subprocess.Popen[bytes]) -> None:
        assert updates.stdout is not None
        pending = ""
        with updates.stdout as printed:
            while line := printed.readline():
                found, pending = objects((pending + line.decode("utf-8", "replace"))[-65_536:])
                for answer in found:
                    try:
                        self._keep(parse(answer, time.monotonic()))
                    except SourceUnavailableError as error:
                        self._say(error)
        updates.wait()

    def _keep(self, fix: PositionFix | None) -> None:
        with self._lock:
            if fix is not None and (self._newest is None or fix.fixed_at_s >= self._newest.fixed_at_s):
                self._newest, self._trouble = fix, None

    def _say(self, trouble: SourceUnavailableError) -> None:
        with self._lock:
            self._trouble = trouble
