"""Agreement with gold and among people, what is contested and hard, and what each person confuses, as HTML."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import polars as pl

from weaklabel.report.drawing import Point, points, shade, text
from weaklabel.report.gold_cells import (
    SOURCE_NAMES,
    all_weeks,
    few_mark,
    interval_cell,
    nothing_to_show,
    seconds,
    share_text,
    table_of,
    values,
    whole,
)

if TYPE_CHECKING:
    from weaklabel.gold.trends.found import Look

MOST_PAIRS = 20
"""Contested pairs that are shown."""
MOST_CLASSES = 12
"""With more classes a person's confusions are listed, not drawn as a table."""


def with_gold_part(look: Look, about: str) -> str:
    """Return agreement with gold by week and guideline version, drawn and in tables.

    Parameters
    ----------
    look
        What is shown.
    about
        Stands behind the heading.

    Examples
    --------
    >>> from weaklabel.gold.trends.found import Sources, no_records
    >>> from weaklabel.gold.trends.looking_back import look_back
    >>> from weaklabel.schema import LabelSchema
    >>> found = look_back(Sources(*no_records()), task="mail", schema=LabelSchema(["ham", "spam"]))
    >>> "Nothing to show" in with_gold_part(found.looks[0], "")
    True
    """
    said = (
        "Raw: share of right answers. Kappa: how much of the agreement is more than luck; 1 means always, 0 no more often "
        "than by luck. Items settled later were settled mostly because people disagreed: agreement there is lower than "
        "elsewhere. Gold counts as it is now; nobody is held against gold that they helped to make."
    )
    parts = [f"<h2>Agreement with gold{text(about)}</h2>"]
    if not look.gold["week"].height:
        return parts[0] + nothing_to_show(
            "no answer of anybody is to an item of the gold set that may be shown."
        )
    parts.append(f'<p class="soft">{text(said)}</p>')
    for by, name in (("week", "By week"), ("guideline", "By guideline version")):
        table = look.gold[by]
        for source in [name for name in SOURCE_NAMES if name in table["source"]]:
            part = table.filter(pl.col("source") == source)
            parts.append(f"<h3>{name}, {SOURCE_NAMES[source]}</h3>")
            parts.append(_drawn(part, by, ("raw", "kappa"), _gold_told))
        parts.append(
            table_of(["source", by, "answers", "items", "people", "raw", "kappa"], _gold_rows(table))
        )
    return "\n".join(parts)


def among_part(look: Look, about: str) -> str:
    """Return agreement among people by week and guideline version, drawn and in tables.

    Parameters
    ----------
    look
        What is shown.
    about
        Stands behind the heading.

    Examples
    --------
    >>> from weaklabel.gold.trends.found import Sources, no_records
    >>> from weaklabel.gold.trends.looking_back import look_back
    >>> from weaklabel.schema import LabelSchema
    >>> found = look_back(Sources(*no_records()), task="mail", schema=LabelSchema(["ham", "spam"]))
    >>> "Nothing to show" in among_part(found.looks[0], "")
    True
    """
    said = (
        "Items that two people or more answered; training rounds and the audit are left out. Raw: share of the items on "
        "which all say the same. Alpha (Krippendorff's): how much of the agreement is more than luck. Items that prove hard "
        "are asked of more people, which makes both lower."
    )
    head = f"<h2>Agreement among people{text(about)}</h2>"
    if not look.people["week"].height:
        return head + nothing_to_show("no item was answered by two people or more.")
    parts = [head, f'<p class="soft">{text(said)}</p>']
    for by, name in (("week", "By week"), ("guideline", "By guideline version")):
        table = look.people[by]
        parts.append(f"<h3>{name}</h3>{_drawn(table, by, ('raw', 'alpha'), _among_told)}")
        rows = [
            [
                row["group"],
                whole(row["items"]),
                whole(row["answers"]),
                whole(row["people"]),
                *values(row, "raw", "alpha"),
            ]
            for row in table.iter_rows(named=True)
        ]
        parts.append(table_of([by, "items", "answers", "people", "raw", "alpha"], rows))
    return "\n".join(parts)


