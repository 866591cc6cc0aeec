"""Regions of a corpus: rows that no rule covers, or that rules fight over, gathered by their words."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from weaklabel.explore.meanings import Int16, Meanings
from weaklabel.explore.places import Piece, excerpt
from weaklabel.explore.view import Bool, Int, View
from weaklabel.explore.words import Vocabulary, distinguishing, term_spans
from weaklabel.schema import LabelSchema

Float = npt.NDArray[np.float64]
Tell = Callable[[str, int, int], None]

CLUSTERED_ROWS = 20_000
"""Rows of one kind that are clustered; more are drawn by their hashed ids."""
ROWS_PER_REGION = 15
MOST_REGIONS = 8
FEWEST_ROWS = 8
WORDS_PER_REGION = 6
MIXED = 0.6
"""No keyword is advised for a region in which no class has so large a share."""
MOST_TOPICS = 12
LEAST_TOPIC = 0.05
"""Length (of 1) of a row's words along its topic from which on it belongs there."""


@dataclass(frozen=True)
class Region:
    """Rows of one kind with words in common.

    Parameters
    ----------
    kind
        "uncovered" or "contested".
    rows
        Number of rows, of those of its kind that were looked at.
    share
        Of all rows of its kind.
    words
        What sets it off from the rest of the corpus, strongest first.
    label
        The class that most of its rows seem to have; None: unknown.
    label_share
        Share of its rows (of known class) with that class.
    label_by
        Where that is from: "gold", "the label model", "a text model".
    label_rows
        Number of rows behind it.
    rules
        Of a contested region: the pairs of rules that meet most often, and how often.
    against
        Of a contested region: the rule that votes most often against `label`, and how often.
    term
        A keyword to try next, and on how many rows of the region it stands.
    term_rows
        See `term`.
    examples
        Two rows: id and text around the term.

    Examples
    --------
    >>> Region("uncovered", 12, 0.5, ("tent",), "returns", 0.8, "gold", 5, (), None, "tent", 9, ()).advice
    'try the keyword "tent" (9 of these rows) for returns (80% of 5 rows here, by gold)'
    """

    kind: str
    rows: int
    share: float
    words: tuple[str, ...]
    label: str | None
    label_share: float
    label_by: str
    label_rows: int
    rules: tuple[tuple[str, str, int], ...]
    against: tuple[str, int] | None
    term: str | None
    term_rows: int
    examples: tuple[tuple[str, tuple[Piece, ...]], ...]

    @property
    def advice(self) -> str:
        """What to write next, in a sentence; empty where nothing is known."""
        if self.kind == "contested":
            return self._advice_on_conflicts
        if self.term is None:
            return ""
        keyword = f'the keyword "{self.term}" ({self.term_rows:,} of these rows)'
        if self.label is None:
            return f"read a few rows and try {keyword}"
        sure = f"{self.label_share:.0%} of {self.label_rows:,} rows here, by {self.label_by}"
        if self.label_share < MIXED:
            return f"mixed: most often {self.label} ({sure}); read a few rows before writing a rule"
        return f"try {keyword} for {self.label} ({sure})"

    @property
    def _advice_on_conflicts(self) -> str:
        if self.label is None or self.label_share < MIXED or self.against is None:
            return "no class has most of these rows: write a rule that says more than one word to tell them apart"
        rule, count = self.against
        sure = f"{self.label_share:.0%} of {self.label_rows:,} rows here, by {self.label_by}"
        return f"mostly {self.label} ({sure}): narrow {rule}, which says otherwise on {count:,}"

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {**asdict(self), "advice": self.advice}


@dataclass(frozen=True, eq=False)
class Known:
    """What is known of the rows' classes; n rows, k classes.

    Parameters
    ----------
    schema
        The classes.
    votes
        (n, m) of the rules, as meanings.
    meanings
        What votes mean.
    rule_ids
        Their ids.
    probabilities
        (n, k) of the label model.
    """

    schema: LabelSchema
    votes: Int16
    meanings: Meanings
    rule_ids: tuple[str, ...]
    probabilities: Float

    @property
    def covered(self) -> Bool:
        """(n,) bool: some rule votes."""
        return np.asarray((self.votes >= 0).any(axis=1))

    @functools.cached_property
    def contested(self) -> Bool:
        """(n,) bool: two votes leave no class in common."""
        return self.meanings.contested(self.votes)


