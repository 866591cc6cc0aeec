"""Candidate keywords and phrases per class, from gold or from what the label model says. Never added by themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from weaklabel.apply import LFApplier
from weaklabel.errors import CorpusError
from weaklabel.explore.overviews import vocabulary_of
from weaklabel.explore.suggested import Suggestion, Suggestions
from weaklabel.explore.view import Bool, Int, View
from weaklabel.explore.words import Vocabulary
from weaklabel.label_matrix import LabelMatrix
from weaklabel.lf import Keywords, LabelingFunction, LFRegistry, Lookup, Regex, keywords
from weaklabel.schema import LabelSchema
from weaklabel.stats import benjamini_hochberg, clopper_pearson

Float = npt.NDArray[np.float64]

FEWEST = 5
"""Rows of known class on which a term must stand."""
MOST = 10
"""Terms of one class that are returned."""
FALSE_SHARE = 0.05
"""Expected share of the returned terms that are no better than chance."""
LEAST = 0.6
"""Least precision of a term that is returned."""
KNOWN = 0.9
"""A term is known when on so large a share of its hits some rule votes for the class already."""
REDUNDANT = 0.8
"""A term of whose hits so large a share is also a better one's says the same."""
LENGTHS, FEWEST_OF_LENGTH = 5, 100
"""Most groups of texts by their length within which a term is compared with chance, and rows of known class for each."""
_CANDIDATES = 8
"""Times `most` terms of a class that are measured as rules."""


def suggest(
    registry: LFRegistry,
    view: View,
    votes: LabelMatrix,
    *,
    probabilities: Float | None = None,
    labels: Iterable[str] | None = None,
    by: str | None = None,
    most: int = MOST,
    fewest: int = FEWEST,
    least: float = LEAST,
    confidence: float = 0.95,
    tell: Callable[[str, int, int], None] | None = None,
) -> Suggestions:
    """Find words and phrases that speak for a class and that no rule knows yet.

    Parameters
    ----------
    registry, votes
        The rules and their votes on the view's rows.
    view
        The rows, with their gold.
    probabilities
        (n, k) of the label model, for rows without gold.
    labels
        Classes to find terms for; default: all.
    by
        "gold" or "model"; default: gold where at least 50 rows have it, else the model.
    most
        Most terms of a class.
    fewest
        Least number of rows of known class on which a term stands.
    least
        Least precision of a term, as measured.
    confidence
        Of all precision intervals together.
    tell
        Told the progress: step, done, total.

    Notes
    -----
    Which terms are tried is decided by how many rows they stand on, not by the rows' classes. Intervals are
    Clopper-Pearson's at 1 - (1 - confidence) / tried (Bonferroni), so that with probability `confidence` all of them
    hold. Chance is the class' share among texts about as long: where one class writes more, all common words stand
    mostly in its texts and tell nothing but that. A term is found when its interval lies above chance, however many were
    tried. It is a hint when its interval does not, but a one-sided binomial test against chance passes at 0.05,
    corrected by Benjamini and Hochberg, and of its rows without a vote for the class a share of `least` is right. There
    is no list of stop words, as such a word may be a cue ("when" asks for a time). But a word that only goes with what
    rules know already is better than chance over all its rows and not on those where no rule votes for the class yet:
    by gold, such terms are echoes and not found. By the model,
    "right" rows are sums of its probabilities on rows with votes: these are the model's opinion, and terms that go with
    the words of existing rules look better than they are.

    Examples
    --------
    >>> import polars as pl
    >>> from weaklabel.explore.ballots import Ballots
    >>> from weaklabel.gold import load_gold
    >>> schema = LabelSchema(["ham", "spam"])
    >>> registry = LFRegistry([keywords("sells", ["buy"], label="spam")], schema=schema)
    >>> frame = pl.DataFrame({"id": [str(i) for i in range(60)], "text": ["a tent"] * 30 + ["a mug to buy"] * 30})
    >>> gold = pl.DataFrame({"id": frame["id"], "label": ["ham"] * 30 + ["spam"] * 30})
    >>> view = View.of(frame, gold=load_gold(gold, schema=schema))
    >>> found = suggest(registry, view, Ballots(view).cast(registry))
    >>> [(one.term, one.label, one.new) for one in found.found], found.left_out > 0
    ([('tent', 'ham', 30)], True)
    """
    if view.text is None:
        raise CorpusError("there is no column of texts to find words in", available=view.frame.columns)
    schema = registry.schema
    wanted = [schema.code(label) for label in labels] if labels is not None else list(range(len(schema)))
    covered = np.asarray((votes.to_numpy() >= 0).any(axis=1))
    shares, known, source = _classes(view, probabilities, covered, len(schema), by)
    vocabulary = vocabulary_of(view, fewest=3, tell=tell)
    inside = known[vocabulary.rows]
    support, right = _counts(vocabulary, shares, inside)
    worded = np.array([sum(map(str.isalpha, term)) > 1 for term in vocabulary.terms], dtype=bool)
    tested = np.flatnonzero((support >= fewest) & worded)
    tried = max(len(tested) * len(wanted), 1)
    usual = _usual_shares(view, shares, known)
    base = _counts(vocabulary, usual, inside)[1] / np.maximum(support, 1)[:, None]
    found: list[Suggestion] = []
    left_out = 0
    q = _adjusted(tested, support, right, base, wanted)
    codes = votes.to_numpy()
    ranked: dict[int, list[int]] = {}
    for code in wanted:
        able = tested[(q[tested, code] <= FALSE_SHARE) & (right[tested, code] >= least * support[tested])]
        fresh = _fresh(vocabulary, (codes == code).any(axis=1))[able]
        left_out += int((~fresh).sum())
        ranked[code] = _ranked(able[fresh], support, right[:, code], most)
    measured = _measured(vocabulary, view, sorted({j for own in ranked.values() for j in own}), tell)
    judge = _Judge(registry, view, codes, shares, known, usual, 1 - (1 - confidence) / tried)
    echoes: list[Suggestion] = []
    hints: list[Suggestion] = []
    for code in wanted:
        good: list[tuple[Suggestion, Bool]] = []
        for j in ranked[code]:
            one = judge.suggestion(vocabulary.terms[j], measured[j], code, float(q[j, code]))
            if one.support < fewest or (one.precision.value or 0) < least or one.q > FALSE_SHARE:
                continue
            if judge.knows(one):
                left_out += 1
            elif source == "gold" and one.echo:
                echoes.append(one)
            elif source != "gold" or one.sure or one.fresh_right >= least * one.fresh_known:
                good.append((one, measured[j]))
        best = _best(good, most)
        found += [one for one in best if one.sure]
        hints += [one for one in best if not one.sure]
    return Suggestions(
        by=source,
        known=int(known.sum()),
        rows=view.rows,
        total=view.total,
        tried=tried,
        found=tuple(found),
        hints=tuple(hints),
        echoes=tuple(echoes),
        left_out=left_out,
        notes=tuple(_notes(view, source, int(known.sum()))),
    )