def _drawn(
    table: pl.DataFrame, by: str, kinds: Sequence[str], told: Callable[[dict[str, Any], str], str]
) -> str:
    rows = {row["group"]: row for row in table.iter_rows(named=True)}
    groups = all_weeks(list(rows)) if by == "week" else list(rows)
    lowest = min([0.0, *(row[f"{kind}_low"] or 0.0 for row in rows.values() for kind in kinds)])
    lowest = math.floor(lowest * 5) / 5
    series = {
        kind: [_spot(rows[group], kind, told) if group in rows else Point(None) for group in groups]
        for kind in kinds
    }
    return points(groups, series, bottom=lowest, percent=False)


def _spot(row: dict[str, Any], kind: str, told: Callable[[dict[str, Any], str], str]) -> Point:
    return Point(row[kind], row[f"{kind}_low"], row[f"{kind}_high"], told(row, kind), row["few"])


def _gold_told(row: dict[str, Any], kind: str) -> str:
    return f"{share_text(row, kind)}; {row['right']:,} of {row['answers']:,} answers right"


def _among_told(row: dict[str, Any], kind: str) -> str:
    return f"{share_text(row, kind)}; {row['alike']:,} of {row['items']:,} items alike"


def _gold_rows(table: pl.DataFrame) -> list[list[str]]:
    return [
        [
            SOURCE_NAMES[row["source"]],
            row["group"],
            whole(row["answers"]),
            whole(row["items"]),
            whole(row["people"]),
            *values(row, "raw", "kappa"),
        ]
        for row in table.iter_rows(named=True)
    ]


# ---- what is hard ----


def contested_part(look: Look, about: str) -> str:
    """Return which pairs of labels are confused.

    Parameters
    ----------
    look
        What is shown.
    about
        Stands behind the heading.

    Examples
    --------
    >>> from weaklabel.gold.trends.found import Sources, no_records
    >>> from weaklabel.gold.trends.looking_back import look_back
    >>> from weaklabel.schema import LabelSchema
    >>> found = look_back(Sources(*no_records()), task="mail", schema=LabelSchema(["ham", "spam"]))
    >>> "Nothing to show" in contested_part(found.looks[0], "")
    True
    """
    head = f"<h2>Contested labels{text(about)}</h2>"
    if not look.pairs.height:
        return head + nothing_to_show("no item that several people answered was given two different labels.")
    said = "Items that were given both labels, of those that were given one of the two and that two people or more answered."
    rows = [
        [
            text(r["one"]),
            text(r["other"]),
            whole(r["items"]),
            whole(r["either"]),
            interval_cell(r, "share") + few_mark(r),
        ]
        for r in look.pairs.head(MOST_PAIRS).iter_rows(named=True)
    ]
    table = table_of(["one", "other", "both", "either", "share of these"], rows, safe=True)
    return f'{head}<p class="soft">{text(said)}</p>{table}'


def hardest_part(look: Look, about: str) -> str:
    """Return the items on which people differ most.

    Parameters
    ----------
    look
        What is shown.
    about
        Stands behind the heading.

    Examples
    --------
    >>> from weaklabel.gold.trends.found import Sources, no_records
    >>> from weaklabel.gold.trends.looking_back import look_back
    >>> from weaklabel.schema import LabelSchema
    >>> found = look_back(Sources(*no_records()), task="mail", schema=LabelSchema(["ham", "spam"]))
    >>> "Nothing to show" in hardest_part(found.looks[0], "")
    True
    """
    head = f"<h2>Hardest items{text(about)}</h2>"
    if not look.hardest.height:
        return head + nothing_to_show("nobody differs on any item.")
    said = (
        "Items on which people differ most, the surest first: by the low end of the interval of the share that does not say "
        "what most say. Wrong: by gold. `weaklabel gold queue` shows what waits for an expert. Hidden checks may be among these "
        "items: keep this page from the people who label."
    )
    rows = [
        [
            f"<code>{text(r['item'])}</code>",
            f"{r['differ']:,} of {r['answers']:,}",
            interval_cell(r, "share"),
            text(", ".join(r["said"])),
            text(r["gold"] or ""),
            whole(r["wrong"]) if r["gold"] else "",
            whole(r["no_opinion"]),
            whole(r["comments"]),
            seconds(r["seconds"]),
        ]
        for r in look.hardest.iter_rows(named=True)
    ]
    names = ["item", "differ", "share", "said", "gold", "wrong", "no opinion", "comments", "median time"]
    return f'{head}<p class="soft">{text(said)}</p>{table_of(names, rows, safe=True)}'


