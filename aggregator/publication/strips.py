"""A strip per line: kilometres from left to right, one row per operator, coloured by what is known.

Colours are those of the map; hatching and tone tell the states apart in black and white. A strip is passed on without
the files around it, so it says itself that it is for the project team alone.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from aggregator.proposals.corridors import Corridors
from aggregator.proposals.paths import label_of
from aggregator.publication.team_words import team_only
from client_sdk.messages import tr
from client_sdk.operators import operator_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH_IN, ROW_IN = 11.0, 0.62
DPI = 150


@dataclass(frozen=True, slots=True)
class Look:
    """How a state is drawn: what fills it, what hatches it, the colour of the hatching, and its name."""

    fill: str
    hatch: str
    ink: str
    label: str


def looks() -> dict[str, Look]:
    """Every state, in the order of the legend."""
    return {
        "confirmed": Look("#0072b2", "", "#0072b2", tr("confirmed", "confirmée")),
        "unclaimed_service": Look(
            "#d3ebe2", "xx", "#009e73", tr("service, not declared", "service présent, non déclaré")
        ),
        "contradicted strong": Look("#d55e00", "\\\\\\", "#ffffff", tr("contradicted", "contredite")),
        "contradicted moderate": Look(
            "#f8dcc6", "///", "#d55e00", tr("probably contradicted, to be confirmed", "probablement contredite")
        ),
        "suspected": Look("#fbe9c2", "...", "#b97a00", tr("to be checked on the spot", "à vérifier sur place")),
        "unclaimed": Look("#ffffff", "", "#8b95a1", tr("not declared", "non déclarée")),
        "insufficient": Look("#c6ccd3", "--", "#8b95a1", tr("measured, no conclusion", "mesurée, sans conclusion")),
        "unmeasured": Look("#e6e9ec", "", "#8b95a1", tr("never measured", "jamais mesurée")),
    }


def draw_strip(corridors: Corridors, path: int, technology: str, files: list[Path], ends: str = "") -> None:
    """Draw one line's strip into files; the suffix says the format (``.svg``, ``.png``).

    Args:
        corridors: what is known.
        path: position of the line.
        technology: whose states are drawn, one row for each operator that has some.
        files: where to.
        ends: what lies at both ends, for the title.
    """
    pieces = corridors.pieces
    states = corridors.states[corridors.states["technology"] == technology]
    states = states[pieces["path"].to_numpy()[states["piece"]] == path]
    place = pieces[["start_m", "end_m"]].iloc[states["piece"]].reset_index(drop=True) / 1000
    rows = pd.concat([place.set_axis(["start_km", "end_km"], axis=1), states.reset_index(drop=True)], axis=1)
    rows = rows.sort_values(["operator", "start_km"])
    line = corridors.paths.iloc[path]
    told = corridors.table[(corridors.table["path"] == path) & (corridors.table["technology"] == technology)]
    gaps = {str(row["operator"]): row for row in told.to_dict("records")}
    high = 2.0 + ROW_IN * len(gaps)
    with _figure(WIDTH_IN, high) as figure:
        axes: Axes = figure.add_axes((0.115, 1.15 / high, 0.605, ROW_IN * len(gaps) / high))
        for row, operator in enumerate(gaps):
            _row(axes, row, rows[rows["operator"] == operator])
            beside = axes.get_yaxis_transform()
            axes.text(1.012, row, _gap_text(gaps[operator]), transform=beside, va="center", fontsize=7)
        axes.set_xlim(0, line["length_km"])
        axes.set_ylim(len(gaps) - 0.5, -0.5)
        axes.set_yticks(range(len(gaps)), [operator_name(operator) for operator in gaps], fontsize=9)
        axes.tick_params(axis="y", length=0)
        axes.tick_params(axis="x", labelsize=9)
        axes.set_xlabel("km", fontsize=9, loc="right", labelpad=1)
        for side in ("top", "right", "left"):
            axes.spines[side].set_visible(False)
        threshold = "" if corridors.threshold == "service" else f", {corridors.threshold} Mbit/s"
        title = f"{label_of(line['name'], line['part'])} — {technology}{threshold}"
        figure.text(0.115, 1 - 0.3 / high, title, fontsize=13, fontweight="bold", va="center")
        figure.text(0.115, 1 - 0.58 / high, ends, fontsize=9, va="center", color="#444444")
        figure.text(0.985, 1 - 0.58 / high, team_only(), fontsize=8, fontweight="bold", va="center", ha="right")
        _legend(figure, set(rows["state"]), bool(_failing(rows).any()))
        for file in files:
            figure.savefig(file, dpi=DPI, metadata={"Date": None} if file.suffix == ".svg" else {"Software": None})


def _row(axes: "Axes", row: int, rows: pd.DataFrame) -> None:
    from matplotlib.patches import Rectangle

    every = looks()
    joined = (rows["state"] == rows["state"].shift()) & ((rows["start_km"] - rows["end_km"].shift()).abs() < 1e-6)
    for _, run in rows.groupby((~joined).cumsum()):
        look = every[str(run["state"].iloc[0])]
        start, end = float(run["start_km"].iloc[0]), float(run["end_km"].iloc[-1])
        box: dict[str, Any] = {"facecolor": look.fill, "edgecolor": look.ink, "hatch": look.hatch, "linewidth": 0.0}
        axes.add_patch(Rectangle((start, row - 0.3), end - start, 0.5, **box))
        outline: dict[str, Any] = {"fill": False, "edgecolor": "#5b6470", "linewidth": 0.4}
        axes.add_patch(Rectangle((start, row - 0.3), end - start, 0.5, **outline))
    failing = rows[_failing(rows)]
    spans = list(zip(failing["start_km"], failing["end_km"] - failing["start_km"], strict=True))
    axes.broken_barh(spans, (row + 0.25, 0.09), facecolor="black", linewidth=0)


def _failing(rows: pd.DataFrame) -> "pd.Series[bool]":
    return (rows["votes"] > 0) & (2 * rows["failing"] >= rows["votes"])


def _gap_text(told: dict[Any, Any]) -> str:
    return tr(
        f"longest without confirmed service: {_length(told, 'unconfirmed')}\n"
        f"longest contradicted or to be checked: {_length(told, 'doubted')}",
        f"plus long sans service confirmé : {_length(told, 'unconfirmed')}\n"
        f"plus long contredit ou à vérifier : {_length(told, 'doubted')}",
    )


def _length(told: dict[Any, Any], gap: str) -> str:
    km, seconds = told[f"{gap}_gap_km"], round(told[f"{gap}_gap_s"])
    if not km:
        return tr("none", "aucun")
    minutes = f"{seconds // 60} min {seconds % 60:02d} s" if seconds >= 60 else f"{seconds} s"
    return tr(f"{km:.1f} km, {minutes}", f"{km:.1f} km, {minutes}".replace(".", ","))


def _legend(figure: "Figure", present: set[str], failing: bool) -> None:
    from matplotlib.patches import Patch

    handles = [
        Patch(facecolor=look.fill, edgecolor=look.ink, hatch=look.hatch, linewidth=0.6, label=look.label)
        for state, look in looks().items()
        if state in present
    ]
    if failing:
        text = tr(
            "below: at least half of the phones fail (a hint, no verdict)",
            "dessous : au moins la moitié des téléphones échouent (indice, pas verdict)",
        )
        handles.append(Patch(facecolor="black", label=text))
    place: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (0.105, 0.0), "ncols": 3, "handleheight": 1.3}
    figure.legend(handles=handles, frameon=False, fontsize=8, **place)


@contextmanager
def _figure(width_in: float, height_in: float) -> Iterator["Figure"]:
    """A figure whose files depend on what is drawn alone."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    settings: dict[Any, Any] = {
        "svg.hashsalt": "maille",
        "svg.fonttype": "path",
        "hatch.linewidth": 0.9,
        "font.family": "DejaVu Sans",
    }
    with mpl.rc_context(settings):
        yield Figure(figsize=(width_in, height_in), facecolor="white")
