"""The model of tags: how probable each tag is on each row, by the rules that speak for and against it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import polars as pl

from weaklabel.errors import GoldError, ModelError
from weaklabel.schema import LabelSchema
from weaklabel.tags.correction import TagCorrection, fit_correction
from weaklabel.tags.events import TagEvents
from weaklabel.tags.fitting import Precisions, fit_precisions, kernel_events, probabilities
from weaklabel.tags.gold import GoldTags, read_gold
from weaklabel.tags.saved import read_model, write_model
from weaklabel.tags.scores import TagScores
from weaklabel.tags.thresholds import tag_thresholds
from weaklabel.tags.votes import TagVotes

Float = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]


WITHIN_REACH, SHOWN = 0.05, 10
"""A tag of which nothing is said is a candidate on every row with a vote if its base rate is this or more, and so many gold rows
have it without a vote for it."""


class TagModel:
    """Weigh what rules say for and against each tag; rates of tags with few votes are drawn to those of all tags.

    Each tag that a row's votes touch is a candidate, and so is all that stands above it. What a vote says of a tag is a
    link, of one of four kinds: the tag is named (`present`), stands above one that is (`implied`), is denied (`against`; so
    is all below it, where it is a candidate), or is one of a set (`member`).

    * A link alone makes its tag as probable as its precision q. Several for a tag: ln(q / (1 - q)) of the strongest, and half of
      each other; links that share .7 of their rows with a stronger one, and several of one vote, are heard once.
      Denials lower that by ln(q / (1 - q)) in the same way, and never raise it. A tag that is only denied begins at its base rate.
    * A set of which one is there with probability r: every member's p becomes r p / (1 - product of (1 - p)) where that is more, so that
      a set spreads like its members' own probabilities, and says nothing new where another vote found one. Of
      several sets the strongest counts. A set of all tags is no vote.
    * A parent is raised to the most probable tag below it.

    Precisions are those of their kind (.65, .7, .04; r = .7), moved by up to a third by how probable the other rules' votes make
    the tag where the link's own is not the only one: q = (w S + 8 m) / (w N + 8), with the kind's mean m, N such rows, S the
    sum of the tag's probability over them, w = min(.1, 4 / N); ten passes over the votes. Denials don't take part. A tag's base rate,
    its probability on a row without a vote for it, supposes that rules find half of a tag's rows.

    Gold moves the means of the kinds (which count as 20 links), gives base rates, and then corrects each tag by everything
    that is said of the row (`weaklabel.tags.correction`). A tag with a base rate of .05 or more, which ten gold rows or more
    have without a vote for it, is then a candidate on every row with a vote; without gold, none is.

    A tag is given where its probability reaches the threshold that makes its expected F1 over these rows largest, drawn to that
    of all tags together as by 10 rows (which is itself drawn to one half as by 50 tags); and where one below it is given. Rows without votes are given none.

    These numbers were chosen on one data set (experiments/madewithml).

    Parameters
    ----------
    schema
        The tags, not exclusive.

    Examples
    --------
    >>> from weaklabel.label_matrix import LabelMatrix
    >>> from weaklabel.lf import LFRegistry, regex
    >>> from weaklabel.schema import Label
    >>> schema = LabelSchema(["animal", Label("cat", parents=("animal",))], exclusive=False)
    >>> rules = LFRegistry([regex("purrs", "purr", label="cat")], schema=schema)
    >>> votes = TagVotes.of(LabelMatrix.from_numpy([[0], [-1]], labelers=["purrs"], ids=["a", "b"]), rules)
    >>> TagModel(schema=schema).fit(votes).predict(votes).table().select("id", "labels", "status").rows()
    [('a', ['animal', 'cat'], 'labeled'), ('b', [], 'uncovered')]
    """

    name: ClassVar[str] = "tags"

    events_: TagEvents
    known_: Precisions
    correction_: TagCorrection | None
    thresholds_: Float
    open_: Int64

    def __init__(self, *, schema: LabelSchema) -> None:
        if not isinstance(schema, LabelSchema) or schema.exclusive:
            raise ModelError(
                "a model of tags takes a schema whose labels are not exclusive",
                hint="set `exclusive: false` in schema.yaml, or take a label model",
            )
        self.schema = schema

    def fit(self, votes: TagVotes, *, gold: pl.DataFrame | Mapping[str, Any] | None = None) -> Self:
        """Learn from votes, always from scratch, and return the model itself.

        Parameters
        ----------
        votes
            The rows.
        gold
            The tags of some rows: a frame with `id` and `labels`, or a mapping from id to names. An empty list: none of
            the tags.

        Raises
        ------
        ModelError
            The votes are on other tags.
        GoldError
            Gold that is no gold, or of rows that are not among the votes.
        """
        self._check(votes)
        told, rows = gold_rows(votes, gold, self.schema)
        self.events_ = votes.events
        self._fit(votes, told, rows)
        self.open_ = np.flatnonzero((self._base() >= WITHIN_REACH) & (missed(votes, told, rows) >= SHOWN))
        self.thresholds_ = self._thresholds(votes.opened(self.open_))
        return self

    def predict_proba(self, votes: TagVotes) -> TagScores:
        """Return the candidates of each row with their probabilities.

        Raises
        ------
        ModelError
            Not fitted yet, votes on other tags, or of rules that the model was not fitted on.
        """
        return self._scores(self._aligned(votes))

    def predict(self, votes: TagVotes) -> TagScores:
        """Return the candidates of each row, and which are given: those that reach their tag's threshold, and all above.

        Raises
        ------
        ModelError
            As for `predict_proba`.
        """
        aligned = self._aligned(votes)
        return self._scores(aligned).give(self.thresholds_, aligned.named)

    def save(self, folder: str | Path) -> Path:
        """Write the fitted model: `model.json` and an `.npz` of arrays, no pickle. Return the folder.

        Raises
        ------
        ModelError
            Not fitted yet.
        OutputError
            The folder can't be written.
        """
        self._need_fit()
        return write_model(Path(folder), self.name, self.schema, self.events_, self._state())

    @classmethod
    def load(cls, folder: str | Path, *, schema: LabelSchema | None = None) -> Self:
        """Read a model that `save` wrote.

        Parameters
        ----------
        folder
            The folder.
        schema
            The tags that it should be for.

        Raises
        ------
        ModelError
            There is none, it is damaged, of another kind, or for other tags.
        """
        made, events, state = read_model(Path(folder), (cls.name,), schema)[1:]
        model = cls(schema=made)
        model.events_ = events
        model._restore(state)
        return model

    def _fit(self, votes: TagVotes, gold: GoldTags | None, rows: Int64 | None) -> None:
        self.known_, self.correction_ = fit_precisions(votes, gold, rows), None
        if gold is not None and rows is not None:
            values = self._cell_probabilities(votes)
            self.correction_ = fit_correction(votes, values, self._base(), gold, rows)

    def _cell_probabilities(self, votes: TagVotes) -> Float:
        values = probabilities(votes, self.known_)
        return values if self.correction_ is None else self.correction_.corrected(votes, values)

    def _base(self) -> Float:
        return self.known_.base

    def _state(self) -> dict[str, Any]:
        parts = {"known_": self.known_, "correction_": self.correction_}
        state = {
            name + key: value for name, part in parts.items() if part for key, value in vars(part).items()
        }
        return {**state, "thresholds_": self.thresholds_, "open_": self.open_}

    def _restore(self, state: Mapping[str, Any]) -> None:
        parts: dict[str, dict[str, Any]] = {"known_": {}, "correction_": {}}
        for name, value in state.items():
            for part, own in parts.items():
                if name.startswith(part):
                    own[name.removeprefix(part)] = value
        self.known_ = Precisions(**parts["known_"])
        self.correction_ = TagCorrection(**parts["correction_"]) if parts["correction_"] else None
        self.thresholds_, self.open_ = state["thresholds_"], state["open_"]

    def _scores(self, votes: TagVotes) -> TagScores:
        ends, tags = votes.cells[:2]
        return TagScores(
            tags=votes.tags,
            indptr=ends,
            codes=tags,
            probabilities=self._cell_probabilities(votes).astype(np.float32),
            base=self._base().astype(np.float32),
            taxonomy=votes.events.taxonomy,
            n_votes=votes.n_votes,
            keys=votes.keys,
            inverse=votes.inverse,
            ids=votes.ids,
        )

    def _thresholds(self, votes: TagVotes) -> Float:
        scores = self._scores(votes)
        p, counts = scores.probabilities.astype(np.float64), np.repeat(votes.counts, np.diff(votes.cells[0]))
        positives = np.array(scores.prevalence(votes.counts)) * votes.n_rows
        named = votes.named
        return tag_thresholds(scores.codes[named], p[named], counts[named].astype(np.float64), positives)

    def _check(self, votes: TagVotes) -> None:
        if not isinstance(votes, TagVotes):
            raise ModelError(
                f"votes are TagVotes, not {type(votes).__name__}", hint="TagVotes.of(votes, registry)"
            )
        if votes.tags != self.schema.names:
            raise ModelError("these votes are on other tags than the model's", available=self.schema.names)

    def _aligned(self, votes: TagVotes) -> TagVotes:
        self._need_fit()
        self._check(votes)
        return votes.with_events(self.events_).opened(self.open_)

    def _need_fit(self) -> None:
        if not hasattr(self, "events_"):
            raise ModelError(f"the model {self.name!r} is not fitted", hint="call fit(votes) first")


def missed(votes: TagVotes, gold: GoldTags | None, rows: Int64 | None) -> Int64:
    """Return how many gold rows have each tag without a vote for it, (k,)."""
    from weaklabel.kernels.tags import gold_sums

    if gold is None or rows is None:
        return np.zeros(len(votes.tags), np.int64)
    events = kernel_events(votes.events, np.zeros(len(votes.events.tags), np.int32))
    found = gold_sums(votes.cells, events, rows, gold.indptr, gold.codes, len(votes.tags))[1]
    counts: Int64 = found[:, 2] - found[:, 1]
    return counts


def gold_rows(
    votes: TagVotes, gold: pl.DataFrame | Mapping[str, Any] | None, schema: LabelSchema
) -> tuple[GoldTags | None, Int64 | None]:
    """Return gold and the distinct row of each of its rows; None where there is no gold.

    Raises
    ------
    GoldError
        Gold that is no gold, or an id that is not among the votes' rows.
    """
    if gold is None:
        return None, None
    told = read_gold(gold, schema)
    if not len(told):
        return None, None
    rows = votes.rows_of(told.ids)
    lost = np.flatnonzero(rows < 0)
    if len(lost):
        known = votes.ids
        like = "" if known is None or not len(known) else f"the rows' ids look like {known[0]!r}"
        what = f"{len(lost)} of {len(told)} gold ids are not among the {votes.n_rows} rows at hand: {told.ids[int(lost[0])]!r}"
        raise GoldError(what, hint=like or None)
    return told, rows
