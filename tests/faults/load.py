"""Devices that send for all they are worth: what they sent, what they were answered, and no word they cannot prove."""

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import httpx

from client_sdk.errors import ReceiptError
from client_sdk.sample import Sample, encode, new_sample_id
from client_sdk.signing.envelope import CONTENT_TYPE, SIGNATURE_HEADER, Envelope, seal
from client_sdk.signing.jws import sign_compact
from client_sdk.signing.keys import SigningKey, VerifyingKey
from client_sdk.signing.receipt import Receipt, open_receipt
from client_sdk.signing.statement_types import ENROLMENT

RECOVERY_S = 30
"""Ours: a fault that is over must not be felt for longer; a phone's first retries fall into it."""
ANSWER_S = 10
PAUSE_S = 0.03
NOT_NOW = frozenset({408, 425, 429, 503, 507})
"""Statuses by which a collector may say that it cannot now; any other refusal of a good envelope is a fault of ours."""
DEVICES = 3
LARGEST_BATCH = 25
NO_SAMPLE = b'{"id":"no sample"}'


class Device:
    """One device; each of its samples and envelopes, and the first receipt of each."""

    def __init__(self) -> None:
        self.key = SigningKey.generate()
        self.chance = random.Random()
        self.lines: dict[str, bytes] = {}
        self.envelopes: dict[str, Envelope] = {}
        self.contents: dict[str, tuple[str | None, ...]] = {}
        self.receipts: dict[str, tuple[str, Receipt]] = {}
        self.counts: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.turn = threading.Lock()  # held while an envelope is made and sent
        self._lock = threading.Lock()  # two collectors may answer at once

    def enrol(self, url: str, http: httpx.Client) -> VerifyingKey:
        status = http.get(f"{url}/v1/status").raise_for_status().json()
        claims = {
            "jwk": self.key.public.jwk,
            "collector": status["collector_thumbprint"],
            "privacy_notice_version": status["privacy_notice"]["version"],
        }
        jws = sign_compact(json.dumps(claims).encode(), self.key, ENROLMENT)
        http.post(f"{url}/v1/devices", content=jws, headers={"Content-Type": "application/jose"}).raise_for_status()
        return VerifyingKey.from_jwk(status["collector_key"])

    def unanswered(self) -> list[Envelope]:
        """The envelopes without a receipt."""
        return [envelope for sha256, envelope in self.envelopes.items() if sha256 not in self.receipts]

    def next_envelope(self) -> Envelope:
        """Mostly new samples; or old ones beside them, or the very bytes of an earlier envelope."""
        waiting = self.unanswered()
        if waiting and self.chance.random() < 0.7:
            return self.chance.choice(waiting)
        if self.envelopes and self.chance.random() < 0.1:
            return self.chance.choice(list(self.envelopes.values()))
        chosen: list[str | None] = [self._new_sample() for _ in range(self.chance.randint(1, LARGEST_BATCH))]
        if self.chance.random() < 0.3:  # an app that packs anew what it is not sure of
            chosen += self.chance.sample(sorted(self.lines), min(len(self.lines), 5))
        if self.chance.random() < 0.1:
            chosen.append(None)
        self.chance.shuffle(chosen)
        envelope = seal([NO_SAMPLE if one is None else self.lines[one] for one in chosen], self.key)
        self.envelopes[envelope.sha256], self.contents[envelope.sha256] = envelope, tuple(chosen)
        return envelope

    def post(self, url: str, envelope: Envelope, http: httpx.Client, collector_key: VerifyingKey) -> bool:
        """Send once; whether a receipt came."""
        headers = {"Content-Type": CONTENT_TYPE, SIGNATURE_HEADER: envelope.signature}
        try:
            answer = http.post(f"{url}/v1/envelopes", content=envelope.body, headers=headers)
        except httpx.TransportError:
            answer = None
        with self._lock:
            self.counts["sent"] += 1
            return self._noted(envelope, answer, collector_key)

    def _noted(self, envelope: Envelope, answer: httpx.Response | None, collector_key: VerifyingKey) -> bool:
        if answer is None:
            self.counts["no answer"] += 1
            return False
        if answer.status_code in NOT_NOW:
            self.counts[f"answered {answer.status_code}"] += 1
            return False
        try:
            receipt = open_receipt(answer.text, collector_key, envelope.sha256)
        except ReceiptError as error:
            self.wrong.append(f"{answer.status_code}, {error}: {answer.text}")
            return False
        self.counts["receipts"] += 1
        first, _ = self.receipts.setdefault(envelope.sha256, (answer.text, receipt))
        if first != answer.text:
            self.wrong.append(f"two receipts for {envelope.sha256}: {first} and {answer.text}")
        return True

    def _new_sample(self) -> str:
        number = len(self.lines)
        sample = Sample(
            id=new_sample_id(),
            seq=number,
            kind="signal",
            measured_at=f"2026-11-{1 + number // 1000 % 28:02d}T16:34:00.{number % 1000:03d}Z",
            latitude=47.2,
            longitude=3.5,
            sim_plmn="20801",
            rat="lte",
            lte_rsrp_dbm=-60.0 - number % 80,
        )
        self.lines[sample.id] = encode(sample)
        return sample.id


