"""Runs ``maille`` commands one after the other in one process, which imports what they need once.

Reads a JSON list of ``{"words", "settings", "may_end"}`` from a file, writes one JSON object a line for each that ran,
and ends with the first that fails.
"""

import contextlib
import io
import json
import os
import sys
import traceback
from pathlib import Path

from client_sdk.cli import main


def run(words: list[str], settings: dict[str, str]) -> dict[str, object]:
    """Exit code and output of a command."""
    out, err = io.StringIO(), io.StringIO()
    before = dict(os.environ)
    os.environ.update(settings)
    code: object = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(words)
        except SystemExit as ended:
            code = ended.code or 0
        except Exception:
            code = traceback.format_exc()
        finally:
            os.environ.clear()
            os.environ.update(before)
    return {"code": code, "out": out.getvalue(), "err": err.getvalue()}


if __name__ == "__main__":
    for asked in json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")):
        done = run(asked["words"], asked["settings"])
        print(json.dumps(done), flush=True)  # noqa: T201
        if done["code"] not in (0, *asked["may_end"]):
            break
