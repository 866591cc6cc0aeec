"""What is chosen from, what is wished for, and what was chosen: the next rows to ask people about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from weaklabel.audit.scores import Beliefs
from weaklabel.audit.vectors import TextVectors, fewer_dimensions
from weaklabel.errors import GoldError, did_you_mean
from weaklabel.gold.sampling import DRAW

Float = npt.NDArray[np.float64]

USES = ("audit", "learning", "coverage", "rare", "suspected")
"""What labels are asked for."""
EVEN = {"audit": 0.4, "learning": 0.3, "coverage": 0.2, "suspected": 0.1}
"""How a budget is split unless the caller says otherwise; a use that there is nothing for gives its part to the others."""
SELECTION: dict[str, Any] = {
    **DRAW,
    "use": pl.String,
    "why": pl.String,
    "score": pl.Float64,
    "any": pl.Float64,
}
"""Columns of a selection: those of a draw, for what, why, how strongly, and the chance of being drawn for any use."""
UNIFORM = 0.2
"""Share of the probability of scored draws that is spread evenly, so that every row has a chance."""
FOCUS = 1.0
"""Power that scores are raised to before rows are drawn in proportion to them."""


@dataclass(frozen=True, eq=False)
class Candidates:
    """Rows that people may be asked about.

    Parameters
    ----------
    ids
        String, unique.
    beliefs
        What is believed of them.
    words
        Their texts as vectors; None: not known.
    embeddings
        Unit vectors of them (n, d), in the place of words where rows are spread and compared; None: words are taken.

    Examples
    --------
    >>> rows = Beliefs(("a", "b"), np.array([[0.6, 0.4]]), np.array([[0]]))
    >>> Candidates(pl.Series("id", ["x"]), rows).flat is None
    True
    """

    ids: pl.Series
    beliefs: Beliefs
    words: TextVectors | None = None
    embeddings: Float | None = None

    def __post_init__(self) -> None:
        n = self.ids.len()
        lengths = {"probabilities": len(self.beliefs.probabilities)}
        if self.words is not None:
            lengths["texts"] = self.words.matrix.shape[0]
        if self.embeddings is not None:
            lengths["embeddings"] = len(self.embeddings)
        for what, rows in lengths.items():
            if rows != n:
                raise GoldError(f"{what} are of {rows} rows, and there are {n} ids")

    def some(self, at: npt.NDArray[np.int64]) -> Candidates:
        """Return some of the rows, by their numbers."""
        words = None if self.words is None else replace(self.words, matrix=self.words.matrix[at])
        flat = None if self.embeddings is None else self.embeddings[at]
        return Candidates(self.ids.gather(at), self.beliefs.some(at), words, flat)

    @property
    def flat(self) -> Float | None:
        """Vectors of few dimensions, or None."""
        if self.embeddings is not None:
            return self.embeddings
        return None if self.words is None else fewer_dimensions(self.words.matrix)


@dataclass(frozen=True)
class Selection:
    """Rows to ask about; made by `select`.

    Parameters
    ----------
    frame
        Columns of `SELECTION`, one line for each use that a row was drawn for, in the order in which people get them.
    wanted
        Labels that each use was to have.
    rows
        Number of rows that were drawn from.
    notes
        What to know.

    Examples
    --------
    >>> Selection(pl.DataFrame(schema=SELECTION), {"audit": 0}, 5).ids
    []
    """

    frame: pl.DataFrame
    wanted: Mapping[str, int]
    rows: int
    notes: tuple[str, ...] = ()

    @property
    def ids(self) -> list[str]:
        """The rows, each once, in the order in which people get them."""
        return self.frame["id"].unique(maintain_order=True).to_list()

    def of(self, use: str) -> pl.DataFrame:
        """Return the draw for one use, columns of `DRAW`: an estimate may rest on it alone, or beside others."""
        return self.frame.filter(pl.col("use") == use).sort("order").select(DRAW.keys())

    def together(self) -> pl.DataFrame:
        """Return all rows as one draw, columns of `DRAW`, with the chance of being drawn for any use.

        Draws for different uses are independent, so the chance is 1 less the product of the chances of not being in
        each. An estimate that weighs by it is right for all rows, however the uses prefer some to others.
        """
        each = self.frame.unique("id", keep="first", maintain_order=True)
        return each.select(
            "id",
            pl.lit("poisson").alias("design"),
            pl.lit("").alias("stratum"),
            pl.col("any").alias("inclusion"),
            pl.lit("selection").alias("purpose"),
            pl.int_range(pl.len(), dtype=pl.Int64).alias("order"),
        )

    @property
    def sentences(self) -> tuple[str, ...]:
        """What was chosen, for people."""
        uses = self.frame.group_by("use").len().to_dict(as_series=False)
        drawn = dict(zip(uses["use"], uses["len"], strict=True))
        parts = ", ".join(f"{drawn.get(use, 0)} for {use}" for use in self.wanted)
        count = len(self.ids)
        said = f"{count} {'row' if count == 1 else 'rows'} of {self.rows:,}: {parts}"
        twice = self.frame.height - count
        shared = (
            f"; {twice} drawn for more than one use {'is' if twice == 1 else 'are'} asked once"
            if twice
            else ""
        )
        return (said + shared, *self.notes)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {
            "rows": self.rows,
            "chosen": len(self.ids),
            "wanted": dict(self.wanted),
            "sentences": list(self.sentences),
            "selection": self.frame.to_dicts(),
        }


@dataclass(frozen=True)
class Wishes:
    """How a budget is spent.

    Parameters
    ----------
    uses
        Share of the budget for each of `USES`, in proportion.
    strategies
        For learning: names of `scores.STRATEGIES`; none: all that there is enough for.
    rare
        Classes that count as rare; none: those that fewer rows than `below` have.
    below
        See `rare`.
    uniform, focus
        See `UNIFORM` and `FOCUS`.

    Examples
    --------
    >>> Wishes(uses={"audit": 1, "learning": 1}).split(11, ("audit", "learning"))
    {'audit': 6, 'learning': 5}
    """

    uses: Mapping[str, float] = field(default_factory=lambda: dict(EVEN))
    strategies: tuple[str, ...] = ()
    rare: tuple[str, ...] = ()
    below: float = 0.05
    uniform: float = UNIFORM
    focus: float = FOCUS

    def __post_init__(self) -> None:
        for use, share in self.uses.items():
            if use not in USES:
                raise GoldError(f"there is no use {use!r}", available=USES, hint=did_you_mean(use, USES))
            if not 0 <= share < float("inf"):
                raise GoldError(f"the share of a budget is 0 or more, not {share}", where=f"use {use!r}")
        if not sum(self.uses.values()):
            raise GoldError("nothing is to be chosen: all shares are 0", available=USES)
        if not 0 < self.uniform <= 1:
            raise GoldError(
                f"uniform is above 0 and at most 1, not {self.uniform}",
                hint="without it some rows have no chance, and no estimate could rest on what is chosen",
            )
        if not self.focus > 0:
            raise GoldError(f"focus is above 0, not {self.focus}")

    def without(self, use: str) -> Wishes:
        """Return the same wishes but for one use.

        Examples
        --------
        >>> list(Wishes().without("audit").uses)
        ['learning', 'coverage', 'suspected']
        """
        return replace(self, uses={name: share for name, share in self.uses.items() if name != use})

    def split(self, budget: int, uses: Sequence[str]) -> dict[str, int]:
        """Return whole labels for some uses, by largest remainders; the sum is the budget."""
        shares = {use: self.uses[use] for use in uses if self.uses.get(use, 0) > 0}
        total = sum(shares.values())
        exact = {use: budget * share / total for use, share in shares.items()}
        whole = {use: int(value) for use, value in exact.items()}
        left = sorted(exact, key=lambda use: (whole[use] - exact[use], USES.index(use)))
        for use in left[: budget - sum(whole.values())]:
            whole[use] += 1
        return whole
