"""Which rules vote together beyond what the classes explain, and what dropping or merging them would change."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from weaklabel.explore.contribution import FitModel, without_rule
from weaklabel.label_matrix import Alphabet, VotePatterns
from weaklabel.label_matrix.patterns import Events, event_patterns
from weaklabel.label_model import LabelModel, create
from weaklabel.stats import Estimate, benjamini_hochberg, paired_difference, undefined

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

RATE = 0.05
"""False discovery rate below which a pair counts as dependent."""
PRIOR = 0.25
"""Strength of the prior of the model that says what the classes explain."""
_NORMAL_FROM = 9.0
"""With a smaller variance the tail of the Poisson distribution is taken."""


@dataclass(frozen=True)
class Effect:
    """What becomes of the labels when one of two rules is dropped, or both are merged into one.

    Parameters
    ----------
    action
        "drop" or "merge".
    rules
        The rule that is dropped, or the two that are merged.
    changed
        Rows whose label is another then.
    right
        Share of the gold rows with the right label: then minus now. A row without a label is not right.

    Examples
    --------
    >>> Effect("drop", ("loud",), 3, undefined()).changed
    3
    """

    action: str
    rules: tuple[str, ...]
    changed: int
    right: Estimate

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {**vars(self), "rules": list(self.rules), "right": self.right.to_dict()}


@dataclass(frozen=True, eq=False)
class Dependence:
    """Which rules vote together beyond what the classes explain; made by `dependence_report`.

    Parameters
    ----------
    table
        What `dependences` returned: every pair that was tested.
    groups
        What `dependence_groups` returned.
    effects
        For the most surprising dependent pairs, what dropping or merging changes: (rule, other) -> effects.

    Examples
    --------
    >>> Dependence(pl.DataFrame({"q": []}), (), {}).groups
    ()
    """

    table: pl.DataFrame
    groups: tuple[tuple[str, ...], ...]
    effects: Mapping[tuple[str, str], tuple[Effect, ...]]

    @property
    def dependent(self) -> pl.DataFrame:
        """The pairs that are dependent at `RATE`."""
        return self.table.filter(self.table["q"] <= RATE)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON: dependent pairs only."""
        pairs = self.dependent.to_dicts()
        for line in pairs:
            found = self.effects.get((line["rule"], line["other"]), ())
            line["effects"] = [one.to_dict() for one in found]
        return {"pairs": pairs, "groups": [list(group) for group in self.groups], "tested": self.table.height}


def dependence_report(
    patterns: VotePatterns,
    fit_model: FitModel,
    *,
    model: LabelModel | None = None,
    gold: Int | None = None,
    most: int = 5,
    tell: Callable[[str, int, int], None] | None = None,
) -> Dependence:
    """Test all pairs of rules, and try what dropping or merging the most surprising ones changes.

    Parameters
    ----------
    patterns
        The votes.
    fit_model
        Makes the label model whose labels count, and fits it.
    model
        The model fitted on all rules, where it is at hand.
    gold
        (n,) class of the gold label of each row, -1 unknown.
    most
        Pairs for which dropping and merging is tried; three fits each.
    tell
        Told the progress: step, done, total.

    Notes
    -----
    What the classes explain is what Dawid and Skene's model with hardly any prior makes of the votes: it takes rules
    for independent given the class.

    Examples
    --------
    >>> from weaklabel.label_matrix import as_patterns
    >>> from weaklabel.label_model import create
    >>> votes = as_patterns([[0, 0, 1, 0], [1, 1, 1, 0], [0, 0, 0, 1], [1, 1, 0, 1]] * 50)
    >>> found = dependence_report(votes, lambda some: create("majority_vote", n_classes=2).fit(some), most=1)
    >>> len(found.table), len(found.effects) <= 1
    (6, True)
    """
    fitted = model if model is not None else fit_model(patterns)
    independent = create(
        "dawid_skene",
        n_classes=fitted.n_classes,
        outcomes=fitted.outcomes,
        smoothing=PRIOR,
        merge_duplicates=False,
        keep_unanimous=False,
    )
    explained = independent.fit(patterns.without_rows()).predict_proba(patterns.without_rows())
    table = dependences(patterns, explained, codes=fitted.alphabet.events(patterns))
    pairs = pairs_to_try(table, most=most)
    tried = {}
    for done, (rule, other) in enumerate(pairs):
        tried[rule, other] = effects(patterns, rule, other, fit_model, model=fitted, gold=gold)
        if tell:
            tell("dependent rules are dropped and merged", done + 1, len(pairs))
    return Dependence(table, dependence_groups(table), tried)


