"""gpsd: JSON over TCP 2947, one object a line, read by a thread of its own.

An epoch may come in several TPV objects: those of one ``time`` are one fix, whose later values complete the earlier. A
simulated fix (``status`` 8) is refused. ``eph`` is stored as gpsd states it, without a confidence. The age of a fix is
counted from its arrival, since a receiver's clock may be wrong until it has seen satellites for a while.
https://gpsd.gitlab.io/gpsd/gpsd_json.html
"""

import json
import socket
import threading
import time
from contextlib import suppress
from typing import Any

from client_sdk.messages import tr
from client_sdk.sources.reading import PositionFix, SourceUnavailableError
from client_sdk.sources.values import kept, members, number
from client_sdk.system_errors import unreachable

PORT = 2947
WATCH = b'?WATCH={"enable":true,"json":true};\n'
SIMULATED = 8
"""``status`` of a fix that gpsd or its receiver makes up."""

SILENCE_S = 30.0
"""Ours: gpsd that sends nothing for so long is asked again; a receiver speaks every second."""

_CONNECT_S = 5.0
_RETRY_S = 2.0


class TpvMerger:
    """The pure part: from gpsd's objects to fixes."""

    def __init__(self) -> None:
        self._epoch: dict[str, Any] = {}

    def take(self, report: Any, arrived_at_s: float) -> PositionFix | None:
        """The fix after one more object; None where it is no TPV, has no fix, or is simulated."""
        tpv = members(report)
        mode = number(tpv.get("mode"))
        if tpv.get("class") != "TPV":
            return None
        if mode is None or mode < 2 or number(tpv.get("status")) == SIMULATED:
            self._epoch = {}
            return None
        same = tpv.get("time") is not None and all(
            tpv.get(name, self._epoch.get(name)) == self._epoch.get(name) for name in ("time", "device")
        )
        self._epoch = {**self._epoch, **tpv} if same else dict(tpv)
        return _fix(self._epoch, arrived_at_s)


class GpsdPosition:
    """A gpsd, whose newest fix is always at hand.

    Args:
        host: where it runs.
        port: its TCP port.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = PORT) -> None:
        self._place = (host, port)
        self._lock = threading.Lock()
        self._newest: PositionFix | None = None
        self._trouble: str | None = None
        self._heard = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="gpsd", daemon=True)
        self._thread.start()

    @property
    def name(self) -> str:
        """Short name for people."""
        host, port = self._place
        return "gpsd" if self._place == ("127.0.0.1", PORT) else f"gpsd {host}:{port}"

    def read(self) -> PositionFix | None:
        """The newest fix; waits for gpsd's first word, a few seconds at most.

        Raises:
            SourceUnavailableError: gpsd cannot be reached.
        """
        self._heard.wait(_CONNECT_S)
        with self._lock:
            if self._trouble is not None:
                raise SourceUnavailableError(self._trouble, way_out())
            return self._newest

    def close(self) -> None:
        """Leave gpsd."""
        self._closing.set()
        self._thread.join(_CONNECT_S + _RETRY_S)

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                with socket.create_connection(self._place, _CONNECT_S) as connection:
                    connection.settimeout(1.0)
                    connection.sendall(WATCH)
                    self._listen(connection)
            except OSError as error:
                self._say(f"gpsd {self._place[0]}:{self._place[1]}{tr(':', ' :')} {unreachable(error)}")
            self._closing.wait(_RETRY_S)

    def _listen(self, connection: socket.socket) -> None:
        merger, pending, heard_at_s = TpvMerger(), b"", time.monotonic()
        while not self._closing.is_set():
            try:
                data = connection.recv(65_536)
            except TimeoutError:
                if time.monotonic() - heard_at_s > SILENCE_S:
                    raise OSError(tr("silent", "muet")) from None
                continue
            if not data:
                raise OSError(tr("closed the connection", "a fermé la connexion"))
            heard_at_s = time.monotonic()
            *lines, pending = (pending + data).split(b"\n")
            pending = pending[-65_536:]
            for line in lines:
                self._take(line, merger, heard_at_s)

    def _take(self, line: bytes, merger: TpvMerger, arrived_at_s: float) -> None:
        with suppress(ValueError, RecursionError):
            report = json.loads(line)
            fix = merger.take(report, arrived_at_s)
            with self._lock:
                self._trouble = None
                self._newest = fix or self._newest
            self._heard.set()

    def _say(self, trouble: str) -> None:
        with self._lock:
            self._trouble = trouble
        self._heard.set()


def way_out() -> str:
    """What to do where gpsd cannot be reached."""
    return tr(
        "install gpsd (apt install gpsd), plug the receiver in, and see `cgps`",
        "installez gpsd (apt install gpsd), branchez le récepteur, puis voyez « cgps »",
    )


def _fix(tpv: dict[str, Any], fixed_at_s: float) -> PositionFix | None:
    heights_m = [number(tpv.get(name)) for name in ("altHAE", "altMSL", "alt")]
    values = kept(
        {
            "latitude": number(tpv.get("lat")),
            "longitude": number(tpv.get("lon")),
            "accuracy_m": number(tpv.get("eph")) if tpv.get("eph") is not None else _radius(tpv),
            "altitude_m": next((height_m for height_m in heights_m if height_m is not None), None),
            "speed_mps": number(tpv.get("speed")),
        }
    )
    if "latitude" not in values or "longitude" not in values or (values["latitude"], values["longitude"]) == (0, 0):
        return None
    return PositionFix(
        fixed_at_s=fixed_at_s,
        position_source="gnss",
        accuracy_kind="gpsd_eph" if "accuracy_m" in values else None,
        **values,
    )


def _radius(tpv: dict[str, Any]) -> float | None:
    """From the errors along both axes, where gpsd gives no ``eph``."""
    east_m, north_m = number(tpv.get("epx")), number(tpv.get("epy"))
    return None if east_m is None or north_m is None else round((east_m**2 + north_m**2) ** 0.5, 3)