class Load:
    """Several devices at once on the collectors of one database.

    Args:
        addresses: of the collectors, as they are now.
        http: what they send with.
    """

    def __init__(self, addresses: Callable[[], list[str]], http: httpx.Client) -> None:
        self._addresses, self._http = addresses, http
        self._pool = ThreadPoolExecutor(DEVICES * len(addresses()))
        self._stop = threading.Event()
        self._failures: list[BaseException] = []
        self.devices = [Device() for _ in range(DEVICES)]
        keys = [device.enrol(addresses()[0], self._http) for device in self.devices]
        self._collector_key = keys[0]

    @contextmanager
    def running(self, chance: random.Random) -> Iterator[None]:
        """Send while the block runs; once."""
        for device in self.devices:
            device.chance = random.Random(chance.random())
        threads = [threading.Thread(target=self._run, args=(device,)) for device in self.devices]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()
            self._pool.shutdown()
        if self._failures:
            raise self._failures[0]

    @contextmanager
    def held(self) -> Iterator[None]:
        """No device is sending, or has an answer not yet noted, while the block runs."""
        with ExitStack() as stack:
            for device in self.devices:
                stack.enter_context(device.turn)
            yield

    def await_receipts(self, each: int = 1) -> float:
        """Wait until every device got so many more; how long that took, in seconds."""
        return self._await("receipts", lambda device: device.counts["receipts"], each)

    def await_troubles(self) -> float:
        """Wait until every device has once more been left without a receipt."""
        return self._await("troubles", lambda device: device.counts["sent"] - device.counts["receipts"], 1)

    def finish(self) -> None:
        """Send what has no receipt, to every collector, until it has one."""
        deadline = time.monotonic() + RECOVERY_S
        for device in self.devices:
            for envelope in device.unanswered():
                for url in self._addresses():
                    while not device.post(url, envelope, self._http, self._collector_key):
                        assert time.monotonic() < deadline, f"no receipt within {RECOVERY_S} s: {self.counts()}"

    def counts(self) -> Counter[str]:
        """What was sent and answered so far."""
        total = sum((device.counts for device in self.devices), Counter[str]())
        total["envelopes"] = sum(len(device.envelopes) for device in self.devices)
        return total

    def _await(self, what: str, count: Callable[[Device], int], each: int) -> float:
        begun = time.monotonic()
        wanted = [(device, count(device) + each) for device in self.devices]
        while any(count(device) < least for device, least in wanted):
            assert not self._failures, self._failures[0]
            assert time.monotonic() < begun + RECOVERY_S, f"no {what} within {RECOVERY_S} s: {self.counts()}"
            time.sleep(0.002)
        return time.monotonic() - begun

    def _run(self, device: Device) -> None:
        try:
            while not self._stop.is_set():
                with device.turn:
                    answered = self._turn(device)
                if not answered:
                    self._stop.wait(PAUSE_S)
        except BaseException as error:  # told by the thread that waits
            self._failures.append(error)

    def _turn(self, device: Device) -> bool:
        """One envelope to every collector at once, or to one of them; whether one gave a receipt."""
        envelope, addresses = device.next_envelope(), self._addresses()
        if device.chance.random() < 0.3:
            addresses = [device.chance.choice(addresses)]

        def post(url: str) -> bool:
            return device.post(url, envelope, self._http, self._collector_key)

        return any(list(self._pool.map(post, addresses)))
