"""The gold set: the items that count, by role, their experts' own answers, its versions and what changed."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import polars as pl

from weaklabel.errors import GoldError, Problems, SchemaError, WeakLabelError, did_you_mean
from weaklabel.fingerprint import fingerprint
from weaklabel.gold.ledger import records
from weaklabel.gold.ledger.answers import latest
from weaklabel.gold.ledger.records import KINDS, ROLES
from weaklabel.gold.table import Gold
from weaklabel.schema import LabelSchema

_SAID: dict[str, Any] = {
    "item": pl.String,
    "annotator": pl.String,
    "kind": pl.String,
    "labels": pl.List(pl.String),
    "at": pl.Datetime("us", "UTC"),
    "comment": pl.String,
}


@dataclass(frozen=True, eq=False)
class GoldSet:
    """Items with the label that counts, role and origin; made by `gold_set`.

    Parameters
    ----------
    items
        One row an item that is in the set, with `number` and the columns of gold records, sorted by item; labels by
        their name in the schema. Items that were removed are not there.
    schema
        The labels.
    answers
        What experts answered themselves to items that are or were in the set; see `experts`.
    history
        Every gold record that the set is made of, in order.
    versions
        The version records.
    notes
        What a reader should know, in sentences.

    Examples
    --------
    >>> said = pl.DataFrame({"item": ["a", "b"], "labels": [["spam"], []], "role": ["check", "audit"],
    ...                      "origin": ["expert", "random"], "inclusion": [None, 0.5]})
    >>> found = gold_set(said, schema=LabelSchema(["ham", "spam"]))
    >>> found.role("audit")["item"].to_list(), found.gold("check").frame.rows()
    (['b'], [('a', 'spam')])
    """

    items: pl.DataFrame
    schema: LabelSchema
    answers: pl.DataFrame
    history: pl.DataFrame
    versions: pl.DataFrame
    notes: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """Hash of items, labels and roles."""
        rows = self.items.sort("item").select("item", pl.col("labels").list.sort(), "role")
        return fingerprint(rows.rows())

    @property
    def experts(self) -> pl.DataFrame:
        """The experts' own answers to the items: item, annotator, kind, labels, at, comment."""
        return self.answers.join(
            _pairs(self.items), on=["item", "annotator"], how="semi", maintain_order="left"
        )

    def role(self, *roles: str) -> pl.DataFrame:
        """Return the items of one or more roles.

        Raises
        ------
        GoldError
            There is no such role.
        """
        for role in roles:
            if role not in ROLES:
                raise GoldError(f"no role {role!r}", available=ROLES, hint=did_you_mean(role, ROLES))
        return self.items.filter(pl.col("role").is_in(roles))

    def gold(self, *roles: str) -> Gold:
        """Return ids and labels of one or more roles, as label models and metrics take them.

        Items that are none of the labels, or whose labels the schema does not have any more, are left out, and notes
        say how many.

        Raises
        ------
        GoldError
            No role is named, or there is no such role.
        SchemaError
            The schema is not exclusive.
        """
        if not roles:
            raise GoldError("gold of which role?", available=ROLES, hint='such as gold("calibrate")')
        if not self.schema.exclusive:
            raise SchemaError(
                "gold of a multi-label schema is not one label a row",
                hint="make each label a task of its own",
            )
        chosen = self.role(*roles)
        one = pl.col("labels").list.len() == 1
        known = one & pl.col("labels").list.first().is_in(self.schema.names)
        frame = chosen.filter(known).select(id="item", label=pl.col("labels").list.first()).sort("id")
        none = chosen.filter(pl.col("labels").list.len() == 0).height
        strange = chosen.height - none - frame.height
        notes = tuple(
            f"{count} gold {'item is' if count == 1 else 'items are'} {what} and left out"
            for count, what in ((none, "none of the labels"), (strange, "not of the schema's labels"))
            if count
        )
        return Gold(frame, self.schema, notes, {"rows": chosen.height, "unlabeled": none + strange})

    def at(self, version: int, *, tombstones: pl.DataFrame | None = None) -> GoldSet:
        """Return the set as it was when a version was recorded.

        Parameters
        ----------
        version
            Its number.
        tombstones
            What was erased, as `Ledger.tombstones` returns it. What was erased is in no version any more: the notes
            of one that it was in say "ended by erasure on" which day.

        Raises
        ------
        GoldError
            There is no such version.
        """
        found = self.versions.filter(pl.col("version") == version)
        if not found.height:
            raise GoldError(
                f"the gold set has no version {version}", available=map(str, self.versions["version"].sort())
            )
        record = found.row(-1, named=True)
        before = self.history.filter(pl.col("number") < record["number"])
        versions = self.versions.filter(pl.col("number") < record["number"])
        items = _items(before, self.schema, "keep")
        old = GoldSet(items, self.schema, self.answers, before, versions)
        if record["fingerprint"] in (None, old.fingerprint):
            return old
        return replace(old, notes=(_ended(version, record["task"], record["recorded_at"], tombstones),))

    def next_version(self, note: str | None = None) -> pl.DataFrame:
        """Return the version record of this set, to be recorded as it stands.

        Examples
        --------
        >>> said = pl.DataFrame({"item": ["a"], "labels": [["spam"]], "role": ["check"], "origin": ["expert"]})
        >>> gold_set(said, schema=LabelSchema(["ham", "spam"])).next_version("first")["version"].to_list()
        [1]
        """
        last = self.versions["version"].max() if self.versions.height else 0
        assert isinstance(last, int)
        row = {"version": last + 1, "note": note, "fingerprint": self.fingerprint}
        return pl.DataFrame([row], schema=KINDS["version"])


