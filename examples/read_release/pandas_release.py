"""The hexagons of a release in pandas: the share contradicted, by operator."""

import sys

import pandas as pd

hexagons = pd.read_parquet(f"{sys.argv[1]}/hexagons.parquet")
judged = hexagons.query("technology == '4G' and threshold == 'service' and not remainder")
judged = judged[judged["verdict"].isin(["contradicted", "confirmed"])]
share = judged["verdict"].eq("contradicted").groupby(judged["operator_name"]).mean()
print(share.round(3).to_csv(header=False), end="")
