"""The contract of label models, and what all of them share: checks, alignment of labelers, files."""

from __future__ import annotations

import logging
import uuid
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from weaklabel.errors import GoldError, ModelError, OutputError, VotesError
from weaklabel.fingerprint import event_hash
from weaklabel.label_matrix import (
    Alphabet,
    LabelMatrix,
    Sets,
    VotePatterns,
    as_patterns,
    checked_outcomes,
    gold_table,
    gold_weights,
)
from weaklabel.label_matrix.patterns import nameless
from weaklabel.label_model.alignment import by_place, places
from weaklabel.label_model.calibration import CLIP, Calibrator, calibrator, calibrator_from, f1_threshold
from weaklabel.label_model.cells import Cells, Rows, distinct_rows, plain_rows
from weaklabel.label_model.correction import Correction, fit_correction
from weaklabel.label_model.counted import Counted
from weaklabel.label_model.explanation import Explanation, explain_row
from weaklabel.label_model.saved import FORMAT, marks, read_state, write_state
from weaklabel.schema import ABSTAIN, MAX_CODE, LabelSchema

__all__ = ["LabelModel", "Votes", "class_weights", "read_state", "soft_votes"]

logger = logging.getLogger("weaklabel.label_model")

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]
Votes = LabelMatrix | VotePatterns | npt.ArrayLike

TIE = 1e-9
"""Two probabilities that differ by less than this share of the larger one are tied."""

BIG = 2**30
"""A fit that is estimated to take this many bytes or more says so before it starts."""


