"""Scores of events "rule j said l", fitted by EM under a prior, and how far they explain votes that go together.

The formulas stand in `EventBayes`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from weaklabel.label_matrix import Alphabet
from weaklabel.label_model.cells import Cells
from weaklabel.label_model.near_copies import CoVotes, sampled
from weaklabel.schema import ABSTAIN

Float = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]
Int = npt.NDArray[np.int64]

MAX_PASSES = 100
STILL = 0.0005
"""EM stops when the log weight of a vote moves by less, on average."""
PEOPLE = 0.25
"""Strength of the prior on a person's confusion matrix, as in `DawidSkene`."""
HIDDEN = 0.9
"""At most this part of a class is taken to have no vote at all."""


@dataclass(frozen=True)
class Prior:
    """What a fit believes beforehand.

    Parameters
    ----------
    strength, votes
        A vote's prior is worth `votes` plus `strength` times the votes of its event.
    silence
        How much abstaining counts as evidence, 0 to 1.
    balance
        The prior class balance is worth this part of the rows, plus two rows.
    even
        Whether that balance is uniform; else it is the majority vote's.
    sharpness
        All weights are multiplied by this.
    hidden
        Whether rows that nobody votes on, which are not in the fit, are reckoned with.
    spread
        That a vote's errors go to the other classes by their size is worth this many errors per other class.

    Examples
    --------
    >>> Prior(4.0, 1.0, 0.2, 1.0, even=False, sharpness=1.2, hidden=False, spread=0.0).strength
    4.0
    """

    strength: float
    votes: float
    silence: float
    balance: float
    even: bool
    sharpness: float
    hidden: bool
    spread: float


@dataclass(frozen=True, eq=False)
class Several:
    """The votes for several classes: which these are, (sets, k), and whose they are, (m, sets); their codes follow on k.

    Examples
    --------
    >>> Several.none(4, 3).members.shape
    (0, 3)
    """

    members: Bool
    own: Bool

    @classmethod
    def none(cls, m: int, k: int) -> Several:
        """Return those of m labelers that vote for single classes only."""
        return cls(np.zeros((0, k), bool), np.zeros((m, 0), bool))

    @classmethod
    def of(cls, alphabet: Alphabet, labelers: tuple[str, ...]) -> Several:
        """Return those of some labelers."""
        return cls(alphabet.members[alphabet.n_classes :], alphabet.may_say(labelers))

    def prior(self, pi: Float, accuracy: float) -> Float:
        """Return P(class | vote), (sets, k), before anything is seen.

        A vote makes each class that it leaves out less likely by the factor (1 - accuracy) k / (k - 1), as a vote for
        a class does where all classes are alike; it raises those that it names.

        Examples
        --------
        >>> several = Several(np.array([[True, True, False, False]]), np.ones((1, 1), bool))
        >>> several.prior(np.full(4, 0.25), 0.85).round(3).tolist()
        [[0.45, 0.45, 0.05, 0.05]]
        """
        k = len(pi)
        named = (self.members * pi).sum(axis=1, keepdims=True)
        factor = (1 - accuracy) * k / (k - 1)
        raised = (1 - factor * (1 - named)) / named
        return np.where(self.members, raised * pi, factor * pi)


@dataclass(frozen=True)
class Scores:
    """A fitted model: log class balance (k,), what abstaining adds (m, k), and what each vote adds (m, codes, k).

    Examples
    --------
    >>> Scores.start(1, 0.75, np.ones(1), 2).said.round(3).tolist()  # ln .75 and ln .25
    [[[-0.288, -1.386], [-1.386, -0.288]]]
    """

    prior: Float
    quiet: Float
    said: Float
    passes: int = 0
    converged: bool = False

    @classmethod
    def start(cls, m: int, accuracy: float, weights: Float, k: int, several: Several | None = None) -> Scores:
        """Return the scores of a vote that is right with this probability, and errs to every class alike."""
        each = np.full((k, k), np.log((1 - accuracy) / (k - 1)))
        np.fill_diagonal(each, np.log(accuracy))
        if several is not None and len(several.members):
            each = np.concatenate([each, np.log(several.prior(np.full(k, 1 / k), accuracy))])
        return cls(np.zeros(k), np.zeros((m, k)), weights[:, None, None] * each)

    def tables(self, silence: npt.NDArray[np.int8]) -> tuple[Float, Float]:
        """Return the log score of a row without events (k,), and what each event adds, (m * (codes + 2), k)."""
        m, k = self.quiet.shape
        quiet = np.where(silence[:, None] == ABSTAIN, self.quiet, 0.0)
        table = np.empty((m, self.said.shape[1] + 2, k))
        table[:, 0] = -quiet
        table[:, 1] = self.quiet - quiet
        table[:, 2:] = self.said - quiet[:, None, :]
        return self.prior + quiet.sum(axis=0), table.reshape(-1, k)


