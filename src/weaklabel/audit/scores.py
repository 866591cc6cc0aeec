"""What speaks for asking people about a row: scores from 0 to 1, and the reason in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from weaklabel.errors import GoldError, did_you_mean

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Beliefs:
    """What is believed of rows; n rows, k classes, m rules.

    Parameters
    ----------
    names
        The classes.
    probabilities
        (n, k) of the label model.
    votes
        (n, m) codes of classes; -1 and below, k and above: says nothing of one class.
    rules
        Ids of the rules.
    committee
        Probabilities of further label models by name, (n, k) each.
    neighbours
        Most alike gold rows of each row: their classes, (n, j), and cosines, (n, j); see `weaklabel.audit.hints.gold_neighbours`. A class
        of -1 or a cosine of 0 is no neighbour.

    Examples
    --------
    >>> Beliefs(("ham", "spam"), np.array([[0.9, 0.1]]), np.array([[0, -1]]), ("a", "b")).guess.tolist()
    [0]
    """

    names: tuple[str, ...]
    probabilities: Float
    votes: Int
    rules: tuple[str, ...] = ()
    committee: Mapping[str, Float] = field(default_factory=dict)
    neighbours: tuple[Int, Float] | None = None

    def __post_init__(self) -> None:
        n, k = self.probabilities.shape
        for name, table in self.committee.items():
            if table.shape != (n, k):
                raise GoldError(f"the probabilities of {name!r} have shape {table.shape}, not {(n, k)}")
        if len(self.votes) != n or len(self.names) != k:
            raise GoldError(f"{n} rows and {k} classes are believed of; votes are on {len(self.votes)}")

    def some(self, at: Int) -> Beliefs:
        """Return what is believed of some of the rows, by their numbers."""
        near = self.neighbours
        return replace(
            self,
            probabilities=self.probabilities[at],
            votes=self.votes[at],
            committee={name: table[at] for name, table in self.committee.items()},
            neighbours=None if near is None else (near[0][at], near[1][at]),
        )

    @property
    def guess(self) -> Int:
        """The most probable class of each row, (n,)."""
        best: Int = self.probabilities.argmax(axis=1)
        return best

    @property
    def counts(self) -> Int:
        """Votes for each class, (n, k)."""
        found: Int = np.stack([(self.votes == c).sum(axis=1) for c in range(len(self.names))], axis=1)
        return found

    @property
    def covered(self) -> npt.NDArray[np.bool_]:
        """Whether some rule votes, (n,)."""
        return np.asarray((self.votes >= 0).any(axis=1))


def entropy(beliefs: Beliefs) -> Float:
    """Return how open the class is by the label model: 0 sure, 1 all classes alike.

    Examples
    --------
    >>> entropy(Beliefs(("a", "b"), np.array([[0.5, 0.5], [1.0, 0.0]]), np.zeros((2, 0)))).tolist()
    [1.0, 0.0]
    """
    return _entropy(beliefs.probabilities) / np.log(len(beliefs.names))


def margin(beliefs: Beliefs) -> Float:
    """Return how close the two most probable classes are: 0 far apart, 1 alike.

    Examples
    --------
    >>> margin(Beliefs(("a", "b"), np.array([[0.75, 0.25]]), np.zeros((1, 0)))).tolist()
    [0.5]
    """
    ranked = np.sort(beliefs.probabilities, axis=1)
    close: Float = 1 - (ranked[:, -1] - ranked[:, -2])
    return close


def conflict(beliefs: Beliefs) -> Float:
    """Return the share of pairs of votes that name different classes, against the most that there can be.

    Examples
    --------
    >>> conflict(Beliefs(("a", "b"), np.full((3, 2), 0.5), np.array([[0, 1], [0, 0], [0, -1]]))).tolist()
    [1.0, 0.0, 0.0]
    """
    counts = beliefs.counts.astype(np.float64)
    total = counts.sum(axis=1)
    shares = counts / np.maximum(total, 1)[:, None]
    most = 1 - 1 / np.maximum(np.minimum(total, counts.shape[1]), 2)
    found: Float = np.where(total > 1, (1 - (shares**2).sum(axis=1)) / most, 0.0)
    return np.clip(found, 0.0, 1.0)


def committee(beliefs: Beliefs) -> Float:
    """Return how far several label models are from each other: 0 of one mind, 1 each sure of another class.

    Notes
    -----
    The mutual information between class and model (H. S. Seung, M. Opper, H. Sompolinsky, "Query by committee",
    COLT 1992, with soft answers: the Jensen-Shannon divergence).

    Examples
    --------
    >>> one, other = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])
    >>> committee(Beliefs(("a", "b"), one, np.zeros((1, 0)), committee={"other": other})).tolist()
    [1.0]
    """
    tables = [beliefs.probabilities, *beliefs.committee.values()]
    if len(tables) < 2:
        raise GoldError(
            "a committee takes at least two label models", hint="give the probabilities of another one"
        )
    mean = np.mean(tables, axis=0)
    apart = _entropy(mean) - np.mean([_entropy(table) for table in tables], axis=0)
    found: Float = np.clip(apart / np.log(min(len(tables), len(beliefs.names))), 0.0, 1.0)
    return found


def neighbours(beliefs: Beliefs) -> Float:
    """Return how far alike gold rows speak against the label model's class: 0 not at all, 1 all, and quite alike.

    Examples
    --------
    >>> like = (np.array([[1, 0]]), np.array([[0.6, 0.2]]))
    >>> found = neighbours(Beliefs(("a", "b"), np.array([[1.0, 0.0]]), np.zeros((1, 0)), neighbours=like))
    >>> round(float(found[0]), 2)
    0.45
    """
    if beliefs.neighbours is None:
        raise GoldError("there are no gold rows to compare with", hint="give texts or embeddings, and gold")
    codes, cosine = beliefs.neighbours
    weight = np.where(codes >= 0, np.clip(cosine, 0, 1), 0.0)
    total = weight.sum(axis=1)
    against = np.where(codes != beliefs.guess[:, None], weight, 0.0).sum(axis=1)
    found: Float = against / np.maximum(total, 1e-12) * weight.max(axis=1, initial=0.0)
    return np.clip(found, 0.0, 1.0)


STRATEGIES: dict[str, Callable[[Beliefs], Float]] = {
    "entropy": entropy,
    "margin": margin,
    "conflict": conflict,
    "committee": committee,
    "neighbours": neighbours,
}
"""Ways to tell from which row most is learned."""


def possible(beliefs: Beliefs) -> tuple[str, ...]:
    """Return the strategies that there is enough for: a committee needs other models, neighbours need gold.

    Examples
    --------
    >>> possible(Beliefs(("a", "b"), np.array([[0.9, 0.1]]), np.array([[0, -1]])))
    ('entropy', 'margin', 'conflict')
    """
    missing = {"committee": not beliefs.committee, "neighbours": beliefs.neighbours is None}
    return tuple(name for name in STRATEGIES if not missing.get(name, False))


def learning(beliefs: Beliefs, strategies: Sequence[str] = ()) -> tuple[Float, Int, tuple[str, ...]]:
    """Return the mean score of several strategies, which of them is strongest on each row, and their names.

    Parameters
    ----------
    beliefs
        What is believed of the rows.
    strategies
        Names of `STRATEGIES`; none: all that there is enough for.

    Examples
    --------
    >>> rows = Beliefs(("a", "b"), np.array([[0.5, 0.5], [0.9, 0.1]]), np.array([[0, 1], [0, 0]]))
    >>> score, first, names = learning(rows, ["margin", "conflict"])
    >>> score.round(2).tolist(), names
    ([1.0, 0.1], ('margin', 'conflict'))
    """
    names = tuple(strategies) or possible(beliefs)
    for name in names:
        if name not in STRATEGIES:
            raise GoldError(
                f"there is no strategy {name!r}",
                available=list(STRATEGIES),
                hint=did_you_mean(name, STRATEGIES),
            )
    table = np.stack([STRATEGIES[name](beliefs) for name in names], axis=1)
    return table.mean(axis=1), table.argmax(axis=1).astype(np.int64), names


def rare_classes(beliefs: Beliefs, *, below: float = 0.05) -> tuple[int, ...]:
    """Return the classes that fewer rows have than a share, by the label model, the rarest first.

    Examples
    --------
    >>> rare_classes(Beliefs(("a", "b"), np.array([[0.99, 0.01]]), np.array([[0]])))
    (1,)
    """
    shares = _shares(beliefs)
    order = [int(c) for c in np.argsort(shares, kind="stable")]
    return tuple(c for c in order if shares[c] < below)


def rare(beliefs: Beliefs, classes: Sequence[int]) -> tuple[Float, Int]:
    """Return how likely a row is of some rare class, each class counting alike, and of which.

    Examples
    --------
    >>> rows = Beliefs(("a", "b", "c"), np.array([[0.8, 0.2, 0.0], [1.0, 0.0, 0.0]]), np.array([[0], [0]]))
    >>> rare(rows, [1])[0].tolist()
    [1.0, 0.0]
    """
    if not classes:
        raise GoldError(
            "no class is rare", hint="name classes, or raise the share below which a class is rare"
        )
    p = np.where(beliefs.covered[:, None], beliefs.probabilities, 0.0)[:, list(classes)]
    scaled = p / np.maximum(p.sum(axis=0), 1e-12)
    score = scaled.sum(axis=1)
    top = float(score.max(initial=0.0))
    return score / (top or 1.0), np.asarray(classes, dtype=np.int64)[scaled.argmax(axis=1)]


def suspected(beliefs: Beliefs, other: Float | None = None) -> Float:
    """Return how likely the label model's class is wrong: by another model of the rows if there is one, else by itself.

    Parameters
    ----------
    beliefs
        What is believed of the rows.
    other
        (n, k) of a model that reads something else than the votes, such as the words; see `weaklabel.audit.hints.by_words`.

    Examples
    --------
    >>> rows = Beliefs(("a", "b"), np.array([[0.9, 0.1], [0.5, 0.5]]), np.array([[0], [-1]]))
    >>> suspected(rows).round(2).tolist()
    [0.1, 0.0]
    """
    p = beliefs.probabilities if other is None else other
    found: Float = np.where(beliefs.covered, 1 - p[np.arange(len(p)), beliefs.guess], 0.0)
    return found


def reason(beliefs: Beliefs, row: int, strategy: str) -> str:
    """Return in words why a strategy would ask about a row.

    Examples
    --------
    >>> rows = Beliefs(("ham", "spam"), np.array([[0.52, 0.48]]), np.array([[0, 1]]), ("a", "b"))
    >>> reason(rows, 0, "margin"), reason(rows, 0, "conflict")
    ('a close call: ham 0.52, spam 0.48', 'rules disagree: 1 for ham, 1 for spam')
    """
    p, names = beliefs.probabilities[row], beliefs.names
    first, second = (int(c) for c in np.argsort(-p, kind="stable")[:2])
    if strategy == "conflict":
        counts = [(int((beliefs.votes[row] == c).sum()), name) for c, name in enumerate(names)]
        said = ", ".join(
            f"{count} for {name}" for count, name in sorted(counts, key=lambda c: -c[0]) if count
        )
        return (
            f"rules disagree: {said}"
            if said.count("for") > 1
            else "rules are of one mind"
            if said
            else "no votes"
        )
    if strategy == "committee":
        others = [f"{name} says {names[int(table[row].argmax())]} {table[row].max():.2f}"
                  for name, table in beliefs.committee.items()]  # fmt: skip
        return f"label models differ: {names[first]} {p[first]:.2f}, but {', '.join(others)}"
    if strategy == "neighbours" and beliefs.neighbours is not None:
        codes, cosine = (table[row] for table in beliefs.neighbours)
        against = [
            names[int(c)] for c, w in zip(codes, cosine, strict=True) if c >= 0 and w > 0 and c != first
        ]
        said = ", ".join(dict.fromkeys(against))
        return (
            f"alike gold rows say {said}, the label model {names[first]}" if said else "alike gold rows agree"
        )
    if not beliefs.covered[row]:
        return "no rule votes"
    kind = "a close call" if p[first] - p[second] < 0.3 else "some doubt"
    return f"{kind}: {names[first]} {p[first]:.2f}, {names[second]} {p[second]:.2f}"


def _entropy(p: Float) -> Float:
    found: Float = -(p * np.log(np.maximum(p, 1e-300))).sum(axis=1)
    return np.maximum(found, 0.0)


def _shares(beliefs: Beliefs) -> Float:
    heard = beliefs.covered
    table = beliefs.probabilities[heard] if heard.any() else beliefs.probabilities
    found: Float = table.mean(axis=0)
    return found
