"""Gold rows of a multi-label task joined with their tags, by id, as sparse arrays that the metrics read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from weaklabel.errors import GoldError, SchemaError, WeakLabelError, did_you_mean, some
from weaklabel.evaluate.rows import GoldTable, HasFrame, Table, unique_ids
from weaklabel.schema import STATUSES, TAG_COLUMNS, LabelSchema

SEPARATOR = "|"
"""Stands between the labels of a cell of text."""

_NEEDED = ("id", "labels", "status")
_SCORED = ("candidates", "probabilities")


@dataclass(frozen=True)
class TagRows:
    """Gold rows with their tags, sorted by id; n rows, k tags.

    Parameters
    ----------
    ids
        Shape (n,), sorted.
    covered
        The row has votes, bool (n,).
    gold, given
        CSR arrays (n, k) with 1.0 where gold has the tag, and where the label table gives it.
    gold_above, given_above
        The same with all ancestors of each tag.
    scores
        CSR array (n, k) with the probabilities of candidates, those above 0; None where the table has none.
    names
        Names of the k tags.

    Examples
    --------
    >>> schema = LabelSchema(["animal", "plant"], exclusive=False)
    >>> labels = pl.DataFrame({"id": ["a"], "labels": [["plant"]], "status": ["labeled"]})
    >>> gold, _ = tag_gold(pl.DataFrame({"id": ["a"], "labels": ["animal|plant"]}), schema)
    >>> rows = join_tags(labels, gold, schema)
    >>> rows.gold.toarray(), rows.given.toarray(), rows.scores is None
    (array([[1., 1.]]), array([[0., 1.]]), True)
    """

    ids: np.ndarray
    covered: np.ndarray
    gold: Any
    given: Any
    gold_above: Any
    given_above: Any
    scores: Any
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, keep: np.ndarray) -> TagRows:
        """Return the rows where `keep` is true."""
        at = np.flatnonzero(keep)
        return replace(
            self._each(lambda table: table[at]),
            ids=self.ids[at],
            covered=self.covered[at],
        )

    def only(self, codes: Sequence[int]) -> TagRows:
        """Return some tags of all rows; ancestors were added before the others left."""
        at = np.asarray(codes, dtype=np.int64)
        part = self._each(lambda table: table.tocsc()[:, at].tocsr())
        return replace(part, names=tuple(self.names[code] for code in codes))

    def _each(self, change: Any) -> TagRows:
        return replace(
            self,
            gold=change(self.gold),
            given=change(self.given),
            gold_above=change(self.gold_above),
            given_above=change(self.given_above),
            scores=None if self.scores is None else change(self.scores),
        )


def tag_gold(gold: GoldTable, schema: LabelSchema) -> tuple[pl.DataFrame, int]:
    """Return gold as id and names of the schema, sorted by id, and the number of rows without labels (null).

    Parameters
    ----------
    gold
        Gold set, or a table with `id` and `labels`: a list of names or aliases, or text split at `|`. An empty list
        or text: none of the tags. Null: nobody has said anything, left out.
    schema
        A schema with `exclusive: false`.

    Raises
    ------
    SchemaError
        The schema is exclusive.
    GoldError
        A column is missing, an id is null or stands twice, a label is unknown.

    Examples
    --------
    >>> schema = LabelSchema(["ai", "web"], exclusive=False)
    >>> gold = pl.DataFrame({"id": ["b", "a", "c"], "labels": [["web", "ai"], [], None]})
    >>> tag_gold(gold, schema)[0].rows(), tag_gold(gold, schema)[1]
    ([('a', []), ('b', ['web', 'ai'])], 1)
    """
    if schema.exclusive:
        raise SchemaError(
            "an exclusive schema gives each row one label, which is not scored as a list of tags",
            hint="`evaluate` scores it; a multi-label schema says `exclusive: false`",
        )
    table = (gold.frame if isinstance(gold, HasFrame) else gold).lazy()
    columns = table.collect_schema().names()
    missing = [name for name in ("id", "labels") if name not in columns]
    if missing:
        raise GoldError(
            f"gold has no column {missing[0]!r}",
            available=columns,
            hint="gold of a multi-label task has the columns id and labels: a list, or text split at `|`",
        )
    rows = table.select(pl.col("id").cast(pl.String), "labels").collect()
    rows = rows.with_columns(lists_of_names(rows["labels"], "labels of the gold"))
    known = rows.drop_nulls("labels")
    unique_ids(known["id"], "gold")
    names = _known(known["labels"], schema, "gold", GoldError)
    renamed = known.with_columns(
        pl.col("labels").list.eval(pl.element().replace(names)).list.unique(maintain_order=True)
    )
    return renamed.sort("id"), rows.height - known.height


def join_tags(labels: Table, gold: pl.DataFrame, schema: LabelSchema) -> TagRows:
    """Return gold rows (as `tag_gold` gives them) with their tags, joined by id.

    Parameters
    ----------
    labels
        A label table with `id`, `labels` and `status`, and, for curves, `candidates` and `probabilities`.
    gold
        `id` and `labels`, sorted by id.
    schema
        The tags.

    Raises
    ------
    GoldError
        A gold id is not in the label table.
    WeakLabelError
        The label table is malformed.
    """
    found = _labels_of(labels, gold["id"])
    unique_ids(found["id"], "the label table")
    unknown = gold.join(found, on="id", how="anti")
    if unknown.height:
        raise GoldError(
            f"{unknown.height} of {gold.height} gold ids are not among the labels: {some(unknown['id'])}",
            hint="score a part of the labels by taking the same part of the gold",
        )
    ids = gold["id"]
    table = gold.select("id").join(found, on="id", how="left", maintain_order="left", validate="1:1")
    covered = _covered(table)
    above = ancestry(schema)
    truth = _marks(gold["labels"], schema, "gold")
    given = _marks(table["labels"], schema, "the label table")
    return TagRows(
        ids.to_numpy(),
        covered,
        truth,
        given,
        _with_ancestors(truth, above),
        _with_ancestors(given, above),
        _scores(table, schema) if set(_SCORED) <= set(table.columns) else None,
        schema.names,
    )


def ancestry(schema: LabelSchema) -> Any:
    """Return a CSR array (k, k) with 1.0 at each tag itself and at all its ancestors.

    Examples
    --------
    >>> from weaklabel.schema import Label
    >>> ancestry(LabelSchema(["animal", Label("cat", parents=("animal",))], exclusive=False)).toarray()
    array([[1., 0.],
           [1., 1.]])
    """
    from scipy import sparse

    pairs = [
        (code, schema.code(other))
        for code, name in enumerate(schema.names)
        for other in (name, *(schema.ancestors(name) if schema.labels[code].parents else ()))
    ]
    rows, columns = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    return sparse.csr_array((np.ones(len(rows)), (rows, columns)), shape=(len(schema), len(schema)))


def lists_of_names(column: pl.Series, what: str) -> pl.Series:
    """Return a column as lists of text: cells of text are split at `|`, blanks around names go.

    Raises
    ------
    WeakLabelError
        The column holds neither lists of text nor text.

    Examples
    --------
    >>> lists_of_names(pl.Series("labels", ["a | b", "", None]), "labels").to_list()
    [['a', 'b'], [], None]
    """
    kind = column.dtype
    if kind == pl.String:
        split = pl.col(column.name).str.split(SEPARATOR).list.eval(_filled())
        return column.to_frame().select(split).to_series()
    if kind == pl.Null or (isinstance(kind, pl.List) and kind.inner in (pl.String, pl.Null)):
        lists = column.cast(pl.List(pl.String))
        nulls = int((lists.list.len() - lists.list.drop_nulls().list.len()).sum())
        if nulls:
            raise WeakLabelError(f"{what} hold nulls inside lists: {nulls}", hint="a list holds names only")
        return lists
    raise WeakLabelError(
        f"{what} are {kind}, not lists of text", hint="a list of names, or text split at `|`"
    )


def _filled() -> pl.Expr:
    element = pl.element().str.strip_chars()
    return element.filter(element != "")


def _labels_of(labels: Table, ids: pl.Series) -> pl.DataFrame:
    frame = labels.lazy()
    columns = frame.collect_schema().names()
    missing = [name for name in _NEEDED if name not in columns]
    if missing:
        raise WeakLabelError(
            f"the label table has no column {missing[0]!r}",
            available=columns,
            hint=f"a label table of a multi-label task has the columns {', '.join(TAG_COLUMNS)}",
        )
    wanted = pl.LazyFrame({"id": ids}, schema={"id": pl.String})
    scored = _SCORED if set(_SCORED) <= set(columns) else ()
    rows = (
        frame.select(pl.col("id", "status").cast(pl.String), "labels", *scored)
        .join(wanted, on="id", how="semi")
        .sort("id")
        .collect()
    )
    for name in ("labels", *scored[:1]):
        rows = rows.with_columns(lists_of_names(rows[name], f"`{name}` of the label table"))
    return rows


def _covered(table: pl.DataFrame) -> np.ndarray:
    known = [status for status in STATUSES if status != "tie"]
    _malformed(
        table, ~table["status"].is_in(known).fill_null(False), "unknown status", f"known: {', '.join(known)}"
    )
    covered = table["status"] != "uncovered"
    given = table["labels"].list.len().fill_null(0) > 0
    _malformed(table, given & ~covered, "uncovered, and yet with labels")
    return covered.to_numpy()


def _marks(lists: pl.Series, schema: LabelSchema, place: str) -> Any:
    from scipy import sparse

    rows, names = _pairs(lists)
    codes = _known(lists, schema, place, WeakLabelError)
    at = np.array([schema.code(codes[name]) for name in names], dtype=np.int64)
    table = sparse.csr_array((np.ones(len(at)), (rows, at)), shape=(len(lists), len(schema)))
    table.sum_duplicates()
    table.data[:] = 1.0
    return table


def _pairs(lists: pl.Series) -> tuple[np.ndarray, list[str]]:
    """Return the row and the name of each item of the lists."""
    lengths = lists.list.len().fill_null(0).to_numpy().astype(np.int64)
    filled = lists.filter(pl.Series(lengths > 0))
    return np.repeat(np.arange(len(lists)), lengths), filled.explode().to_list() if filled.len() else []


def _known(lists: pl.Series, schema: LabelSchema, place: str, kind: type[WeakLabelError]) -> dict[str, str]:
    """Return the schema's name of each name in the lists."""
    names: list[Any] = lists.explode().unique().drop_nulls().sort().to_list()
    unknown = [name for name in names if name not in schema]
    if unknown:
        raise kind(
            f"labels of {place} that are not in the schema: {some(unknown)}",
            available=schema.names,
            hint=did_you_mean(unknown[0], schema.names),
        )
    return {name: schema.label(schema.code(name)) for name in names}


