"""F1 of several systems on the same projects, and differences between them with paired intervals.

With gold there are several draws of it. A draw's projects are not scored, so that each draw scores other projects; what is
reported is the mean over draws. The bootstrap draws projects once for all draws and systems.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Bool = npt.NDArray[np.bool_]
Float = npt.NDArray[np.floating]
RESAMPLES, SEED = 1000, 0


@dataclass(frozen=True)
class Figure:
    """A number with the ends of its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        """Return the number with its interval, in points of a hundred."""
        return f"{100 * self.value:+.1f} ({100 * self.low:+.1f} to {100 * self.high:+.1f})"


def tallies(given: Bool, gold: Bool, weights: Float) -> tuple[Float, Float]:
    """Return (b, tags) for each row of weights: projects that rightly have a tag, and those given it plus those that have it."""
    right = weights @ (given & gold).astype(np.float32)
    return right, weights @ (given.astype(np.float32) + gold)


def f1(right: Float, both: Float) -> tuple[Float, Float]:
    """Return micro and macro F1 of tallies, (b,) both; a tag that is nowhere counts 0 in the mean.

    Examples
    --------
    >>> given, gold = np.array([[True, True], [True, False]]), np.array([[True, False], [True, True]])
    >>> micro, macro = f1(*tallies(given, gold, np.ones((1, 2), np.float32)))
    >>> round(float(micro[0]), 3), round(float(macro[0]), 3)
    (0.667, 0.5)
    """
    return 2 * right.sum(axis=1) / np.maximum(both.sum(axis=1), 1), (2 * right / np.maximum(both, 1)).mean(
        axis=1
    )


def resamples(n: int) -> Float:
    """Return (1 + resamples, n) how often each project is in each sample; the first has each once."""
    drawn = np.random.default_rng(SEED).multinomial(n, np.full(n, 1 / n), size=RESAMPLES)
    return np.concatenate([np.ones((1, n)), drawn]).astype(np.float32)


class Scores:
    """Tallies of each system at each gold size, over all draws.

    Parameters
    ----------
    gold
        The authors' tags of the projects that were not read, (n, tags).
    """

    def __init__(self, gold: Bool) -> None:
        self.gold = gold
        self.weights = resamples(len(gold))
        self.drawn: dict[int, list[Bool]] = {}
        self.answers: dict[tuple[str, int], list[tuple[Float, Float]]] = {}

    def draw(self, size: int, told: Bool) -> None:
        """Begin a draw of gold: `told` says which projects it holds, which are then not scored."""
        self.drawn.setdefault(size, []).append(told)

    def add(self, system: str, size: int, given: Bool) -> None:
        """Count what a system gives after the last draw."""
        weights = self.weights * ~self.drawn[size][-1]
        self.answers.setdefault((system, size), []).append(tallies(given, self.gold, weights))

    def f1(
        self, system: str, size: int, columns: list[int], *, draws: int | None = None
    ) -> tuple[Float, Float]:
        """Return micro and macro F1 over some tags, mean over the first draws (default: all), for each sample: (b,) both."""
        each = [f1(right[:, columns], both[:, columns]) for right, both in self.answers[system, size][:draws]]
        return np.mean([micro for micro, _ in each], axis=0), np.mean([macro for _, macro in each], axis=0)


def figure(samples: Float) -> Figure:
    """Return the first of the values, with the 2.5th and the 97.5th percentile of the others."""
    low, high = np.quantile(samples[1:], [0.025, 0.975])
    return Figure(float(samples[0]), float(low), float(high))
