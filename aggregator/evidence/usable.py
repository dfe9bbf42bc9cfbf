"""Which samples speak about coverage, and what each of them says.

Usable: no flag that excludes, a good position, not roaming, a SIM whose operator is known, and a known state of
service. The context stays with the sample: those indoors or in an unknown one are counted too, and do not vote.
``limited`` (emergency calls only) is no service of this operator. Not usable: a radio switched off, a missing SIM, a
denied registration, service on an unknown technology, a test that went over Wi-Fi or a cable, and one that ended for a
reason of the server's: neither says anything about the mobile network.
"""

from dataclasses import dataclass
from typing import Any

import ibis

from aggregator.evidence.hexagons import parent
from aggregator.evidence.histograms import MEASURES
from aggregator.evidence.ledger import CONTEXTS
from client_sdk.operators import OPERATOR_OF_PLMN

LEDGER_RESOLUTION = 9
SECONDS_PER_DAY = 86_400
SECONDS_PER_HOUR = 3_600
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
        devices_per_cell: devices that stay of each cell and operator, those with the smallest tokens; None for all.
            With 64, verdicts are those of all devices; meant for ledgers that would grow without bounds.
    """

    vehicle_speed_mps: float = 7.0
    accuracy_limit_m: float = 50.0
    devices_per_cell: int | None = None


def usable_samples(archive: Any, parameters: BinningParameters) -> Any:
    """Usable samples with what they say, as an Ibis expression.

    Args:
        archive: Ibis table in the archive's columns.
        parameters: limits.

    Returns:
        Ibis table: ``h3_r9, operator, device_token, tier, context, day`` (days since 1970-01-01 UTC), ``hour_utc``,
        ``rank`` (0: no service; 1–4: 2G–5G), ``throughput`` (bool), ``data_failed`` (registered, but data did not
        pass), ``cause`` (of a failure, else empty), ``lower_bound``, and the measures of the histograms: null where
        there is none, those of a test only where it ran.
    """
    lost = archive.service_state.isin(["no_service", "limited"]).fill_null(False)
    tested = archive.kind.isin(["throughput", "latency", "web"])
    in_service = (archive.service_state == "in_service") | (tested & (archive.service_state == "unknown"))
    ran = (archive.outcome == "ok").fill_null(False)
    stopped = archive.outcome.notnull() & ~ran
    page_lost = ((archive.kind == "web") & ~archive.web_loaded_10s).fill_null(False)
    usable = archive.filter(
        ~archive.excluded,
        archive.h3_cell.notnull(),
        archive.sim_plmn.notnull(),
        (archive.accuracy_m <= parameters.accuracy_limit_m).fill_null(True),
        ~archive.roaming.fill_null(False),
        archive.context.isin(CONTEXTS),
        (archive.test_path == "mobile").fill_null(True),
        archive.outcome.isnull() | archive.outcome.notin(SERVER_OUTCOMES),
        lost | (in_service & archive.rat.notnull()).fill_null(False),
    )
    fast = ((archive.context == "outdoor") & (archive.speed_mps > parameters.vehicle_speed_mps)).fill_null(False)
    seconds = archive.measured_at.epoch_seconds()
    throughput_ran = (archive.kind == "throughput") & ran
    conditions = {
        **dict.fromkeys(("download_bps", "upload_bps"), throughput_ran),
        **dict.fromkeys((name for name in MEASURES if name.startswith("rtt_")), ran),
    }
    return usable.select(
        "device_token",
        "tier",
        h3_r9=parent(archive.h3_cell, LEDGER_RESOLUTION),
        operator=archive.sim_plmn.cases(*OPERATOR_OF_PLMN.items(), else_=archive.sim_plmn),
        context=fast.ifelse("vehicle", archive.context),
        day=(seconds // SECONDS_PER_DAY).cast("int32"),
        hour_utc=(seconds % SECONDS_PER_DAY // SECONDS_PER_HOUR).cast("int8"),
        rank=lost.ifelse(0, archive.rat.cases(*RANK_OF_RAT, else_=0)),
        throughput=archive.kind == "throughput",
        data_failed=page_lost | stopped,
        cause=ibis.cases((lost, archive.service_state), (stopped, archive.outcome), (page_lost, "page"), else_=""),
        lower_bound=archive.download_lower_bound.fill_null(False),
        **{
            name: conditions[name].ifelse(archive[name], None) if name in conditions else archive[name]
            for name in MEASURES
        },
    )