def gold_set(
    gold: pl.DataFrame,
    *,
    schema: LabelSchema,
    versions: pl.DataFrame | None = None,
    answers: pl.DataFrame | None = None,
    unknown: Literal["refuse", "keep"] = "refuse",
) -> GoldSet:
    """Return the gold set that records make: the latest of each item, without those that were removed.

    Parameters
    ----------
    gold
        Gold records of one task, as ``ledger.records("gold", task=…)`` returns them.
    schema
        The labels.
    versions
        The version records; None: there are none.
    answers
        The ledger's answers of the task, from which those of the experts are taken; None: not known.
    unknown
        What to do with items whose labels the schema does not have (any more): ``refuse`` the set, or ``keep`` them as
        they are, such as to relabel or remove them; `GoldSet.gold` leaves them out.

    Raises
    ------
    SchemaError
        A label is not in the schema, or an item has two labels of an exclusive one; with several, `Problems`.
    GoldError
        The records are of several tasks.
    """
    history = _history(gold, "gold")
    items = _items(history, schema, unknown)
    noted = (
        _history(versions, "version")
        if versions is not None
        else pl.DataFrame(schema=records.columns("version"))
    )
    return GoldSet(items, schema, _said(history, answers), history, noted)


@dataclass(frozen=True, eq=False)
class GoldDiff:
    """What changed between two gold sets; made by `diff`.

    Parameters
    ----------
    added, removed
        Items with their labels and roles.
    relabeled
        item, before, after: lists of labels.
    moved
        item, before, after: roles.

    Examples
    --------
    >>> def made(role):
    ...     said = pl.DataFrame({"item": ["a"], "labels": [["spam"]], "role": [role], "origin": ["expert"]})
    ...     return gold_set(said, schema=LabelSchema(["ham", "spam"]))
    >>> diff(made("check"), made("shown")).sentence
    '1 item moved to another role'
    """

    added: pl.DataFrame
    removed: pl.DataFrame
    relabeled: pl.DataFrame
    moved: pl.DataFrame

    @property
    def sentence(self) -> str:
        """What changed, in words."""
        parts = (
            (self.added, "added"),
            (self.removed, "removed"),
            (self.relabeled, "relabeled"),
            (self.moved, "moved to another role"),
        )
        said = [
            f"{frame.height} item{'s' * (frame.height != 1)} {what}" for frame, what in parts if frame.height
        ]
        return ", ".join(said) or "no difference"

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {name: frame.to_dicts() for name, frame in vars(self).items()} | {"sentence": self.sentence}


def diff(old: GoldSet, new: GoldSet) -> GoldDiff:
    """Return what changed from one gold set to another, such as ``diff(now.at(2), now)``; rows sorted by item."""
    rows = ["item", "labels", "role"]
    before, after = (each.items.select(rows).sort("item") for each in (old, new))
    both = before.join(after, on="item", how="inner", suffix="_after", maintain_order="left")
    other = pl.col("labels").list.sort() != pl.col("labels_after").list.sort()
    return GoldDiff(
        added=after.join(before, on="item", how="anti", maintain_order="left"),
        removed=before.join(after, on="item", how="anti", maintain_order="left"),
        relabeled=both.filter(other).select("item", before="labels", after="labels_after"),
        moved=both.filter(pl.col("role") != pl.col("role_after")).select(
            "item", before="role", after="role_after"
        ),
    )


def by_name(items: pl.DataFrame, schema: LabelSchema, *, place: str = "the gold set") -> pl.DataFrame:
    """Return items with labels by their name in the schema, those that they are mistaken for (`counter`) too.

    Raises
    ------
    SchemaError
        A label is not in the schema, or an item has two of an exclusive one, or is mistaken for what it is; with
        several, `Problems`.

    Examples
    --------
    >>> from weaklabel.schema import Label
    >>> schema = LabelSchema(["ham", Label("spam", aliases=("junk",))])
    >>> by_name(pl.DataFrame({"item": ["a"], "labels": [["junk"]]}), schema)["labels"].to_list()
    [['spam']]
    """
    problems = list(_label_problems(items, schema, place))
    if problems:
        raise problems[0] if len(problems) == 1 else Problems(place, problems[:20])
    return _renamed(items, schema)