@dataclass(frozen=True)
class Part:
    """Distinct rows, or a sample of them, in the order of their keys, and the rows that each stands for.

    Examples
    --------
    >>> from weaklabel.label_matrix import as_patterns
    >>> part = Part.of(Cells.of(as_patterns([[0], [0], [1]]), 2), 10)
    >>> part.expected(Scores.start(1, 0.75, np.ones(1), 2))[1].round(2).tolist()  # rows per class
    [1.75, 1.25]
    """

    rows: Cells
    counts: Float
    whole: bool

    @classmethod
    def of(cls, rows: Cells, most: int) -> Part:
        """Return about `most` of the rows."""
        some, counts, unit = sampled(rows, most)
        order = np.argsort(rows.keys[some], kind="stable")
        return cls(rows.take(some[order]), counts[order], unit == 1.0)

    def expected(self, scores: Scores) -> tuple[Float, Float]:
        """Return expected rows per event and class (m, codes + 2, k), and per class (k,)."""
        from weaklabel.kernels import em

        k = len(scores.prior)
        base, table = scores.tables(self.rows.silence)
        parts = self.rows.indptr, self.rows.cells, self.counts
        _, classes, expected = em.em_pass(*parts, np.zeros((0, k)), table, base)
        return expected.reshape(-1, self.rows.width, k), classes


def expected_of_all(rows: Cells, scores: Scores) -> tuple[Float, Float]:
    """Return what `Part.expected` does, for all rows and to the same bits in whatever order they lie.

    Examples
    --------
    >>> from weaklabel.label_matrix import as_patterns
    >>> rows = Cells.of(as_patterns([[0], [0], [1]]), 2)
    >>> expected_of_all(rows, Scores.start(1, 0.75, np.ones(1), 2))[1].round(2).tolist()
    [1.75, 1.25]
    """
    from weaklabel.kernels.sums import expected_sums

    base, table = scores.tables(rows.silence)
    parts = rows.indptr, rows.cells, rows.counts
    classes, expected = expected_sums(*parts, table, base, rows.sums[0])
    return expected.reshape(-1, rows.width, len(base)), classes


def fit_events(
    rows: Cells,
    part: Part,
    prior: Prior,
    accuracy: float,
    weights: Float,
    balance: Float,
    several: Several | None = None,
) -> tuple[Scores, tuple[Float, Float]]:
    """Fit one of the two models: on a part of the rows until it rests, then on all of them.

    The second answer is what the scores before the last step expected: rows per event and class, and per class.

    Parameters
    ----------
    rows, part
        All of them, and those to fit on at first.
    prior, accuracy
        What is believed beforehand, and with what probability a vote is right.
    weights
        (m,) what a vote of each labeler counts.
    balance
        (k,) the majority vote's class balance.
    several
        The votes for several classes; None: there are none.

    Examples
    --------
    >>> from weaklabel.label_matrix import as_patterns
    >>> votes = Cells.of(as_patterns([[0, 0], [1, 1], [0, -1]]), 2)
    >>> prior = Prior(4.0, 1.0, 0.2, 1.0, even=True, sharpness=1.2, hidden=False, spread=0.0)
    >>> fit_events(votes, Part.of(votes, 10), prior, 0.8, np.ones(2), np.ones(2) / 2)[0].converged
    True
    """
    rules = rows.silence == ABSTAIN
    sets = Several.none(len(weights), len(balance)) if several is None else several
    balance = np.full(len(balance), 1 / len(balance)) if prior.even else balance
    scores = Scores.start(len(weights), accuracy, weights, len(balance), sets)
    passes, converged = 0, False
    while passes < MAX_PASSES and not converged:
        before = scores
        expected, classes = part.expected(scores)
        scores = _maximise(expected, classes, prior, accuracy, weights, balance, rules, sets)
        passes += 1
        converged = passes > 1 and _moved(before, scores, expected[:, 2:]) < STILL
    if not part.whole:
        expected, classes = expected_of_all(rows, scores)
        scores = _maximise(expected, classes, prior, accuracy, weights, balance, rules, sets)
        passes += 1
    return replace(scores, passes=passes, converged=converged), (expected, classes)


