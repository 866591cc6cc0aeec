"""`audit drift --by`: the parts of one run against each other."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from weaklabel.audit.drift import LEVEL
from weaklabel.audit.reference import over
from weaklabel.errors import GoldError
from weaklabel.pipeline.audits.drift import Drifted, columns_read, logged, rules_of
from weaklabel.pipeline.audits.drift_files import SHARD, check_column, corpus_of, open_run, with_columns
from weaklabel.pipeline.audits.rows import EVERY
from weaklabel.settings import Config

MANY = 200_000
"""Rows from which on the texts of a run's parts are not compared."""

_DAY, _WINDOW = r"^\d{4}-\d{2}-\d{2}", r"^\d{4}-(\d{2}|W\d{2}|Q\d)$"


def drift_within(
    config: Config, project: Path, by: str, *, run: str = "last", every: str = "month", level: float = LEVEL
) -> Drifted:
    """Compare the parts of one run: windows of time, each with all before it; shards or values, each with all others.

    Parameters
    ----------
    config, project
        Of the project.
    by
        A column of the corpus, or `shard`: the parts that the votes are stored in.
    run
        The run, or `last`.
    every
        Window that times are put into, one of `EVERY`.
    level
        Chance of any alarm in any part when nothing has changed.
    """
    files = open_run(project, config.task.name, run)
    rules, told = rules_of(files, config, project)
    corpus = corpus_of(files, config, project)
    check_column(corpus, by)
    small = sum(part.height for part in files.parts(["id"])) <= MANY
    has_text = small and "text" in corpus.columns
    own = [] if by == SHARD else [by]
    wanted = [
        *own,
        *(["text"] if has_text else []),
        *(c for c in columns_read(rules) if c in corpus.columns and small),
    ]
    frame = with_columns(files, corpus, wanted)
    if not own:
        frame = frame.join(pl.concat(list(files.parts(["id", SHARD]))), on="id", how="left")
    values, ordered = windows(frame[by], every)
    compared = over(
        frame.with_columns(values.alias(by)),
        files.labels,
        by,
        ordered=ordered,
        text="text" if has_text else None,
        rules=rules if small else (),
        level=level,
    )
    notes = [told, "" if small else f"texts of more than {MANY:,} rows are not compared by their parts"]
    how = "each with all before it" if ordered else "each with all others"
    result = Drifted(files.name, f"parts by {by}, {how}", compared, tuple(note for note in notes if note))
    return logged(result, config, project)


def windows(values: pl.Series, every: str = "month") -> tuple[pl.Series, bool]:
    """Return the part that each value stands for, and whether parts follow each other.

    Parameters
    ----------
    values
        Times, numbers, names.
    every
        Window that times are put into, one of `EVERY`.

    Examples
    --------
    >>> windows(pl.Series(["2026-03-01", "2026-04-30"]))[0].to_list()
    ['2026-03', '2026-04']
    >>> windows(pl.Series(["web", "mail"]))[1], windows(pl.Series(["2026-W01", None]))[1]
    (False, True)
    """
    if every not in EVERY:
        raise GoldError(f"no window {every!r}", available=EVERY)
    if values.dtype.is_temporal() and values.dtype in (pl.Date, pl.Datetime):
        return values.dt.strftime(EVERY[every]), True
    if values.dtype == pl.String:
        known = values.drop_nulls()
        if len(known) and known.str.contains(_DAY).all():
            days = values.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
            if days.null_count() == values.null_count():
                return days.dt.strftime(EVERY[every]), True
        return values, bool(len(known)) and bool(known.str.contains(_WINDOW).all())
    return values, values.dtype.is_numeric()
