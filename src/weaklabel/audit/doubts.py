"""Labels that exist already, held against what rules and label model say: which are likely wrong, which are missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from weaklabel.audit.scores import Beliefs
from weaklabel.errors import GoldError, SchemaError, did_you_mean, some
from weaklabel.stats import Estimate, wilson_mean

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

WRONG, MISSING = "wrong", "missing"
DOUBTS: dict[str, Any] = {
    "id": pl.String,
    "kind": pl.String,
    "given": pl.String,
    "better": pl.String,
    "chance": pl.Float64,
    "against": pl.List(pl.String),
    "speaking_for": pl.List(pl.String),
    "why": pl.String,
}
"""Columns of a table of doubts: the row, "wrong" or "missing", its label, a likelier one, the chance that the doubt is
right, the rules that vote otherwise, the rules that vote for the given label, and both in words."""

LEAST = 10
"""With fewer gold rows among the doubts than this, gold is not asked how many are right."""
_PRIOR = 1.0
_STEPS = 100


@dataclass(frozen=True, eq=False)
class Doubts:
    """What is doubtful about labels; made by `check_labels`.

    Parameters
    ----------
    frame
        Columns of `DOUBTS`, the likeliest first.
    checked
        Labels that were looked at.
    silent
        Rows without votes, of which nothing can be said.
    precision
        Share of the doubts on labels that are right, by kind.
    method
        Where each precision is from.
    noise
        Of rows whose true class is i, the share that is labeled j, (k, k).
    names
        The classes.

    Examples
    --------
    >>> empty = pl.DataFrame(schema=DOUBTS)
    >>> Doubts(empty, 5, 0, {}, {}, np.eye(2), ("ham", "spam")).sentences
    ('5 labels looked at: none is doubtful',)
    """

    frame: pl.DataFrame
    checked: int
    silent: int
    precision: dict[str, Estimate]
    method: dict[str, str]
    noise: Float
    names: tuple[str, ...]

    @property
    def sentences(self) -> tuple[str, ...]:
        """What was found, for people."""
        found = []
        for kind, said in ((WRONG, "likely wrong"), (MISSING, "likely missing")):
            count = int((self.frame["kind"] == kind).sum())
            if count:
                found.append(f"{count:,} {said}; {self._sure(kind)}")
        told = (f"{self.checked:,} labels looked at" + ("" if found else ": none is doubtful"), *found)
        if self.silent:
            told += (f"of {self.silent:,} rows nothing is said, for no rule votes on them",)
        return told

    def _sure(self, kind: str) -> str:
        p = self.precision[kind]
        if p.value is None:
            return "how many of these doubts are right is not known"
        ends = "" if p.low is None else f" (between {p.low:.0%} and {p.high:.0%})"
        return f"of these doubts about {p.value:.0%} are right{ends}, {self.method[kind]}"

    def suggestions(self) -> pl.DataFrame:
        """Return `item` and `suggestion`: what people see is the label that the row has, not the one thought better."""
        return self.frame.filter(pl.col("given").is_not_null()).select(item="id", suggestion="given")

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {
            "checked": self.checked,
            "silent": self.silent,
            "sentences": list(self.sentences),
            "precision": {
                kind: {**p.to_dict(), "method": self.method[kind]} for kind, p in self.precision.items()
            },
            "noise": {
                name: dict(zip(self.names, row, strict=True))
                for name, row in zip(self.names, self.noise.tolist(), strict=True)
            },
            "doubts": self.frame.to_dicts(),
        }


def check_labels(
    ids: pl.Series, given: pl.Series, beliefs: Beliefs, *, gold: pl.DataFrame | None = None
) -> Doubts:
    """Hold labels that exist already against the label model, which must not have seen them.

    Parameters
    ----------
    ids
        The rows.
    given
        Their labels; null: none, which may be missing.
    beliefs
        What is believed of the rows from votes.
    gold
        Labels that people have settled: `id`, `label`, and if known `inclusion` (the probability with which each came
        to be gold). Doubts are counted against them; rows are weighed where inclusion is known.

    Returns
    -------
    Doubts
        Likely wrong labels, then likely missing ones, each ranked by the chance that the doubt is right.

    Raises
    ------
    SchemaError
        A label is no class.
    GoldError
        Rows don't go together.

    Notes
    -----
    Confident learning: C. G. Northcutt, L. Jiang, I. L. Chuang, "Confident Learning: Estimating Uncertainty in Dataset
    Labels", Journal of Artificial Intelligence Research 70, 2021. A class's threshold is the mean probability of it on the
    rows that are labeled so. A label is likely wrong where the likeliest class that passes its threshold is another one
    and likelier than the label; a label is likely missing where a class passes its threshold. Other than there, doubts
    are ranked by the chance that the label is wrong once it counts as one more vote: how often each class is labeled as
    each other is estimated by expectation and maximisation, from the confident counts on (A. P. Dawid, A. M. Skene,
    Applied Statistics 28, 1979, for one labeler beside the label model).

    Examples
    --------
    >>> beliefs = Beliefs(("ham", "spam"), np.array([[0.9, 0.1]] * 9 + [[0.05, 0.95]] * 9 + [[0.02, 0.98]] * 2),
    ...                   np.array([[0, 0]] * 9 + [[1, 1]] * 11), ("long", "shouts"))
    >>> ids = pl.Series("id", [f"r{i:02}" for i in range(20)])
    >>> found = check_labels(ids, pl.Series(["ham"] * 9 + ["spam"] * 9 + ["ham", None]), beliefs)
    >>> found.frame.select("id", "kind", "given", "better").rows()
    [('r18', 'wrong', 'ham', 'spam'), ('r19', 'missing', None, 'spam')]
    >>> found.frame["why"][0]
    'labeled ham; spam by 0.98 of the label model; against it: long, shouts (spam)'
    """
    if not ids.len() == given.len() == len(beliefs.probabilities):
        raise GoldError(
            f"there are {ids.len()} ids, {given.len()} labels and {len(beliefs.probabilities)} rows of votes"
        )
    codes = _codes(ids, given, beliefs.names)
    heard = beliefs.covered
    if not heard.any():
        raise GoldError("no rule votes on any of these rows", hint="labels are held against what rules say")
    p = beliefs.probabilities
    threshold = _thresholds(p, codes, heard)
    passed = np.where(p >= threshold - 1e-12, p, -1.0)
    confident = np.where(passed.max(axis=1) > 0, passed.argmax(axis=1), -1)
    labeled = heard & (codes >= 0)
    noise = _noise(p[labeled], codes[labeled], confident[labeled])
    every, own = np.arange(len(p)), np.maximum(codes, 0)
    after = _with_label(p, own, noise)
    likelier = p[every, np.maximum(confident, 0)] > p[every, own]
    wrong = labeled & (confident >= 0) & (confident != codes) & likelier
    missing = heard & (codes < 0) & (confident >= 0)
    rows = [
        (i, WRONG, float(1 - after[i, codes[i]]), int(confident[i])) for i in np.flatnonzero(wrong).tolist()
    ]
    rows += [
        (i, MISSING, float(p[i, confident[i]]), int(confident[i])) for i in np.flatnonzero(missing).tolist()
    ]
    frame = _frame(rows, ids, codes, beliefs)
    precision, method = _precision(frame, gold)
    return Doubts(
        frame, int((codes >= 0).sum()), int((~heard).sum()), precision, method, noise, beliefs.names
    )


def _codes(ids: pl.Series, given: pl.Series, names: Sequence[str]) -> Int:
    strange = given.drop_nulls().filter(~given.drop_nulls().is_in(list(names)))
    if strange.len():
        first = strange[0]
        row = ids.filter(given.eq_missing(pl.Series([first] * given.len())))[0]
        raise SchemaError(
            f"{strange.len()} of {given.len()} labels are no label of this task: {some(strange.unique().sort())}",
            where=f"row {row!r}",
            available=list(names),
            hint=did_you_mean(str(first), names),
        )
    code = {name: c for c, name in enumerate(names)}
    return np.array([-1 if label is None else code[label] for label in given], dtype=np.int64)


def _thresholds(p: Float, codes: Int, heard: npt.NDArray[np.bool_]) -> Float:
    """Return the mean probability of each class on the rows labeled so; of a class without such rows, the overall mean."""
    k = p.shape[1]
    every = float(p[heard].max(axis=1).mean())
    return np.array(
        [float(p[own, c].mean()) if (own := heard & (codes == c)).any() else every for c in range(k)]
    )


def _with_label(p: Float, codes: Int, noise: Float) -> Float:
    """Return the probabilities of rows once their label counts as one more vote."""
    table = p * noise[:, codes].T
    after: Float = table / np.maximum(table.sum(axis=1, keepdims=True), 1e-300)
    return after


def _noise(p: Float, codes: Int, confident: Int) -> Float:
    """Return how classes are labeled, (true, label): from confident counts on, by expectation and maximisation.

    Confident counts alone hold the label model's mistakes as well as those of the labels.
    """
    k = p.shape[1]
    counts = np.zeros((k, k))
    use = confident >= 0
    np.add.at(counts, (confident[use], codes[use]), 1.0)
    prior = np.eye(k) * _PRIOR + _PRIOR / k
    for _ in range(_STEPS):
        table = counts + prior
        noise: Float = table / table.sum(axis=1, keepdims=True)
        after = _with_label(p, codes, noise)
        counts = np.stack([after[codes == c].sum(axis=0) for c in range(k)], axis=1)
    return noise


def _frame(
    rows: list[tuple[int, str, float, int]], ids: pl.Series, codes: Int, beliefs: Beliefs
) -> pl.DataFrame:
    names, lines = beliefs.names, []
    for i, kind, chance, better in rows:
        votes = beliefs.votes[i]
        voting = [j for j in range(votes.shape[0]) if 0 <= votes[j] < len(names)]
        against = [j for j in voting if votes[j] != codes[i]]
        for_it = [beliefs.rules[j] for j in voting if votes[j] == codes[i]]
        given = None if codes[i] < 0 else names[codes[i]]
        lines.append(
            {
                "id": ids[i],
                "kind": kind,
                "given": given,
                "better": names[better],
                "chance": float(np.clip(chance, 0, 1)),
                "against": [beliefs.rules[j] for j in against],
                "speaking_for": for_it,
                "why": _why(given, better, against, for_it, i, beliefs),
            }
        )
    frame = pl.DataFrame(lines, schema=DOUBTS)
    return frame.with_columns((pl.col("kind") != WRONG).alias("later")).sort(
        "later", -pl.col("chance"), "id"
    ).drop("later")  # fmt: skip


def _why(
    given: str | None, better: int, against: list[int], for_it: list[str], row: int, beliefs: Beliefs
) -> str:
    names, votes = beliefs.names, beliefs.votes[row]
    said: dict[str, list[str]] = {}
    for j in against:
        said.setdefault(names[int(votes[j])], []).append(beliefs.rules[j])
    rules = "; ".join(f"{', '.join(which)} ({label})" for label, which in said.items())
    model = f"{names[better]} by {beliefs.probabilities[row, better]:.2f} of the label model"
    told = f"labeled {given}; {model}" if given is not None else f"no label; {model}"
    if rules:
        told += f"; {'against it' if given is not None else 'rules'}: {rules}"
    return told + (f"; for it: {', '.join(for_it)}" if for_it else "")


def _precision(frame: pl.DataFrame, gold: pl.DataFrame | None) -> tuple[dict[str, Estimate], dict[str, str]]:
    found: dict[str, Estimate] = {}
    method: dict[str, str] = {}
    for kind in (WRONG, MISSING):
        mine = frame.filter(pl.col("kind") == kind)
        if not mine.height:
            continue
        known = None if gold is None else _known(mine, gold)
        if known is not None and known.height >= LEAST:
            right = known["right"].to_numpy().astype(np.float64)
            weight = 1 / known["inclusion"].to_numpy()
            found[kind] = wilson_mean(right, weights=weight)
            drawn = (
                ""
                if known["drawn"][0]
                else ", which may not be like the others: their chances of being drawn are not known"
            )
            method[kind] = f"by {known.height} gold rows among them{drawn}"
            continue
        chance = float(mine["chance"].to_numpy().mean())
        found[kind] = Estimate(chance, None, None, mine.height, method="mean chance")
        few = (
            ""
            if known is None or not known.height
            else f" ({known.height} gold rows among them are too few to tell)"
        )
        method[kind] = f"by the label model's own probabilities, which nobody has checked{few}"
    return found, method


def _known(doubts: pl.DataFrame, gold: pl.DataFrame) -> pl.DataFrame:
    """Return which doubts on gold rows are right; where no inclusion is known, all rows count alike."""
    for name in ("id", "label"):
        if name not in gold.columns:
            raise GoldError(f"gold has no column {name!r}", available=gold.columns)
    chance = pl.col("inclusion").cast(pl.Float64) if "inclusion" in gold.columns else pl.lit(None, pl.Float64)
    rows = gold.select("id", pl.col("label").alias("gold"), chance.alias("inclusion"))
    both = doubts.join(rows, on="id").with_columns(
        pl.when(pl.col("kind") == WRONG)
        .then(pl.col("gold").ne_missing(pl.col("given")))
        .otherwise(pl.col("gold").eq_missing(pl.col("better")))
        .alias("right")
    )
    drawn = not both["inclusion"].null_count()
    weight = pl.col("inclusion") if drawn else pl.lit(1.0)
    return both.with_columns(weight.alias("inclusion"), pl.lit(drawn).alias("drawn"))