def _label_problems(items: pl.DataFrame, schema: LabelSchema, place: str) -> Iterator[WeakLabelError]:
    counters = items["counter"] if "counter" in items.columns else [None] * items.height
    for (item, labels), counter in zip(items.select("item", "labels").iter_rows(), counters, strict=True):
        where = f"{place}, item {item!r}"
        known = {schema.code(label) for label in labels or [] if label in schema}
        for label in [*(labels or []), *([] if counter is None else counter)]:
            if label not in schema:
                hint = did_you_mean(label, schema.names)
                yield SchemaError(f"unknown label {label!r}", where=where, available=schema.names, hint=hint)
        if schema.exclusive and len(labels or []) > 1:
            yield SchemaError(
                f"{len(labels)} labels for one item of an exclusive schema: {', '.join(labels)}", where=where
            )
        for label in [] if counter is None else counter:
            if label in schema and schema.code(label) in known:
                hint = "`counter` names other labels, that it is easily mistaken for"
                yield SchemaError(f"the item is {label!r}, and mistaken for it", where=where, hint=hint)


def _history(given: pl.DataFrame, kind: str) -> pl.DataFrame:
    """Return records with all columns of what a ledger gives back, by number."""
    columns = records.columns(kind)
    numbered = given if "number" in given.columns else given.with_row_index("number", offset=1)
    whole = numbered.select(
        (pl.col(name) if name in numbered.columns else pl.lit(None)).cast(type_).alias(name)
        for name, type_ in columns.items()
    ).sort("number")
    if kind == "gold":
        whole = whole.with_columns(pl.col("labels", "experts", "counter").fill_null([]))
    tasks = whole["task"].drop_nulls().unique().sort().to_list()
    if len(tasks) > 1:
        raise GoldError(
            f"records of {len(tasks)} tasks: {', '.join(tasks)}", hint=f'ledger.records("{kind}", task=…)'
        )
    return whole


def _items(history: pl.DataFrame, schema: LabelSchema, unknown: str) -> pl.DataFrame:
    now = (
        records.current("gold", history).filter(pl.col("role") != "removed").select("number", *KINDS["gold"])
    )
    now = now.with_columns(still_mistaken(now, schema))
    return (by_name(now, schema) if unknown == "refuse" else _renamed(now, schema)).sort("item")


def still_mistaken(items: pl.DataFrame, schema: LabelSchema) -> pl.Series:
    """Return the labels that items are mistaken for, without those that the schema has no more or that they became.

    Examples
    --------
    >>> items = pl.DataFrame({"labels": [["ham"]], "counter": [["spam", "ham", "gone"]]})
    >>> still_mistaken(items, LabelSchema(["ham", "spam"])).to_list()
    [['spam']]
    """
    found = []
    for labels, counter in items.select("labels", "counter").iter_rows():
        own = {schema.code(label) for label in labels if label in schema}
        found.append([label for label in counter if label in schema and schema.code(label) not in own])
    return pl.Series("counter", found, dtype=pl.List(pl.String))


def _renamed(items: pl.DataFrame, schema: LabelSchema) -> pl.DataFrame:
    """Return items with labels by their name, where the schema has them."""
    of_labels = [name for name in ("labels", "counter") if name in items.columns]
    spellings = pl.concat([items[name].explode(empty_as_null=False).rename("") for name in of_labels])
    names = {
        spelling: schema.label(schema.code(spelling))
        for spelling in spellings.drop_nulls().unique()
        if spelling in schema
    }
    return items.with_columns(pl.col(of_labels).list.eval(pl.element().replace(names))) if names else items


def _pairs(gold: pl.DataFrame) -> pl.DataFrame:
    """Return item and annotator of every expert's judgement."""
    return gold.explode("experts", empty_as_null=False).select("item", annotator="experts").drop_nulls()


def _said(history: pl.DataFrame, answers: pl.DataFrame | None) -> pl.DataFrame:
    """Return the latest answer of each expert of an item."""
    if answers is None:
        return pl.DataFrame(schema=_SAID)
    mine = answers.join(_pairs(history), on=["item", "annotator"], how="semi", maintain_order="left")
    lacking = {"task": pl.lit(""), "number": pl.int_range(pl.len()), "at": pl.lit(None, _SAID["at"])}
    lacking |= {"comment": pl.lit(None, pl.String)}
    mine = mine.with_columns(**{n: value for n, value in lacking.items() if n not in mine.columns})
    return latest(mine).select(_SAID.keys())


def _ended(
    version: int, task: str | None, recorded: datetime.datetime | None, tombstones: pl.DataFrame | None
) -> str:
    """Say why a version is not what it was."""
    days: Iterable[datetime.datetime] = []
    if tombstones is not None and recorded is not None:
        mine = pl.col("task").is_null() | (pl.col("task") == task)
        days = tombstones.filter(mine, pl.col("erased_at") >= recorded, pl.col("records") > 0)["erased_at"]
    first = min(days, default=None)
    when = f" on {first:%Y-%m-%d}" if first is not None else ""
    return f"version {version} was ended by erasure{when}: what was erased is not in it any more"
