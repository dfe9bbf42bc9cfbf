from pathlib import Path
from typing import Any

import pandas as pd
from typer.testing import CliRunner

from aggregator.commands.coverage import coverage
from aggregator.evidence.claims_table import CLAIM_KEYS, ClaimSource, replace_claims
from client_sdk.messages import use_language


def test_show_says_what_no_verdict_compares_and_leaves_an_empty_quarter_out(tmp_path: Path) -> None:
    use_language("en")
    named: dict[str, Any] = {
        "file": "f.gpkg",
        "file_sha256": "0" * 64,
        "source": "Arcep",
        "licence": "L",
        "bounded": False,
    }
    subjects = [("4G", "data", ""), ("2G3G", "data", ""), ("2G", "voix", "2024_T3")]
    sources = [
        ClaimSource(operator="20801", technology=technology, usage=usage, quarter=quarter, **named)
        for technology, usage, quarter in subjects
    ]
    replace_claims(tmp_path / "claims", pd.DataFrame(columns=[*CLAIM_KEYS, "declared_share"], dtype=float), sources)
    result = CliRunner().invoke(coverage, ["show", "--data", str(tmp_path)])
    assert result.exit_code == 0
    shown = " ".join(result.output.split())
    assert "20801 4G data: 0 hexagons claimed, 0 km²" in shown
    assert "20801 2G voix 2024_T3: 0 hexagons" in shown
    assert shown.count("imported, not compared yet") == 2
