"""Which samples speak about coverage, and what each of them says.

Usable: no flag that excludes, a good position, outdoors or in a vehicle, not roaming, a SIM whose operator is known,
and a known state of service. ``limited`` (emergency calls only) is no service of this operator. Not usable: a radio
switched off, a missing SIM, a denied registration, service on an unknown technology, a test that went over Wi-Fi or a
cable, and one that ended for a reason of the server's: neither says anything about the mobile network.
"""

from dataclasses import dataclass
from typing import Any

from aggregator.evidence.hexagons import parent
from client_sdk.operators import OPERATOR_OF_PLMN

LEDGER_RESOLUTION = 9
SECONDS_PER_DAY = 86_400
SERVER_OUTCOMES = ("busy", "http", "tls", "websocket", "error")
"""Ends of a test that say something of the server or the program, nothing of the network under it."""

RANK_OF_RAT = (("gsm", 1), ("umts", 2), ("lte", 3), ("nr", 4))


@dataclass(frozen=True, slots=True, kw_only=True)
class BinningParameters:
    """What decides which samples count.

    Attributes:
        vehicle_speed_mps: above it, a reading taken outdoors was taken in a vehicle.
        accuracy_limit_m: above it, a position is not good enough; an accuracy nobody stated is accepted, since logs
            of other tools lack it. 50 m is small beside the 200 m edge of a resolution 9 cell.
    """

    vehicle_speed_mps: float = 7.0
    accuracy_limit_m: float = 50.0


def usable_samples(archive: Any, parameters: BinningParameters) -> Any:
    """Usable samples with what they say, as an Ibis expression.

    Args:
        archive: Ibis table in the archive's columns.
        parameters: limits.

    Returns:
        Ibis table: ``h3_r9, operator, device_token, tier, context, day`` (days since 1970-01-01 UTC), ``rank`` (0: no
        service; 1–4: 2G–5G), ``throughput`` (bool), ``data_failed`` (registered, but data did not pass), ``rate_bps``
        (download of a test that ran, else null), ``lower_bound``, and the measures of the histograms.
    """
    lost = archive.service_state.isin(["no_service", "limited"]).fill_null(False)
    tested = archive.kind.isin(["throughput", "latency", "web"])
    in_service = (archive.service_state == "in_service") | (tested & (archive.service_state == "unknown"))
    ran = (archive.outcome == "ok").fill_null(False)
    page_lost = ((archive.kind == "web") & ~archive.web_loaded_10s).fill_null(False)
    usable = archive.filter(
        ~archive.excluded,
        archive.h3_cell.notnull(),
        archive.sim_plmn.notnull(),
        (archive.accuracy_m <= parameters.accuracy_limit_m).fill_null(True),
        ~archive.roaming.fill_null(False),
        archive.context.isin(["outdoor", "vehicle"]),
        (archive.test_path == "mobile").fill_null(True),
        archive.outcome.isnull() | archive.outcome.notin(SERVER_OUTCOMES),
        lost | (in_service & archive.rat.notnull()).fill_null(False),
    )
    fast = (archive.speed_mps > parameters.vehicle_speed_mps).fill_null(False)
    is_throughput = archive.kind == "throughput"
    return usable.select(
        "device_token",
        "tier",
        "lte_rsrp_dbm",
        "nr_ss_rsrp_dbm",
        h3_r9=parent(archive.h3_cell, LEDGER_RESOLUTION),
        operator=archive.sim_plmn.cases(*OPERATOR_OF_PLMN.items(), else_=archive.sim_plmn),
        context=fast.ifelse("vehicle", archive.context),
        day=(archive.measured_at.epoch_seconds() // SECONDS_PER_DAY).cast("int32"),
        rank=lost.ifelse(0, archive.rat.cases(*RANK_OF_RAT, else_=0)),
        throughput=is_throughput,
        data_failed=page_lost | (archive.outcome.notnull() & ~ran),
        rate_bps=(is_throughput & ran).ifelse(archive.download_bps, None),
        lower_bound=archive.download_lower_bound.fill_null(False),
        download_bps=(is_throughput & ran).ifelse(archive.download_bps, None),
        upload_bps=(is_throughput & ran).ifelse(archive.upload_bps, None),
        rtt_median_ms=ran.ifelse(archive.rtt_median_ms, None),
    )