def dependences(patterns: VotePatterns, probabilities: Float, *, codes: Int | None = None) -> pl.DataFrame:
    """Test each two rules for voting together more often than the classes explain.

    Under independence given the class, rules i and j vote on the same row sum over y of A_iy A_jy / N_y times, where
    A_iy is the number of rows of class y on which i votes and N_y that of all rows of class y, both by the given
    probabilities. Two counts are tested, one-sided: rows on which both vote, and rows on which both vote for the same
    class. Their variance is hypergeometric within each class; where it is small the Poisson tail is taken. `p` is
    twice the smaller of the two p-values, `q` the same after Benjamini and Hochberg over all pairs.

    Parameters
    ----------
    patterns
        The votes.
    probabilities
        (u, k) class probabilities per pattern of a model that takes rules for independent given the class, such as
        `dawid_skene`. A more cautious model's probabilities leave too much unexplained.
    codes
        (events,) what each event says in one numbering for all rules, where they also vote for sets of classes.

    Returns
    -------
    `rule`, `other`, `both`, `expected_both`, `same`, `expected_same`, `z` (the larger of the two, in standard errors),
    `p` and `q`, most surprising first; pairs of rules with votes only. The probabilities were learned from these very
    votes, which hides a part of the dependence: what is found is there, what is not found may be.

    Examples
    --------
    >>> from weaklabel.label_matrix import as_patterns
    >>> patterns = as_patterns([[0, 0, 0], [0, 0, -1], [-1, -1, 0], [-1, -1, -1]] * 50)
    >>> table = dependences(patterns, np.full((len(patterns), 2), 0.5))
    >>> table.filter(table["q"] < 0.05).select("rule", "other", "both", "expected_both").rows()
    [('0', '1', 100, 50.0)]
    """
    from scipy.stats import norm, poisson

    rows = patterns.counts.astype(np.float64)
    weighted = rows[:, None] * probabilities
    totals = np.maximum(weighted.sum(axis=0), 1e-300)
    said = patterns.codes if codes is None else codes
    votes = said >= 0
    both, expected, variance = _co_votes(patterns, votes, weighted, totals)
    same, expected_same, variance_same = (np.zeros_like(both) for _ in range(3))
    for code in np.unique(said[votes]):
        parts = _co_votes(patterns, said == code, weighted, totals)
        for whole, part in zip((same, expected_same, variance_same), parts, strict=True):
            whole += part
    i, j = np.triu_indices(len(patterns.labelers), 1)
    heard = (np.diag(both)[i] > 0) & (np.diag(both)[j] > 0)
    i, j = i[heard], j[heard]
    z, p = np.full(len(i), -np.inf), np.ones(len(i))
    for seen, thought, spread in ((both, expected, variance), (same, expected_same, variance_same)):
        o, e, v = seen[i, j], thought[i, j], spread[i, j]
        score = np.divide(o - e - 0.5, np.sqrt(v), out=np.zeros(len(i)), where=v > 0)
        tail = np.where(v >= _NORMAL_FROM, norm.sf(score), poisson.sf(o - 1, np.maximum(e, 1e-12)))
        z, p = np.maximum(z, score), np.minimum(p, tail)
    p = np.minimum(2 * p, 1.0)
    table = pl.DataFrame(
        {
            "rule": [patterns.labelers[a] for a in i.tolist()],
            "other": [patterns.labelers[b] for b in j.tolist()],
            "both": both[i, j].astype(np.int64),
            "expected_both": expected[i, j],
            "same": same[i, j].astype(np.int64),
            "expected_same": expected_same[i, j],
            "z": z,
            "p": p,
            "q": benjamini_hochberg(p),
        },
        schema_overrides={"rule": pl.String, "other": pl.String},
    )
    return table.sort(["q", "z", "rule", "other"], descending=[False, True, False, False])