class LabelModel(ABC):
    """What every label model does. Make one with `weaklabel.label_model.create`.

    `votes` is a `LabelMatrix`, `VotePatterns`, or an (n, m) integer array: -1 abstained, -2 not asked, else a class, or
    from k on a further outcome of that rule, of which `outcomes` says what it stands for: several classes, or all but some.
    An outcome that stands for one class is that class, and one that stands for all of them is an abstention.
    Answers are in the order of the input: one row each, or one per pattern when patterns are given. Known labels
    (`gold`) go with the form of the votes: a mapping id to code or a frame `id`, `code` for a `LabelMatrix`; (n,)
    integers, -1 unknown, for an array; a (patterns, classes) table of counts for patterns. Arguments are never
    changed. What a fit learns ends in `_`.

    Subclasses set `name`, `OPTIONS` (constructor arguments that are saved), `STATE` (learned attributes that are
    saved) and `BREAKS`: which of the properties in the contract tests they don't keep, and why. They learn in
    `_fit` and answer in `_posterior`; one whose score is a sum over answers also says what it is a sum of, in
    `_evidence` (and on which `SCALE`), so that `explain` can show it.

    Examples
    --------
    >>> from weaklabel.label_model import create
    >>> model = create("majority_vote", n_classes=3)
    >>> isinstance(model, LabelModel)
    True
    """

    name: ClassVar[str]
    OPTIONS: ClassVar[tuple[str, ...]] = ()
    STATE: ClassVar[tuple[str, ...]] = ("class_balance_",)
    BREAKS: ClassVar[Mapping[str, str]] = {}
    SCALE: ClassVar[str] = "log odds"
    CORRECTS: ClassVar[bool] = False
    """Gold rows are no part of the fit itself: they correct its answers afterwards (`weaklabel.label_model.correction`)."""
    READS_ROWS: ClassVar[bool] = False
    """Long matrices of votes are read as they lie: the model has `_fit_cells` and `_row_posterior`."""
    EVENT_BYTES: ClassVar[int] = 34
    """What a fit holds per vote at its widest: its pattern, cell and weights."""
    CELL_BYTES: ClassVar[int] = 20
    """What a fit holds per distinct row and class at its widest: tables of doubles, not all at once."""
    READS_SETS: ClassVar[bool] = True
    """Votes for sets of classes are read; else they are read as abstentions, with a warning."""

    class_balance_: Float
    labelers_: tuple[str, ...]
    silence_: npt.NDArray[np.int8]
    correction_: Correction | None = None
    calibrator_: Calibrator | None = None
    gold_rows_: npt.NDArray[np.uint64]

    def __init__(self, *, n_classes: int, outcomes: Sets | None = None) -> None:
        if isinstance(n_classes, bool) or not isinstance(n_classes, (int, np.integer)):
            raise ModelError(f"n_classes is a whole number, not {n_classes!r}", hint="len(schema)")
        if not 2 <= n_classes <= MAX_CODE:
            raise ModelError(
                f"n_classes={n_classes}; a label model needs 2 to {MAX_CODE} classes", hint="len(schema)"
            )
        self.n_classes = int(n_classes)
        self.outcomes = checked_outcomes(self.n_classes, outcomes)
        self.alphabet = Alphabet.of(self.n_classes, self.outcomes, sets=self.READS_SETS)
        self._counted: Counted | None = None
        self.gold_rows_ = np.empty(0, np.uint64)

    def fit(self, votes: Votes, *, gold: Any = None, inclusion: Any = None) -> Self:
        """Learn from votes, always from scratch, and return the model itself.

        Parameters
        ----------
        votes
            The rows.
        gold
            Known labels.
        inclusion
            The probability with which each gold row was drawn, where that differs: a mapping id to probability for a
            `LabelMatrix`, (n,) numbers for an array. None: all alike.

        Raises
        ------
        VotesError
            Votes that are no votes, or that name a class which doesn't exist.
        GoldError
            Gold that doesn't go with the votes, or inclusion probabilities that don't go with gold.
        ModelError
            The model can't weigh gold rows.
        """
        rows = plain_rows(votes, self.alphabet) if self.READS_ROWS and gold is None else None
        if rows is not None:
            self._learn_rows(distinct_rows(rows, len(self.alphabet)))
            return self
        patterns, table = self._read(votes, gold, fitting=True)
        if inclusion is not None and table is not None:
            if not self.CORRECTS:
                raise ModelError(
                    f"{self.name!r} takes every gold row for one row and can't weigh it by inclusion=",
                    hint='weigh them with label model "default"',
                )
            table = gold_weights(votes, patterns, gold, inclusion, n_classes=self.n_classes)
        self._learn(patterns, table)
        self._counted, self.gold_rows_ = None, _row_hashes(votes, gold)
        return self

    def partial_fit(self, votes: Votes, *, gold: Any = None) -> Self:
        """Add votes to those of earlier calls, learn from all of them, and return the model itself.

        What is kept between calls is the distinct rows with their counts, so memory follows the number of distinct
        rows. The answer is that of one `fit` on all rows, to the last bit, in whatever order the parts come.
        `save` keeps the counts too, so that a loaded model goes on. Parts must have the same labelers (of people's
        answers: `LabelMatrix.from_answers(..., labelers=all_of_them)`). In a plain array it is guessed from each part
        whether a column's silence is -1 or -2, so give a `LabelMatrix` where a part may lack one of the two.

        Raises
        ------
        ModelError
            The model was fitted by `fit`, which keeps no counts.
        VotesError, GoldError
            As for `fit`, or other labelers than in the earlier parts.

        Examples
        --------
        >>> from weaklabel.label_model import create
        >>> model = create("majority_vote", n_classes=2).partial_fit([[0, 1], [1, 1]]).partial_fit([[0, 0]])
        >>> whole = create("majority_vote", n_classes=2).fit([[0, 1], [1, 1], [0, 0]])
        >>> bool((model.class_balance_ == whole.class_balance_).all())
        True
        """
        if hasattr(self, "labelers_") and self._counted is None:
            raise ModelError(
                f"this label model {self.name!r} was fitted by fit, which keeps no counts to add to",
                hint="make a new model and give it every part with partial_fit",
            )
        patterns, table = self._read(votes, gold, fitting=True)
        if self._counted is None:
            counted = Counted(patterns.without_rows(), table)
        else:
            counted = self._counted.plus(patterns, table)
        self._learn(replace(counted.patterns), counted.gold)  # a copy: what a fit remembers of it is not kept
        self._counted, self.gold_rows_ = counted, np.union1d(self.gold_rows_, _row_hashes(votes, gold))
        return self

    def calibrate(self, votes: Votes, gold: Any, *, method: str = "temperature") -> Self:
        """Learn from gold rows that were not in the fit how sure the answers should be, and return the model itself.

        The last word on probabilities: every later answer goes through it, until the next fit. `Calibrator` and
        `cross_fitted` in `weaklabel.label_model.calibration` do the same for probabilities of any origin.

        Parameters
        ----------
        votes
            Rows, of which those with gold and votes are used.
        gold
            Their labels, as in `fit`.
        method
            "temperature" or "isotonic".

        Raises
        ------
        GoldError
            No gold row has votes, or some were in the fit (seen by their ids, so only with a `LabelMatrix`): there the
            model is surer than elsewhere.
        ModelError
            Not fitted yet, or no such method.

        Examples
        --------
        >>> from weaklabel.label_model import create
        >>> model = create("majority_vote", n_classes=2).fit([[0, 0], [1, 1]])
        >>> rows = [[0, 0]] * 20
        >>> model.calibrate(rows, [0] * 15 + [1] * 5).predict_proba([[0, 0]]).round(2)
        array([[0.86, 0.14]])
        """
        self._need_fit()
        patterns, table = self._read(votes, gold)
        made = calibrator(method)
        again = np.isin(_row_hashes(votes, gold), self.gold_rows_).sum()
        if again:
            raise GoldError(
                f"{again} of the calibration rows were in the fit",
                hint="calibrate with other rows; Gold.parted keeps a share of the gold rows for it",
            )
        heard = (patterns.n_votes > 0)[:, None]
        row, code = np.nonzero(heard & (table > 0)) if table is not None else (np.empty(0, int),) * 2
        if table is None or not len(row):
            raise GoldError("no gold row with votes to calibrate by", hint="give gold labels as in fit")
        self.calibrator_ = None
        self.calibrator_ = made.fit(self._scored(patterns)[row], code, weights=table[row, code])
        return self

    def predict_proba(self, votes: Votes) -> Float:
        """Return class probabilities, (n, k) float64; a row without votes gets `class_balance_`.

        Raises
        ------
        ModelError
            Not fitted yet, or fitted on other labelers; the difference is named.
        """
        patterns, answers = self._answers(votes)
        return self._per_row(votes, patterns, answers)

    def predict(self, votes: Votes, *, f1_class: int | None = None) -> Int:
        """Return the most probable class, (n,) int64; -1 for a tie and for a row without votes.

        Parameters
        ----------
        votes
            The rows.
        f1_class
            A class, a rare one for the most part, that is named wherever its probability reaches the threshold that
            makes its expected F1 over these rows largest (`weaklabel.label_model.calibration.f1_threshold`); the
            other rows get the most probable of the other classes.

        Raises
        ------
        ModelError
            As for `predict_proba`, or no such class.

        Examples
        --------
        >>> from weaklabel.label_model import create
        >>> votes = [[0, 0, 1], [0, 0, 0], [0, 0, 0], [0, 0, 0]]
        >>> model = create("majority_vote", n_classes=2).fit(votes)
        >>> model.predict(votes).tolist(), model.predict(votes, f1_class=1).tolist()
        ([0, 0, 0, 0], [1, 0, 0, 0])
        """
        patterns, answers = self._answers(votes)
        labels = self._labels(patterns, answers)
        if f1_class is not None:
            labels = self._for_f1(patterns, answers, f1_class)
        return self._per_row(votes, patterns, labels)

    def explain(self, votes: Votes) -> Explanation:
        """Return what each answer of one row adds, and what the label would be without it.

        Parameters
        ----------
        votes
            One row: (m,) codes, or a `LabelMatrix` or `VotePatterns` with a single row.

        Raises
        ------
        VotesError
            More than one row.
        ModelError
            As for `predict_proba`.

        Examples
        --------
        >>> from weaklabel.label_model import create
        >>> model = create("dawid_skene", n_classes=2).fit([[0, 0, 1], [1, 1, 1], [0, 0, 0], [1, -1, 1]])
        >>> told = model.explain([0, 0, 1])
        >>> told.label, told.without, told.scale
        (0, (0, 0, 0), 'log odds')
        """
        self._need_fit()
        if not isinstance(votes, (LabelMatrix, VotePatterns)) and np.ndim(votes) == 1:
            votes = np.asarray(votes)[None, :]
        return explain_row(self, self._read(votes)[0])

    def fit_bytes(self, votes: Votes) -> int:
        """Return an estimate of the memory that a fit takes, in bytes: patterns, and tables beside them.

        It is what numpy and the kernels hold at once, without the votes themselves. A fit that needs a gibibyte
        or more logs this figure before it starts.

        Examples
        --------
        >>> from weaklabel.label_model import create
        >>> create("majority_vote", n_classes=2).fit_bytes([[0, 1, 1]]) < 10_000
        True
        """
        return self._fit_bytes(as_patterns(votes))

    def save(self, folder: str | Path, *, schema: LabelSchema | None = None, rules: Any = None) -> Path:
        """Write the fitted model: `model.json` and an `.npz` of arrays, no pickle. Return the folder.

        Parameters
        ----------
        folder
            Made when it isn't there; an older model in it is replaced in one step.
        schema
            The labels: their names in order and version are written, and `load` can check them.
        rules
            The rules behind the votes, an `LFRegistry` or a mapping id to fingerprint: their fingerprints are
            written, and `load` can check them. Muted rules are left out.

        Raises
        ------
        ModelError
            Not fitted yet, or schema and rules that are not those of the fit.
        OutputError
            The folder can't be written.
        """
        self._need_fit()
        folder = Path(folder)
        learned = {name: getattr(self, name) for name in ("labelers_", "silence_", *self.STATE)}
        arrays = {name: value for name, value in learned.items() if isinstance(value, np.ndarray)}
        if self._counted is not None:
            arrays |= self._counted.arrays()
        if self.correction_ is not None:
            arrays |= self.correction_.arrays()
        arrays["gold_rows_"] = self.gold_rows_
        head = {
            **marks(schema, rules, n_classes=self.n_classes, labelers=self.labelers_),
            "format": FORMAT,
            "model": self.name,
            "n_classes": self.n_classes,
            "options": {name: getattr(self, name) for name in self.OPTIONS} | self._told_outcomes(),
            "arrays": f"arrays-{uuid.uuid4().hex}.npz",
            "learned": {name: value for name, value in learned.items() if name not in arrays},
            "calibrator": None if self.calibrator_ is None else self.calibrator_.to_dict(),
        }
        try:
            write_state(folder, head, arrays)
        except OSError as error:
            raise OutputError(f"can't save the label model: {error}", where=str(folder)) from error
        return folder

    @abstractmethod
    def _fit(self, patterns: VotePatterns, gold: Float | None) -> None:
        """Learn from patterns whose codes are those of `alphabet`; gold is a (u, k) table or None."""

    @abstractmethod
    def _posterior(self, patterns: VotePatterns, where: Int) -> Float:
        """Return (u, k) probabilities; `where` maps the patterns' labelers to the fitted ones."""

    def _restore(self, state: Mapping[str, Any]) -> None:
        for name in ("labelers_", "silence_", *self.STATE):
            value = state[name]
            setattr(self, name, _tuples(value) if isinstance(value, list) else value)
        self._counted = Counted.from_arrays(state, self.labelers_, self.silence_)
        self.correction_ = Correction.from_arrays(state, self.alphabet)
        self.gold_rows_ = state.get("gold_rows_", np.empty(0, np.uint64))
        self.calibrator_ = calibrator_from(state["calibrator"]) if state["calibrator"] else None

    def _evidence(self, row: VotePatterns, where: Int) -> tuple[Float, Float] | None:
        """Return what the score of one row is a sum of, or None when it is no sum.

        `row` is a single pattern with votes in which every answer is spelt out: its silence is -2 throughout. The
        answer is the (k,) log score of a row before anybody is asked, and an (m, codes + 2, k) table of what answer
        `code + 2` (a code of `alphabet`) of each of the row's labelers adds to it (column 0, not asked: nothing). The softmax of their
        sum is that row's posterior; with `SCALE` "share" the sum itself, divided by its total.
        """
        return None

    def _fit_bytes(self, patterns: VotePatterns) -> int:
        """Return the bytes of patterns and of what a fit makes of them; see `fit_bytes`."""
        u, e, m, k = len(patterns), len(patterns.codes), len(patterns.labelers), self.n_classes
        own = sum(
            getattr(patterns, name).nbytes for name in ("indptr", "labeler_index", "codes", "counts", "keys")
        )
        return own + self.EVENT_BYTES * e + self.CELL_BYTES * u * k + 48 * m * (len(self.alphabet) + 2) * k

    def _fit_cells(self, rows: Cells) -> None:
        """Learn from rows as they lie; for models with `READS_ROWS`."""
        raise NotImplementedError

    def _row_posterior(self, rows: Rows) -> tuple[Rows, Float]:
        """Return the rows, with `n_votes`, and (n, k) probabilities; for models with `READS_ROWS`."""
        raise NotImplementedError

    def _announce(self, need: int, rows: int, votes: int) -> None:
        if need >= BIG:
            logger.warning(
                "fitting %s takes about %.1f GB beyond the votes: %d distinct rows, %d votes",
                self.name,
                need / 1e9,
                rows,
                votes,
            )

    def _learn_rows(self, rows: Cells) -> None:
        self._announce(2 * rows.n_bytes, rows.n_distinct, len(rows.cells))
        self._fit_cells(rows)
        self.labelers_, self.silence_ = rows.labelers, rows.silence.copy()
        self.correction_ = self.calibrator_ = self._counted = None
        self.gold_rows_ = np.empty(0, np.uint64)

    def _learn(self, patterns: VotePatterns, gold: Int | Float | None) -> None:
        self._announce(self._fit_bytes(patterns), len(patterns), len(patterns.codes))
        table = None if gold is None else gold.astype(np.float64)
        self._fit(patterns, None if self.CORRECTS else table)
        self.labelers_, self.silence_ = patterns.labelers, patterns.silence.copy()
        self.correction_ = self.calibrator_ = None
        if self.CORRECTS and table is not None:
            self._correct(patterns, table)

    def _correct(self, patterns: VotePatterns, gold: Float) -> None:
        """Learn from gold rows with votes what the fitted model gets wrong."""
        where = np.arange(len(patterns.labelers))
        before = self._posterior(patterns, where)
        heard = patterns.n_votes > 0
        group, share = self._together()
        scores = np.log(np.maximum(before, CLIP))
        self.correction_ = fit_correction(
            scores, patterns, gold * heard[:, None], group=group, share=share, alphabet=self.alphabet
        )
        if self.correction_ is not None:
            answers = self.correction_.corrected(before, patterns, where)
            rows = patterns.counts * heard
            self.class_balance_ = (rows @ answers + 1) / (rows.sum() + self.n_classes)

    def _together(self) -> tuple[Int, Float]:
        """Return the first labeler of each labeler's group of duplicates, and what one of them counts, (m,) each."""
        m = len(self.labelers_)
        return np.arange(m), np.ones(m)

    def _labels(self, patterns: VotePatterns | Rows, answers: Float) -> Int:
        ranked = np.sort(answers, axis=1)
        tied = ranked[:, -1] - ranked[:, -2] <= TIE * ranked[:, -1]
        return np.where(tied | (patterns.n_votes == 0), ABSTAIN, answers.argmax(axis=1)).astype(np.int64)

    def _for_f1(self, patterns: VotePatterns | Rows, answers: Float, code: int) -> Int:
        if not 0 <= code < self.n_classes:
            raise ModelError(f"f1_class={code}: the classes are 0 to {self.n_classes - 1}")
        heard = patterns.n_votes > 0
        if not heard.any():
            return self._labels(patterns, answers)
        named = answers[:, code] >= f1_threshold(answers[heard, code], patterns.counts[heard])
        others = answers.copy()
        others[:, code] = 0
        return np.where(named & heard, code, self._labels(patterns, others))

    def _where(self, patterns: VotePatterns) -> Int:
        return places(patterns, self.labelers_, self.silence_)

    def _read(
        self, votes: Votes, gold: Any = None, *, fitting: bool = False
    ) -> tuple[VotePatterns, npt.NDArray[Any] | None]:
        """Return votes as patterns whose codes are those of `alphabet`, and gold rows of each and class."""
        patterns, to = self._alphabetic(votes, fitting=fitting)
        if to is None or not isinstance(votes, VotePatterns) or np.ndim(gold) != 2:
            return patterns, gold_table(votes, patterns, gold, n_classes=self.n_classes)
        given: Any = gold_table(votes, votes, gold, n_classes=self.n_classes)
        table = np.zeros((len(patterns), self.n_classes), np.int64)
        np.add.at(table, to, given)
        return patterns, table

    def _alphabetic(
        self, votes: Votes, *, fitting: bool = False, group: bool = True
    ) -> tuple[VotePatterns, Int | None]:
        known = None if fitting else self._standing(votes)
        patterns, to = self.alphabet.read(votes, labelers=known, group=group)
        if not patterns.labelers:
            raise VotesError("votes without a single labeler", hint="one column per rule or person")
        if fitting and not self.READS_SETS and self.alphabet.silenced(patterns.labelers):
            logger.warning("%s reads votes for several classes, or against some, as abstentions", self.name)
        return patterns, to

    def _answers(self, votes: Votes) -> tuple[VotePatterns | Rows, Float]:
        self._need_fit()
        known = self.labelers_
        rows = None
        if self.READS_ROWS and self.correction_ is None:
            rows = plain_rows(votes, self.alphabet, known)
        if rows is None or not by_place(rows.labelers, known):
            patterns, _ = self._alphabetic(votes, group=False)
            return patterns, self._scored(patterns)
        found, answers = self._row_posterior(rows)
        return found, self._last(found, answers)

    def _scored(self, patterns: VotePatterns) -> Float:
        """Return the answers to patterns whose codes are those of `alphabet`, (u, k)."""
        where = self._where(patterns)
        answers = self._posterior(patterns, where)
        if self.correction_ is not None:
            answers = self.correction_.corrected(answers, patterns, where)
        return self._last(patterns, answers)

    def _last(self, patterns: VotePatterns | Rows, answers: Float) -> Float:
        """Calibrate answers, in place, and give rows without votes the class balance."""
        heard = patterns.n_votes > 0
        if self.calibrator_ is not None:
            answers[heard] = self.calibrator_.apply(answers[heard])
        answers[~heard] = self.class_balance_
        return answers

    def _standing(self, votes: Votes) -> tuple[str, ...] | None:
        """Return the fitted labelers where the votes' own stand in their places."""
        if isinstance(votes, (LabelMatrix, VotePatterns)):
            own = votes.labelers
        else:
            shape = np.shape(votes)
            own = nameless(shape[1] if len(shape) == 2 else 0)
        return self.labelers_ if by_place(own, self.labelers_) else None

    def _told_outcomes(self) -> dict[str, Any]:
        """Return the outcomes as `save` writes them; nothing where there are none."""
        return {"outcomes": self.outcomes} if self.outcomes else {}

    def _per_row(self, votes: Votes, patterns: VotePatterns | Rows, answers: Any) -> Any:
        if isinstance(votes, VotePatterns) or isinstance(patterns, Rows):
            return answers
        assert patterns.inverse is not None
        return answers[patterns.inverse]

    def _need_fit(self) -> None:
        if not hasattr(self, "labelers_"):
            raise ModelError(f"label model {self.name!r} is not fitted", hint="call fit(votes) first")