def _maximise(
    expected: Float,
    classes: Float,
    prior: Prior,
    accuracy: float,
    weights: Float,
    balance: Float,
    rules: npt.NDArray[np.bool_],
    several: Several,
) -> Scores:
    """Return the scores that the expected rows per event (m, codes + 2, k) and class (k,) lead to."""
    k, rows = len(classes), classes.sum()
    pi = classes + (prior.balance * rows + 2) * balance
    pi = pi / pi.sum()
    right = (1 - accuracy) * pi[None, :] / (1 - pi[:, None])
    right[np.arange(k), np.arange(k)] = accuracy
    counts = expected[:, 2:]
    votes = counts.sum(axis=2)
    share = _precision(counts[:, :k], votes[:, :k], right, pi, prior)
    if len(several.members):
        wide = several.prior(pi, accuracy)
        right = np.concatenate([right, wide])
        sets = _precision_of_sets(counts[:, k:], votes[:, k:], wide, several.members, prior)
        share = np.concatenate([share, sets], axis=1)
    asked = (classes - expected[:, 0] + 1) / (classes + 1)
    logs = np.log(share) - np.log(pi) - np.log(np.maximum(asked, 1e-12))[:, None, :]
    seen = np.minimum((np.exp(logs) * votes[:, :, None]).sum(axis=1) / max(rows, 1.0), 1 - 1 / (rows + 2))
    seen[~rules] = 0
    base = np.log(pi)
    if prior.hidden:
        part = 1 - _hidden(seen)
        logs, seen = logs + np.log(part), seen * part
        base = base - np.log(part)
    each = prior.sharpness * weights
    quiet = prior.silence * each[:, None] * np.log1p(-seen)
    people = counts + PEOPLE * (votes + 1)[:, :, None] * right
    people[:, k:][~several.own] = 0
    total = people.sum(axis=1, keepdims=True)
    people[:, k:][~several.own] = 1  # never said: any number will do
    logs = np.where(rules[:, None, None], logs, np.log(people / total))
    said = each[:, None, None] * logs
    _hold(said, quiet, several.members)
    return Scores(base, quiet, said)


def _hold(said: Float, quiet: Float, members: Bool) -> None:
    """See to it, in place, that a vote never raises a class that it leaves out above one that it names.

    That holds for what a vote adds by itself, and for what it adds to a row on which its rule abstained.
    """
    for code, named in enumerate(members, said.shape[2]):
        alone = said[:, code, named].min(axis=1, keepdims=True)
        beside = (said[:, code, named] - quiet[:, named]).min(axis=1, keepdims=True)
        most = np.minimum(alone, beside + quiet[:, ~named])
        said[:, code, ~named] = np.minimum(said[:, code, ~named], most)


def _precision_of_sets(counts: Float, votes: Float, right: Float, members: Bool, prior: Prior) -> Float:
    """Return P(class | vote) of votes for several classes, (m, sets, k)."""
    inside = (right * members).sum(axis=1)
    good = (counts * members).sum(axis=2)
    belief = prior.votes + prior.strength * votes
    hit = (good + belief * inside) / (votes + belief)
    size = members.sum(axis=1)
    share: Float = np.zeros_like(counts)
    for part, mass, seen, named, wide in (
        (hit, inside, good, members, size),
        (1 - hit, 1 - inside, votes - good, ~members, members.shape[1] - size),
    ):
        weight = belief * mass + prior.spread * wide
        spread = counts * named + weight[:, :, None] * (right * named / mass[:, None])
        share += part[:, :, None] * spread / np.maximum(seen + weight, 1e-300)[:, :, None]
    return share


def _precision(counts: Float, votes: Float, right: Float, pi: Float, prior: Prior) -> Float:
    """Return P(class | vote), (m, k, k)."""
    k = len(pi)
    own = np.arange(k)
    good = counts[:, own, own]
    belief = prior.votes + prior.strength * votes
    p = right[own, own][None, :]
    hit = (good + belief * p) / (votes + belief)
    other = pi[None, :] / (1 - pi[:, None])
    weight = belief * (1 - p) + prior.spread * (k - 1)
    miss = (counts + weight[:, :, None] * other) / np.maximum(votes - good + weight, 1e-300)[:, :, None]
    share: Float = (1 - hit)[:, :, None] * miss
    share[:, own, own] = hit
    return share


