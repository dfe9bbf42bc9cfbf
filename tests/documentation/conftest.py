"""A small demonstration that the documentation's tests share: the same steps on seven communes."""

import sys
from pathlib import Path

import pandas as pd
import pytest

import aggregator.demo
from aggregator.demo_folder import DemoFolder
from aggregator.synthetic.world import Scenario

sys.path.insert(0, str(Path(__file__).parent))  # guides and inputs, which are no tests

COMMUNES = 7
AROUND = "58180"  # Montsauche-les-Settons: the places that the guides name lie around it


@pytest.fixture(scope="session")
def small_demo(tmp_path_factory: pytest.TempPathFactory) -> DemoFolder:
    """The directory of a demonstration; copy what a test writes to."""
    folder = tmp_path_factory.mktemp("documentation")
    table = pd.read_csv(aggregator.demo.example_communes(), dtype={"insee_com": str})
    middle = table.set_index("insee_com").loc[AROUND]
    apart = (table["latitude"] - middle["latitude"]) ** 2 + ((table["longitude"] - middle["longitude"]) * 0.68) ** 2
    near = folder / "communes.csv"
    table.loc[apart.nsmallest(COMMUNES).index].sort_index().to_csv(near, index=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(aggregator.demo, "example_communes", lambda: near)
        return aggregator.demo.demonstrate(folder / "demo", Scenario(volunteers=12)).folder
