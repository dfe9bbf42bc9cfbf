"""The hexagons of a release in DuckDB: the share contradicted, by operator."""

import sys

import duckdb

share = duckdb.sql(f"""
    SELECT operator_name, round(avg((verdict = 'contradicted')::INT), 3) AS share
    FROM '{sys.argv[1]}/hexagons.parquet'
    WHERE technology = '4G' AND threshold = 'service' AND verdict IN ('contradicted', 'confirmed') AND NOT remainder
    GROUP BY operator_name ORDER BY operator_name""")
for name, value in share.fetchall():
    print(f"{name},{value}")
