import socket
import threading
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from client_sdk.measurement import latency
from client_sdk.measurement.latency import RoundTrips, measure_round_trips


def test_figures_of_known_round_trips() -> None:
    fields = RoundTrips((10.0, 12.0, 11.0, 31.0), 1).fields()
    assert fields == {
        "rtt_sent": 5,
        "rtt_lost": 1,
        "rtt_protocol": "http",
        "rtt_median_ms": 11.5,
        "rtt_min_ms": 10.0,
        "rtt_p95_ms": 28.15,
        "rtt_jitter_ms": 7.667,
    }


def test_one_answer_has_no_jitter_and_none_has_no_figure() -> None:
    assert RoundTrips((10.0,), 0).fields()["rtt_jitter_ms"] is None
    assert RoundTrips((), 3).fields() == {"rtt_sent": 3, "rtt_lost": 3, "rtt_protocol": "http"}


def test_probes_use_one_connection(serve: Callable[..., str]) -> None:
    threads: list[int] = []

    def respond(request: Any) -> Any:
        threads.append(threading.get_ident())  # the server has one thread per connection
        return 204, {}, b""

    trips = measure_round_trips(serve(respond), {}, probes=5)
    assert (len(trips.rtts_ms), trips.lost) == (5, 0)
    assert all(rtt > 0 for rtt in trips.rtts_ms)
    assert len(threads) == 6  # one that opens the connection
    assert len(set(threads)) == 1


def test_an_unanswered_probe_is_lost_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latency, "PROBE_TIMEOUT_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        answered = iter([True, True, False, True, True, True])

        def run() -> None:
            kept = []
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    break
                kept.append(connection)
                with connection:
                    while connection.recv(4096):
                        if not next(answered):
                            connection.settimeout(5)
                            connection.recv(4096)  # until the client gives up
                            break
                        connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

        thread = threading.Thread(target=run)
        thread.start()
        trips = measure_round_trips(f"http://127.0.0.1:{listener.getsockname()[1]}/", {}, probes=4)
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
    assert (len(trips.rtts_ms), trips.lost) == (3, 1)


def test_a_server_that_refuses_is_not_a_loss(serve: Callable[..., str]) -> None:
    with pytest.raises(httpx.HTTPStatusError):
        measure_round_trips(serve(lambda _: (503, {}, b"")), {})
