"""The next rows to ask people about: one budget for several uses, each row with its probability and its reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import polars as pl

from weaklabel.audit import scores
from weaklabel.audit.hints import by_words
from weaklabel.audit.selected import SELECTION, USES, Candidates, Selection, Wishes
from weaklabel.audit.spread import k_center
from weaklabel.audit.text_model import hashed_order
from weaklabel.errors import GoldError, did_you_mean
from weaklabel.gold.sampling import draw

Float = npt.NDArray[np.float64]


def select(rows: Candidates, budget: int, *, seed: int, wishes: Wishes | None = None) -> Selection:
    """Choose the next rows to ask people about, with one budget for several uses.

    Parameters
    ----------
    rows
        Rows that nobody has been asked about yet.
    budget
        Labels to spend; a row that is drawn for two uses is asked once.
    seed
        Seed; draws for different uses are independent of each other.
    wishes
        How the budget is split; None: `EVEN`.

    Returns
    -------
    Selection
        Every row with its chance of being drawn for its use, and for any.

    Raises
    ------
    GoldError
        There is no row to choose from, or nothing that the budget could be used for.

    Notes
    -----
    audit: a simple random sample, for figures about all rows. learning: in proportion to scores (`scores.learning`) to
    the power of `focus`, mixed with an even share. coverage: rows without votes, in groups that lie as far apart as can be
    (`k_center`); from each group at least one, at random, further ones in proportion. rare: in proportion to how likely
    a row is of a rare class, to twice that power. suspected: in proportion to how likely the label is wrong by the words.
    Only `coverage` leaves rows out altogether (those with votes); all others give every row a chance. So no choice
    spoils an estimate, if rows are weighed by their chance (D. G. Horvitz, D. J. Thompson, JASA 47, 1952).

    Examples
    --------
    >>> from weaklabel.audit.scores import Beliefs
    >>> beliefs = Beliefs(("a", "b"), np.array([[0.9, 0.1], [0.5, 0.5]] * 10), np.array([[0, -1], [0, 1]] * 10))
    >>> rows = Candidates(pl.Series("id", [f"r{i}" for i in range(20)]), beliefs)
    >>> chosen = select(rows, 6, seed=1, wishes=Wishes(uses={"audit": 1, "learning": 1}))
    >>> chosen.wanted, chosen.of("audit")["inclusion"].to_list()
    ({'audit': 3, 'learning': 3}, [0.15, 0.15, 0.15])
    """
    wishes = wishes or Wishes()
    if isinstance(budget, bool) or budget < 1:
        raise GoldError(f"a budget is at least 1 label, not {budget}")
    if not rows.ids.len():
        raise GoldError(
            "there are no rows to choose from", hint="all may be gold, or out with people, already"
        )
    parts, notes = _possible(rows, wishes, seed)
    wanted = _wanted(rows, budget, wishes, [use for use in USES if use in parts])
    drawn = {use: parts[use](size) for use, size in wanted.items() if size}
    frames = [part.frame.with_columns(pl.lit(use).alias("use")) for use, part in drawn.items()]
    missed = np.prod([1 - part.chance for part in drawn.values()], axis=0)
    chance = pl.DataFrame({"id": rows.ids, "any": 1 - missed})
    order = pl.DataFrame({"id": rows.ids.gather(hashed_order(rows.ids, seed))}).with_row_index("place")
    frame = (
        pl.concat(frames)
        .join(chance, on="id", how="left", maintain_order="left")
        .join(order, on="id", how="left", maintain_order="left")
        .sort("place", maintain_order=True)
        .select(SELECTION.keys())
    )
    for part in drawn.values():
        notes += part.notes
    return Selection(frame, wanted, rows.ids.len(), notes)


@dataclass(frozen=True, eq=False)
class _Part:
    """The draw for one use, with the chance that each of all rows had."""

    frame: pl.DataFrame
    chance: Float
    notes: tuple[str, ...] = ()


_Maker = Callable[[int], _Part]


def _possible(rows: Candidates, wishes: Wishes, seed: int) -> tuple[dict[str, _Maker], tuple[str, ...]]:
    """Return how each wished use that there is something for is drawn, and what there is nothing for."""
    makers: dict[str, Callable[[], _Maker | str]] = {
        "audit": lambda: lambda size: _at_random(rows, size, seed),
        "learning": lambda: _learning(rows, wishes, seed),
        "coverage": lambda: _coverage(rows, seed),
        "rare": lambda: _rare(rows, wishes, seed),
        "suspected": lambda: _suspected(rows, wishes, seed),
    }
    found: dict[str, _Maker] = {}
    notes: tuple[str, ...] = ()
    for use in USES:
        if not wishes.uses.get(use):
            continue
        made = makers[use]()
        if isinstance(made, str):
            notes += (f"nothing is chosen for {use}: {made}",)
        else:
            found[use] = made
    if not found:
        raise GoldError("there is nothing to choose rows for: " + "; ".join(notes), available=USES)
    return found, notes


def _wanted(rows: Candidates, budget: int, wishes: Wishes, uses: Sequence[str]) -> dict[str, int]:
    """Split the budget; what is more than there are rows without votes goes to the other uses."""
    wanted = wishes.split(budget, uses)
    silent = int((~rows.beliefs.covered).sum())
    others = [use for use in uses if use != "coverage"]
    if wanted.get("coverage", 0) <= silent or not others:
        return wanted
    rest = wishes.split(budget - silent, others)
    return {use: rest.get(use, silent) for use in uses}


def _at_random(rows: Candidates, size: int, seed: int) -> _Part:
    drawn = draw(rows.ids.to_frame("id"), size, purpose="select audit", seed=seed)
    n = rows.ids.len()
    why = f"drawn at random: {min(size, n):,} of {n:,} rows"
    frame = drawn.frame.with_columns(pl.lit(why).alias("why"), pl.lit(None, pl.Float64).alias("score"))
    return _Part(frame, np.full(n, min(size, n) / n), drawn.notes)


def _learning(rows: Candidates, wishes: Wishes, seed: int) -> _Maker | str:
    score, strongest, names = scores.learning(rows.beliefs, wishes.strategies)
    score = np.where(rows.beliefs.covered, score, 0.0)
    if not (score > 1e-9).any():
        return "rules and label model are of one mind on every row"
    return _scored(
        rows,
        score,
        wishes,
        seed,
        "learning",
        lambda i: scores.reason(rows.beliefs, i, names[int(strongest[i])]),
    )


def _rare(rows: Candidates, wishes: Wishes, seed: int) -> _Maker | str:
    beliefs = rows.beliefs
    for name in wishes.rare:
        if name not in beliefs.names:
            hint = did_you_mean(name, beliefs.names)
            raise GoldError(f"there is no class {name!r}", available=beliefs.names, hint=hint)
    classes = tuple(beliefs.names.index(name) for name in wishes.rare)
    classes = classes or scores.rare_classes(beliefs, below=wishes.below)
    if not classes:
        return f"each class has {wishes.below:.0%} of the rows or more"
    score, of = scores.rare(beliefs, classes)
    if not (score > 0).any():
        return "no row seems to be of a rare class"
    share = np.where(beliefs.covered[:, None], beliefs.probabilities, 0).sum(axis=0) / max(
        beliefs.covered.sum(), 1
    )

    def why(i: int) -> str:
        c = int(of[i])
        p = beliefs.probabilities[i, c] if beliefs.covered[i] else 0.0
        return f"may be {beliefs.names[c]} ({p:.2f}), which {share[c]:.1%} of rows are"

    return _scored(rows, score, replace(wishes, focus=2 * wishes.focus), seed, "rare", why)


def _suspected(rows: Candidates, wishes: Wishes, seed: int) -> _Maker | str:
    beliefs = rows.beliefs
    other = None
    if rows.words is not None and rows.words.words:
        other = by_words(rows.words.matrix, beliefs, order=hashed_order(rows.ids, seed))
    score = scores.suspected(beliefs, other)
    if not (score > 1e-9).any():
        return "no label is in doubt"

    def why(i: int) -> str:
        c = int(beliefs.guess[i])
        said = f"labeled {beliefs.names[c]} ({beliefs.probabilities[i, c]:.2f})"
        if other is None or int(other[i].argmax()) == c:
            return said if other is None else f"{said}; its words speak for it only by {other[i, c]:.2f}"
        best = int(other[i].argmax())
        return f"{said}; its words speak for {beliefs.names[best]} ({other[i, best]:.2f})"

    return _scored(rows, score, wishes, seed, "suspected", why)


def _scored(
    rows: Candidates, score: Float, wishes: Wishes, seed: int, use: str, why: Callable[[int], str]
) -> _Maker:
    """Return a draw in proportion to a power of scores, mixed with an even share."""

    def make(size: int) -> _Part:
        weights = score**wishes.focus
        frame = pl.DataFrame({"id": rows.ids, "weight": weights})
        drawn = draw(
            frame,
            size,
            design="pps",
            weights="weight",
            uniform=wishes.uniform,
            purpose=f"select {use}",
            seed=seed,
        )
        place = {id: i for i, id in enumerate(rows.ids.to_list())}
        at = np.array([place[id] for id in drawn.frame["id"]], dtype=np.int64)
        told = [_why(float(score[i]), score, why, int(i)) for i in at]
        lines = drawn.frame.with_columns(pl.Series("why", told), pl.Series("score", score[at]))
        return _Part(
            lines, _chances(weights, wishes.uniform, at, drawn.frame["inclusion"].to_numpy()), drawn.notes
        )

    return make


def _why(own: float, score: Float, why: Callable[[int], str], row: int) -> str:
    """Return the reason; a row that is no better than most says that it was drawn evenly."""
    if own <= float(np.median(score)) and own < 0.5 * float(score.max()):
        return f"so that every row has a chance ({why(row)})"
    return why(row)


def _chances(weights: Float, uniform: float, at: npt.NDArray[np.int64], inclusion: Float) -> Float:
    """Return every row's probability of being drawn, min(1, c w), from those of the drawn rows."""
    w = uniform / len(weights) + (1 - uniform) * weights / weights.sum()
    below = inclusion < 1
    if not below.any():
        return np.ones(len(w))
    c = float(np.median(inclusion[below] / w[at[below]]))
    chance: Float = np.minimum(1.0, c * w)
    chance[at] = inclusion
    return chance


