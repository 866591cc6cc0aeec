"""The labels of a version of the label table, as an audit judges them: read lazily, with the votes behind their patterns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from weaklabel.audit.population import check_population
from weaklabel.audit.ranking import ON, with_votes
from weaklabel.errors import GoldError
from weaklabel.fingerprint import fingerprint
from weaklabel.pipeline.audits.rows import Judged
from weaklabel.pipeline.label_places import open_label_table, open_pattern_table
from weaklabel.settings import Config
from weaklabel.store.label_table import LabelTable, TableError
from weaklabel.store.pattern_table import PatternTable

TABLE, VERSION = "table", "version"
"""What an audit's source says where labels of the label table are judged: where it lies, and the number."""
LATEST = "latest"
NAMED = ("corpus", "rules", "schema", "model", "gold", "settings", "threshold")
"""What a version's commit says it was made from; a certificate names these."""


def version_of_word(table: LabelTable, word: str) -> int:
    """Return the number of a version: 3, v3, or `latest`.

    Raises
    ------
    GoldError
        The word is no version.
    TableError
        There is no table.

    Examples
    --------
    >>> version_of_word(LabelTable("/no/such/table"), "v3")
    3
    >>> version_of_word(LabelTable("/no/such/table"), "newest")
    Traceback (most recent call last):
    ...
    weaklabel.errors.GoldError: 'newest' is no version of the label table
      hint: a number such as 3, or latest
    """
    if word == LATEST:
        newest = table.version()
        if newest is None:
            raise TableError(
                "there is no label table yet", where=table.root, hint="weaklabel relabel makes it"
            )
        return newest
    number = word.removeprefix("v")
    if not (number.isascii() and number.isdigit()):
        raise GoldError(f"{word!r} is no version of the label table", hint="a number such as 3, or latest")
    return int(number)


def judged_version(
    config: Config, project: Path, version: int, *, votes: Sequence[str] | None = None
) -> Judged:
    """Return the labels of a version of a task's label table.

    Parameters
    ----------
    config, project
        Whose table it is.
    version
        Its number.
    votes
        Names of the labels in the schema's order: then each rule's word on the row's label stands in a column, from the
        votes behind the row's pattern. None: without.

    Raises
    ------
    TableError
        There is no such version, or its files were deleted.
    GoldError
        The votes behind a pattern are not there.
    """
    table = open_label_table(config, project)
    patterns = None if votes is None else open_pattern_table(config, project)
    source = {TABLE: _place(table, project), VERSION: str(version)}
    return rows_of_version(table, version, patterns=patterns, classes=votes or (), source=source)


def rows_of_version(
    table: LabelTable,
    version: int,
    *,
    patterns: PatternTable | None = None,
    classes: Sequence[str] = (),
    source: Mapping[str, str] | None = None,
) -> Judged:
    """Return the labeled rows of a version, read file by file, and what its commit says they were made from.

    Parameters
    ----------
    table, version
        The labels.
    patterns
        What stands behind the rows' patterns; None: rules say nothing.
    classes
        Names of the labels in the schema's order.
    source
        What the audit calls the table; None: its root and the version.

    Examples
    --------
    >>> import tempfile
    >>> from weaklabel.schema import LabelSchema
    >>> from weaklabel.store.label_table import LABEL_TABLE_COLUMNS, write_label_file
    >>> table = LabelTable(tempfile.mkdtemp())
    >>> rows = [("a", "spam", "labeled", [0.25, 0.75], 2, 7, "m1"), ("b", None, "uncovered", None, 0, 8, "m1")]
    >>> file = write_label_file(table.root, "x.parquet", pl.DataFrame(rows, schema=LABEL_TABLE_COLUMNS, orient="row"))
    >>> _ = table.commit([file], schema=LabelSchema(["ham", "spam"]), expected=None, metadata={"model": "m1"})
    >>> found = rows_of_version(table, 0)
    >>> found.rows.rows(), found.unlabeled, found.names["model"]
    ([('a', 'spam', 0.75)], 1, 'm1')
    """
    said, files = table.metadata(version), table.files(version)
    confidence = pl.col("probabilities").list.max().cast(pl.Float64).clip(0, 1).round(9)
    labeled = table.scan(version).filter(pl.col("label").is_not_null())
    further = [] if patterns is None else ["pattern"]
    read = labeled.select("id", "label", confidence.alias("confidence"), *further).collect(engine="streaming")
    rows = check_population(read, place=f"the rows of version {version} of the label table")
    if patterns is not None:
        rows = _with_signs(rows, patterns, classes)
    names = {name: said[name] for name in NAMED if said.get(name)}
    names |= {"table_version": str(version), "table_files": _files_mark(table, version)}
    total = sum(file.rows for file in files.values())
    given = source or {TABLE: table.root, VERSION: str(version)}
    return Judged(rows, dict(given), names, total - rows.height, said)


def _with_signs(rows: pl.DataFrame, patterns: PatternTable, classes: Sequence[str]) -> pl.DataFrame:
    """Return the rows with a column for each rule: patterns are few, so each pair of pattern and label is looked at once."""
    kinds = rows.select("pattern", "label").unique().sort("pattern", "label")
    kinds = kinds.with_columns(id=pl.int_range(pl.len()).cast(pl.String))
    held = patterns.votes_of(kinds["pattern"])
    missing = kinds.join(held, on="pattern", how="anti")["pattern"].n_unique()
    if missing:
        raise GoldError(
            f"the votes behind {missing} patterns of these labels are not there",
            where=patterns.root,
            hint="weaklabel relabel --refit writes them again",
        )
    events = kinds.join(held, on="pattern", how="inner").select("id", "lfs", "votes").explode("lfs", "votes")
    events = events.drop_nulls("lfs").with_columns(pl.format("lf:{}", "lfs").alias("lfs")).sort("lfs")
    wide = events.pivot(on="lfs", index="id", values="votes").fill_null(-1) if events.height else None
    votes = kinds.select("id") if wide is None else kinds.select("id").join(wide, on="id", how="left")
    votes = votes.with_columns(pl.exclude("id").fill_null(-1))
    signs = with_votes(kinds.select("id", "label"), votes, classes).drop("label")
    known = kinds.join(signs, on="id").drop("id")
    return rows.join(known, on=["pattern", "label"], how="left", maintain_order="left").select(
        *(name for name in rows.columns if name != "pattern"), pl.selectors.starts_with(ON)
    )


def _files_mark(table: LabelTable, version: int) -> str:
    return fingerprint([[f.path, f.rows, f.bytes] for f in table.files(version).values()])


def _place(table: LabelTable, project: Path) -> str:
    """Return where the table lies: within the project as seen from there."""
    if table.place.remote:
        return table.root
    path = Path(table.root)
    return path.relative_to(project).as_posix() if path.is_relative_to(project) else table.root