@dataclass(frozen=True, eq=False)
class _Judge:
    """What a term's hits are worth, given what the rows are and what the rules say already."""

    registry: LFRegistry
    view: View
    votes: npt.NDArray[np.int8]
    shares: Float
    known: Bool
    usual: Float
    level: float

    def suggestion(self, term: str, mask: Bool, code: int, q: float) -> Suggestion:
        inside = mask & self.known
        k, n = float(self.shares[inside, code].sum()), int(inside.sum())
        hits = mask & self.view.counted
        own = self.votes[hits]
        fresh = inside & ~(self.votes == code).any(axis=1)
        label = self.registry.schema.label
        spread = self.shares[inside].sum(axis=0) / max(n, 1)
        return Suggestion(
            term=term,
            label=label(code),
            support=n,
            precision=clopper_pearson(min(k, n), n, confidence=self.level),
            q=q,
            hits=int(hits.sum()),
            fresh=int((~(own == code).any(axis=1)).sum()),
            new=int((~(own >= 0).any(axis=1)).sum()),
            share=float(self.usual[inside, code].sum() / max(n, 1)),
            spread={
                label(int(c)): float(spread[c]) for c in np.argsort(-spread, kind="stable") if spread[c] > 0
            },
            fresh_known=int(fresh.sum()),
            fresh_right=float(self.shares[fresh, code].sum()),
        )

    def knows(self, one: Suggestion) -> bool:
        """Say whether the rules know a term: one votes so on the bare term, or they do on nearly all of its hits."""
        column = self.view.text or ""
        bare = any(_says(rule, one.term, one.label, column) for rule in self.registry)
        return bare or one.fresh < (1 - KNOWN) * one.hits


def _best(good: Sequence[tuple[Suggestion, Bool]], most: int) -> list[Suggestion]:
    """Return the terms that are surely best, short ones first among equals, and none that says what another says."""
    ordered = sorted(
        good,
        key=lambda pair: (
            not pair[0].sure,
            -round(pair[0].precision.low or 0, 3),
            pair[0].term.count(" "),
            -pair[0].support,
            pair[0].term,
        ),
    )
    chosen: list[tuple[Suggestion, Bool]] = []
    for one, mask in ordered:
        if len(chosen) < most and not any(_same(mask, other) for _, other in chosen):
            chosen.append((one, mask))
    return [one for one, _ in chosen]