def _coverage(rows: Candidates, seed: int) -> _Maker | str:
    silent = np.flatnonzero(~rows.beliefs.covered)
    if not len(silent):
        return "every row has votes"
    flat = rows.flat
    if flat is None:
        return "it takes texts or embeddings"

    def make(size: int) -> _Part:
        ids = rows.ids.gather(silent)
        groups = k_center(
            flat[silent], max(1, (min(size, len(silent)) + 1) // 2), order=hashed_order(ids, seed)
        )
        frame = pl.DataFrame({"id": ids, "group": [f"group {g + 1}" for g in groups.of]})
        drawn = draw(frame, size, design="stratified", strata="group", purpose="select coverage", seed=seed)
        rate = dict(drawn.frame.select("stratum", "inclusion").unique().iter_rows())
        chance = np.zeros(rows.ids.len())
        chance[silent] = [rate[name] for name in frame["group"]]
        why, share = _group_words(rows, silent, groups.of), np.bincount(groups.of)[groups.of] / len(silent)
        told = pl.DataFrame({"id": ids, "why": [why[g] for g in groups.of], "score": share})
        lines = drawn.frame.join(told, on="id", how="left", maintain_order="left")
        note = f"rows for coverage are drawn from the {len(silent):,} without votes: alone, they say something of these only"
        return _Part(lines, chance, (*drawn.notes, note))

    return make


def _group_words(
    rows: Candidates, silent: npt.NDArray[np.int64], of: npt.NDArray[np.int64]
) -> dict[int, str]:
    found = {}
    for group in np.unique(of).tolist():
        own = silent[of == group]
        words = rows.words.telling(own) if rows.words is not None else ()
        about = f": {', '.join(words)}" if words else ""
        alike = "unlike all others" if len(own) == 1 else f"stands for {len(own):,} alike rows"
        found[group] = f"no rule votes; {alike}{about}"
    return found
