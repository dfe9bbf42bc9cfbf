"""The leaflet for mayors: its PDF says what the text says, on two pages."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pypdf
import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def mayors() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_mayors", ROOT / "docs" / "generate_mayors.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_pdf_is_current(mayors: ModuleType) -> None:
    assert mayors.PDF.read_bytes() == mayors.leaflet(mayors.TEXT.read_text(encoding="utf-8")), "run scripts/format"


def test_the_pdf_has_two_pages_with_every_heading(mayors: ModuleType) -> None:
    document = pypdf.PdfReader(mayors.PDF)

    assert len(document.pages) == 2
    said = " ".join(" ".join(page.extract_text().split()) for page in document.pages)
    headings = re.findall(r"^#+ (.+)$", mayors.TEXT.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(headings) == 6
    for heading in headings:
        assert " ".join(mayors.typographic(heading).split()) in said


def test_an_unknown_construct_is_refused(mayors: ModuleType) -> None:
    with pytest.raises(ValueError, match="blockquote, expected a heading"):
        mayors.blocks_of("> quoted\n")


def test_french_typography(mayors: ModuleType) -> None:
    assert mayors.typographic("l'Arcep : « oui » à 95 % de 1 000 km² ?") == (
        "l’Arcep\u202f: «\u202foui\u202f» à 95\u202f% de 1\u202f000\u00a0km²\u202f?"
    )
