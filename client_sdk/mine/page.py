"""The page of a device: one HTML file that needs no network and runs no script, for its owner's eyes."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from client_sdk.dates import day_text, month_text
from client_sdk.messages import current_language, tr
from client_sdk.mine.account import Account
from client_sdk.mine.changes import TECHNOLOGY, VERDICTS, Changes, Near
from client_sdk.mine.drawing import LOOKS, draw, said_of_next
from client_sdk.mine.release import Release
from client_sdk.mine.words import TECHNOLOGIES, heading, remarks, said_names, thanks, totals
from client_sdk.operators import operator_name

STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1b2430; --quiet: #55616f; --rule: #dde3ea; --tint: #f3f6f9; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #151b23; --ink: #e8edf3; --quiet: #a9b5c3; --rule: #33404e; --tint: #1d2530; }
}
body { font: 1rem/1.5 system-ui, "DejaVu Sans", sans-serif; color: var(--ink); background: var(--paper);
  max-width: 58rem; margin: 0 auto; padding: 1.2rem 1rem 3rem; }
h1 { font-size: 1.6rem; margin: 0 0 .4rem; }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
.lead { font-size: 1.15rem; margin: 0 0 .8rem; }
.quiet, figcaption { color: var(--quiet); font-size: .9rem; }
.notice { border: 2px solid currentColor; border-radius: .4rem; padding: .5rem .8rem; font-weight: 600; }
ul.said, ol { padding-left: 1.4rem; }
ul.said { list-style: none; padding: 0; display: grid; gap: .3rem;
  grid-template-columns: repeat(auto-fit, minmax(17rem, 1fr)); }
ul.said li { display: flex; gap: .5rem; align-items: start; }
ul.said b { font-variant-numeric: tabular-nums; min-width: 2rem; text-align: right; }
.chip { display: inline-block; width: 1.35rem; height: 1.35rem; border-radius: .3rem; border: 1px solid #0006;
  box-sizing: border-box; flex: none; text-align: center; line-height: 1.35rem; color: #000;
  font-weight: 700; font-size: .85rem; }
figure { margin: .8rem 0; }
svg { display: block; width: 100%; max-width: 40rem; height: auto; border: 1px solid var(--rule);
  border-radius: .5rem; }
.ground { fill: var(--tint); }
.own { stroke: #0008; stroke-width: .7; }
.next { fill: none; stroke: var(--ink); stroke-width: 1.5; stroke-dasharray: 4 3; }
.sign, .number { text-anchor: middle; font: 700 12px system-ui, sans-serif; fill: #000; }
.confirmed { fill: #fff; color: #fff; }
.number, .km { fill: var(--ink); }
.number { paint-order: stroke; stroke: var(--tint); stroke-width: 3px; }
.km { font: 12px system-ui, sans-serif; }
.bar { fill: none; stroke: var(--ink); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .95rem; }
th, td { text-align: left; padding: .3rem .6rem .3rem 0; border-bottom: 1px solid var(--rule); }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
a { color: inherit; }
@media print { body { max-width: none; } .chip { print-color-adjust: exact; } }
""".strip()

CSP = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


@dataclass(frozen=True, slots=True)
class Told:
    """What one collector told, and what a release says of it.

    Attributes:
        url: of the collector.
        account: its answer.
        release, changes: None where no release could be read.
        trouble: why not, in words.
    """

    url: str
    account: Account
    release: Release | None = None
    changes: Changes | None = None
    trouble: str | None = None


def page_of(told: Sequence[Told], day: str) -> str:
    """The page as HTML, in the current language.

    Args:
        told: by each collector that answered.
        day: on which it was made, ISO.
    """
    title = tr("What my device contributed", "Ce que mon appareil a apporté")
    parts = [part for one in told for part in _section(one, headed=len(told) > 1)]
    made = day_text(day)
    note = tr(
        f"Made on {made}. This page is a file on this device: nothing of it was sent anywhere, and it asks for "
        "nothing. It shows where you have been: think before you pass it on.",
        f"Faite le {made}. Cette page est un fichier de cet appareil : rien n’en a été envoyé, et elle ne demande "
        "rien. Elle montre où vous êtes passé : réfléchissez avant de la transmettre.",
    )
    return "\n".join(
        [
            "<!doctype html>",
            f'<html lang="{current_language()}"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{escape(CSP)}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="referrer" content="no-referrer"><link rel="icon" href="data:,">',
            f"<title>{escape(title)} – Maille</title><style>{STYLE}</style></head>",
            f"<body><main><h1>{escape(title)}</h1>",
            *parts,
            f'<p class="quiet">{escape(note)}</p></main></body></html>',
            "",
        ]
    )


