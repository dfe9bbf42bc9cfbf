"""The same documents for people: plain HTML without script, for a browser that follows links."""

from html import escape
from typing import Any

STYLE = """
:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:75rem;padding:1rem}
h1{font-size:1.5rem}h2{font-size:1.15rem}nav{margin-bottom:1rem}table{border-collapse:collapse}.wide{overflow-x:auto}
.wide td{white-space:nowrap}
th,td{border:1px solid #8886;padding:.2rem .5rem;text-align:left;vertical-align:top}th{white-space:nowrap}
code{overflow-wrap:anywhere}a{color:light-dark(#0645ad,#8ab4f8)}
"""


def page(title: str, body: str, crumbs: list[tuple[str, str]]) -> bytes:
    """A whole page.

    Args:
        title: plain text.
        body: HTML.
        crumbs: name and address of the pages above.
    """
    above = " › ".join(f'<a href="{escape(href)}">{escape(name)}</a>' for name, href in crumbs)
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<style>{STYLE}</style></head><body><nav aria-label="Pages above">{above}</nav><main>'
        f"<h1>{escape(title)}</h1>\n{body}</main></body></html>\n"
    ).encode()


def told(document: Any, *, but: tuple[str, ...] = ("links",)) -> str:
    """A document as nested tables and lists."""
    if isinstance(document, dict):
        members = [(name, value) for name, value in document.items() if name not in but]
        rows = "".join(
            f"<tr><th scope=row>{escape(str(name))}</th><td>{told(value)}</td></tr>" for name, value in members
        )
        return f"<table>{rows}</table>" if rows else ""
    if isinstance(document, list):
        return f"<ul>{''.join(f'<li>{told(one)}</li>' for one in document)}</ul>"
    if isinstance(document, bool) or document is None:
        return {True: "true", False: "false", None: ""}[document]
    text = escape(str(document))
    return f'<a href="{text}">{text}</a>' if text.startswith(("http://", "https://")) else text


def links(found: list[dict[str, Any]]) -> str:
    """A list of links."""
    lines = (
        f'<li><a href="{escape(str(one["href"]))}" rel="{escape(str(one["rel"]))}">{escape(str(one["title"]))}</a>'
        f" <small>{escape(str(one['type']))}</small></li>"
        for one in found
        if one["rel"] != "self"
    )
    return f"<ul>{''.join(lines)}</ul>"


def described(document: dict[str, Any]) -> str:
    """A description in OpenAPI: each address with its parameters."""
    (server,) = document["servers"]
    parts = [f"<p>{escape(document['info']['description'])}</p>"]
    for path, operations in document["paths"].items():
        asked = operations["get"]
        rows = "".join(
            f"<tr><th scope=row><code>{escape(one['name'])}</code></th><td>{escape(one['description'])}</td></tr>"
            for one in asked["parameters"]
        )
        address = escape(server["url"] + path)
        named = f'<a href="{address}">{escape(path)}</a>' if "{" not in path else escape(path)
        parts.append(f"<h2>GET <code>{named}</code></h2><p>{escape(asked['summary'])}</p><table>{rows}</table>")
    return "".join(parts)


def rows_table(rows: list[dict[str, Any]], addresses: list[str]) -> str:
    """A table of features, each with a link to itself."""
    if not rows:
        return "<p>None.</p>"
    head = "".join(f"<th scope=col>{escape(name)}</th>" for name in rows[0])
    body = "".join(
        f'<tr><td><a href="{escape(address)}">open</a></td>'
        + "".join(f"<td>{told(value)}</td>" for value in row.values())
        + "</tr>"
        for row, address in zip(rows, addresses, strict=True)
    )
    columns = f"<thead><tr><th scope=col>item</th>{head}</tr></thead>"
    return f"<div class=wide tabindex=0><table>{columns}<tbody>{body}</tbody></table></div>"
