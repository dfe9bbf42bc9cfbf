"""Every picture that a text shows is taken by ``scripts/screenshots``, and none is left over."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image

ROOT = Path(__file__).parent.parent.parent
IMAGES = ROOT / "docs" / "images"
MOST_BYTES = 300_000


@pytest.fixture(scope="module")
def screenshots() -> ModuleType:
    spec = importlib.util.spec_from_file_location("screenshots", ROOT / "docs" / "screenshots.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_texts_show_the_pictures_that_the_script_takes(screenshots: ModuleType) -> None:
    shown: set[str] = set()
    for text in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        shown |= set(re.findall(r"!\[[^]]+\]\((?:docs/)?images/([^)]+)\)", text.read_text(encoding="utf-8")))

    assert shown == screenshots.PICTURES == {path.name for path in IMAGES.iterdir()}


def test_a_picture_is_small_and_whole() -> None:
    for path in sorted(IMAGES.iterdir()):
        with Image.open(path) as picture:
            picture.load()
            assert picture.mode == "P", path.name
        assert path.stat().st_size < MOST_BYTES, path.name