def dependence_groups(table: pl.DataFrame, *, rate: float = RATE) -> tuple[tuple[str, ...], ...]:
    """Return groups of rules that are linked by dependent pairs, largest first.

    Parameters
    ----------
    table
        What `dependences` returned.
    rate
        Pairs with `q` up to this are dependent.

    Examples
    --------
    >>> table = pl.DataFrame({"rule": ["a", "b", "d"], "other": ["b", "c", "e"], "q": [0.01, 0.02, 0.6]})
    >>> dependence_groups(table)
    (('a', 'b', 'c'),)
    """
    group: dict[str, set[str]] = {}
    for rule, other in table.filter(pl.col("q") <= rate).select("rule", "other").iter_rows():
        joined = group.get(rule, {rule}) | group.get(other, {other})
        for member in joined:
            group[member] = joined
    distinct = {tuple(sorted(members)) for members in group.values()}
    return tuple(sorted(distinct, key=lambda members: (-len(members), members)))


def merged_rules(patterns: VotePatterns, i: int, j: int, alphabet: Alphabet | None = None) -> VotePatterns:
    """Return the patterns with rule j's votes given to rule i; where the two contradict each other, neither votes.

    `inverse` maps the given patterns to these. `alphabet` says what codes beyond the classes stand for: of two votes that
    have classes in common the one for fewer classes is kept, and rule j's votes for sets that rule i never names are left
    out.

    Examples
    --------
    >>> from weaklabel.label_matrix import as_patterns
    >>> merged = merged_rules(as_patterns([[0, -1], [0, 0], [0, 1]]), 0, 1)
    >>> merged.labelers, merged.codes[merged.indptr[merged.inverse[0]]].item(), merged.n_votes[merged.inverse].tolist()
    (('0',), 0, [1, 1, 0])
    """
    u = len(patterns)
    said = np.full((2, u), -1, np.int64)
    for place, rule in enumerate((i, j)):
        mine = (patterns.labeler_index == rule) & (patterns.codes >= 0)
        said[place, patterns.pattern_index[mine]] = patterns.codes[mine]
    if alphabet is not None and alphabet.own:
        one = _joined(said, patterns.labelers[i], patterns.labelers[j], alphabet)
    else:
        one = np.where(said[0] < 0, said[1], np.where((said[1] < 0) | (said[1] == said[0]), said[0], -1))
    keep = (patterns.labeler_index != i) & (patterns.labeler_index != j)
    voiced = np.flatnonzero(one >= 0)
    rows = np.concatenate([patterns.pattern_index[keep], voiced])
    who = np.concatenate([patterns.labeler_index[keep], np.full(len(voiced), i)]).astype(np.int32)
    codes = np.concatenate([patterns.codes[keep], one[voiced]]).astype(patterns.codes.dtype)
    who = who - (who > j)
    order = np.lexsort((codes, who, rows))
    indptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=u))]).astype(np.int64)
    events = Events(indptr, who[order].astype(np.int32), codes[order])
    labelers = (*patterns.labelers[:j], *patterns.labelers[j + 1 :])
    return event_patterns(events, labelers, np.delete(patterns.silence, j), patterns.counts, np.arange(u))


def _joined(said: Int, rule: str, other: str, alphabet: Alphabet) -> Int:
    """Return what two rules say together, in the codes of the first; -1 where they contradict each other."""
    pairs, place = np.unique(said, axis=1, return_inverse=True)
    first = {
        classes: code for code in range(alphabet.n_classes) for classes in [alphabet.classes(rule, code)]
    }
    for i in range(len(alphabet.own.get(rule, ()))):
        first.setdefault(alphabet.classes(rule, alphabet.n_classes + i), alphabet.n_classes + i)
    joined = []
    for a, b in pairs.T.tolist():
        sets = [one for one in (alphabet.classes(rule, a), alphabet.classes(other, b)) if one]
        common = not sets or set(sets[0]) & set(sets[-1])
        joined.append(first.get(min(sets, key=len), -1) if sets and common else -1)
    return np.array(joined, np.int64)[place.reshape(-1)]


