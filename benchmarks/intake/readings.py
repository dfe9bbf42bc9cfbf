"""Readings as a drive through a département makes them: mostly signal, some tests, some dead zones; seeded.

Which fields a reading of a kind holds, and how many readings are of that kind, follows the field client: a signal
reading every few metres, a test now and then. About 30 fields are present in a signal reading, 60 in a test.
"""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from client_sdk.bounds import instant_text
from client_sdk.sample import Kind, Sample

START = datetime(2026, 11, 2, 6, tzinfo=UTC)
OPERATORS = ("20801", "20810", "20815", "20820")
SHARES: dict[Kind, float] = {"signal": 0.75, "latency": 0.10, "throughput": 0.08, "service": 0.05, "web": 0.02}
"""Of a survey that reads the signal all along, echoes between and tests where its budget allows."""


def drive(seed: int) -> Iterator[Sample]:
    """The readings of one device, without end; the same seed gives the same readings."""
    chance = random.Random(seed)
    about: dict[str, Any] = {
        "client": "maille 0.1.0",
        "device_model": chance.choice(["Pixel 8", "SM-G991B", "EG25-G", "FP5"]),
        "device_os": chance.choice(["Android 15", "Android 14", "Debian 12"]),
        "sim_plmn": chance.choice(OPERATORS),
        "antenna": "internal",
        "scheduled": True,
    }
    latitude, longitude = 46.7 + chance.random(), 3.0 + chance.random()
    moment, seq = START + timedelta(milliseconds=chance.randrange(86_400_000)), 0
    while True:
        seq += 1
        moment += timedelta(milliseconds=chance.randrange(800, 4_000))
        latitude += chance.gauss(0, 2e-4)
        longitude += chance.gauss(0, 3e-4)
        (kind,) = chance.choices(list(SHARES), list(SHARES.values()))
        unix_ms = round(moment.timestamp() * 1000)
        yield Sample(
            id=_seeded_id(chance, unix_ms),
            seq=seq,
            kind=kind,
            measured_at=instant_text(moment),
            latitude=round(latitude, 6),
            longitude=round(longitude, 6),
            accuracy_m=round(chance.uniform(2, 20), 1),
            accuracy_kind="android_68",
            altitude_m=round(chance.uniform(150, 600), 1),
            speed_mps=round(chance.uniform(0, 33), 2),
            position_age_ms=chance.randrange(1_500),
            position_source="gnss",
            position_mock=False,
            context="vehicle",
            **about,
            **(_service() if kind == "service" else _radio(chance, about["sim_plmn"])),
            **(_TESTS[kind](chance) if kind in _TESTS else {}),
        )


def _seeded_id(chance: random.Random, unix_ms: int) -> str:
    """A UUIDv7 whose random part comes from the seed."""
    moment, random_part = f"{unix_ms:012x}", f"{chance.getrandbits(72):018x}"
    variant = "89ab"[chance.randrange(4)]
    return f"{moment[:8]}-{moment[8:]}-7{random_part[:3]}-{variant}{random_part[3:6]}-{random_part[6:]}"


def _service() -> dict[str, Any]:
    return {"duration_ms": 14_000, "service_state": "no_service", "service_evidence": "strong", "service_polls": 7}


