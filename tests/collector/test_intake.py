"""Intake under load: what waits is bounded, what was accepted is answered, several processes serve one database."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from client_sdk.sample import Sample
from client_sdk.signing.keys import SigningKey
from client_sdk.signing.receipt import open_receipt
from collector.intake import pipeline
from collector.intake.privacy_notice import notice_of
from collector.serving import running_collector as serve
from collector.settings import Settings
from collector.storage.recording import Meter
from collector.storage.store import Store

PATIENCE_S = 60


@contextmanager
def stuck(store: Store) -> Iterator[None]:
    """Nothing can be recorded meanwhile."""
    with store.writing() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("LOCK TABLE devices IN EXCLUSIVE MODE")
        yield


def until(condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline_s, "it never came to that"
        time.sleep(0.002)


def refuses(host: str, port: int | None) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) != 0


@pytest.mark.parametrize(
    ("bound", "value", "most"), [("MAX_WAITING", 3, 6), ("MAX_WAIT_S", 0.0, 2), ("MAX_WAITING_BYTES", 1, 2)]
)
def test_beyond_its_bounds_intake_sends_away_and_answers_what_it_took(
    collector: Any,
    phone_of: Any,
    make_sample: Callable[..., Sample],
    monkeypatch: pytest.MonkeyPatch,
    bound: str,
    value: float,
    most: int,
) -> None:
    monkeypatch.setattr(pipeline, bound, value)
    phone = phone_of(collector)
    sealed = [phone.seal([make_sample()]) for _ in range(12)]
    with ThreadPoolExecutor(len(sealed)) as threads:
        with stuck(collector.store):
            answers = [threads.submit(phone.post, envelope) for envelope in sealed]
            until(lambda: sum(answer.done() for answer in answers) >= len(sealed) - most)
        told = [answer.result() for answer in answers]
    taken = [envelope for envelope, answer in zip(sealed, told, strict=True) if answer.status_code == 200]
    assert 1 <= len(taken) <= most
    assert collector.store.count_samples() == len(taken)
    for answer in told:
        if answer.status_code != 200:
            assert (answer.status_code, answer.json()["rule"]) == (503, "intake-busy")
            assert answer.headers["retry-after"] == "10"
    assert [phone.post(envelope).status_code for envelope in sealed] == [200] * 12
    assert collector.store.count_samples() == 12


def test_a_collector_that_is_told_to_stop_answers_what_it_accepted(
    database_url: str,
    tmp_path: Path,
    phone_of: Any,
    make_sample: Callable[..., Sample],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recording, record = threading.Event(), pipeline.record_envelopes

    def told(store: Store, group: Sequence[Any], meter: Meter | None) -> Any:
        recording.set()
        return record(store, group, meter)

    monkeypatch.setattr(pipeline, "record_envelopes", told)
    settings = Settings(data=tmp_path, database_url=database_url, port=0)
    with ThreadPoolExecutor(2) as threads, ExitStack() as served:
        collector = served.enter_context(serve(settings))
        url = httpx.URL(collector.base_url)
        phone = phone_of(collector)
        envelope = phone.seal([make_sample()])
        store = Store(database_url)
        with stuck(store):
            answer = threads.submit(phone.post, envelope)
            assert recording.wait(PATIENCE_S)
            stopping = threads.submit(served.close)
            until(lambda: refuses(url.host, url.port))
            assert not answer.done()
        receipt = open_receipt(answer.result().text, collector.key.public, envelope.sha256)
        stopping.result()
    assert [verdict.verdict for verdict in receipt.verdicts] == ["stored"]
    assert store.count_samples() == 1
    store.close()


def start(program: str, data: Path, database_url: str) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAILLE_")}
    environment |= {"PYTHONPATH": os.pathsep.join(sys.path), "MAILLE_DATA": str(data)}
    environment |= {"MAILLE_DATABASE_URL": database_url}
    return subprocess.Popen(
        [sys.executable, "-c", program],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def children(process: subprocess.Popen[str]) -> set[int]:
    return set(map(int, Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()))


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_workers_share_the_port_and_one_that_dies_is_replaced(
    database_url: str, tmp_path: Path, phone_of: Any, make_sample: Callable[..., Sample]
) -> None:
    process = start(
        "import collector.workers as workers; workers.EARLY_S = 0; from client_sdk.cli import main;"
        "main(['collector', 'serve', '--port', '0', '--workers', '2', '--json'])",
        tmp_path,
        database_url,
    )
    try:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        key = SigningKey.load(tmp_path / "collector-key.pem")
        state = SimpleNamespace(notice=notice_of(Settings(data=tmp_path)))
        collector = SimpleNamespace(base_url=told["url"], key=key, app=SimpleNamespace(state=state))
        phones = [phone_of(collector) for _ in range(4)]
        before = children(process)
        assert len(before) == 2
        envelopes = [phone.seal([make_sample()]) for phone in phones]
        with ThreadPoolExecutor(8) as threads:
            answers = list(threads.map(lambda number: phones[number % 4].post(envelopes[number % 4]), range(16)))
        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.content for answer in answers}) == 4
        os.kill(min(before), signal.SIGKILL)
        until(lambda: len(children(process)) == 2 and children(process) != before)
        fresh = phone_of(collector)
        assert [verdict.verdict for verdict in fresh.send([make_sample()]).verdicts] == ["stored"]
    finally:
        ended = children(process)
        process.terminate()
        _, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == -signal.SIGTERM, errors
    assert "Traceback" not in errors
    assert not any(Path(f"/proc/{child}").exists() for child in ended)
    store = Store(database_url)
    assert store.count_samples() == 5
    store.close()


def test_a_worker_that_cannot_start_ends_the_collector(tmp_path: Path) -> None:
    program = """
from collector.errors import SettingsError
from collector.workers import run_workers
def serve(): raise RuntimeError("no key")
try:
    run_workers(2, serve)
except SettingsError as error:
    print(error)
"""
    process = start(program, tmp_path, "")
    told, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, errors
    assert told.startswith("MAILLE_WORKERS: ")
    assert "maille: no key" in errors


def test_a_failure_of_ours_is_told_and_the_next_envelope_is_taken(
    collector: Any, phone_of: Any, make_sample: Callable[..., Sample], monkeypatch: pytest.MonkeyPatch
) -> None:
    phone = phone_of(collector)
    phone.http = httpx.Client(base_url=collector.base_url, trust_env=False, timeout=PATIENCE_S)
    with phone.http, monkeypatch.context() as broken:
        broken.setattr(pipeline, "receipt_of", lambda *_: 1 / 0)
        envelope = phone.seal([make_sample()])
        assert phone.post(envelope).status_code == 500
        broken.undo()
        assert phone.post(envelope).status_code == 200
