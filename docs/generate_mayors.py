"""Sets ``docs/maires.md`` as two pages to hand over, ``docs/maires.pdf``: ``python docs/generate_mayors.py``.

The Markdown is parsed here and set by ``docs/maires.typ``; its texts are never read as markup again. The PDF has the
same bytes on every machine: no clock, and only fonts that come with Typst and matplotlib.
"""

import json
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import typst
from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

DOCS = Path(__file__).parent
TEXT = DOCS / "maires.md"
PDF = DOCS / "maires.pdf"


def blocks_of(text: str) -> list[dict[str, Any]]:
    """The blocks of a text, in order, each with its ``kind``.

    A paragraph that leads to the PDF itself is left out.

    Raises:
        ValueError: the text has a construct that the page does not know.
    """
    root = SyntaxTreeNode(MarkdownIt().enable("table").parse(text))
    return [_block(node) for node in root.children if not _leads_to_itself(node)]


def typographic(text: str) -> str:
    """French as printers set it: a curved apostrophe, and spaces that do not break where none may."""
    text = re.sub(r" (?=[:;?!»%])|(?<=«) |(?<=\d) (?=\d{3})", "\N{NARROW NO-BREAK SPACE}", text)
    return re.sub(r"(?<=\d) (?=[^\W\d])", "\N{NO-BREAK SPACE}", text).replace("'", "’")


def _leads_to_itself(node: SyntaxTreeNode) -> bool:
    return node.type == "paragraph" and any(
        one.type == "link" and one.attrGet("href") == PDF.name for one in node.walk()
    )


def _block(node: SyntaxTreeNode) -> dict[str, Any]:
    if node.type == "heading":
        return {"kind": "heading", "level": int(node.tag[1:]), "runs": _runs(node.children[0])}
    if node.type == "paragraph" and node.children[0].children[0].type == "image":
        image = node.children[0].children[0]
        return {"kind": "picture", "path": image.attrs["src"], "alt": typographic(image.content)}
    if node.type == "paragraph":
        return {"kind": "paragraph", "runs": _runs(node.children[0])}
    if node.type in ("bullet_list", "ordered_list"):
        items = [_runs(item.children[0].children[0]) for item in node.children]
        return {"kind": node.type, "items": items}
    if node.type == "fence":
        return {"kind": "code", "text": node.content.rstrip("\n")}
    if node.type == "table":
        rows = [[_runs(one.children[0]) for one in row.children] for part in node.children for row in part.children]
        return {"kind": "table", "head": rows[0], "rows": rows[1:]}
    raise ValueError(f"{TEXT.name}: {node.type}, expected a heading, paragraph, list, code block or table")


def _runs(inline: SyntaxTreeNode, style: str = "plain") -> list[dict[str, str]]:
    """Stretches of text of one style: plain, strong, em or code."""
    runs: list[dict[str, str]] = []
    for node in inline.children:
        if node.type in ("text", "softbreak"):
            runs.append({"style": style, "text": typographic(node.content) if node.type == "text" else " "})
        elif node.type == "code_inline":
            runs.append({"style": "code", "text": node.content})
        elif node.type in ("strong", "em"):
            runs += _runs(node, node.type)
        elif node.type == "link":
            runs += _runs(node, style)
        else:
            raise ValueError(f"{TEXT.name}: {node.type} in a sentence, expected text, stress, code or a link")
    return runs


def leaflet(text: str) -> bytes:
    """The PDF of a text, tagged, for archives and for screen readers."""
    found = find_spec("matplotlib")
    assert found is not None
    assert found.submodule_search_locations is not None
    fonts = Path(found.submodule_search_locations[0]) / "mpl-data" / "fonts" / "ttf"
    made = typst.Compiler(root=str(DOCS), font_paths=[str(fonts)], ignore_system_fonts=True).compile(
        input=str(DOCS / "maires.typ"),
        format="pdf",
        sys_inputs={"blocks": json.dumps(blocks_of(text), ensure_ascii=False)},
        pdf_standards=["a-2a", "ua-1"],
    )
    assert isinstance(made, bytes)
    return made


if __name__ == "__main__":
    PDF.write_bytes(leaflet(TEXT.read_text(encoding="utf-8")))