def _section(told: Told, *, headed: bool) -> list[str]:
    account, release, changes = told.account, told.release, told.changes
    parts = [f"<h2>{escape(told.url)}</h2>"] if headed else []
    parts.append(f'<p class="lead">{escape(thanks(account))}</p>')
    parts += [f"<p>{escape(line)}</p>" for line in totals(account)]
    if release is not None and changes is not None:
        parts.append(f"<h2>{tr('What became of it', 'Ce que c’est devenu')}</h2>")
        parts.append(f"<p>{escape(heading(release, changes))}</p>{_verdicts(changes)}")
        parts += [f"<p>{escape(line)}</p>" for line in remarks(account, release, changes)]
        parts.append(f'<p class="quiet">{escape(_cautions())}</p>')
    elif told.trouble:
        parts.append(f'<p class="notice">{escape(told.trouble)}</p>')
    if drawn := draw(account.hexagons, changes):
        parts.append(
            f"<h2>{tr('Where', 'Où')}</h2><figure>{drawn}<figcaption>{escape(_caption(changes))}</figcaption></figure>"
        )
    if changes is not None and changes.near:
        parts += _near(changes.near)
    return [*parts, *_networks(account), *_months(account)]


def _verdicts(changes: Changes) -> str:
    names, rows = said_names(), []
    for said in (*VERDICTS, "unpublished", "later", "uncounted"):
        if count := changes.count(said):
            colour, sign = LOOKS[said]
            chip = f'<span class="chip {said}" style="background:{colour}" aria-hidden="true">{sign}</span>'
            rows.append(f"<li>{chip}<b>{count}</b> <span>{escape(names[said])}</span></li>")
    return f'<ul class="said">{"".join(rows)}</ul>'


def _cautions() -> str:
    return tr(
        "A verdict rests on many phones, one vote each: yours counts once in each place, however often it measured. "
        "One hexagon never proves that an operator breaks its obligations.",
        "Un verdict repose sur plusieurs téléphones, une voix chacun : le vôtre compte une fois par lieu, quel que "
        "soit le nombre de mesures. Un hexagone seul ne prouve jamais qu’un opérateur manque à ses obligations.",
    )


def _caption(changes: Changes | None) -> str:
    if changes is None:
        return tr("Hexagons where this device measured.", "Hexagones où cet appareil a mesuré.")
    return tr(
        f"Hexagons where this device measured, with what is said of {TECHNOLOGY} there; where operators differ, the "
        "most urgent. Dashed, with the numbers of the list: where one more phone would help.",
        f"Hexagones où cet appareil a mesuré, avec ce qui y est dit de la {TECHNOLOGY} ; si les opérateurs diffèrent, "
        "le plus pressant. En tirets, avec les numéros de la liste : là où un téléphone de plus aiderait.",
    )


def _near(places: Sequence[Near]) -> list[str]:
    rows = []
    for place in places:
        longitude, latitude = place.centre
        away = f"{place.away_km:.1f} km"
        rows.append(
            f'<li><a href="geo:{latitude},{longitude}">{latitude:.4f}, {longitude:.4f}</a> – '
            f"{escape(', '.join(said_of_next(place)))} "
            f'<span class="quiet">({tr(away, away.replace(".", ","))})</span></li>'
        )
    why = tr(
        "Places near yours where you have not measured with this operator’s SIM yet. Only where it is safe and "
        "allowed: never use the phone at the wheel.",
        "Des lieux proches des vôtres, où vous n’avez pas encore mesuré avec une carte SIM de cet opérateur. Seulement "
        "là où c’est sûr et permis : jamais le téléphone au volant.",
    )
    heading = tr("What could be measured next", "Que mesurer ensuite")
    return [f"<h2>{heading}</h2><p>{escape(why)}</p><ol>{''.join(rows)}</ol>"]


def _networks(account: Account) -> list[str]:
    if not account.networks:
        return []
    unknown = tr("unknown", "inconnu")
    rows = [
        [
            operator_name(one.operator) if one.operator else unknown,
            TECHNOLOGIES.get(one.rat or "", one.rat or tr("none", "aucun")),
            *map(str, (one.heap.samples, one.heap.tests, one.heap.days)),
        ]
        for one in account.networks
    ]
    head = tr("Operator of the SIM,Network,Samples,Tests,Days", "Opérateur de la SIM,Réseau,Relevés,Tests,Jours")
    title = tr("By operator", "Par opérateur")
    return [f"<h2>{title}</h2>", _table(title, head.split(","), rows, 2)]


def _months(account: Account) -> list[str]:
    if not account.months:
        return []
    head = tr("Month,Samples", "Mois,Relevés")
    title = tr("By month", "Par mois")
    rows = [[month_text(month), str(count)] for month, count in account.months.items()]
    return [f"<h2>{title}</h2>", _table(title, head.split(","), rows, 1)]


def _table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]], texts: int) -> str:
    """A table whose first columns are texts, and the others numbers; where it is too wide it scrolls."""

    def row(cells: Sequence[str], tag: str) -> str:
        kinds = ["" if number < texts else ' class="n"' for number in range(len(cells))]
        scope = ' scope="col"' if tag == "th" else ""
        cells = [f"<{tag}{scope}{kind}>{escape(cell)}</{tag}>" for kind, cell in zip(kinds, cells, strict=True)]
        return f"<tr>{''.join(cells)}</tr>"

    body = "".join(row(cells, "td") for cells in rows)
    table = f"<table><thead>{row(head, 'th')}</thead><tbody>{body}</tbody></table>"
    return f'<div class="wide" tabindex="0" role="region" aria-label="{escape(title)}">{table}</div>'
