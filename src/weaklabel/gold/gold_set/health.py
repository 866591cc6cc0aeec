"""What a gold set can carry: how many items, by whom, how far they agree, and what they stand for."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from weaklabel.agreement import krippendorff_alpha
from weaklabel.errors import GoldError, some
from weaklabel.gold.gold_set.representing import Fit, represents
from weaklabel.gold.gold_set.standard import GoldSet
from weaklabel.gold.ledger.records import ROLES
from weaklabel.schema import LabelSchema
from weaklabel.stats import Estimate, undefined, wilson

_COUNTS: dict[str, Any] = {"role": pl.String, "label": pl.String, "items": pl.Int64, "width": pl.Float64}
_EXPERTS: dict[str, Any] = {
    "expert": pl.String,
    "items": pl.Int64,
    "share": pl.Float64,
    "alone": pl.Int64,
    "flagged": pl.Boolean,
}


@dataclass(frozen=True, eq=False)
class Health:
    """A report on a gold set; made by `health`.

    Parameters
    ----------
    roles
        role, items, width: half the width of Wilson's interval that so many items give for a share of 90 %.
    counts
        role, label, items, width: the same by label, every label of the schema in each role that has items; null:
        none of the labels.
    experts
        expert, items, share (of all items), alone (items that nobody else judged), flagged.
    agreement
        Krippendorff's alpha of the experts' own answers.
    fit
        How the set represents the corpus; None: no corpus was given.
    due
        item, role, due: what is to be looked at again.
    split
        group, items, roles: near duplicates with two roles or more.
    sentences
        The report in words, what needs care first.

    Examples
    --------
    >>> from weaklabel.gold.gold_set.standard import gold_set
    >>> said = pl.DataFrame({"item": ["a", "b"], "labels": [["spam"], ["ham"]], "role": ["check"] * 2,
    ...                      "origin": ["expert"] * 2, "experts": [["ann"], ["ann"]]})
    >>> found = health(gold_set(said, schema=LabelSchema(["ham", "spam"])), now=datetime.datetime.now(datetime.UTC))
    >>> found.sentences[0]
    "'ann' alone judged 2 of 2 items: have them judged by a second expert"
    """

    roles: pl.DataFrame
    counts: pl.DataFrame
    experts: pl.DataFrame
    agreement: Estimate
    fit: Fit | None
    due: pl.DataFrame
    split: pl.DataFrame
    sentences: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON; times in ISO 8601."""
        frames: dict[str, Any] = {
            name: getattr(self, name).to_dicts() for name in ("roles", "counts", "experts", "split")
        }
        due = self.due.with_columns(pl.col("due").dt.to_string("iso:strict")).to_dicts()
        fit = None
        if self.fit is not None:
            tables = {name: getattr(self.fit, name).to_dicts() for name in ("dimensions", "values", "mend")}
            fit = {**tables, "notes": list(self.fit.notes)}
        rest = {
            "agreement": self.agreement.to_dict(),
            "due": due,
            "fit": fit,
            "sentences": list(self.sentences),
        }
        return frames | rest


def health(
    gold: GoldSet,
    *,
    now: datetime.datetime,
    corpus: pl.DataFrame | None = None,
    by: Sequence[str] = (),
    text: str | None = None,
    roles: Sequence[str] = ROLES,
    most_alone: float = 0.5,
    share: float = 0.9,
    pseudonyms: Mapping[str, str] | None = None,
    seed: int = 0,
) -> Health:
    """Report on a gold set.

    Parameters
    ----------
    gold
        The set.
    now
        The time at which is asked what is due.
    corpus, by, text
        What the set stands for; see `weaklabel.gold.gold_set.representing.represents`.
    roles
        Only items of these roles are compared with the corpus. Those that were chosen by disagreement never are.
    most_alone
        A person who alone judged more than this share of the items is flagged.
    share
        The share for which interval widths are given, such as an accuracy.
    pseudonyms
        Names under which experts appear, as `Ledger.pseudonyms` returns them; None: their own.
    seed
        Seed of the bootstrap, and of the choice of items that would mend the set.

    Raises
    ------
    GoldError
        A time without a zone, a share that is none, an unknown role, or a corpus without the columns.
    """
    if now.tzinfo is None:
        raise GoldError(f"the time {now} has no zone", hint="such as datetime.now(datetime.UTC)")
    for name, value in (("share", share), ("most_alone", most_alone)):
        if not 0 <= value <= 1:
            raise GoldError(f"{name}={value} is no share", hint="0 to 1")
    total = _roles(gold.items, share)
    counts = _counts(gold, share)
    experts = _experts(gold.items, most_alone, pseudonyms or {})
    agreement = _agreement(gold.experts, gold.schema, seed)
    chosen = gold.role(*roles).filter(pl.col("origin") != "adjudicated")["item"]
    fit = represents(chosen, corpus, by=by, text=text, seed=seed) if corpus is not None else None
    due = gold.items.filter(pl.col("due") <= now).select("item", "role", "due").sort("due", "item")
    split = _split(gold.items)
    sentences = (
        *_flagged(experts, gold.items.height),
        *_split_sentences(split),
        *_due_sentence(due),
        *_fit_sentences(fit),
        *_count_sentences(total, counts, share, gold.schema),
        _agreement_sentence(agreement, gold.experts.height),
        *gold.notes,
    )
    return Health(total, counts, experts, agreement, fit, due, split, sentences)


def _width(items: int, share: float) -> float | None:
    """Return half the width of the interval of a share that is measured on so many items."""
    found = wilson(share * items, items)
    return None if found.low is None or found.high is None else (found.high - found.low) / 2