def _classes(
    view: View, probabilities: Float | None, covered: Bool, k: int, by: str | None
) -> tuple[Float, Bool, str]:
    """Return (n, k) shares of the classes, which rows they are known on, and by what."""
    known = view.known
    use_gold = by == "gold" or (by is None and known.sum() >= 50) or probabilities is None
    if use_gold:
        shares = np.zeros((len(known), k))
        if view.gold is not None:
            shares[known, view.gold[known]] = 1
        return shares, known, "gold"
    assert probabilities is not None
    return probabilities, covered, "model"


def _usual_shares(view: View, shares: Float, known: Bool) -> Float:
    """Return (n, k) the share of each class among the rows of known class that are about as long as each row."""
    lengths = view.frame[view.text or ""].cast(pl.String).str.len_chars().fill_null(0).to_numpy()
    parts = min(LENGTHS, max(int(known.sum()) // FEWEST_OF_LENGTH, 1))
    ends = np.quantile(lengths[known], np.arange(1, parts) / parts) if known.any() else []
    which = np.searchsorted(ends, lengths, side="right")
    usual = np.zeros(shares.shape)
    for part in range(parts):
        own = which == part
        usual[own] = shares[own & known].mean(axis=0) if (own & known).any() else 0
    return usual


def _counts(vocabulary: Vocabulary, shares: Float, inside: Bool) -> tuple[Float, Float]:
    """Return, for each term, rows of known class (t,) and the sum of their classes' shares (t, k)."""
    matrix = vocabulary.counts[inside]
    right = np.asarray(matrix.T @ shares[vocabulary.rows][inside])
    return np.asarray(matrix.sum(axis=0)).ravel(), right


def _fresh(vocabulary: Vocabulary, said: Bool) -> Bool:
    """Return the terms that stand on rows that do not have a vote for the class yet, (t,)."""
    every = np.asarray(vocabulary.counts.sum(axis=0)).ravel()
    silent = vocabulary.counts.T @ (~said[vocabulary.rows]).astype(np.float64)
    return np.asarray(silent >= (1 - KNOWN) * every)


def _ranked(columns: Int, support: Float, right: Float, most: int) -> list[int]:
    """Return the terms that look best for a class: by the lower end of an interval of the precision."""
    centre = (right[columns] + 2) / (support[columns] + 4)
    low = centre - 2 * np.sqrt(centre * (1 - centre) / (support[columns] + 4))
    order = np.lexsort((columns, -support[columns], -low))
    return [int(columns[i]) for i in order[: _CANDIDATES * most]]


def _adjusted(tested: Int, support: Float, right: Float, base: Float, wanted: Sequence[int]) -> Float:
    """Return (t, k) Benjamini-Hochberg's p-values of "the precision is the class' share", over all pairs tried."""
    from scipy.stats import binom

    q = np.ones(right.shape)
    n = support[tested]
    p = np.stack(
        [binom.sf(np.floor(right[tested, c] + 1e-9) - 1, n, np.minimum(base[tested, c], 1)) for c in wanted],
        axis=1,
    )
    if p.size:
        q[np.ix_(tested, np.array(wanted))] = benjamini_hochberg(p.ravel()).reshape(p.shape)
    return q


def _measured(
    vocabulary: Vocabulary, view: View, columns: Sequence[int], tell: Callable[[str, int, int], None] | None
) -> dict[int, Bool]:
    """Return the rows on which a keyword rule with each term votes: by the rule itself, over all rows."""
    if not columns:
        return {}
    rules = [keywords(f"t{j}", [vocabulary.terms[j]], label="yes", field=vocabulary.column) for j in columns]
    if tell:
        tell("terms are measured", 0, 1)
    votes = LFApplier(LFRegistry(rules, schema=LabelSchema(["yes", "no"]))).apply(
        view.frame.select("id", vocabulary.column)
    )
    if tell:
        tell("terms are measured", 1, 1)
    codes = votes.to_numpy()
    return {j: codes[:, i] >= 0 for i, j in enumerate(columns)}


def _says(rule: LabelingFunction, term: str, label: str, column: str) -> bool:
    """Say whether a rule that looks for places in a text votes for the label on the bare term."""
    if isinstance(rule, Lookup):
        return rule.match == "words" and rule.field == column and rule.vote(term) == label
    if isinstance(rule, Keywords | Regex):
        return rule.field == column and rule.label == label and rule.matches(term)
    return False


def _same(mask: Bool, other: Bool) -> bool:
    both = int((mask & other).sum())
    return both >= REDUNDANT * min(int(mask.sum()), int(other.sum()))


def _notes(view: View, source: str, known: int) -> list[str]:
    notes = []
    if source == "model":
        notes.append(
            "precision is the label model's opinion, not gold: terms that go with existing rules' words look better "
            "than they are"
        )
    if source == "gold" and known < 50:
        notes.append(f"{known} rows have gold: too few to find terms by (50 or more tell something)")
    if view.sampled:
        notes.append(
            f"looked at {view.rows:,} of {view.total:,} rows, drawn by their hashed ids, and all gold rows"
        )
    return notes
