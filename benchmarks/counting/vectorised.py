"""The same tables by a careful user of pandas: columns read once, categories for texts, no loop over rows."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

Frame = Any
"""Of pandas, whose stubs do not know all that is done with categories here."""

TEXTS = ["device_token", "tier", "context", "sim_plmn", "service_state", "rat", "kind", "outcome", "test_path"]
LINEAR = {
    "lte_rsrp_dbm": (-141, -43),
    "lte_sinr_db": (-31, 50),
    "nr_ss_rsrp_dbm": (-141, -43),
    "nr_ss_sinr_db": (-31, 50),
}
OF_TRANSFERS = ("download_bps", "upload_bps")
LOGARITHMIC = ("download_bps", "rtt_download_median_ms", "rtt_median_ms", "rtt_upload_median_ms", "upload_bps")
MEASURES = sorted([*LINEAR, *LOGARITHMIC])
COLUMNS = [
    *TEXTS,
    *("excluded", "h3_cell", "accuracy_m", "speed_mps", "roaming", "measured_at", "download_lower_bound"),
    *("web_loaded_10s", *MEASURES),
]
OPERATORS = {
    "20802": "20801",
    "20809": "20810",
    "20811": "20810",
    "20813": "20810",
    "20816": "20815",
    "20835": "20815",
    "20836": "20815",
    "20821": "20820",
    "20888": "20820",
}
RANKS = {"gsm": 1, "umts": 2, "lte": 3, "nr": 4}
TECHNOLOGIES = ["2G", "3G", "4G", "5G"]
THRESHOLDS = {3: 3e6, 8: 8e6, 30: 3e7}
PLACE = ["h3_r9", "operator", "technology", "tier", "context"]
WHO = ["h3_r9", "operator", "device_token", "tier", "context", "day"]
DAY_MS, HOUR_MS = 86_400_000, 3_600_000


def write_tables(archive: Path, into: Path) -> None:
    """Write the six tables, and the median of every histogram."""
    into.mkdir(parents=True)
    raw = _read(archive)
    capability = raw[~raw["excluded"] & raw["rat"].notna()]
    best: Frame = pd.DataFrame(
        {
            "device_token": capability["device_token"],
            "day": capability["measured_at"] // DAY_MS,
            "best_rank": capability["rat"].map(RANKS).astype("int8"),
        }
    )
    best = best.groupby(["device_token", "day"], observed=True, as_index=False)["best_rank"].max()
    _write(best.assign(day=_date(best["day"])), into / "capability.parquet", ["device_token", "day"])
    del capability, best
    samples = _usable(raw)
    del raw
    _write(_ledger(samples), into / "ledger.parquet", ["h3_r9", "operator", "technology", *WHO[2:]])
    histograms = _histograms(samples)
    _write(histograms, into / "histograms.parquet", [*PLACE, "measure", "bin"])
    _write(_signals(samples), into / "signals.parquet", ["h3_r9", "operator", "technology", *WHO[2:]])
    failed = samples[samples["cause"] != ""]
    failures = failed.groupby([*PLACE, "cause"], observed=True).size().reset_index(name="samples")
    failures["cause"] = failures["cause"].astype(str).str.strip()
    _write(failures, into / "failures.parquet", [*PLACE, "cause"])
    hours = samples.assign(failures=samples["cause"] != "").groupby([*PLACE, "hour_utc"], observed=True)["failures"]
    _write(
        hours.agg(["size", "sum"]).set_axis(["samples", "failures"], axis=1).reset_index(),
        into / "hours.parquet",
        [*PLACE, "hour_utc"],
    )
    del samples
    _write(_medians(histograms), into / "medians.parquet", [*PLACE, "measure"])


def _read(archive: Path) -> Frame:
    table = ds.dataset(archive, format="parquet", partitioning=None).to_table(columns=COLUMNS)
    for name in TEXTS:
        table = table.set_column(table.column_names.index(name), name, pc.dictionary_encode(table[name]))
    instants = pc.cast(pc.cast(table["measured_at"], pa.timestamp("ms", "UTC"), safe=False), pa.int64())
    table = table.set_column(table.column_names.index("measured_at"), "measured_at", instants)
    return table.unify_dictionaries().to_pandas(split_blocks=True, self_destruct=True)


def _usable(raw: Frame) -> Frame:
    lost = raw["service_state"].isin(["no_service", "limited"])
    tested = raw["kind"].isin(["throughput", "latency", "web"])
    in_service = (raw["service_state"] == "in_service") | (tested & (raw["service_state"] == "unknown"))
    usable = (
        ~raw["excluded"].astype(bool)
        & raw["h3_cell"].notna()
        & raw["sim_plmn"].notna()
        & ~(raw["accuracy_m"] > 50)
        & ~raw["roaming"].eq(True)
        & raw["context"].isin(["outdoor", "vehicle", "indoor", "unknown"])
        & (raw["test_path"].isna() | (raw["test_path"] == "mobile"))
        & ~raw["outcome"].isin(["busy", "http", "tls", "websocket", "error"])
        & (lost | (in_service & raw["rat"].notna()))
    )
    kept = raw[usable]
    lost = lost[usable]
    ran = kept["outcome"] == "ok"
    stopped = kept["outcome"].notna() & ~ran
    page = (kept["kind"] == "web") & kept["web_loaded_10s"].eq(False)
    transfer = kept["kind"] == "throughput"
    context = kept["context"].cat.set_categories(["indoor", "outdoor", "unknown", "vehicle"])
    context = context.where(~((context == "outdoor") & (kept["speed_mps"] > 7)), "vehicle")
    frames: Any = pd
    states, outcomes = (kept[name].cat for name in ("service_state", "outcome"))
    causes = ["", "page", *states.categories, *(outcomes.categories + " ")]
    codes: Any = [states.codes.to_numpy() + 2, outcomes.codes.to_numpy() + 2 + len(states.categories), 1]
    cause = np.select([lost, stopped, page], codes, 0).astype("int8")
    named = np.array([OPERATORS.get(plmn, plmn) for plmn in kept["sim_plmn"].cat.categories])
    operators, operator_of = np.unique(named, return_inverse=True)
    rank = np.where(lost, 0, kept["rat"].map(RANKS).astype("float64").fillna(0)).astype("int8")
    columns = {
        "h3_r9": (kept["h3_cell"].astype("int64") & ~(15 << 52)) | (9 << 52) | ((1 << 18) - 1),
        "operator": frames.Categorical.from_codes(operator_of[kept["sim_plmn"].cat.codes], operators),
        "device_token": kept["device_token"],
        "tier": kept["tier"],
        "context": context,
        "day": (kept["measured_at"] // DAY_MS).astype("int32"),
        "hour_utc": (kept["measured_at"] % DAY_MS // HOUR_MS).astype("int8"),
        "rank": rank,
        "technology": frames.Categorical.from_codes((rank - 1) % 5, [*TECHNOLOGIES, "none"]),
        "cause": frames.Categorical.from_codes(cause, causes),
        "data_failed": stopped | page,
        "rate_lost": transfer & stopped,
        "rate": kept["download_bps"].where(transfer & ran),
        "lower_bound": kept["download_lower_bound"].eq(True),
    }
    for name in MEASURES:
        if name in LINEAR:
            columns[name] = np.floor(kept[name].clip(*LINEAR[name]))
        else:
            values = kept[name].where(transfer & ran if name in OF_TRANSFERS else ran)
            exponents = np.floor((np.log(values.where(values > 0)) / np.log(1.02)).clip(-401, 1401))
            columns[name] = exponents.where(~(values <= 0), -402)
    return pd.DataFrame(columns)


def _ledger(samples: Frame) -> Frame:
    lost = samples["rank"] == 0
    counts: dict[str, Any] = {
        "samples": np.ones(len(samples), "int64"),
        "data_failed": samples["data_failed"],
        "rated": lost | samples["rate_lost"] | samples["rate"].notna(),
    }
    for threshold, rate in THRESHOLDS.items():
        missed = (samples["rate"] < rate) & ~samples["lower_bound"]
        counts[f"tested_{threshold}"] = samples["rate_lost"] | (samples["rate"] >= rate) | missed
        counts[f"failed_{threshold}"] = samples["rate_lost"] | missed
    frame = samples[[*WHO, "rank"]].assign(**counts)
    ranked = frame.groupby([*WHO, "rank"], observed=True).sum().reset_index()
    parts = []
    for rank, technology in enumerate(TECHNOLOGIES, start=1):
        below = ranked["rank"] < rank
        columns = {
            "tested_service": ranked["samples"],
            "failed_service": ranked["samples"].where(below, ranked["data_failed"]),
        }
        for threshold in THRESHOLDS:
            for kind in ("tested", "failed"):
                name = f"{kind}_{threshold}"
                columns[name] = ranked["rated"].where(below, ranked[name])
        part = ranked[WHO].assign(**columns).groupby(WHO, observed=True).sum().reset_index()
        parts.append(part.assign(technology=pd.Categorical([technology] * len(part), TECHNOLOGIES)))
    ledger = pd.concat(parts, ignore_index=True)
    return ledger.assign(day=_date(ledger["day"]))


def _histograms(samples: Frame) -> Frame:
    served = samples[samples["rank"] > 0]
    parts = []
    for name in MEASURES:
        known = served[served[name].notna()]
        counted = known.groupby([*PLACE, name], observed=True).size().reset_index(name="samples")
        parts.append(
            counted.rename(columns={name: "bin"}).assign(measure=pd.Categorical([name] * len(counted), MEASURES))
        )
    return pd.concat(parts, ignore_index=True).astype({"bin": "int64"}).sort_values([*PLACE, "measure", "bin"])


def _signals(samples: Frame) -> Frame:
    served = samples[samples["rank"] > 0]
    parts = []
    for technology, name in (("4G", "lte_rsrp_dbm"), ("5G", "nr_ss_rsrp_dbm")):
        known = served.loc[served[name].notna(), [*WHO, name]]
        summed = known.groupby(WHO, observed=True)[name].agg(["sum", "size"]).reset_index()
        summed = summed.rename(columns={"sum": "rsrp_sum_dbm", "size": "readings"})
        parts.append(summed.assign(technology=pd.Categorical([technology] * len(summed), TECHNOLOGIES)))
    signals = pd.concat(parts, ignore_index=True).astype({"rsrp_sum_dbm": "int64"})
    return signals.assign(day=_date(signals["day"]))


def _medians(histograms: Frame) -> Frame:
    """Of histograms in the order of their keys."""
    group = histograms.groupby([*PLACE, "measure"], observed=True)["samples"]
    total, reached = group.transform("sum"), group.cumsum()
    half = histograms.assign(samples=total)[2 * reached >= total]
    return half.drop_duplicates([*PLACE, "measure"])[[*PLACE, "measure", "samples", "bin"]]


def _date(days: Frame) -> Frame:
    return pd.to_datetime(days, unit="D")


def _write(rows: Frame, file: Path, keys: list[str]) -> None:
    rows.sort_values(keys).to_parquet(file, index=False, compression="zstd")