def _with_ancestors(table: Any, above: Any) -> Any:
    closed = (table @ above).tocsr()
    closed.data[:] = 1.0
    return closed


def _scores(table: pl.DataFrame, schema: LabelSchema) -> Any:
    from scipy import sparse

    lists, p = table["candidates"], table["probabilities"]
    if not (p.dtype == pl.Null or isinstance(p.dtype, pl.List)):
        raise WeakLabelError(f"`probabilities` of the label table are {p.dtype}, not lists of numbers")
    p = p.cast(pl.List(pl.Float64))
    lengths = lists.list.len().fill_null(0)
    _malformed(table, lengths != p.list.len().fill_null(0), "not as many probabilities as candidates")
    rows, names = _pairs(lists)
    filled = p.filter(lengths > 0)
    values = filled.explode().to_numpy().astype(np.float64) if filled.len() else np.zeros(0)
    broken = np.zeros(table.height, dtype=bool)
    broken[rows[~((values >= 0) & (values <= 1))]] = True
    _malformed(table, broken, "a probability that is not between 0 and 1")
    codes = _known(lists, schema, "the label table", WeakLabelError)
    at = np.array([schema.code(codes[name]) for name in names], dtype=np.int64)
    doubled = _rows_that_repeat(rows * len(schema) + at, len(schema), table.height)
    _malformed(table, doubled, "a candidate that stands twice")
    scores = sparse.csr_array((values, (rows, at)), shape=(table.height, len(schema)))
    scores.eliminate_zeros()
    scores.sort_indices()
    return scores


def _rows_that_repeat(keys: np.ndarray, k: int, n: int) -> np.ndarray:
    found, counts = np.unique(keys, return_counts=True)
    repeated = np.zeros(n, dtype=bool)
    repeated[found[counts > 1] // k] = True
    return repeated


def _malformed(
    rows: pl.DataFrame, bad: pl.Series | np.ndarray | Iterable[bool], what: str, hint: str = ""
) -> None:
    ids = rows["id"].filter(pl.Series(bad, dtype=pl.Boolean))
    if ids.len():
        raise WeakLabelError(f"the label table: {what} at {ids.len()} ids: {some(ids)}", hint=hint or None)
