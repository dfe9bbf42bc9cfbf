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

from aggregator.evidence.histograms import MEASURES
from aggregator.evidence.ledger import CONTEXTS, NOTHING_SERVED
from aggregator.evidence.packing import CAUSES, ORDERED_CONTEXTS, SERVED, TIERS, code, operator_code, place
from client_sdk.operators import OPERATOR_OF_PLMN

US_PER_HOUR = 3_600_000_000
US_PER_DAY = 24 * US_PER_HOUR
SERVER_OUTCOMES = ("busy", "http", "tls", "websocket", "error")
"""Ends of a test that say something of the server or the program, nothing of the network under it."""

OTHER_PLMNS = tuple((plmn, operator) for plmn, operator in OPERATOR_OF_PLMN.items() if plmn != operator)

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
        archive: Ibis table in the archive's columns, ``measured_at`` in microseconds since 1970-01-01 UTC.
        parameters: limits.

    Returns:
        Ibis table: ``device_token, place`` (see :mod:`aggregator.evidence.packing`), ``day`` (days since 1970-01-01
        UTC), ``hour_utc``, ``throughput`` (bool), ``data_failed`` (registered, but data did not pass), ``cause``
        (place in ``packing.CAUSES``), ``lower_bound``, and the measures of the histograms: null where there is none,
        those of a test only where it ran.
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
    nothing = SERVED.index(NOTHING_SERVED)
    served = archive.rat.cases(*((rat, rank - 1) for rat, rank in RANK_OF_RAT), else_=nothing)
    own = operator_code(archive.sim_plmn)
    where = place(
        archive.h3_cell,
        own.cases(*((operator_code(plmn), operator_code(name)) for plmn, name in OTHER_PLMNS), else_=own),
        lost.ifelse(nothing, served),
        code(archive.tier, TIERS),
        fast.ifelse(ORDERED_CONTEXTS.index("vehicle"), code(archive.context, ORDERED_CONTEXTS)),
    )
    cause = ibis.cases(
        (lost, code(archive.service_state, CAUSES)),
        (stopped, code(archive.outcome, CAUSES)),
        (page_lost, CAUSES.index("page")),
        else_=CAUSES.index(""),
    )
    throughput_ran = (archive.kind == "throughput") & ran
    conditions = {
        **dict.fromkeys(("download_bps", "upload_bps"), throughput_ran),
        **dict.fromkeys((name for name in MEASURES if name.startswith("rtt_")), ran),
    }
    return usable.select(
        "device_token",
        place=where,
        day=(archive.measured_at // US_PER_DAY).cast("int32"),
        hour_utc=(archive.measured_at % US_PER_DAY // US_PER_HOUR).cast("int32"),
        throughput=archive.kind == "throughput",
        data_failed=page_lost | stopped,
        cause=cause,
        lower_bound=archive.download_lower_bound.fill_null(False),
        **{
            name: conditions[name].ifelse(archive[name], None) if name in conditions else archive[name]
            for name in MEASURES
        },
    )
