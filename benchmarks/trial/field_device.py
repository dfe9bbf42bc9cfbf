"""A field device as a process at the near end of a link: enrols once, then measures whenever it is told to.

Usage: python -m benchmarks.trial.field_device COLLECTOR_URL FOLDER

It says ``ready`` as one line of JSON, reads a line for each test, ``full`` (full length) or ``ruled`` (the stop rule
ends it), neither with a byte cap, and answers with a line of JSON: the sample's fields, or ``error``.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import httpx

from client_sdk.enrolment import enrol
from client_sdk.errors import MailleError
from client_sdk.measurement.session import Limits, open_access, run_test
from client_sdk.measurement.stop_rule import is_calibration
from client_sdk.outbox.queue import Outbox, PinnedCollector
from client_sdk.sample import new_sample_id
from client_sdk.signing.keys import SigningKey


def main() -> None:
    """Enrol, then measure for each line of the standard input."""
    url, folder = sys.argv[1], Path(sys.argv[2])
    key = SigningKey.load_or_create(folder / "device-key.pem")
    with httpx.Client(trust_env=False, timeout=30) as client, Outbox(folder / "outbox.sqlite") as outbox:
        collector = enrol(url, key, outbox, client=client)
        print(json.dumps({"ready": collector.key.thumbprint}), flush=True)
        for line in sys.stdin:
            try:
                told = _measure(collector, key, client, full_length=line.strip() == "full")
            except (MailleError, httpx.HTTPError) as error:
                told = {"error": f"{type(error).__name__}: {error}"}
            print(json.dumps(told), flush=True)


def _measure(collector: PinnedCollector, key: SigningKey, client: httpx.Client, *, full_length: bool) -> dict[str, Any]:
    limits = Limits(download_bytes=None, upload_bytes=None, full_length=full_length)
    measured = asyncio.run(run_test(open_access(collector, key, client), _sample_id(), limits))
    return {"outcome": measured.outcome, "bytes_used": measured.bytes_used, **measured.fields}


def _sample_id() -> str:
    """An id that does not draw a calibration run: here the length is asked for."""
    while is_calibration(sample_id := new_sample_id()):
        pass
    return sample_id


if __name__ == "__main__":
    main()