def effects(
    patterns: VotePatterns,
    rule: str,
    other: str,
    fit_model: FitModel,
    *,
    model: LabelModel | None = None,
    gold: Int | None = None,
) -> tuple[Effect, ...]:
    """Fit the model again without each of two rules, and with the two merged into one, and compare the labels.

    Parameters
    ----------
    patterns
        The votes of all rules.
    rule, other
        Ids of the two rules.
    fit_model
        Makes a label model and fits it.
    model
        The model fitted on all rules, where it is at hand.
    gold
        (n,) class of the gold label of each row, -1 unknown.

    Examples
    --------
    >>> from weaklabel.label_matrix import as_patterns
    >>> from weaklabel.label_model import create
    >>> votes = as_patterns([[0, 0, 1], [0, 0, 1], [-1, -1, 1], [1, 1, 1]])
    >>> fit_model = lambda patterns: create("majority_vote", n_classes=2).fit(patterns)
    >>> [(found.action, found.rules, found.changed) for found in effects(votes, "0", "1", fit_model)]
    [('drop', ('0',), 2), ('drop', ('1',), 2), ('merge', ('0', '1'), 2)]
    """
    i, j = sorted((patterns.labelers.index(rule), patterns.labelers.index(other)))
    fitted = model if model is not None else fit_model(patterns)
    before = fitted.predict(patterns)
    table = None if gold is None else patterns.gold_table(gold, n_classes=fitted.n_classes)
    names = patterns.labelers
    tried = [
        ("drop", (names[i],), without_rule(patterns, i)),
        ("drop", (names[j],), without_rule(patterns, j)),
        ("merge", (names[i], names[j]), merged_rules(patterns, i, j, fitted.alphabet)),
    ]
    return tuple(
        Effect(action, rules, *_compared(patterns.counts, fit_model, smaller, before, table))
        for action, rules, smaller in tried
    )


def _compared(
    counts: Int, fit_model: FitModel, smaller: VotePatterns, before: Int, gold: Int | None
) -> tuple[int, Estimate]:
    assert smaller.inverse is not None
    after = fit_model(smaller.without_rows()).predict(smaller)[smaller.inverse]
    turned = before != after
    changed = int(counts[turned].sum())
    if gold is None or not gold.sum():
        return changed, undefined()
    at = np.arange(len(before))
    now, then = (np.where(said >= 0, gold[at, said], 0)[turned] for said in (before, after))
    differences = np.zeros(int(gold.sum()))
    helps, harms = int(then.sum()), int(now.sum())
    differences[:helps], differences[helps : helps + harms] = 1, -1
    return changed, paired_difference(differences)


def _co_votes(
    patterns: VotePatterns, chosen: npt.NDArray[np.bool_], weighted: Float, totals: Float
) -> tuple[Float, Float, Float]:
    """Return, for the chosen events of each two rules, rows with both, their expectation and variance, (m, m)."""
    from scipy import sparse

    shape = (len(patterns), len(patterns.labelers))
    row, who = patterns.pattern_index[chosen], patterns.labeler_index[chosen]
    firing = sparse.csr_array((np.ones(len(row)), (row, who)), shape=shape)
    counted = sparse.diags_array(patterns.counts.astype(np.float64)) @ firing
    both = np.asarray((firing.T @ counted).todense(), np.float64)
    by_class = firing.T @ weighted  # (m, k) rows of each class on which a rule votes so
    share = np.minimum(by_class / totals, 1.0)
    expected = by_class @ share.T
    variance = (by_class * (1 - share)) @ (share * (1 - share)).T
    return both, expected, variance


def pairs_to_try(table: pl.DataFrame, *, rate: float = RATE, most: int = 10) -> Sequence[tuple[str, str]]:
    """Return the most surprising dependent pairs.

    Examples
    --------
    >>> pairs_to_try(pl.DataFrame({"rule": ["a", "a"], "other": ["b", "c"], "q": [0.01, 0.5], "z": [9.0, 0.0]}))
    [('a', 'b')]
    """
    return table.filter(pl.col("q") <= rate).head(most).select("rule", "other").rows()