def confusions_part(look: Look, about: str) -> str:
    """Return each person's confusion matrix.

    Parameters
    ----------
    look
        What is shown.
    about
        Stands behind the heading.

    Examples
    --------
    >>> from weaklabel.gold.trends.found import Sources, no_records
    >>> from weaklabel.gold.trends.looking_back import look_back
    >>> from weaklabel.schema import LabelSchema
    >>> found = look_back(Sources(*no_records()), task="mail", schema=LabelSchema(["ham", "spam"]))
    >>> "Nothing to show" in confusions_part(found.looks[0], "")
    True
    """
    head = f"<h2>What each person confuses{text(about)}</h2>"
    if not look.confusions.height:
        return head + nothing_to_show("nobody has answered an item of the gold set that may be shown.")
    said = (
        "A row for each class of gold, a column for each that was said; darker: a larger share of the row. On hidden checks; "
        "of people who had none, on training rounds, else on items settled later. Answers that are set aside are in here."
    )
    parts = []
    overall = {(row["source"], row["group"]): row for row in look.gold["annotator"].iter_rows(named=True)}
    for (person,), table in look.confusions.group_by("annotator", maintain_order=True):
        source = table["source"][0]
        row = overall[source, person]
        line = f"{SOURCE_NAMES[source]}, {row['answers']:,} answers: raw {share_text(row, 'raw')}, kappa {share_text(row, 'kappa')}"
        drawn = _matrix(table, look.classes) if len(look.classes) <= MOST_CLASSES else _listed(table)
        parts.append(f"<div><h3>{text(person)}</h3><p>{text(line)}{few_mark(row)}</p>{drawn}</div>")
    return f'{head}<p class="soft">{text(said)}</p><div class="matrices">{"".join(parts)}</div>'


def _matrix(table: pl.DataFrame, classes: Sequence[str]) -> str:
    cells = {(row["gold"], row["said"]): row for row in table.iter_rows(named=True)}
    used = {name for pair in cells for name in pair}
    names = [name for name in classes if name in used]
    head = "".join(f"<th>{text(name)}</th>" for name in names)
    body = []
    for gold in (name for name in names if any(pair[0] == name for pair in cells)):
        row = []
        for said in names:
            one = cells.get((gold, said))
            told = (
                f"{one['n']:,} of gold {gold}: {share_text(one, 'share')}" if one else f"none of gold {gold}"
            )
            style = shade(one["share"] if one else 0.0)
            row.append(f'<td style="{style}" title="{text(told)}">{one["n"] if one else ""}</td>')
        body.append(f"<tr><th>{text(gold)}</th>{''.join(row)}</tr>")
    return f'<table class="cells"><thead><tr><th>gold</th>{head}</tr></thead><tbody>{"".join(body)}</tbody></table>'


def _listed(table: pl.DataFrame) -> str:
    wrong = table.filter(pl.col("gold") != pl.col("said")).sort(
        "n", "gold", "said", descending=[True, False, False]
    )
    if not wrong.height:
        return nothing_to_show("no answer was wrong.")
    rows = [
        [text(r["gold"]), text(r["said"]), whole(r["n"]), interval_cell(r, "share")]
        for r in wrong.head(MOST_CLASSES).iter_rows(named=True)
    ]
    return table_of(["gold", "said", "times", "share of that gold"], rows, safe=True)
