"""Write the generated parts of the documentation: run by ``scripts/format``, compared by ``tests/documentation``.

From :mod:`client_sdk.sample`: the table of fields in ``protocol.md`` and ``sample.schema.json``. From
:mod:`collector.errors`: the table of problems in ``protocol.md``. From :mod:`collector.plausibility.rules`: the table
of rules in ``plausibility.md``.
"""

import json
import re
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, get_args, get_origin

from annotated_types import Predicate
from pydantic import TypeAdapter

from client_sdk.bounds import PATTERNS, Meaning, Unit, described
from client_sdk.sample import FIELDS, Sample
from collector.errors import PROBLEMS
from collector.plausibility.rules import RULES

DOCS = Path(__file__).parent


def main() -> None:
    """Write each file where it changed."""
    for path, text in generated().items():
        if path.read_text() != text:
            path.write_text(text)


def generated() -> dict[Path, str]:
    """File → what it must hold."""
    return {
        DOCS / "protocol.md": _with_tables("protocol.md", {"fields": field_table(), "problems": problem_table()}),
        DOCS / "plausibility.md": _with_tables("plausibility.md", {"rules": rule_table()}),
        DOCS / "sample.schema.json": sample_schema(),
    }


def _with_tables(name: str, tables: dict[str, str]) -> str:
    """A text whose tables are as they must be."""
    text = (DOCS / name).read_text()
    for mark, table in tables.items():
        text = re.sub(
            rf"(<!-- generated: {mark} -->\n).*?(<!-- end -->)",
            lambda found, table=table: f"{found[1]}{table}{found[2]}",
            text,
            flags=re.DOTALL,
        )
    return text


def field_table() -> str:
    """Each field with its type and bounds, unit and meaning; required ones in bold."""
    required = set(TypeAdapter(Sample).json_schema()["required"])
    rows = ["| field | type and bounds | unit | meaning |", "|---|---|---|---|"]
    for name, annotation in FIELDS.items():
        shown = f"**`{name}`**" if name in required else f"`{name}`"
        found = _metadata(annotation)
        unit = next((item.symbol for item in found if isinstance(item, Unit)), "")
        meaning = next(item.text for item in found if isinstance(item, Meaning))
        rows.append(f"| {shown} | {described(annotation)} | {unit} | {meaning} |")
    return "\n".join(rows) + "\n"


def problem_table() -> str:
    """Each rule with its status and title."""
    rows = [f"| `{rule}` | {problem.status} | {problem.title} |" for rule, problem in PROBLEMS.items()]
    return "\n".join(["| rule | status | title |", "|---|---|---|", *rows]) + "\n"


def rule_table() -> str:
    """Each plausibility rule with its version, whether it excludes, its reason and its source."""
    rows = ["| rule | version | excludes | reason | source |", "|---|---|---|---|---|"]
    for rule in RULES:
        excludes = "yes" if rule.excludes else "no"
        rows.append(f"| `{rule.id}` | {rule.version} | {excludes} | {rule.reason_en} | {rule.source} |")
    return "\n".join(rows) + "\n"


def sample_schema() -> str:
    """JSON Schema of one line; the laws between fields are told in ``protocol.md`` only."""
    schema = TypeAdapter(Sample).json_schema()
    for name, annotation in FIELDS.items():
        _complete(schema["properties"][name], _metadata(annotation))
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Sample",
        "description": "One line of an envelope of the Maille wire protocol. The laws between fields, which a schema "
        "does not tell, are in protocol.md.",
        **{key: value for key, value in schema.items() if key not in ("title", "description")},
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _complete(member: dict[str, Any], metadata: list[Any]) -> None:
    """Add to one property what Pydantic does not tell: meaning, unit, pattern."""
    member.pop("title", None)
    for item in metadata:
        if isinstance(item, Meaning):
            member["description"] = item.text
        elif isinstance(item, Unit):
            member["x-unit"] = item.symbol
        elif isinstance(item, Predicate):
            text = next((choice for choice in member.get("anyOf", []) if choice.get("type") == "string"), member)
            text["pattern"] = PATTERNS[item.func]


def _metadata(annotation: Any) -> list[Any]:
    """All that the ``Annotated`` layers of an annotation hold."""
    if get_origin(annotation) is Annotated:
        inner, *found = get_args(annotation)
        return _metadata(inner) + found
    return [item for part in get_args(annotation) if part is not NoneType for item in _metadata(part)]


if __name__ == "__main__":
    main()
