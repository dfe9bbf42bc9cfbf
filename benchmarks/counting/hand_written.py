"""The same tables in DuckDB's SQL, written by hand for this archive: what one machine can do at best.

Nothing is kept between runs, nothing is incremental, thresholds, operators and bins are written out.
"""

from pathlib import Path

import duckdb

WHO = "h3_r9, operator, device_token, tier, context, day"
PLACE = "h3_r9, operator, rank, tier, context"
TECHNOLOGY = "CASE rank WHEN 1 THEN '2G' WHEN 2 THEN '3G' WHEN 3 THEN '4G' WHEN 4 THEN '5G' ELSE 'none' END"
LINEAR = "floor(least(greatest({0}, {1}), {2}))::SMALLINT"
LOGARITHMIC = (
    "CASE WHEN {0} > 0 THEN floor(least(greatest(ln({0}) / ln(1.02), -401), 1401))::SMALLINT "
    "WHEN {0} IS NOT NULL THEN -402 END"
)
MEASURES = {
    "download_bps": LOGARITHMIC.format("CASE WHEN kind = 'throughput' AND outcome = 'ok' THEN download_bps END"),
    "lte_rsrp_dbm": LINEAR.format("lte_rsrp_dbm", -141, -43),
    "lte_sinr_db": LINEAR.format("lte_sinr_db", -31, 50),
    "nr_ss_rsrp_dbm": LINEAR.format("nr_ss_rsrp_dbm", -141, -43),
    "nr_ss_sinr_db": LINEAR.format("nr_ss_sinr_db", -31, 50),
    "rtt_download_median_ms": LOGARITHMIC.format("CASE WHEN outcome = 'ok' THEN rtt_download_median_ms END"),
    "rtt_median_ms": LOGARITHMIC.format("CASE WHEN outcome = 'ok' THEN rtt_median_ms END"),
    "rtt_upload_median_ms": LOGARITHMIC.format("CASE WHEN outcome = 'ok' THEN rtt_upload_median_ms END"),
    "upload_bps": LOGARITHMIC.format("CASE WHEN kind = 'throughput' AND outcome = 'ok' THEN upload_bps END"),
}


def _bins() -> str:
    """A null has no bin: ``least`` and ``greatest`` pass over nulls."""
    return ", ".join(
        f"CASE WHEN {name} IS NOT NULL THEN {MEASURES[name]} END AS {name}"
        if name.endswith(("_dbm", "_db"))
        else f"{MEASURES[name]} AS {name}"
        for name in MEASURES
    )


USABLE = f"""
    CREATE TEMP TABLE samples AS
    SELECT (h3_cell & ~(15::BIGINT << 52)) | (9::BIGINT << 52) | ((1::BIGINT << 18) - 1) AS h3_r9,
        CASE sim_plmn WHEN '20802' THEN '20801' WHEN '20809' THEN '20810' WHEN '20811' THEN '20810'
            WHEN '20813' THEN '20810' WHEN '20816' THEN '20815' WHEN '20835' THEN '20815' WHEN '20836' THEN '20815'
            WHEN '20821' THEN '20820' WHEN '20888' THEN '20820' ELSE sim_plmn END AS operator,
        device_token, tier,
        CASE WHEN context = 'outdoor' AND speed_mps > 7 THEN 'vehicle' ELSE context END AS context,
        (epoch_ms(measured_at) // 86400000)::INT AS day,
        (epoch_ms(measured_at) % 86400000 // 3600000)::TINYINT AS hour_utc,
        CASE WHEN service_state IN ('no_service', 'limited') THEN 0 WHEN rat = 'gsm' THEN 1 WHEN rat = 'umts' THEN 2
            WHEN rat = 'lte' THEN 3 ELSE 4 END::TINYINT AS rank,
        CASE WHEN service_state IN ('no_service', 'limited') THEN service_state WHEN outcome <> 'ok' THEN outcome
            WHEN kind = 'web' AND NOT web_loaded_10s THEN 'page' ELSE '' END AS cause,
        CASE WHEN kind = 'throughput' AND outcome <> 'ok' THEN 1
            WHEN kind = 'throughput' AND outcome = 'ok' AND download_bps IS NOT NULL
            THEN 2 + CASE WHEN download_lower_bound THEN 4 ELSE 0 END + (download_bps >= 3e6)::INT
                + (download_bps >= 8e6)::INT + (download_bps >= 3e7)::INT
            ELSE 0 END::TINYINT AS rate,
        {_bins()}
    FROM read_parquet($archive)
    WHERE NOT excluded AND h3_cell IS NOT NULL AND sim_plmn IS NOT NULL AND coalesce(accuracy_m <= 50, true)
        AND NOT coalesce(roaming, false) AND context IN ('outdoor', 'vehicle', 'indoor', 'unknown')
        AND coalesce(test_path = 'mobile', true)
        AND coalesce(outcome NOT IN ('busy', 'http', 'tls', 'websocket', 'error'), true)
        AND (service_state IN ('no_service', 'limited') OR (rat IS NOT NULL AND (service_state = 'in_service'
            OR (service_state = 'unknown' AND kind IN ('throughput', 'latency', 'web')))))"""