def _roles(items: pl.DataFrame, share: float) -> pl.DataFrame:
    found = dict(items.group_by("role").len().iter_rows())
    rows = [(role, found[role], _width(found[role], share)) for role in ROLES if role in found]
    return pl.DataFrame(rows, schema={n: _COUNTS[n] for n in ("role", "items", "width")}, orient="row")


def _counts(gold: GoldSet, share: float) -> pl.DataFrame:
    each = gold.items.select("role", label="labels").explode("label", empty_as_null=True)
    found = {(role, label): n for role, label, n in each.group_by("role", "label").len().iter_rows()}
    there = {role for role, _ in found}
    labels: list[str | None] = [*gold.schema.names, None]
    rows = [
        (role, label, found.get((role, label), 0), _width(found.get((role, label), 0), share))
        for role in ROLES
        for label in labels
        if role in there and (label is not None or (role, label) in found)
    ]
    return pl.DataFrame(rows, schema=_COUNTS, orient="row")


def _experts(items: pl.DataFrame, most_alone: float, pseudonyms: Mapping[str, str]) -> pl.DataFrame:
    """Return what each expert judged, the one who judged most alone first."""
    judged = items.select("item", expert="experts", n=pl.col("experts").list.n_unique())
    each = judged.explode("expert", empty_as_null=False).drop_nulls("expert").unique()
    found = each.group_by("expert").agg(
        items=pl.len().cast(pl.Int64), alone=(pl.col("n") == 1).sum().cast(pl.Int64)
    )
    shares = found.with_columns(share=pl.col("items") / max(items.height, 1))
    flagged = shares.with_columns(flagged=pl.col("alone") / max(items.height, 1) > most_alone)
    named = flagged.with_columns(pl.col("expert").replace(pseudonyms) if pseudonyms else pl.col("expert"))
    return named.select(_EXPERTS.keys()).sort(-pl.col("alone"), -pl.col("items"), "expert")


def _agreement(said: pl.DataFrame, schema: LabelSchema, seed: int) -> Estimate:
    """Return alpha over the labels, and "none of these" as one more."""
    if not schema.exclusive:
        return undefined(method="alpha is of exclusive labels")
    codes = [
        schema.code(labels[0])
        if kind == "label" and len(labels) == 1 and labels[0] in schema
        else len(schema.names)
        if kind == "none"
        else -2
        for kind, labels in said.select("kind", "labels").iter_rows()
    ]
    items = np.array(said["item"].to_list(), dtype=object)
    whole = np.array(codes, dtype=np.int64)
    return krippendorff_alpha(whole, items=items, n_classes=len(schema.names) + 1, seed=seed)


def _split(items: pl.DataFrame) -> pl.DataFrame:
    groups = (
        items.drop_nulls("group")
        .group_by("group")
        .agg(items=pl.col("item").sort(), roles=pl.col("role").unique().sort())
    )
    return groups.filter(pl.col("roles").list.len() > 1).sort("group")


# ---- in words ----


def _flagged(experts: pl.DataFrame, total: int) -> Iterator[str]:
    for expert, alone in experts.filter("flagged").select("expert", "alone").iter_rows():
        yield f"{expert!r} alone judged {alone} of {total} items: have them judged by a second expert"


def _split_sentences(split: pl.DataFrame) -> Iterator[str]:
    for items, roles in split.select("items", "roles").iter_rows():
        yield f"near duplicates with several roles ({', '.join(roles)}): {some(items)}: remove all but one role's"


def _due_sentence(due: pl.DataFrame) -> Iterator[str]:
    if due.height:
        verb = "item is" if due.height == 1 else "items are"
        yield f"{due.height} {verb} to be looked at again: {some(due['item'])}"


def _fit_sentences(fit: Fit | None) -> Iterator[str]:
    if fit is None:
        return
    for row in fit.values.filter(pl.col("state") != "as expected").iter_rows(named=True):
        helpers = fit.mend.filter(dimension=row["dimension"], value=row["value"])["item"]
        mended = f"; these would mend it: {some(helpers)}" if helpers.len() else ""
        yield (
            f"{row['dimension']} {row['value']!r} is {row['state']}-represented: {row['items']} items where "
            f"{row['expected']:.0f} are expected{mended}"
        )
    fine = fit.dimensions.filter(~pl.col("differs") & pl.col("p").is_not_null())["dimension"]
    few = fit.dimensions.filter(pl.col("p").is_null())["dimension"]
    if fine.len():
        yield f"no difference from the corpus is seen in {', '.join(fine)}"
    if few.len():
        yield f"too few items to compare with the corpus in {', '.join(few)}"
    yield from fit.notes


def _count_sentences(
    roles: pl.DataFrame, counts: pl.DataFrame, share: float, schema: LabelSchema
) -> Iterator[str]:
    if not roles.height:
        yield "the gold set is empty"
    for role, items, width in roles.iter_rows():
        mine = counts.filter(pl.col("role") == role, pl.col("label").is_not_null())
        label, fewest, narrow = mine.sort("items", maintain_order=True).row(0)[1:]
        noun = "item, which measures" if items == 1 else "items, which measure"
        least = f"{label!r} has {fewest}" + (f", {_points(narrow)}" if narrow is not None else "")
        yield f"{role}: {items} {noun} {share:.0%} to within {_points(width)}; {least}"


def _points(width: float) -> str:
    return f"{100 * width:.0f} points"


def _agreement_sentence(agreement: Estimate, answers: int) -> str:
    if agreement.value is None:
        why = "no item has two of them, or all say the same" if answers else "they are not known"
        return f"agreement of the experts' own answers is not measured: {why}"
    return f"experts agree beyond chance by alpha = {agreement}"
