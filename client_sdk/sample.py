"""The vocabulary: one :class:`Sample` is one reading taken by one device at one place and time.

This is the only definition. Wire keys, database columns, archive columns and the table of ``docs/protocol.md`` are
these names; every bound stands beside the field it bounds. ``None`` means *absent* and is left out of the wire; it is
never zero. A failed test and a dead zone are samples too.

Never a field here: IMEI, IMSI, ICCID, phone number, SSID, neighbours' Wi-Fi.

Sources of the bounds: 3GPP TS 36.133 §9.1 and 38.133 §10.1 (RSRP, RSRQ, SINR), TS 36.331 and 38.331 (identities),
TS 25.133 §9.1 (RSCP, Ec/No), TS 45.008 §8.1.4 (RSSI), ITU-T E.212 (PLMN), RFC 9562 (UUIDv7), RFC 3339 (time). Lengths,
counts and durations without such a source are ours: far above what a device reports, low enough to be stored anywhere.
"""

import json
import secrets
import time
from dataclasses import dataclass, fields
from typing import Annotated, Any, ClassVar, Literal, get_type_hints

from annotated_types import Ge, Le, MaxLen, MinLen, Predicate

from client_sdk.bounds import (
    Meaning,
    Unit,
    check_value,
    is_bucket_list,
    is_clean_text,
    is_plmn,
    is_sha256_hex,
    is_utc_instant,
    is_uuid7,
)
from client_sdk.errors import SampleError

Text = Annotated[str, MinLen(1), MaxLen(64), Predicate(is_clean_text)]
Plmn = Annotated[str, Predicate(is_plmn)]
Milliseconds = Annotated[float, Ge(0), Le(600_000), Unit("ms")]
BitsPerSecond = Annotated[float, Ge(0), Le(100_000_000_000), Unit("bit/s")]
Bytes = Annotated[int, Ge(0), Le(1_000_000_000_000), Unit("B")]
Buckets = Annotated[str, MinLen(1), MaxLen(512), Predicate(is_bucket_list)]
Count = Annotated[int, Ge(0), Le(1_000_000)]