_BY_TECHNOLOGY = ", ".join(
    f"coalesce(sum(n) FILTER (CASE WHEN rank < served THEN rank = 0 OR rate <> 0 ELSE {known} END), 0)"
    f"::BIGINT AS {name}"
    for place, threshold in enumerate((3, 8, 30))
    for name, known in (
        (f"tested_{threshold}", f"rate BETWEEN 1 AND 5 OR rate > {6 + place}"),
        (f"failed_{threshold}", f"rate BETWEEN 1 AND {2 + place}"),
    )
)
LEDGER = f"""
    WITH ranked AS (
        SELECT {WHO}, rank, rate, cause <> '' AS failed, count(*) AS n FROM samples GROUP BY ALL
    )
    SELECT h3_r9, operator, technology, device_token, tier, context, DATE '1970-01-01' + day AS day,
        sum(n)::BIGINT AS tested_service,
        coalesce(sum(n) FILTER (rank < served OR failed), 0)::BIGINT AS failed_service, {_BY_TECHNOLOGY}
    FROM ranked, (VALUES (1, '2G'), (2, '3G'), (3, '4G'), (4, '5G')) AS technologies(served, technology)
    GROUP BY ALL ORDER BY h3_r9, operator, technology, device_token, tier, context, day"""

CAPABILITY = """
    SELECT device_token, DATE '1970-01-01' + (epoch_ms(measured_at) // 86400000)::INT AS day,
        max(CASE rat WHEN 'gsm' THEN 1 WHEN 'umts' THEN 2 WHEN 'lte' THEN 3 WHEN 'nr' THEN 4 END)::BIGINT AS best_rank
    FROM read_parquet($archive) WHERE NOT excluded AND rat IS NOT NULL GROUP BY ALL ORDER BY device_token, day"""

_HISTOGRAMS = " UNION ALL ".join(
    f"SELECT {PLACE}, {number}::TINYINT AS measure, {name} AS bin, count(*) AS samples FROM samples "
    f"WHERE rank > 0 AND {name} IS NOT NULL GROUP BY ALL"
    for number, name in enumerate(MEASURES)
)
_NAMES = " ".join(f"WHEN {number} THEN '{name}'" for number, name in enumerate(MEASURES))
HISTOGRAMS = f"""
    SELECT h3_r9, operator, {TECHNOLOGY} AS technology, tier, context, CASE measure {_NAMES} END AS measure,
        bin::BIGINT AS bin, samples
    FROM ({_HISTOGRAMS}) AS counted
    ORDER BY h3_r9, operator, counted.rank, tier, context, counted.measure, counted.bin"""

_SIGNALS = " UNION ALL ".join(
    f"SELECT h3_r9, operator, '{technology}' AS technology, device_token, tier, context, day, sum({name}) AS rsrp_sum, "
    f"count({name}) AS readings FROM samples WHERE rank > 0 AND {name} IS NOT NULL GROUP BY ALL"
    for technology, name in (("4G", "lte_rsrp_dbm"), ("5G", "nr_ss_rsrp_dbm"))
)
SIGNALS = f"""
    SELECT * EXCLUDE (rsrp_sum, readings) REPLACE (DATE '1970-01-01' + day AS day),
        rsrp_sum::BIGINT AS rsrp_sum_dbm, readings
    FROM ({_SIGNALS}) ORDER BY h3_r9, operator, technology, device_token, tier, context, day"""

FAILURES = f"""
    SELECT h3_r9, operator, {TECHNOLOGY} AS technology, tier, context, cause, count(*) AS samples
    FROM samples WHERE cause <> '' GROUP BY ALL ORDER BY ALL"""
HOURS = f"""
    SELECT h3_r9, operator, {TECHNOLOGY} AS technology, tier, context, hour_utc::BIGINT AS hour_utc,
        count(*) AS samples, count(*) FILTER (cause <> '') AS failures
    FROM samples GROUP BY ALL ORDER BY ALL"""

MEDIANS = """
    WITH counted AS (
        SELECT *, sum(samples) OVER (running ROWS UNBOUNDED PRECEDING) AS reached,
            sum(samples) OVER (PARTITION BY h3_r9, operator, technology, tier, context, measure) AS total
        FROM read_parquet($histograms)
        WINDOW running AS (PARTITION BY h3_r9, operator, technology, tier, context, measure ORDER BY bin)
    )
    SELECT h3_r9, operator, technology, tier, context, measure, min(total)::BIGINT AS samples, min(bin) AS bin
    FROM counted WHERE 2 * reached >= total GROUP BY ALL ORDER BY ALL"""

TABLES = {
    "ledger": LEDGER,
    "capability": CAPABILITY,
    "histograms": HISTOGRAMS,
    "signals": SIGNALS,
    "failures": FAILURES,
    "hours": HOURS,
}


def write_tables(archive: Path, into: Path, memory_gb: float) -> None:
    """Write the six tables, and the median of every histogram."""
    into.mkdir(parents=True)
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": f"{round(memory_gb * 1000)}MB",
        "temp_directory": str(into / ".spill"),
    }
    with duckdb.connect(config=config) as connection:
        files = "'" + str(archive / "*" / "*.parquet") + "'"
        connection.execute("SET preserve_insertion_order = false")
        connection.execute(USABLE.replace("$archive", files))
        for name, query in TABLES.items():
            _copy(connection, query.replace("$archive", files), into / f"{name}.parquet")
        connection.execute("DROP TABLE samples")
        _copy(connection, MEDIANS.replace("$histograms", f"'{into}/histograms.parquet'"), into / "medians.parquet")


def _copy(connection: duckdb.DuckDBPyConnection, query: str, file: Path) -> None:
    connection.execute(f"COPY ({query}) TO '{file}' (FORMAT parquet, COMPRESSION zstd)")