def _moved(before: Scores, after: Scores, votes: Float) -> float:
    """Return how far the weight of a vote moved, on average over expected votes."""
    change = np.abs((after.said - after.quiet[:, None]) - (before.said - before.quiet[:, None]))
    return float((change * votes).sum() / max(votes.sum(), 1.0))


def _hidden(seen: Float) -> Float:
    """Return the part of each class (k,) that no rule votes on, from the parts of its covered rows (m, k)."""
    part = np.zeros(seen.shape[1])
    for _ in range(30):
        part = np.minimum(np.exp(np.log1p(-np.minimum(seen * (1 - part), 1 - 1e-9)).sum(axis=0)), HIDDEN)
    return part


@dataclass(frozen=True)
class Unexplained:
    """Co-votes that a model doesn't explain, as parts of all co-votes.

    Parameters
    ----------
    excess
        What is seen.
    noise
        What could hide in the noise.
    few
        What is added where there are fewer pairs of events than parameters.
    least
        The noise alone, before anything is seen.

    Examples
    --------
    >>> Unexplained(0.05, 0.02, 0.0, 0.02).doubt
    0.07
    """

    excess: float
    noise: float
    few: float
    least: float

    @property
    def doubt(self) -> float:
        """All of it: the x of `EventBayes`."""
        return self.excess + self.noise + self.few


def unexplained(rows: Cells, found: CoVotes, expected: Float, classes: Float) -> Unexplained:
    """Return how far co-votes are from what a model expects.

    Two measures are taken of O observed and E expected co-votes. One is the sum of |O - E| less that of Poisson
    counts, over the sum of O; its noise is that of the Poisson counts. The other, for many rare pairs, is
    sqrt(2 / pi) sqrt(Q), the mean of relative departures that are normal with variance Q, with Q the sum of
    w ((O - E)^2 - E) over the sum of w E^2, w = 1 / (E + 1); its noise is what two standard errors add to Q. The
    measure with the smaller sum of both counts.

    Parameters
    ----------
    rows, found
        The votes, and their co-votes.
    expected, classes
        What a model expects: rows per event and class (m, codes + 2, k), and per class (k,).

    Examples
    --------
    >>> from weaklabel.label_matrix import as_patterns
    >>> from weaklabel.label_model.near_copies import co_votes
    >>> votes = Cells.of(as_patterns([[0, 0], [1, 1]] * 50), 2)
    >>> found = Part.of(votes, 10).expected(Scores.start(2, 0.8, np.ones(2), 2))
    >>> round(unexplained(votes, co_votes(votes, 2), *found).excess, 2)  # they always agree
    0.12
    """
    from weaklabel.kernels import em

    m, width, k = expected.shape
    rules = (rows.silence == ABSTAIN)[:, None]
    rate = expected[:, 2:].sum(axis=1) / np.maximum(classes, 1e-9) * rules
    part = 1 - _hidden(rate)
    events = expected.reshape(m * width, k)[found.cells]
    left = events / np.maximum(classes, 1e-9) * part / found.unit
    sums, squares, seen, pairs = em.unexplained(
        found.counts / found.unit, left, events, found.cells // width, found.cells % width
    )
    if not seen:
        return Unexplained(0.0, 1.0, 0.0, 1.0)
    first = max(0.0, float((sums[:, 0] - sums[:, 1]).max())) / seen, float(sums[:, 1].min()) / seen
    variance = max(0.0, float(squares[0] / squares[2]))
    error = float(np.sqrt(squares[1]) / squares[2])
    spread = np.sqrt(2 / np.pi) * np.sqrt(variance)
    second = float(spread), float(np.sqrt(2 / np.pi) * np.sqrt(variance + 2 * error) - spread)
    excess, noise = min(first, second, key=sum)
    least = min(first[1], float(np.sqrt(2 / np.pi) * np.sqrt(2 * error)))
    parameters = (len(events) + 1) * (k - 1)
    return Unexplained(excess, noise, max(0.0, parameters / pairs - 1), least)
