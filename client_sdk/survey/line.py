"""One modem at work: its radio source is read, its echoes are sent, its tests are run, each on its own way out."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

from client_sdk.measurement.access import NoAccessError
from client_sdk.measurement.interfaces import carried_bytes
from client_sdk.measurement.latency import Probe
from client_sdk.measurement.limits import Limits
from client_sdk.measurement.route import Route
from client_sdk.measurement.session import Measured, run_test
from client_sdk.messages import tr
from client_sdk.sample import new_sample_id
from client_sdk.sources.reading import RadioReading, RadioSource, SourceUnavailableError
from client_sdk.survey.channel import Channel
from client_sdk.survey.echoing import Echoes
from client_sdk.survey.options import ModemChoice
from client_sdk.survey.peer import Peer
from client_sdk.survey.polling import Poll
from client_sdk.survey.recording import Recording

READ_EVERY_S = 1.0
"""Ours: pause between two readings of the radio; at 30 m/s a change of network is placed to some 50 m."""

LOOK_AGAIN_S = 5.0
"""Ours: after a test that nothing could carry; the modem may be connecting."""

ON_THE_PHONE = ("termux", "none")
"""Sources on the device whose own network is measured; others need an interface, since the device may have another."""


class Line:
    """One modem of the survey.

    Args:
        choice: what was declared.
        source: of its radio; None for a line without one.
        channel: its record.
        recording: of the survey.
        peer: whom to measure with; None where the device is enrolled nowhere.
        echo_hz: echoes a second; 0: none.
        now: the time, after the recording has looked at it.
        spent: told of the bytes that echoes used.
        answered: told of every reading.

    Attributes:
        testing: what a running test does; None without one.
        testing_share: how far it is, 0 to 1.
        metres_at_test: the odometer at the end of the last test, or at the beginning.
        tested_at_s: end of the last test, or the beginning.
        last_test_bytes: what the last test used; None before the first.
        may_spend: whether the budgets leave anything.
    """

    def __init__(
        self,
        choice: ModemChoice,
        source: RadioSource | None,
        channel: Channel,
        recording: Recording,
        peer: Peer | None,
        echo_hz: float,
        now: Callable[[], float],
        spent: Callable[[int], None],
    ) -> None:
        self.choice, self.channel = choice, channel
        self.has_source = source is not None
        self.testing: str | None = None
        self.testing_share = 0.0
        self.metres_at_test = 0.0
        self.tested_at_s = time.monotonic()
        self.last_test_bytes: int | None = None
        self.echoes: Echoes | None = None
        self.rtt_ms: float | None = None
        self.may_spend = True
        self._recording, self._peer, self._now = recording, peer, now
        self._interface: str | None = None
        self._no_way_until_s = 0.0
        self._poll = Poll(source, READ_EVERY_S, self._read, self._failed) if source else None
        self._echo_task: asyncio.Task[None] | None = None
        if peer and echo_hz:
            self.echoes = Echoes(channel, peer, echo_hz, self.route, spent, self._echoed)

    @property
    def on_wifi(self) -> bool:
        """Whether what the device sends would go over Wi-Fi instead of the modem."""
        if self.choice.interface:
            return False
        reading = self.channel.reading
        if reading is not None and reading.interface:
            return False
        if reading is not None and reading.wifi_connected:
            return True
        return self._is_on_the_phone and Route().kind() == "wifi"

    @property
    def _is_on_the_phone(self) -> bool:
        return self.choice.source.partition(":")[0] in ON_THE_PHONE

    @property
    def lacks_way(self) -> bool:
        """Whether the modem is in service, and yet no way out of it is known."""
        reading = self.channel.reading
        in_service = reading is not None and reading.service_state == "in_service"
        return self.echoes is not None and in_service and self.may_spend and self.route() is None

    def route(self) -> Route | None:
        """The modem's way out now; None where it has none, or what leaves would say nothing about it, or cost."""
        if not self.may_spend:
            return None
        reading = self.channel.reading
        if self.choice.interface:
            return Route(self.choice.interface)
        if reading is not None:
            self._interface = reading.interface
        if self._interface:  # the modem's data goes on while its source fails
            return Route(self._interface)
        if self._is_on_the_phone and (self.choice.source == "none" or not self.on_wifi):
            return Route()
        return None

    def start(self) -> None:
        """Read and send from now on."""
        if self._poll:
            self._poll.start()
        if self.echoes:
            self._echo_task = self._echo_task or asyncio.create_task(self.echoes.run())
            self.echoes.want()

    async def rest(self) -> None:
        """Neither read nor send until :meth:`start`; returns when what was on its way has arrived or is lost."""
        if self.echoes:
            await self.echoes.rest()
        if self._poll:
            self._poll.pause()

    async def close(self) -> None:
        """Neither read nor send again."""
        if self._poll:
            self._poll.close()
        if self._echo_task:
            self._echo_task.cancel()
            with suppress(asyncio.CancelledError):
                await self._echo_task

    def can_test(self) -> str:
        """Why no test can be run now; empty where one can."""
        reading = self.channel.reading
        if self._peer is None:
            return tr("not enrolled", "appareil non enrôlé")
        if not self.may_spend:
            return tr("budget used up", "budget épuisé")
        if self.on_wifi:
            return tr("on Wi-Fi", "en Wi-Fi")
        if self.has_source and (reading is None or reading.service_state not in ("in_service", "unknown")):
            return tr("no service", "pas de réseau")
        if self.route() is None or time.monotonic() < self._no_way_until_s:
            return tr("no data connection", "pas de connexion de données")
        if self._recording.lacks_position(time.monotonic()):
            return tr("no position", "pas de position")
        return ""

    async def test(self, limits: Limits) -> int:
        """Run one test; the bytes it used, as well as they are known. Where nothing could leave, none is run.

        Raises:
            asyncio.CancelledError: it was broken off; its time is told as an ordinary interval.
        """
        route, peer = self.route(), self._peer
        if route is None or peer is None:
            return 0
        way = await peer.way(route)
        if way is not None and not way.is_up():
            self._no_way_until_s = time.monotonic() + LOOK_AGAIN_S
            return 0
        self.testing, self.testing_share = tr("session", "session"), 0.0
        if self.echoes:
            await self.echoes.rest()
        now_s = self._now()
        sample_id = new_sample_id(self._recording.at_ms(now_s))
        before = _counted(route)
        measured: Measured | None = None
        self.channel.hold(now_s)
        try:
            access = await peer.open(route)
            measured = await run_test(access, sample_id, limits, route, self._progress)
        except NoAccessError as error:
            # what never left the device says nothing of the network
            if error.outcome is not None and (way is None or way.is_up()):
                measured = Measured(outcome=error.outcome, problem=str(error))
        finally:
            self._release(sample_id, measured)
        after = _counted(route)
        carried = after - before if before is not None and after is not None else 0
        # what an interface carries is everybody's: it stands for a test that failed before it could count
        self.last_test_bytes = measured.bytes_used if measured else min(carried, limits.most_bytes)
        return self.last_test_bytes

    def _release(self, sample_id: str, measured: Measured | None) -> None:
        now_s = self._now()
        nothing = measured is None or (measured.is_refused and "download_bytes" not in measured.fields)
        if measured is None or nothing:
            self.channel.release(now_s, sample_id, None, {})
        else:
            self.channel.release(now_s, sample_id, measured.outcome, measured.fields)
        self.testing = None
        self.metres_at_test, self.tested_at_s = self._recording.odometer.metres, now_s
        self.last_test_bytes = self.last_test_bytes or 0
        if self.echoes and self.channel.recording:
            self.echoes.want()

    def _progress(self, label: str, share: float) -> None:
        self.testing, self.testing_share = label, share

    def _read(self, reading: RadioReading) -> None:
        self._recording.add_reading(self.channel, reading, self._now())

    def _failed(self, error: SourceUnavailableError) -> None:
        self._recording.add_failure(self.channel, error, self._now())

    def _echoed(self, probes: list[Probe]) -> None:
        answered = [probe.rtt_ms for probe in probes if probe.rtt_ms is not None]
        self.rtt_ms = answered[-1] if answered else None if probes else self.rtt_ms


def _counted(route: Route) -> int | None:
    """Bytes that a bound interface has carried, both ways."""
    carried = carried_bytes(route.interface) if route.interface else None
    return sum(carried) if carried else None