def _row_hashes(votes: Votes, gold: Any) -> npt.NDArray[np.uint64]:
    """Return hashes of the ids of gold rows; none where rows have no ids."""
    if gold is None or not isinstance(votes, LabelMatrix):
        return np.empty(0, np.uint64)
    ids = gold if isinstance(gold, Mapping) else gold["id"]
    return np.unique(np.array([event_hash(f"gold {id}", 0) for id in ids], np.uint64))


def soft_votes(patterns: VotePatterns, alphabet: Alphabet | int, weights: Float | None = None) -> Float:
    """Return each pattern's share of votes per class, (u, k); zeros where nobody votes.

    `alphabet` says what the codes stand for, k that they are classes; a set's vote is spread evenly over its classes.
    `weights` is what a vote of each labeler counts, 1 when not given.

    Examples
    --------
    >>> soft_votes(as_patterns([[0, 1, 1, -1]]), 2).round(3).tolist()
    [[0.333, 0.667]]
    >>> soft_votes(as_patterns([[0, 3]]), Alphabet.of(3, {"1": [[1, 2]]})).tolist()
    [[0.5, 0.25, 0.25]]
    """
    read = Alphabet(alphabet) if isinstance(alphabet, int) else alphabet
    size = len(read)
    voted = patterns.codes >= 0
    cells = patterns.pattern_index[voted] * size + patterns.codes[voted]
    each = None if weights is None else weights[patterns.labeler_index[voted]]
    flat = np.bincount(cells, weights=each, minlength=len(patterns) * size)
    coded = flat.reshape(len(patterns), size)
    counts: npt.NDArray[Any] = read.spread(coded) if read.sets else coded
    total = counts.sum(axis=1, keepdims=True)
    return counts / np.where(total > 0, total, 1)


def class_weights(patterns: VotePatterns, shares: Float, gold: Float | None) -> Float:
    """Return rows per pattern and class, (u, k): gold where known, shares for the rest; 0 for rows without votes."""
    rows = np.where(patterns.n_votes > 0, patterns.counts, 0).astype(np.float64)
    if gold is None:
        return rows[:, None] * shares
    known = gold * (patterns.n_votes > 0)[:, None]
    return (rows - known.sum(axis=1))[:, None] * shares + known


def _tuples(value: Any) -> Any:
    return tuple(_tuples(v) for v in value) if isinstance(value, list) else value
