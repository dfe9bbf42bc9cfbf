"""Every link between texts leads to a file, and to a heading that is there."""

import re
import unicodedata
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
TEXTS = [
    *(ROOT / name for name in ("README.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "examples").rglob("*.md")),
    *sorted((ROOT / "tests").rglob("*.md")),
]


def prose(path: Path) -> str:
    """A text without its code, in which brackets are no links."""
    text = re.sub(r"^ *```.*?^ *```", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"`[^`\n]*`", "`…`", text)


def anchors(path: Path) -> set[str]:
    """Where a text can be entered: its headings, as GitHub names them, and the names it gives itself."""
    text = re.sub(r"^ *```.*?^ *```", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    found: list[str] = []
    for heading in re.findall(r"^#{1,6} (.+)$", text, re.MULTILINE):
        plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower()
        kept = (one for one in plain if one in "-_ " or unicodedata.category(one)[0] in "LN")
        name = "".join(kept).strip().replace(" ", "-")
        found.append(f"{name}-{found.count(name)}" if name in found else name)
    return {*found, *re.findall(r'<a (?:id|name)="([^"]+)"', text)}


def links(path: Path) -> list[str]:
    """Relative links and pictures of a text."""
    found = re.findall(r"\]\(([^)\s]+)\)", prose(path))
    return [link for link in found if not re.match(r"[a-z]+:", link)]


def broken(path: Path) -> list[str]:
    """Links of a text that lead nowhere."""
    wrong = []
    for link in links(path):
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        if not target.exists() or (anchor and (target.suffix != ".md" or anchor not in anchors(target))):
            wrong.append(link)
    return wrong


def test_the_texts_link() -> None:
    assert sum(len(links(path)) for path in TEXTS) > 100
    assert "5-ce-qui-est-publié-et-pourquoi-cela-reste" in anchors(ROOT / "docs" / "rgpd.md")


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    text = tmp_path / "text.md"
    text.write_text("# Here\n\n[a](#here) [b](#there) [c](gone.md) ![d](gone.png) [e](https://example.org) `[f](g)`\n")
    assert broken(text) == ["#there", "gone.md", "gone.png"]


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(path: Path) -> None:
    assert broken(path) == []
