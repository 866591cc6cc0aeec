"""A page about people's work: one HTML file that needs nothing from the network and names people by pseudonym."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from weaklabel.export import write_text, writing
from weaklabel.report.drawing import Point, points, stacks, text
from weaklabel.report.gold_agreement import (
    among_part,
    confusions_part,
    contested_part,
    hardest_part,
    with_gold_part,
)
from weaklabel.report.gold_cells import (
    all_weeks,
    between,
    few_mark,
    interval_cell,
    nothing_to_show,
    number,
    seconds,
    share_text,
    table_of,
    whole,
)
from weaklabel.report.style import INK

if TYPE_CHECKING:
    import polars as pl

    from weaklabel.gold.trends.found import Trends

_WAYS = {
    "hand": "by hand",
    "suggestion": "by accepted suggestion",
    "unknown": "by people, suggestion not known",
    "rule": "by rule",
    "audit": "in the audit",
}
_STYLE = """
:root { color-scheme: light; }
body { font: 14px/1.5 system-ui, sans-serif; color: INK; max-width: 1100px; margin: 2em auto; padding: 0 1.2em; }
h1 { font-size: 1.5em; margin-bottom: 0; } h2 { font-size: 1.2em; margin: 2.2em 0 .4em; } h3 { font-size: 1em; margin: 1.4em 0 .2em; }
p { margin: .4em 0; max-width: 60em; } .soft { color: #666; } .keys span { margin-right: 1.2em; white-space: nowrap; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: .4em 0; }
th, td { text-align: left; padding: 3px 12px 3px 0; border-bottom: 1px solid #eee; vertical-align: middle; }
th { font-weight: 600; color: #555; font-size: .9em; } td.n, th.n { text-align: right; }
table.cells td, table.cells th { padding: 3px 8px; text-align: center; }
.scroll { overflow-x: auto; } .matrices { display: flex; flex-wrap: wrap; gap: 0 3em; } .few { color: #8a4b00; }
svg text { font: 11px system-ui, sans-serif; fill: INK; }
""".replace("INK", INK)


def write_gold_page(found: Trends, path: str | Path, *, title: str) -> Path:
    """Write the report on people's work as one HTML file, and return its path.

    Nothing is loaded from elsewhere, and a policy in the page forbids it. What a colour says is said by a place, a
    shape or a word too. The page holds ids of items, but none of their texts.

    Parameters
    ----------
    found
        What `weaklabel.gold.trends.looking_back.look_back` gives.
    path
        The file.
    title
        Heading of the page.

    Raises
    ------
    OutputError
        The file can't be written.

    Examples
    --------
    >>> import tempfile
    >>> from weaklabel.gold.trends.found import Sources, no_records
    >>> from weaklabel.gold.trends.looking_back import look_back
    >>> from weaklabel.schema import LabelSchema
    >>> found = look_back(Sources(*no_records()), task="mail", schema=LabelSchema(["ham", "spam"]))
    >>> write_gold_page(found, Path(tempfile.mkdtemp()) / "people.html", title="People of mail").name
    'people.html'
    """
    path = Path(path)
    page = gold_page(found, title=title)
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_text(page, path)
    return path


def gold_page(found: Trends, *, title: str) -> str:
    """Return the page as text; see `write_gold_page`.

    Examples
    --------
    >>> from weaklabel.gold.trends.found import Sources, no_records
    >>> from weaklabel.gold.trends.looking_back import look_back
    >>> from weaklabel.schema import LabelSchema
    >>> found = look_back(Sources(*no_records()), task="mail", schema=LabelSchema(["ham", "spam"]))
    >>> "Nobody has answered yet" in gold_page(found, title="People of mail")
    True
    """
    sizes = (
        f"{found.answers:,} answers of {found.people.height:,} people to {found.items:,} items. People appear by pseudonym. "
        "Every interval is one of 95 %; hollow marks and the word “few” stand where there are fewer than 30 answers."
    )
    parts = [
        f"<h1>{text(title)}</h1>",
        f'<p class="soft">{text(sizes)}</p>',
        *(f"<p>⚠ {text(note)}</p>" for note in dict.fromkeys(found.notes)),
    ]
    for look in found.looks:
        about = "" if look.label is None else f" on the label {look.label}"
        parts += [
            with_gold_part(look, about),
            among_part(look, about),
            contested_part(look, about),
            hardest_part(look, about),
        ]
        parts.append(confusions_part(look, about))
    parts += [_times(found), _people(found), _quarantines(found), _costs(found), _shares(found)]
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{text(title)}</title><style>{_STYLE}</style></head>\n<body>\n"
        + "\n".join(parts)
        + "\n</body></html>\n"
    )


# ---- time and people ----


def _times(found: Trends) -> str:
    head = "<h2>Time an answer takes</h2>"
    whole = found.times["all"]
    if not whole.height or not whole["timed"][0]:
        return head + nothing_to_show("no answer has a time; tools such as Label Studio record it.")
    told = f"{whole['timed'][0]:,} of {whole['answers'][0]:,} answers have a time. Median, and the quartiles as its line."
    parts = [head, f'<p class="soft">{text(told)}</p>']
    for by, name in (("week", "By week"), ("guideline", "By guideline version")):
        table = found.times[by]
        rows = {row["group"]: row for row in table.iter_rows(named=True)}
        groups = all_weeks(list(rows)) if by == "week" else list(rows)
        spots = [_time_spot(rows[group]) if group in rows else Point(None) for group in groups]
        top = max([row["three_quarters"] or 0.0 for row in rows.values()]) * 1.1 or 1.0
        parts.append(f"<h3>{name}</h3>{points(groups, {'median': spots}, top=top, percent=False, unit=' s')}")
        parts.append(_time_table(table, by))
    parts.append(
        "<h3>With and without a suggestion</h3>" + _time_table(found.times["suggested"], "suggestion")
    )
    return "\n".join(parts)


def _time_spot(row: dict[str, Any]) -> Point:
    told = f"{seconds(row['median'])} ({row['timed']:,} answers)"
    return Point(row["median"], row["quarter"], row["three_quarters"], told, row["few"])


def _time_table(table: pl.DataFrame, by: str) -> str:
    rows = [
        [
            row["group"],
            whole(row["answers"]),
            whole(row["timed"]),
            seconds(row["quarter"]),
            seconds(row["median"])
            + between(row["low"], row["high"], seconds)
            + (" (few)" if row["few"] else ""),
            seconds(row["three_quarters"]),
        ]
        for row in table.iter_rows(named=True)
    ]
    return table_of(
        [by, "answers", "with a time", "quarter", "median, with interval", "three quarters"], rows
    )


def _people(found: Trends) -> str:
    head = "<h2>People</h2>"
    if not found.people.height:
        return head + nothing_to_show("nobody has answered.")
    checks = {
        row["group"]: row
        for look in found.looks[:1]
        for row in look.gold["annotator"].iter_rows(named=True)
        if row["source"] == "check" and look.label is None
    }
    rows = []
    for row in found.people.iter_rows(named=True):
        mine = checks.get(row["annotator"])
        right = (
            interval_cell(mine, "raw") + few_mark(mine)
            if mine
            else '<span class="soft">no hidden checks</span>'
        )
        rows.append(
            [
                text(row["annotator"]),
                whole(row["answers"]),
                whole(row["aside"]),
                whole(row["no_opinion"]),
                right,
                text(share_text(mine, "kappa")) if mine else "",
                text(seconds(row["median"]) + between(row["low"], row["high"], seconds)),
            ]
        )
    names = [
        "person",
        "answers",
        "set aside",
        "skipped or unsure",
        "right on hidden checks",
        "kappa",
        "median time",
    ]
    return head + table_of(names, rows, safe=True)


def _quarantines(found: Trends) -> str:
    head = "<h2>Quarantines</h2>"
    if not found.quarantines.height:
        return head + nothing_to_show("no batch of anybody was set aside.")
    rows = [
        [
            f"{row['at']:%Y-%m-%d}",
            row["batch"],
            row["annotator"],
            whole(row["answers"]),
            whole(row["failed"]),
            row["reason"],
            "counts again" if row["lifted"] else "set aside",
        ]
        for row in found.quarantines.iter_rows(named=True)
    ]
    return head + table_of(["day", "batch", "person", "answers", "checks failed", "why", "now"], rows)


# ---- cost and shares ----


def _costs(found: Trends) -> str:
    head = "<h2>What a label costs</h2>"
    notes = "".join(f'<p class="soft">{text(note)}</p>' for note in found.costs.notes)
    if not found.costs.table.height:
        return head + nothing_to_show("nothing is labeled yet.") + notes
    unit = found.currency
    rows = [
        [
            _WAYS[row["way"]],
            whole(row["labels"]) + (" (few)" if row["few"] else ""),
            number(row["minutes"], ",.0f"),
            number(row["overhead"], ",.0f"),
            number(row["each"], ",.3g") + between(row["each_low"], row["each_high"], lambda v: f"{v:,.3g}"),
            number(row["money"], ",.2f", unit),
            number(row["money_each"], ",.3g", unit)
            + between(row["money_each_low"], row["money_each_high"], lambda v: f"{v:,.3g}"),
            "" if row["timed"] is None else f"{row['timed']:.0%}",
        ]
        for row in found.costs.table.iter_rows(named=True)
    ]
    names = [
        "label",
        "labels",
        "minutes",
        "and overhead",
        "minutes a label",
        "money",
        "money a label",
        "times known",
    ]
    return head + table_of(names, rows) + notes


def _shares(found: Trends) -> str:
    head = "<h2>Who labels</h2>"
    table = found.shares
    if not table.height:
        return head + nothing_to_show("no item is settled or gold, and no rule has been run.")
    said = (
        "Of the items that have a label at the end of a week, who gave it. What people have labeled is theirs from then on; "
        "the rest is what the latest run of the rules has labeled. These are counts of everything, not samples: they have no "
        "interval. Gold counts as made by hand."
    )
    ways = [way for way in ("hand", "suggestion", "unknown", "rule") if table[way].sum()]
    weeks = [str(week) for week in table["week"]]
    drawn = stacks(weeks, {_WAYS[way]: table[way].to_list() for way in ways})
    rows = [
        [
            str(row["week"]),
            whole(row["total"]),
            *(f"{row[way]:,} ({row[way] / row['total']:.1%})" for way in ways),
        ]
        for row in table.iter_rows(named=True)
        if row["total"]
    ]
    return f'{head}<p class="soft">{text(said)}</p>{drawn}' + table_of(
        ["week", "items", *(_WAYS[way] for way in ways)], rows
    )
