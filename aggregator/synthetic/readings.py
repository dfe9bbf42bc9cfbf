"""From a phone's trips to what it would have recorded: signal, a throughput test now and then, no service."""

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import numpy as np

from aggregator.synthetic.radio import NO_SERVICE_BELOW_DBM, SMALL_SCALE_DB, Air
from aggregator.synthetic.sites import OPERATORS
from aggregator.synthetic.truth import SPURIOUS
from aggregator.synthetic.volunteers import Phone, Trip
from aggregator.synthetic.world import TO_WGS_84, Scenario, World
from client_sdk.bounds import instant_text
from client_sdk.sample import Sample

CLIENT = "maille-demo synthetic"
THROUGHPUT_SHARE = 0.12  # of the readings with service
NOISE_DBM, MARGIN_DB, BANDWIDTH_HZ, EFFICIENCY = -125.0, 3.0, 10e6, 0.6
POLL_S = 5  # a service state is read this often
TEST_S = 8


def samples_of(phone: Phone, world: World, air: Air, scenario: Scenario) -> list[Sample]:
    """Everything a phone recorded, in order of time; the same phone and seed give the same samples."""
    random = scenario.random(f"readings of {phone.name}")
    samples: list[Sample] = []
    for number, trip in enumerate(phone.trips):
        samples.extend(_readings(phone, number, trip, world, air, len(samples), random))
    return samples


def _readings(
    phone: Phone, number: int, trip: Trip, world: World, air: Air, first: int, random: np.random.Generator
) -> Iterator[Sample]:
    count = len(trip.xy)
    row, column = world.grid.at(trip.xy)
    loss = phone.vehicle_loss_db if trip.context == "vehicle" else 0.0
    rsrp = air.rsrp_dbm[phone.operator, row, column] + phone.bias_db - loss
    rsrp += random.normal(0.0, SMALL_SCALE_DB, count)
    mast = air.best_mast[phone.operator, row, column]
    sinr = rsrp - MARGIN_DB - NOISE_DBM
    rate = BANDWIDTH_HZ * EFFICIENCY * np.log2(1 + 10 ** (sinr / 10)) * (1 - random.beta(2, 5, count))
    draws, spurious, accuracy = random.random(count), random.random(count) < SPURIOUS, random.uniform(3, 15, count)
    dwell = max(int(np.diff(trip.seconds).min(initial=60.0)), 3 * POLL_S)
    longitudes, latitudes = TO_WGS_84.transform(trip.xy[:, 0], trip.xy[:, 1])
    plmn = OPERATORS[phone.operator]
    for i in range(count):
        instant = trip.start + timedelta(seconds=float(trip.seconds[i]))
        common: dict[str, Any] = {
            "id": _sample_id(int(instant.timestamp() * 1000), f"{phone.name}/{number}/{i}"),
            "seq": first + i,
            "measured_at": instant_text(instant),
            "client": CLIENT,
            "device_model": "synthetic",
            "latitude": round(float(latitudes[i]), 6),
            "longitude": round(float(longitudes[i]), 6),
            "accuracy_m": round(float(accuracy[i]), 1),
            "speed_mps": round(trip.speed_mps, 1),
            "position_age_ms": 500,
            "position_source": "gnss",
            "context": trip.context,
            "antenna": "internal",
            "sim_plmn": plmn,
        }
        if rsrp[i] < NO_SERVICE_BELOW_DBM:
            yield Sample(
                **common,
                kind="service",
                duration_ms=dwell * 1000,
                service_state="no_service",
                service_evidence="strong",
                service_polls=dwell // POLL_S,
            )
            continue
        common |= {
            "serving_plmn": plmn,
            "roaming": False,
            "service_state": "in_service",
            "rat": "lte",
            "lte_rsrp_dbm": round(float(np.clip(rsrp[i], -140, -44))),
            "lte_rsrq_db": round(float(np.clip(-10.5 + (min(sinr[i], 20) - 10) * 0.35, -19, -6)), 1),
            "lte_sinr_db": round(float(np.clip(sinr[i], -20, 30)), 1),
            "lte_eci": int(mast[i]) * 256 + phone.operator,
            "lte_tac": 1 + int(mast[i]) // 20,
            "lte_pci": int(mast[i] * 3 + phone.operator) % 504,
            "lte_earfcn": 6300,
        }
        if spurious[i]:
            yield Sample(**common, kind="throughput", duration_ms=TEST_S * 1000, outcome="timeout", test_engine=CLIENT)
        elif draws[i] < THROUGHPUT_SHARE:
            yield Sample(**common, **_transfer(float(rate[i])))
        else:
            yield Sample(**common, kind="signal")


def _transfer(download_bps: float) -> dict[str, Any]:
    upload_bps, round_trip_ms = download_bps * 0.3, 28.0 + 4e7 / (download_bps + 1e6)
    return {
        "kind": "throughput",
        "duration_ms": 2 * TEST_S * 1000,
        "outcome": "ok",
        "test_engine": CLIENT,
        "download_bps": round(download_bps, 0),
        "download_bytes": int(download_bps * TEST_S / 8),
        "download_duration_ms": TEST_S * 1000.0,
        "download_lower_bound": False,
        "upload_bps": round(upload_bps, 0),
        "upload_bytes": int(upload_bps * TEST_S / 8),
        "upload_duration_ms": TEST_S * 1000.0,
        "upload_lower_bound": False,
        "rtt_median_ms": round(round_trip_ms, 1),
        "rtt_sent": 10,
        "rtt_lost": 0,
        "rtt_protocol": "http",
    }


def _sample_id(unix_ms: int, name: str) -> str:
    """UUIDv7 whose random part is drawn from a name."""
    drawn = int.from_bytes(hashlib.sha256(name.encode()).digest()[:10], "big")
    value = (unix_ms & (2**48 - 1)) << 80 | 7 << 76 | (drawn >> 62 & 0xFFF) << 64 | 0b10 << 62 | drawn & (2**62 - 1)
    text = f"{value:032x}"
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
