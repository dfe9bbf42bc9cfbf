"""What `maille coverage show` prints: one line per declaration, or figures by place."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from client_sdk.commands.terminal import answer
from client_sdk.messages import counted, rounded, tr

if TYPE_CHECKING:
    import pandas as pd

    from aggregator.evidence.outline import Territory


def show_sources(folder: Path, claims: "pd.DataFrame", territory: "Territory | None", as_json: bool) -> None:
    """One line per operator, technology and usage: hexagons claimed, surface, and where this was read.

    Of a territory, only the hexagons count whose centre lies in it.
    """
    from dataclasses import asdict

    import h3

    from aggregator.evidence.claims import read_claim_sources

    keys = ["operator", "technology", "usage"]
    asked = set(claims[keys].itertuples(index=False, name=None))
    nothing = claims.empty
    if territory is not None:
        claims = claims[claims["h3_r8"].isin(territory.cells)]
    shares = claims.groupby([*keys, "h3_r8"])["declared_share"].sum().clip(upper=1.0)
    claimed = (shares >= 0.5).groupby(level=keys).sum().to_dict()
    sizes = {cell: h3.cell_area(h3.int_to_str(int(cell)), unit="km^2") for cell in claims["h3_r8"].unique()}
    surface = (shares * shares.index.get_level_values("h3_r8").map(sizes)).groupby(level=keys).sum().to_dict()
    rows = [
        {
            **asdict(source),
            "hexagons_claimed": int(claimed.get(key, 0)),
            "declared_km2": round(float(surface.get(key, 0.0)), 1),
        }
        for source in read_claim_sources(folder / "claims")
        if (key := (source.operator, source.technology, source.usage)) in asked or nothing
    ]
    text = "\n".join(
        f"{subject(row['operator'], row['technology'], row['usage'], row['quarter'])}{tr(':', ' :')} "
        + counted(row["hexagons_claimed"], "hexagon(s) claimed", "hexagone(s) déclaré(s)")
        + f", {row['declared_km2']:.0f} km²"
        + f" — {row['source']}, {row['licence']}, {row['file']}"
        + not_compared(row["technology"], row["usage"])
        for row in rows
    )
    answer(as_json, {"sources": rows}, text or tr("Nothing imported yet.", "Rien d’importé."))


def statistics_by(
    folder: Path, claims: "pd.DataFrame", by: str, territory: "Territory | None", progress: Any
) -> "pd.DataFrame":
    """Declared surface and people, of the grid where one was imported.

    See :func:`aggregator.evidence.declared_statistics.statistics`. Of départements, their communes count whole, as in
    published statistics; of an outline, the parts of communes in hexagons whose centre lies in it.
    """
    from aggregator.evidence.declared_statistics import commune_hexagons, statistics
    from aggregator.evidence.territory import grid_people, read_communes

    if progress:
        progress(tr("communes and hexagons", "communes et hexagones"), 0.0)
    communes = read_communes(folder / "territory")
    if territory is not None and territory.departements:
        communes = communes[communes["insee_dep"].isin(territory.departements)].reset_index(drop=True)
    held = commune_hexagons(communes, grid_people(folder / "territory"))
    if territory is not None and territory.outline:
        held = held[held["h3_r8"].isin(territory.cells)]
    if progress:
        progress(tr("declared surface", "surface déclarée"), 0.7)
    return statistics(claims, held, by)


def show_statistics(
    table: "pd.DataFrame", by: str, csv: Path | None, against: Path | None, as_json: bool, people_source: str
) -> None:
    """Print statistics, or how they differ from published ones, and write them as CSV; say where people come from."""
    from aggregator.evidence.declared_statistics import published_shape
    from aggregator.evidence.published_statistics import differences

    shape = published_shape(table, by)
    if csv is not None:
        shape.to_csv(csv, sep=";", index=False)
    numbers = [name for name in table.columns if name.endswith(("_km2", "people"))]
    rows = table.assign(**{name: table[name].round(3) for name in numbers}).to_dict("records")
    members: dict[str, Any] = {by: rows, "percent": shape.astype(object).where(shape.notna(), None).to_dict("records")}
    members["people_source"] = people_source
    lines = [_line(row, by) for row in rows]
    if against is not None:
        found = differences(shape, against, by)
        members["differences"] = found.to_dict("records")
        lines = [
            f"{row[by]} {row['mcc_mnc']} {row['techno']} {row['measure']}"
            + tr(": ours", " : ici")
            + f" {rounded(row['ours'], 2)} %, "
            + tr("published", "publié")
            + f" {rounded(row['published'], 2)} % ({rounded(row['difference'], 2, '+')})"
            for row in found.to_dict("records")
        ]
        half = rounded(found["difference"].abs().median(), 2)
        lines.append(
            tr(
                f"{len(found)} figures compared; half of them differ by less than {half} points.",
                f"{len(found)} chiffres comparés ; la moitié diffèrent de moins de {half} points.",
            )
            if len(found)
            else tr("No row in common.", "Aucune ligne commune.")
        )
    if lines:
        lines.append(_people_told(people_source))
    answer(as_json, members, "\n".join(lines) or tr("Nothing imported yet.", "Rien d’importé."))


def _people_told(source: str) -> str:
    """Whose people were counted, for people."""
    if source.startswith("grid "):
        file = source.removeprefix("grid ")
        return tr(f"People: those of the grid {file}.", f"Habitants : ceux du carroyage {file}.")
    return tr(
        "People: those of the communes, spread evenly over their area.",
        "Habitants : ceux des communes, répartis également sur leur surface.",
    )


def _line(row: dict[Any, Any], by: str) -> str:
    """One place, operator and technology: surface and people, and the part of each at each level."""
    levels = [name.removesuffix("_km2") for name in row if name.endswith("_km2") and name != "surface_km2"]
    parts = [
        f"{tr('declared', 'déclaré') if name == 'declared' else name.upper()} {rounded(row[f'{name}_km2'])} km² "
        f"({_part(row[f'{name}_km2'], row['surface_km2'])}), {row[f'{name}_people']:.0f} "
        + tr("people", "habitants")
        + f" ({_part(row[f'{name}_people'], row['people'])})"
        for name in levels
        if name == "declared" or row[f"{name}_km2"] > 0
    ]
    return (
        f"{subject(row[by], row['operator'], row['technology'], row['usage'])}"
        + tr(": ", " : ")
        + tr("; ", " ; ").join(parts)
    )


def _part(value: float, whole: float) -> str:
    return f"{rounded(100 * value / whole)} %" if whole > 0 else "–"


def subject(*parts: str) -> str:
    """What a line is about."""
    return " ".join(part for part in parts if part)


def not_compared(technology: str, usage: str) -> str:
    """What to add where no verdict reads the claim: voice has no test of its own, and 2G3G is no one technology."""
    if usage != "voix" and technology != "2G3G":
        return ""
    return " — " + tr("imported, not compared yet", "importé, pas encore comparé")
