"""What a survey meets on the road: modems that change, a receiver that drives, a network that is cut."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from functools import reduce
from pathlib import Path
from typing import Any

MODEM_SCRIPT = """#!/bin/sh
# stands for ModemManager's mmcli: modem N is as the files of $FAKE_MODEMS/N say
case "$*" in
*--signal-setup*) exit 0;;
-L*) echo '{"modem-list":["/org/freedesktop/ModemManager1/Modem/0"]}'; exit 0;;
-i*) cat "$FAKE_MODEMS/${2##*/}/sim"; exit 0;;
-b*) cat "$FAKE_MODEMS/${2##*/}/bearer"; exit 0;;
esac
folder="$FAKE_MODEMS/$2"
[ -e "$folder/broken" ] && { echo "error: couldn't find modem" >&2; exit 1; }
case "$*" in
*--signal-get*) cat "$folder/signal";;
*--get-cell-info*) exit 1;;
*) cat "$folder/modem";;
esac
"""

NOTHING = {"rsrp": "--", "rsrq": "--", "snr": "--", "rssi": "--", "rscp": "--", "ecio": "--"}


class Modem:
    """One modem behind the stand-in for ``mmcli``."""

    def __init__(self, folder: Path, sim_plmn: str) -> None:
        self.folder, self.plmn = folder, sim_plmn
        folder.mkdir(parents=True)
        self._write("sim", {"sim": {"properties": {"operator-code": sim_plmn}}})
        self._write("bearer", {"bearer": {"status": {"connected": "yes", "interface": "lo"}}})
        self.serve("lte", -101.0)

    def serve(self, technology: str, rsrp_dbm: float) -> None:
        """In service."""
        values = {**NOTHING, "rsrp": f"{rsrp_dbm:.2f}"}
        signals = {"lte": NOTHING, "5g": NOTHING, "umts": NOTHING, "gsm": NOTHING}
        name = {"lte": "lte", "5gnr": "5g"}[technology]
        self._write("signal", {"modem": {"signal": {**signals, name: values, "refresh": {"rate": "5"}}}})
        self._state("home", "connected", [technology])
        self.plug_in()

    def lose_service(self) -> None:
        """Searching for a network."""
        self._state("searching", "searching", [])

    def switch_off(self) -> None:
        """Radio off."""
        self._state("--", "disabled", [])

    def pull_out(self) -> None:
        """ModemManager no longer knows it."""
        (self.folder / "broken").touch()

    def plug_in(self) -> None:
        """ModemManager knows it again."""
        (self.folder / "broken").unlink(missing_ok=True)

    def _state(self, registration: str, state: str, technologies: list[str]) -> None:
        bearer = f"/org/freedesktop/ModemManager1/Bearer/{self.folder.name}"
        sim = f"/org/freedesktop/ModemManager1/SIM/{self.folder.name}"
        about = {
            "3gpp": {"operator-code": self.plmn if technologies else "--", "registration-state": registration},
            "generic": {
                "access-technologies": technologies,
                "bearers": [bearer] if technologies else [],
                "sim": sim,
                "state": state,
                "state-failed-reason": "--",
                "power-state": "off" if state == "disabled" else "on",
                "unlock-required": "--",
                "model": "RM520N-GL",
            },
        }
        self._write("modem", {"modem": about})

    def _write(self, name: str, value: Any) -> None:
        partial = self.folder / f".{name}"
        partial.write_text(json.dumps(value))
        os.replace(partial, self.folder / name)


class Relay:
    """Carries TCP and UDP to a port of 127.0.0.1 from the same port of another address, or drops all of it."""

    def __init__(self, address: str, port: int) -> None:
        self.address, self.port = address, port
        self._up = threading.Event()
        self._up.set()
        self._accepts_none = threading.Event()
        self._over = False
        self.drops_datagrams = False
        self._fillers: list[socket.socket] = []
        self._listener = socket.create_server((address, port), backlog=0)
        self._listener.settimeout(0.02)
        self._datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._datagrams.bind((address, port))
        self._datagrams.settimeout(0.05)
        self._threads = [threading.Thread(target=run, daemon=True) for run in (self._accept, self._carry_datagrams)]
        for thread in self._threads:
            thread.start()

    def cut(self) -> None:
        """Drop everything: packets, open connections, and requests for new ones."""
        self._up.clear()
        self._accepts_none.wait(10)
        # the system drops requests for connections once the queue of a listener that accepts none is full
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            with suppress(BlockingIOError):
                filler.connect((self.address, self.port))
            self._fillers.append(filler)

    def restore(self) -> None:
        """Carry again."""
        for filler in self._fillers:
            filler.close()
        self._fillers.clear()
        self._up.set()

    def close(self) -> None:
        self.restore()
        self._over = True
        self._datagrams.close()
        for thread in self._threads:
            thread.join(10)
        self._listener.close()

    def _accept(self) -> None:
        while not self._over:
            if not self._up.is_set():
                self._accepts_none.set()
                self._up.wait()
                self._accepts_none.clear()
            try:
                near, _ = self._listener.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self.port), 5)
            except OSError:
                near.close()  # the collector is down: hang up
                continue
            near.settimeout(None)
            far.settimeout(None)
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=(one, other), daemon=True).start()

    def _carry(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(65_536):
                self._up.wait()
                other.sendall(data)
        for end in (one, other):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _carry_datagrams(self) -> None:
        ways: dict[Any, socket.socket] = {}

        def back(way: socket.socket, client: Any) -> None:
            with suppress(OSError), way:
                while not self._over:
                    try:
                        data = way.recv(2048)
                    except TimeoutError:
                        continue
                    if self._up.is_set():
                        self._datagrams.sendto(data, client)

        with suppress(OSError):
            while not self._over:
                try:
                    data, client = self._datagrams.recvfrom(2048)
                except TimeoutError:
                    continue
                if self.drops_datagrams or not self._up.is_set():
                    continue
                if client not in ways:
                    ways[client] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                    ways[client].bind(("127.0.0.1", 0))
                    ways[client].settimeout(0.5)
                    threading.Thread(target=back, args=(ways[client], client), daemon=True).start()
                ways[client].sendto(data, ("127.0.0.1", self.port))


class Receiver:
    """A real gpsd that replays a drive."""

    def __init__(self, folder: Path, port: int) -> None:
        gpsfake = shutil.which("gpsfake")
        assert gpsfake, "gpsfake is missing; on Debian: apt-get install gpsd gpsd-clients"
        log = folder / "drive.nmea"
        log.write_text("".join(drive(7200)))
        command = [gpsfake, "-q", "-c", "0.33", "-P", str(port), str(log)]
        self._process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )

    def close(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)  # gpsd is of the same group
        self._process.wait(30)


def drive(seconds: int) -> list[str]:
    """North at 14 m/s for two hours, as a receiver tells it."""

    def sentence(text: str) -> str:
        return f"${text}*{reduce(lambda total, letter: total ^ ord(letter), text, 0):02X}\r\n"

    lines = []
    for second in range(seconds):
        clock = f"{8 + second // 3600:02d}{second // 60 % 60:02d}{second % 60:02d}.00"
        minutes = 200.0 + second * 14 / 1852
        place = f"{44 + int(minutes // 60)}{minutes % 60:07.4f},N,00356.7126,E"
        lines.append(sentence(f"GPGGA,{clock},{place},1,09,0.9,312.5,M,47.0,M,,"))
        lines.append(sentence(f"GPRMC,{clock},A,{place},027.2,000.0,201126,,,A"))
        lines.append(sentence("GPGSA,A,3,01,02,03,04,05,06,07,08,09,,,,1.5,0.9,1.2"))
    return lines


def install_modem_manager(folder: Path) -> dict[str, str]:
    """Environment in which ``mmcli`` is the stand-in and the device's home is in ``folder``."""
    programs = folder / "bin"
    programs.mkdir()
    script = programs / "mmcli"
    script.write_text(MODEM_SCRIPT)
    script.chmod(0o755)
    return {
        **os.environ,
        "PATH": f"{programs}:{os.environ['PATH']}",
        "FAKE_MODEMS": str(folder / "modems"),
        "MAILLE_HOME": str(folder / "home"),
        "LC_ALL": "C.UTF-8",
    }


def maille(*words: str) -> list[str]:
    """The command as a process of its own."""
    return [sys.executable, "-c", "from client_sdk.cli import main; main()", *words]


def free_port() -> int:
    """A port that is free for TCP and UDP on 127.0.0.1 and 127.0.0.2."""
    while True:
        with socket.socket() as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket() as other:
            tcp.bind(("127.0.0.1", 0))
            port: int = tcp.getsockname()[1]
            with suppress(OSError):
                udp.bind(("127.0.0.1", port))
                other.bind(("127.0.0.2", port))
                return port