def _radio(chance: random.Random, plmn: str) -> dict[str, Any]:
    common: dict[str, Any] = {
        "serving_plmn": plmn,
        "roaming": False,
        "service_state": "in_service",
        "service_evidence": "strong",
    }
    common["signal_age_ms"] = chance.randrange(900)
    lte: dict[str, Any] = {
        "lte_rsrp_dbm": float(chance.randrange(-125, -75)),
        "lte_rsrq_db": float(chance.randrange(-18, -5)),
        "lte_sinr_db": round(chance.uniform(-5, 25), 1),
        "lte_rssi_dbm": float(chance.randrange(-95, -51)),
        "lte_eci": chance.randrange(2**27),
        "lte_tac": chance.randrange(60_000),
        "lte_pci": chance.randrange(504),
        "lte_earfcn": chance.choice([1300, 2825, 6300, 9360]),
    }
    nr: dict[str, Any] = {
        "nr_ss_rsrp_dbm": float(chance.randrange(-120, -75)),
        "nr_ss_rsrq_db": float(chance.randrange(-18, -8)),
        "nr_ss_sinr_db": round(chance.uniform(-5, 25), 1),
        "nr_pci": chance.randrange(1008),
        "nr_arfcn": chance.choice([152_690, 431_070, 643_296]),
    }
    drawn = chance.random()
    if drawn < 0.65:
        return common | {"rat": "lte"} | lte
    if drawn < 0.95:
        return common | {"rat": "nr", "nr_mode": "nsa"} | lte | nr
    if drawn < 0.98:
        return common | {"rat": "umts", "umts_rscp_dbm": -98.0, "umts_ecno_db": round(chance.uniform(-20, -3), 1)}
    return common | {"rat": "gsm", "gsm_rssi_dbm": float(chance.randrange(-105, -65))}


def _test(chance: random.Random, engine: str) -> dict[str, Any]:
    return {
        "outcome": "ok" if chance.random() < 0.93 else "timeout",
        "test_engine": engine,
        "test_server": "mesure.example.fr",
        "test_path": "mobile",
        "test_tls": True,
        "ip_family": chance.choice(["ipv4", "ipv6"]),
    }


def _echoes(chance: random.Random) -> dict[str, Any]:
    median_ms = chance.uniform(18, 90)
    return {
        "rtt_median_ms": round(median_ms, 2),
        "rtt_min_ms": round(median_ms * 0.8, 2),
        "rtt_p95_ms": round(median_ms * 1.9, 2),
        "rtt_jitter_ms": round(median_ms * 0.15, 2),
        "rtt_sent": 10,
        "rtt_lost": chance.choice([0, 0, 0, 1]),
        "rtt_protocol": "udp",
    }


def _direction(chance: random.Random, name: str) -> dict[str, Any]:
    rate_bps = chance.lognormvariate(16.5, 1.0)
    buckets = [max(0, round(rate_bps / 16 * chance.uniform(0.6, 1.2))) for _ in range(chance.randrange(8, 21))]
    return {
        f"{name}_bps": round(rate_bps, 1),
        f"{name}_bytes": sum(buckets),
        f"{name}_duration_ms": len(buckets) * 500.0,
        f"{name}_lower_bound": False,
        f"{name}_whole_bps": round(rate_bps * 0.9, 1),
        f"{name}_ramp_ms": 1_000.0,
        f"{name}_stop": "ci",
        f"{name}_stability": round(chance.uniform(0.02, 0.3), 4),
        f"{name}_confidence": "high",
        f"{name}_buckets": " ".join(map(str, buckets)),
        f"{name}_interface_bytes": round(sum(buckets) * 1.05),
    }


def _throughput(chance: random.Random) -> dict[str, Any]:
    return {
        **_test(chance, "ndt7"),
        **_echoes(chance),
        "test_id": _seeded_id(chance, round(START.timestamp() * 1000)),
        "test_streams": 1,
        "test_calibration": False,
        "rtt_download_median_ms": round(chance.uniform(40, 300), 2),
        "rtt_upload_median_ms": round(chance.uniform(40, 300), 2),
        **_direction(chance, "download"),
        **_direction(chance, "upload"),
    }


def _latency(chance: random.Random) -> dict[str, Any]:
    return _test(chance, "echo") | _echoes(chance)


def _web(chance: random.Random) -> dict[str, Any]:
    loaded = {"web_loaded_5s": True, "web_loaded_10s": True, "web_duration_ms": round(chance.uniform(900, 4_900), 1)}
    return _test(chance, "web") | loaded


_TESTS = {"throughput": _throughput, "latency": _latency, "web": _web}
