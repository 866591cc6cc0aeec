"""Why a row has its label: what each answer adds, and what the label would be without it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from weaklabel.errors import ModelError, VotesError
from weaklabel.label_matrix import Events, VotePatterns
from weaklabel.schema import ABSTAIN, MISSING

Float = npt.NDArray[np.float64]
FLOOR = 1e-300


@dataclass(frozen=True, eq=False)
class Explanation:
    """What one row's answers say; made by `LabelModel.explain`.

    There is one line per answer, abstentions among them, in the order of the labelers; who was not asked has none.
    What a line adds is given per class, on one of three scales:

    * ``log odds``: ln p_y minus the mean of ln p over the other classes; with two classes these are the log odds.
      `prior` plus all `contributions` are the log odds of the `posterior`.
    * ``share``: shares of the probability. All `contributions` add up to the `posterior`; `prior` is 0.
    * ``left out``: the model's score is no sum. A contribution is the log odds of the row minus its log odds
      without that labeler; these don't add up.

    Without a labeler means: as if it had not been asked about this row (-2).

    Parameters
    ----------
    labelers
        The labeler of each line.
    votes
        Its answer: a class code, a code of the labeler's own from k on, or -1.
    prior
        (k,) what the model says before any answer.
    contributions
        (lines, k) what each line adds.
    posterior
        (k,) class probabilities, as `predict_proba` gives them.
    label
        As `predict` gives it.
    without
        The label without the line's labeler.
    posterior_without
        (lines, k) class probabilities without the line's labeler.
    scale
        ``log odds``, ``share`` or ``left out``.
    classes
        The classes that each answer leaves possible: one for a class, several for an outcome, none for an abstention.

    Examples
    --------
    >>> from weaklabel.label_model import create
    >>> model = create("majority_vote", n_classes=2).fit([[0, 1, 1], [1, 1, -1]])
    >>> told = model.explain([0, 1, 1])
    >>> told.label, told.without, told.contributions.round(2).tolist()
    (1, (1, -1, -1), [[0.33, 0.0], [0.0, 0.33], [0.0, 0.33]])
    """

    labelers: tuple[str, ...]
    votes: tuple[int, ...]
    prior: Float
    contributions: Float
    posterior: Float
    label: int
    without: tuple[int, ...]
    posterior_without: Float
    scale: str
    classes: tuple[tuple[int, ...], ...]

    def table(self, names: Sequence[str] | None = None) -> pl.DataFrame:
        """Return a frame: the prior, each answer (what moves the row most comes first), and what they come to.

        Parameters
        ----------
        names
            Labels in code order; "0", "1", … when not given.

        Returns
        -------
        Columns `part` (prior, vote, posterior), `labeler`, `vote`, one `adds_<label>` each, `label`. In the line of
        a vote `label` is the row's label without that labeler, in the last line it is the row's label. The last
        line holds the posterior's log odds, or its shares.

        Examples
        --------
        >>> from weaklabel.label_model import create
        >>> model = create("majority_vote", n_classes=2).fit([[0, 1, 1], [1, 1, -1]])
        >>> told = model.explain([0, 1, -1]).table(["ham", "spam"])
        >>> told.select("part", "labeler", "vote", "adds_spam", "label").rows()  # doctest: +NORMALIZE_WHITESPACE
        [('prior', None, None, 0.0, None), ('vote', '0', 'ham', 0.0, 'spam'), ('vote', '1', 'spam', 0.5, 'ham'),
         ('vote', '2', 'abstained', 0.0, None), ('posterior', None, None, 0.5, None)]
        """
        k = len(self.posterior)
        if names is None:
            names = [str(y) for y in range(k)]
        if len(names) != k:
            raise ModelError(f"{len(names)} names for {k} classes", available=names, hint="schema.names")
        labels: dict[int, str | None] = {ABSTAIN: None, **dict(enumerate(names))}
        spread = np.ptp(self.contributions, axis=1) if len(self.votes) else np.zeros(0)
        order = np.argsort(-spread, kind="stable").tolist()
        last = self.posterior if self.scale == "share" else log_odds(self.posterior)
        lines = np.vstack([self.prior, self.contributions[order], last])
        return pl.DataFrame(
            {
                "part": ["prior", *["vote"] * len(order), "posterior"],
                "labeler": pl.Series([None, *(self.labelers[i] for i in order), None], dtype=pl.String),
                "vote": pl.Series(
                    [None, *(_named(self.classes[i], names) for i in order), None], dtype=pl.String
                ),
                **{f"adds_{name}": lines[:, y] for y, name in enumerate(names)},
                "label": pl.Series(
                    [None, *(labels[self.without[i]] for i in order), labels[self.label]], dtype=pl.String
                ),
            }
        )


def _named(classes: Sequence[int], names: Sequence[str]) -> str:
    """Return an answer in words: the classes that it leaves possible, or those that it leaves out where these are fewer."""
    if not classes:
        return "abstained"
    others = [name for y, name in enumerate(names) if y not in classes]
    if len(classes) <= len(others):
        return " or ".join(names[y] for y in classes)
    return f"not {others[0]}" if len(others) == 1 else f"neither {' nor '.join(others)}"


def log_odds(probabilities: Float) -> Float:
    """Return ln p_y minus the mean of ln p over the other classes, along the last axis.

    Examples
    --------
    >>> log_odds(np.array([0.2, 0.8])).round(3).tolist()
    [-1.386, 1.386]
    """
    return against_others(np.log(np.maximum(probabilities, FLOOR)))


def against_others(scores: Float) -> Float:
    """Return each class' score minus the mean of the other classes' scores, along the last axis."""
    k = scores.shape[-1]
    return np.asarray((scores - scores.mean(axis=-1, keepdims=True)) * (k / (k - 1)))


def explain_row(model: Any, row: VotePatterns) -> Explanation:
    """Return a fitted label model's explanation of patterns that are one row."""
    if len(row) != 1:
        raise VotesError(f"explain takes one row of votes, and these are {len(row)} different rows")
    answers = model._scored(row)
    posterior, label = answers[0], int(model._labels(row, answers)[0])
    spelt = row.with_silence(np.full(len(row.labelers), MISSING, np.int8))
    labelers, votes = spelt.labeler_index, spelt.codes
    without, probabilities = _left_out(model, spelt)
    prior, adds, scale = _parts(model, spelt, posterior, probabilities)
    return Explanation(
        tuple(row.labelers[j] for j in labelers),
        tuple(_own_codes(model, row, labelers, votes)),
        prior,
        adds,
        posterior,
        label,
        tuple(without),
        probabilities,
        scale,
        tuple(() if code < 0 else model.alphabet.classes_of(code) for code in votes.tolist()),
    )