def regions(
    view: View, known: Known, vocabulary: Vocabulary, *, seed: int = 0, tell: Tell | None = None
) -> tuple[Region, ...]:
    """Return regions of rows without votes, then regions of rows with votes that differ; large ones first.

    Parameters
    ----------
    view
        The rows.
    known
        Their votes and probabilities.
    vocabulary
        The words of a sample of the rows.
    seed
        Of the clustering.
    tell
        Told the progress: step, done, total.
    """
    telling = vocabulary.telling(_groups(known)[vocabulary.rows])
    ground = _Ground(view, known, vocabulary, telling, _text_model(view, known, vocabulary))
    found: list[Region] = []
    for step, (kind, mask) in enumerate((("uncovered", ~known.covered), ("contested", known.contested))):
        if tell:
            tell("rows are gathered", step, 2)
        rows = np.flatnonzero((mask & view.counted)[vocabulary.rows])[:CLUSTERED_ROWS]
        if len(rows) >= FEWEST_ROWS:
            of_kind = [_region(kind, own, len(rows), ground) for own in _clusters(ground, rows, seed)]
            found += sorted(of_kind, key=lambda r: (-r.rows, r.words))[:MOST_REGIONS]
    if tell:
        tell("rows are gathered", 2, 2)
    return tuple(found)


@dataclass(frozen=True, eq=False)
class _Ground:
    """What regions are told from: rows, what is known of them, their words, which of these tell, and a text model."""

    view: View
    known: Known
    vocabulary: Vocabulary
    telling: Bool
    guess: Int | None


def _groups(known: Known) -> Float:
    """Return, (n, k + 1), the share of each row in each class, and whether it has no votes."""
    covered = known.covered
    return np.column_stack([known.probabilities * covered[:, None], ~covered])


