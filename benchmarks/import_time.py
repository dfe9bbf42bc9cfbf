"""How long ``import client_sdk``, each command's module and ``maille --help`` take in a fresh process.

Median of five runs each, the start of Python itself taken off: ``benchmarks/import_time.py``. The last line is JSON.
"""

import argparse
import json
import os
import pkgutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

import client_sdk.commands

ROOT = Path(__file__).parent.parent
PREFIX = "client_sdk.commands."
RUNS = 5


def main() -> None:
    """Print a table, then the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="the same: it takes seconds")
    parser.parse_args()
    start_ms = median_ms("pass")
    modules = ["client_sdk", "client_sdk.cli"]
    modules += sorted(one.name for one in pkgutil.iter_modules(client_sdk.commands.__path__, PREFIX))
    taken_ms = {name: median_ms(f"import {name}") - start_ms for name in modules}
    help_ms = median_ms("from client_sdk.cli import main; main(['--help'])") - start_ms
    print(f"{start_ms:7.0f} ms  Python itself")
    for name, milliseconds in taken_ms.items():
        print(f"{milliseconds:7.0f} ms  import {name}")
    print(f"{help_ms:7.0f} ms  maille --help")
    commands_ms = [taken for name, taken in taken_ms.items() if name.startswith(PREFIX)]
    figures = {
        "client_sdk_ms": round(taken_ms["client_sdk"], 1),
        "help_ms": round(help_ms, 1),
        "slowest_command_ms": round(max(commands_ms), 1),
    }
    print(json.dumps({"benchmark": "import_time", "figures": figures}))


def median_ms(program: str) -> float:
    """Milliseconds from start to end of a process that runs a program; median of some runs after one unmeasured."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    taken: list[float] = []
    for _ in range(RUNS + 1):
        start_s = time.perf_counter()
        subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.DEVNULL, env=environment)
        taken.append((time.perf_counter() - start_s) * 1000)
    return statistics.median(taken[1:])


if __name__ == "__main__":
    main()