def _own_codes(model: Any, row: VotePatterns, labelers: Any, codes: Any) -> list[int]:
    """Return each answer in its labeler's own codes."""
    names = model._standing(row) or row.labelers
    return [
        model.alphabet.own_code(names[j], code)
        for j, code in zip(labelers.tolist(), codes.tolist(), strict=True)
    ]


def _parts(model: Any, spelt: VotePatterns, posterior: Float, without: Float) -> tuple[Float, Float, str]:
    """Return prior, contributions and their scale."""
    k = len(posterior)
    lines = spelt.labeler_index, spelt.codes + 2
    found = None if model.calibrator_ else model._evidence(spelt, model._where(spelt))
    scale = "left out" if found is None else model.SCALE
    if not spelt.n_votes[0]:
        nothing = np.zeros((len(spelt.codes), k))
        return (np.zeros(k) if scale == "share" else log_odds(posterior)), nothing, scale
    if found is None:
        return log_odds(model.class_balance_), log_odds(posterior) - log_odds(without), scale
    base, table = found
    adds = table[lines]
    if scale == "share":
        total = adds.sum()
        return np.zeros(k), adds / total if total > 0 else adds, scale
    return against_others(base), against_others(adds), scale


def _left_out(model: Any, spelt: VotePatterns) -> tuple[list[int], Float]:
    """Return label and probabilities of the row without the labeler of each line."""
    from weaklabel.label_matrix.patterns import event_patterns

    who = np.unique(spelt.labeler_index)
    if not len(who):
        return [], np.zeros((0, model.n_classes))
    kept = spelt.labeler_index[None, :] != who[:, None]
    indptr = np.concatenate([[0], np.cumsum(kept.sum(axis=1))]).astype(np.int64)
    position = np.nonzero(kept)[1]
    events = Events(indptr, spelt.labeler_index[position], spelt.codes[position])
    ones = np.ones(len(who), np.int64)
    rows: Any = event_patterns(events, spelt.labelers, spelt.silence, ones, np.arange(len(who)))
    answers = model._scored(rows)
    labels = model._labels(rows, answers)
    line = rows.inverse[np.searchsorted(who, spelt.labeler_index)]
    return labels[line].tolist(), answers[line]
