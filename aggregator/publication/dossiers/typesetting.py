"""Facts and a template → the bytes of a PDF, the same on every machine: no clock, and only fonts that come with us.

Typst's own fonts, and DejaVu Sans of matplotlib, in which text that these lack still has a sign. The PDF is tagged and
meets PDF/A-2a (for archives) and PDF/UA-1 (for screen readers); its date is the last day of the data.
"""

import json
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import typst

TEMPLATES = Path(__file__).parent.parent / "typeset"


def typeset(template: Literal["zone", "departement"], facts: dict[str, Any]) -> bytes:
    """A PDF.

    Args:
        template: its name; the file is ``typeset/<name>.typ``.
        facts: what the template reads; texts are set as they are, never read as markup.
    """
    made = _compiler().compile(
        input=str(TEMPLATES / f"{template}.typ"),
        format="pdf",
        sys_inputs={"facts": json.dumps(facts, ensure_ascii=False)},
        pdf_standards=["a-2a", "ua-1"],
    )
    assert isinstance(made, bytes)
    return made


@cache
def _compiler() -> typst.Compiler:
    found = find_spec("matplotlib")
    assert found is not None
    assert found.submodule_search_locations is not None
    fonts = Path(found.submodule_search_locations[0]) / "mpl-data" / "fonts" / "ttf"
    return typst.Compiler(root=str(TEMPLATES), font_paths=[str(fonts)], ignore_system_fonts=True)