def _clusters(ground: _Ground, rows: Int, seed: int) -> list[Int]:
    """Return groups of rows with words in common: each row goes to the topic (of NMF on TF-IDF) it has most of.

    D. D. Lee, H. S. Seung, "Learning the parts of objects by non-negative matrix factorization", Nature 401 (1999).
    Rows that have next to nothing of any topic are in no group.
    """
    from sklearn.decomposition import NMF
    from sklearn.exceptions import ConvergenceWarning

    matrix = ground.vocabulary.tf_idf[rows][:, np.flatnonzero(ground.telling)]
    often = np.flatnonzero(np.bincount(matrix.indices, minlength=matrix.shape[1]) >= 3)
    matrix = matrix[:, often]
    many = int(np.clip(len(rows) // ROWS_PER_REGION, 2, MOST_TOPICS))
    if min(matrix.shape) <= many:
        return [rows]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", RuntimeWarning)  # an error of nothing, rounded below 0
        model = NMF(many, init="nndsvda", max_iter=200, random_state=seed)
        weights = model.fit_transform(matrix) * np.linalg.norm(model.components_, axis=1)
    best, most = weights.argmax(axis=1), weights.max(axis=1)
    groups = [rows[(best == topic) & (most > LEAST_TOPIC)] for topic in range(many)]
    return [group for group in groups if len(group) >= FEWEST_ROWS] or [rows]


def _region(kind: str, own: Int, total: int, ground: _Ground) -> Region:
    view, known, vocabulary = ground.view, ground.known, ground.vocabulary
    inside = np.zeros(len(vocabulary.rows), bool)
    inside[own] = True
    ranked = distinguishing(vocabulary, inside)
    words = _spread(vocabulary, [j for j in ranked if ground.telling[j]], own)
    rows = vocabulary.rows[own]
    label, share, by, behind = _class_of(kind, own, ground)
    term = words[0] if words else None
    on = own[vocabulary.has(term)[own]] if term else own[:0]
    shown = on[np.argsort(view.keys[vocabulary.rows[on]], kind="stable")[:2]]
    if len(shown) < 2:
        rest = own[np.argsort(view.keys[rows], kind="stable")]
        shown = np.array(list(dict.fromkeys([*shown.tolist(), *rest.tolist()]))[:2], dtype=np.int64)
    return Region(
        kind=kind,
        rows=len(own),
        share=len(own) / max(total, 1),
        words=tuple(words),
        label=None if label is None else known.schema.label(label),
        label_share=share,
        label_by=by,
        label_rows=behind,
        rules=_meetings(known, rows) if kind == "contested" else (),
        against=_against(known, rows, label) if kind == "contested" else None,
        term=term,
        term_rows=len(on),
        examples=tuple(_example(view, vocabulary, int(i), term) for i in shown),
    )


def _spread(vocabulary: Vocabulary, ranked: Sequence[int], own: Int) -> list[str]:
    """Return the strongest terms of which none says what a stronger one has said already."""
    chosen: list[str] = []
    held: list[Bool] = []
    for column in ranked[:60]:
        term = vocabulary.terms[column]
        mask = vocabulary.has(term)[own]
        said = any((mask & other).sum() >= 0.8 * min(mask.sum(), other.sum()) for other in held)
        if not said:
            chosen.append(term)
            held.append(mask)
        if len(chosen) == WORDS_PER_REGION:
            break
    return chosen


def _class_of(kind: str, own: Int, ground: _Ground) -> tuple[int | None, float, str, int]:
    """Return the class most rows seem to have, its share, by what, and on how many rows."""
    view, known, guess = ground.view, ground.known, ground.guess
    rows = ground.vocabulary.rows[own]
    if view.gold is not None and (view.gold[rows] >= 0).sum() >= 3:
        codes, by = view.gold[rows], "gold"
    elif kind == "contested":
        codes, by = known.probabilities[rows].argmax(axis=1), "the label model"
    elif guess is not None:
        codes, by = guess[own], "a text model"
    else:
        return None, 0.0, "", 0
    codes = codes[codes >= 0]
    counts = np.bincount(codes, minlength=len(known.schema))
    return int(counts.argmax()), float(counts.max() / max(len(codes), 1)), by, len(codes)


def _text_model(view: View, known: Known, vocabulary: Vocabulary) -> Int | None:
    """Return the class of each row of the vocabulary by its words, learned from the rows that have labels."""
    from sklearn.naive_bayes import ComplementNB

    rows = vocabulary.rows
    sure = known.covered[rows] & (np.ptp(known.probabilities[rows], axis=1) > 0)
    classes = known.probabilities[rows].argmax(axis=1)
    if len(np.unique(classes[sure])) < 2 or not len(vocabulary.terms):
        return None
    weight = known.probabilities[rows].max(axis=1)[sure]
    model = ComplementNB().fit(vocabulary.tf_idf[sure], classes[sure], sample_weight=weight)
    answers: Int = model.predict(vocabulary.tf_idf).astype(np.int64)
    return answers


def _meetings(known: Known, rows: Int, most: int = 3) -> tuple[tuple[str, str, int], ...]:
    """Return the pairs of rules that differ most often on some rows."""
    votes = known.votes[rows]
    counts: dict[tuple[int, int], int] = {}
    for line in votes:
        voters = np.flatnonzero(line >= 0)
        for a, i in enumerate(voters.tolist()):
            for j in voters[a + 1 :].tolist():
                if not known.meanings.agree[line[i], line[j]]:
                    counts[i, j] = counts.get((i, j), 0) + 1
    top = sorted(counts, key=lambda pair: (-counts[pair], pair))[:most]
    return tuple((known.rule_ids[i], known.rule_ids[j], counts[i, j]) for i, j in top)


def _against(known: Known, rows: Int, label: int | None) -> tuple[str, int] | None:
    """Return the rule that votes most often against a class on some rows, and how often."""
    if label is None:
        return None
    votes = known.votes[rows]
    otherwise = ((votes >= 0) & ~known.meanings.allows[np.maximum(votes, 0), label]).sum(axis=0)
    worst = int(otherwise.argmax())
    return (known.rule_ids[worst], int(otherwise[worst])) if otherwise[worst] else None


def _example(
    view: View, vocabulary: Vocabulary, position: int, term: str | None
) -> tuple[str, tuple[Piece, ...]]:
    row = int(vocabulary.rows[position])
    text = view.texts(vocabulary.column)[row] or ""
    places = term_spans(text, term) if term else []
    return view.ids[row], excerpt(text, places, width=100)
