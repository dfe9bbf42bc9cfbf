"""Rules that compare a test with what the server saw of it, and with what radio can do."""

from collections.abc import Iterator

from client_sdk.operators import operator_of
from client_sdk.sample import Sample
from collector.plausibility.rule import Known, SampleRule
from collector.storage.witnessed import Direction, Witness

WITNESS_TOLERANCE = 0.05
WITNESS_SLACK_BYTES = 64 * 1024
ON_ITS_WAY_MS = 3_000.0
RATE_OVER_WHOLE = 4.0

RTT_FLOORS_MS = {"gsm": 8.0, "umts": 8.0, "lte": 8.0, "nr": 2.0}


def _claims(sample: Sample, known: Known) -> Iterator[tuple[float, int | None, Witness | None]]:
    """Each rate that a sample of our own gives, with its bytes and what the server saw."""
    if sample.kind != "throughput" or sample.import_format is not None:
        return
    claimed: tuple[tuple[Direction, float | None, int | None], ...] = (
        ("download", sample.download_bps, sample.download_bytes),
        ("upload", sample.upload_bps, sample.upload_bytes),
    )
    for direction, rate_bps, moved in claimed:
        if rate_bps is not None:
            yield rate_bps, moved, known.witnesses.get((sample.test_id or "", direction))


def _is_unwitnessed(sample: Sample, known: Known) -> bool:
    return any(witness is None for _, _, witness in _claims(sample, known))


def _differs(sample: Sample, known: Known) -> bool:
    return any(
        _is_beside(witness, rate_bps, moved)
        for rate_bps, moved, witness in _claims(sample, known)
        if witness is not None
    )


def _is_beside(witness: Witness, rate_bps: float, moved: int | None) -> bool:
    whole_bps = witness.bytes * 8000 / max(witness.duration_ms, 1.0)
    if not whole_bps / RATE_OVER_WHOLE <= rate_bps <= whole_bps * RATE_OVER_WHOLE:
        return True
    if moved is None:
        return False
    on_its_way = whole_bps * ON_ITS_WAY_MS / 8000
    least = witness.bytes * (1 - WITNESS_TOLERANCE) - WITNESS_SLACK_BYTES - on_its_way
    return not least <= moved <= witness.bytes * (1 + WITNESS_TOLERANCE) + WITNESS_SLACK_BYTES


def _is_too_quick(sample: Sample, _: Known) -> bool:
    round_trip_ms = sample.rtt_median_ms if sample.rtt_min_ms is None else sample.rtt_min_ms
    return round_trip_ms is not None and round_trip_ms < RTT_FLOORS_MS.get(sample.rat or "", 0.0)


def _came_another_way(sample: Sample, known: Known) -> bool:
    if sample.sim_plmn is None or sample.test_id is None:
        return False
    expected = known.grounds.operator_asns.get(operator_of(sample.sim_plmn))
    directions: tuple[Direction, ...] = ("download", "upload")
    seen = (known.witnesses.get((sample.test_id, direction)) for direction in directions)
    return expected is not None and any(
        witness is not None and witness.asn is not None and witness.asn not in expected for witness in seen
    )


TRANSFER_RULES: tuple[SampleRule, ...] = (
    SampleRule(
        id="unwitnessed",
        version=2,
        excludes=False,
        reason_en="a rate is given, and the server has no record of such a transfer",
        reason_fr="un débit est donné sans que le serveur ait lui-même vu ce transfert",
        source="ours: a test against another server is honest, and cannot be told from an invented one",
        fires=_is_unwitnessed,
    ),
    SampleRule(
        id="transfer-differs",
        version=1,
        excludes=False,
        reason_en="bytes or rate differ from what the server saw of the transfer",
        reason_fr="les octets ou le débit diffèrent de ce que le serveur a vu du transfert",
        source="ours: more than 5 % and 64 KiB beyond the bytes that the server saw; more than 5 %, 64 KiB and what "
        "passes in 3 s below them, since the device stops counting while data is still on its way; a rate more than "
        "4 times the mean of the whole transfer, whose ramp the rate leaves out, or less than a quarter of it",
        fires=_differs,
    ),
    SampleRule(
        id="rtt-floor",
        version=1,
        excludes=False,
        reason_en="a round trip shorter than the radio allows: a cable or Wi-Fi, or invented",
        reason_fr="un aller-retour plus court que ne le permet la radio : câble, Wi-Fi ou invention",
        source="ours: 8 ms up to LTE, whose scheduling alone takes about that long; 2 ms for NR, whose slots are "
        "shorter",
        fires=_is_too_quick,
    ),
    SampleRule(
        id="network-other",
        version=1,
        excludes=False,
        reason_en="the transfer came from another network than those of the SIM's operator",
        reason_fr="le transfert est venu d'un autre réseau que ceux de l'opérateur de la SIM",
        source="the autonomous system that the server saw (MAILLE_ASN_DATABASE), beside those expected of the operator "
        "(MAILLE_OPERATOR_ASNS, whose default is ours); not judged where either is unknown",
        fires=_came_another_way,
    ),
)
"""Every rule of this kind, in the order in which flags are written."""