Kind = Literal["throughput", "latency", "web", "signal", "service"]
Context = Literal["outdoor", "vehicle", "indoor", "unknown"]
ServiceState = Literal["in_service", "limited", "no_service", "denied", "radio_off", "sim_missing", "unknown"]
StopReason = Literal["ci", "time_cap", "byte_cap", "stalled", "closed", "error", "user"]
Confidence = Literal["high", "medium", "low"]
Rat = Literal["gsm", "umts", "lte", "nr"]
Outcome = Literal["ok", "no_data", "timeout", "stalled", "dns", "tcp", "tls", "http", "websocket", "busy", "error"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One reading. Construction checks the laws between fields; :func:`check` checks every bound as well.

    Raises:
        SampleError: a law between fields is broken; the message names the field.
    """

    # read by Pydantic on the server, by nothing on the phone
    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid", "strict": True, "allow_inf_nan": False}

    # -- what, when, by what
    id: Annotated[str, Predicate(is_uuid7), Meaning("UUIDv7 of the sample; unique per device")]
    seq: Annotated[int, Ge(0), Le(2**53 - 1), Meaning("counter of the device, increasing by sample")]
    kind: Annotated[Kind, Meaning("what was done: a test, a signal reading or a statement about service")]
    measured_at: Annotated[str, Predicate(is_utc_instant), Meaning("start, by the device's clock, UTC")]
    duration_ms: Annotated[int, Ge(0), Le(86_400_000), Unit("ms"), Meaning("length of the interval or test")] = 0
    client: Annotated[Text | None, Meaning("name and version of the program that took or imported the sample")] = None
    campaign: Annotated[Text | None, Meaning("campaign declared by the field team")] = None
    import_format: Annotated[
        Literal["arcep-checks", "arcep-qos", "gnettrack", "network-survey"] | None,
        Meaning("format of the log it was read from; absent when measured"),
    ] = None
    import_sha256: Annotated[
        Annotated[str, Predicate(is_sha256_hex)] | None, Meaning("SHA-256 of the imported file")
    ] = None
    device_model: Annotated[Text | None, Meaning("maker's model name, never a serial number")] = None
    device_os: Annotated[Text | None, Meaning("operating system and version")] = None
    vehicle: Annotated[Text | None, Meaning("vehicle, as the field team declared it")] = None
    equipment: Annotated[Text | None, Meaning("modem, antenna and mount, as the field team declared them")] = None
    scheduled: Annotated[bool | None, Meaning("started by a schedule or a survey rather than by a person")] = None

    # -- where (WGS 84)
    latitude: Annotated[Annotated[float, Ge(-90), Le(90), Unit("°")] | None, Meaning("WGS 84")] = None
    longitude: Annotated[Annotated[float, Ge(-180), Le(180), Unit("°")] | None, Meaning("WGS 84")] = None
    accuracy_m: Annotated[
        Annotated[float, Ge(0), Le(100_000), Unit("m")] | None, Meaning("radius stated by the source of the position")
    ] = None
    accuracy_kind: Annotated[
        Literal["android_68", "gpsd_eph"] | None,
        Meaning("what accuracy_m is: Android's 68 % radius, or gpsd's eph, whose confidence gpsd does not state"),
    ] = None
    altitude_m: Annotated[Annotated[float, Ge(-500), Le(10_000), Unit("m")] | None, Meaning("above the ellipsoid")] = (
        None
    )
    speed_mps: Annotated[Annotated[float, Ge(0), Le(400), Unit("m/s")] | None, Meaning("speed over ground")] = None
    position_age_ms: Annotated[
        Annotated[int, Ge(0), Le(86_400_000), Unit("ms")] | None, Meaning("age of the fix at measured_at")
    ] = None
    position_source: Annotated[
        Literal["gnss", "network", "fused", "manual", "file"] | None, Meaning("what gave the position")
    ] = None
    position_mock: Annotated[bool | None, Meaning("the system says that the position is simulated")] = None
    context: Annotated[Context, Meaning("surroundings; on foot is outdoor, a train is a vehicle")] = "unknown"
    antenna: Annotated[Literal["internal", "external"] | None, Meaning("antenna of the device")] = None

    # -- network
    sim_plmn: Annotated[Plmn | None, Meaning("PLMN of the SIM: in a dead zone it says whose customer was there")] = None
    serving_plmn: Annotated[Plmn | None, Meaning("PLMN that served")] = None
    roaming: Annotated[bool | None, Meaning("served by another network than the SIM's")] = None
    service_state: Annotated[ServiceState, Meaning("registration, after 3GPP TS 27.007")] = "unknown"
    service_evidence: Annotated[
        Literal["strong", "weak"] | None, Meaning("strong: the modem says so; weak: inferred from missing values")
    ] = None
    service_reject_cause: Annotated[
        Annotated[int, Ge(0), Le(255)] | None, Meaning("why the network denied registration (3GPP TS 24.301 §9.9.3.9)")
    ] = None
    service_polls: Annotated[Count | None, Meaning("agreeing readings behind the state")] = None
    rat: Annotated[Rat | None, Meaning("radio access technology that served")] = None
    nr_mode: Annotated[Literal["nsa", "sa"] | None, Meaning("5G beside a 4G anchor, or alone")] = None

    # -- signal: one quantity, one name; LTE and NR never share a field
    signal_age_ms: Annotated[
        Annotated[int, Ge(0), Le(86_400_000), Unit("ms")] | None, Meaning("age of the signal's reading at measured_at")
    ] = None
    gsm_rssi_dbm: Annotated[Annotated[float, Ge(-120), Le(-25), Unit("dBm")] | None, Meaning("RSSI, GSM")] = None
    umts_rscp_dbm: Annotated[Annotated[float, Ge(-125), Le(-20), Unit("dBm")] | None, Meaning("RSCP, UMTS")] = None
    umts_ecno_db: Annotated[Annotated[float, Ge(-50), Le(5), Unit("dB")] | None, Meaning("Ec/No, UMTS")] = None
    lte_rsrp_dbm: Annotated[Annotated[float, Ge(-156), Le(-31), Unit("dBm")] | None, Meaning("RSRP, LTE")] = None
    lte_rsrq_db: Annotated[Annotated[float, Ge(-43), Le(20), Unit("dB")] | None, Meaning("RSRQ, LTE")] = None
    lte_sinr_db: Annotated[Annotated[float, Ge(-30), Le(50), Unit("dB")] | None, Meaning("SINR, LTE")] = None
    lte_rssi_dbm: Annotated[Annotated[float, Ge(-120), Le(-25), Unit("dBm")] | None, Meaning("RSSI, LTE")] = None
    nr_ss_rsrp_dbm: Annotated[Annotated[float, Ge(-156), Le(-31), Unit("dBm")] | None, Meaning("SS-RSRP, NR")] = None
    nr_ss_rsrq_db: Annotated[Annotated[float, Ge(-43), Le(20), Unit("dB")] | None, Meaning("SS-RSRQ, NR")] = None
    nr_ss_sinr_db: Annotated[Annotated[float, Ge(-23), Le(40), Unit("dB")] | None, Meaning("SS-SINR, NR")] = None

    # -- serving cell
    lte_eci: Annotated[Annotated[int, Ge(0), Le(2**28 - 2)] | None, Meaning("E-UTRAN cell identity")] = None
    lte_tac: Annotated[Annotated[int, Ge(0), Le(65_533)] | None, Meaning("tracking area code, LTE")] = None
    lte_pci: Annotated[Annotated[int, Ge(0), Le(503)] | None, Meaning("physical cell identity, LTE")] = None
    lte_earfcn: Annotated[Annotated[int, Ge(0), Le(262_143)] | None, Meaning("downlink EARFCN")] = None
    nr_nci: Annotated[Annotated[int, Ge(0), Le(2**36 - 1)] | None, Meaning("NR cell identity")] = None
    nr_tac: Annotated[Annotated[int, Ge(0), Le(2**24 - 3)] | None, Meaning("tracking area code, NR")] = None
    nr_pci: Annotated[Annotated[int, Ge(0), Le(1007)] | None, Meaning("physical cell identity, NR")] = None
    nr_arfcn: Annotated[Annotated[int, Ge(0), Le(3_279_165)] | None, Meaning("NR-ARFCN")] = None

    # -- tests
    outcome: Annotated[Outcome | None, Meaning("how the test ended; absent where nothing was tested")] = None
    test_engine: Annotated[Text | None, Meaning("protocol or tool of the test")] = None
    test_server: Annotated[Text | None, Meaning("host that answered the test")] = None
    test_id: Annotated[Text | None, Meaning("the server's own id of the test")] = None
    test_path: Annotated[
        Literal["mobile", "wifi", "other"] | None, Meaning("what carried the test, where the device could tell")
    ] = None
    test_tls: Annotated[bool | None, Meaning("the transfers ran inside TLS")] = None
    test_streams: Annotated[Annotated[int, Ge(1), Le(64)] | None, Meaning("connections per transfer")] = None
    test_calibration: Annotated[
        bool | None, Meaning("run to full length, to know what stopping early costs: SHA-256(id)[0] < 26")
    ] = None
    ip_family: Annotated[Literal["ipv4", "ipv6"] | None, Meaning("of the connection to the test's server")] = None
    download_bps: Annotated[BitsPerSecond | None, Meaning("mean goodput at the receiver after the ramp, downlink")] = (
        None
    )
    download_bytes: Annotated[Bytes | None, Meaning("bytes received by the device")] = None
    download_duration_ms: Annotated[Milliseconds | None, Meaning("length of the downlink transfer")] = None
    download_lower_bound: Annotated[
        bool | None, Meaning("the byte cap ended it before its rule: the rate may be higher")
    ] = None
    download_whole_bps: Annotated[BitsPerSecond | None, Meaning("mean of the whole transfer, ramp included")] = None
    download_ramp_ms: Annotated[Milliseconds | None, Meaning("length of the ramp left out of download_bps")] = None
    download_stop: Annotated[StopReason | None, Meaning("what ended the transfer; ci is the stability index")] = None
    download_stability: Annotated[
        Annotated[float, Ge(0), Le(1_000)] | None,
        Meaning("stability index: 1.96 s/√n over the mean, not a probability"),
    ] = None
    download_confidence: Annotated[Confidence | None, Meaning("high: index ≤ 0.10, medium: ≤ 0.25, low otherwise")] = (
        None
    )
    download_would_stop_ms: Annotated[Milliseconds | None, Meaning("when a calibration run would have stopped")] = None
    download_would_stop_bps: Annotated[BitsPerSecond | None, Meaning("what it would have told then")] = None
    download_buckets: Annotated[Buckets | None, Meaning("bytes at the receiver in each 0.5 s, spaces between")] = None
    download_interface_bytes: Annotated[
        Bytes | None, Meaning("what the interface carried meanwhile, other traffic included")
    ] = None
    upload_bps: Annotated[BitsPerSecond | None, Meaning("mean goodput at the receiver after the ramp, uplink")] = None
    upload_bytes: Annotated[Bytes | None, Meaning("bytes received by the server")] = None
    upload_duration_ms: Annotated[Milliseconds | None, Meaning("length of the uplink transfer")] = None
    upload_lower_bound: Annotated[
        bool | None, Meaning("the byte cap ended it before its rule: the rate may be higher")
    ] = None
    upload_whole_bps: Annotated[BitsPerSecond | None, Meaning("mean of the whole transfer, ramp included")] = None
    upload_ramp_ms: Annotated[Milliseconds | None, Meaning("length of the ramp left out of upload_bps")] = None
    upload_stop: Annotated[StopReason | None, Meaning("what ended the transfer; ci is the stability index")] = None
    upload_stability: Annotated[
        Annotated[float, Ge(0), Le(1_000)] | None,
        Meaning("stability index: 1.96 s/√n over the mean, not a probability"),
    ] = None
    upload_confidence: Annotated[Confidence | None, Meaning("high: index ≤ 0.10, medium: ≤ 0.25, low otherwise")] = None
    upload_would_stop_ms: Annotated[Milliseconds | None, Meaning("when a calibration run would have stopped")] = None
    upload_would_stop_bps: Annotated[BitsPerSecond | None, Meaning("what it would have told then")] = None
    upload_buckets: Annotated[Buckets | None, Meaning("bytes at the receiver in each 0.5 s, spaces between")] = None
    upload_interface_bytes: Annotated[
        Bytes | None, Meaning("what the interface carried meanwhile, other traffic included")
    ] = None
    rtt_median_ms: Annotated[Milliseconds | None, Meaning("median round trip, idle (RFC 2681)")] = None
    rtt_min_ms: Annotated[Milliseconds | None, Meaning("smallest round trip, idle")] = None
    rtt_p95_ms: Annotated[Milliseconds | None, Meaning("95th percentile of the round trips, idle")] = None
    rtt_jitter_ms: Annotated[Milliseconds | None, Meaning("mean absolute difference of consecutive round trips")] = None
    rtt_download_median_ms: Annotated[Milliseconds | None, Meaning("median round trip while the download ran")] = None
    rtt_upload_median_ms: Annotated[Milliseconds | None, Meaning("median round trip while the upload ran")] = None
    rtt_sent: Annotated[Count | None, Meaning("idle probes sent")] = None
    rtt_lost: Annotated[Count | None, Meaning("idle probes without an answer after 2 s")] = None
    rtt_protocol: Annotated[Literal["udp", "websocket", "http", "icmp"] | None, Meaning("what carried the probes")] = (
        None
    )
    web_loaded_5s: Annotated[bool | None, Meaning("the page loaded in less than 5 s (Arcep)")] = None
    web_loaded_10s: Annotated[bool | None, Meaning("the page loaded in less than 10 s (Arcep)")] = None
    web_duration_ms: Annotated[Milliseconds | None, Meaning("time to load the page")] = None
    observed_download_bps: Annotated[
        BitsPerSecond | None, Meaning("traffic counter while something else ran; never a throughput test")
    ] = None
    observed_upload_bps: Annotated[BitsPerSecond | None, Meaning("traffic counter, uplink; never a test")] = None

    def __post_init__(self) -> None:
        if (self.latitude is None) != (self.longitude is None):
            missing = "latitude" if self.latitude is None else "longitude"
            raise SampleError(missing, None, "a value, since the other half of the position is given")
        if self.kind == "service" and self.service_state == "unknown":
            raise SampleError("service_state", self.service_state, "a known state in a sample of kind service")
        if self.kind in ("throughput", "latency", "web") and self.outcome is None:
            raise SampleError("outcome", None, f"how the test ended, in a sample of kind {self.kind}")
        if self.kind == "web" and self.outcome == "ok" and self.web_loaded_10s is None:
            raise SampleError("web_loaded_10s", None, "true or false in a web test that ran")
        if self.service_state == "no_service" and self.rat is not None:
            raise SampleError("rat", self.rat, "no technology where there is no service")


def new_sample_id(unix_ms: int | None = None) -> str:
    """UUIDv7 (RFC 9562 §5.7) whose time part is ``unix_ms``, by default now."""
    milliseconds = time.time_ns() // 1_000_000 if unix_ms is None else unix_ms
    value = (milliseconds & (2**48 - 1)) << 80 | 7 << 76 | secrets.randbits(12) << 64
    value |= 0b10 << 62 | secrets.randbits(62)
    text = f"{value:032x}"
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def check(sample: Sample) -> None:
    """Compare every field with its bounds, before a sample is kept for sending.

    Raises:
        SampleError: a value is out of its bounds; the message names the field.
    """
    for name, annotation in FIELDS.items():
        value = getattr(sample, name)
        if value is not None or name not in _OPTIONAL:
            check_value(name, value, annotation)


def encode(sample: Sample) -> bytes:
    """One line of the wire, without its line feed: compact JSON, absent fields left out, keys in field order."""
    present = {name: value for name in FIELDS if (value := getattr(sample, name)) is not None}
    return json.dumps(present, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


_HINTS = get_type_hints(Sample, include_extras=True)

FIELDS: dict[str, Any] = {field.name: _HINTS[field.name] for field in fields(Sample)}
"""Wire name → annotation, in the order of the definition."""

_OPTIONAL = frozenset(field.name for field in fields(Sample) if field.default is None)
"""Fields that may be absent; most of a sample's are, so that leaving them out is most of the speed of a check."""
