"""Functions whose fingerprints are golden: every Python that the package supports gives the same ones."""

from __future__ import annotations

import enum
import functools
import re
from dataclasses import dataclass
from pathlib import Path

WORDS = {"buy", "now", "free"}
LINK = re.compile(r"https?://\S+", re.IGNORECASE)
LIMITS = {"short": 20, "long": 4_000}
LIST = Path(__file__).with_name("words.txt")


class Tone(enum.Enum):
    CALM = "calm"
    LOUD = "loud"


@dataclass
class Scorer:
    """Counts."""

    weight: float = 1.5
    names: tuple[str, ...] = ("a", "b")

    def score(self, text: str) -> float:
        return self.weight * sum(text.count(n) for n in self.names)


SCORER = Scorer(weight=2.0)


@functools.cache
def words_of(text: str) -> frozenset[str]:
    """Split."""
    return frozenset(text.lower().split())


def loud(text: str) -> Tone:
    return Tone.LOUD if text.isupper() else Tone.CALM


def simple(row):
    return "free" in row["text"]


def with_helpers(row):
    return loud(row["text"]) is Tone.LOUD and not words_of(row["text"]).isdisjoint(WORDS)


def with_everything(row, *, limit: int = 3, sep=" "):
    """Has all that a syntax tree may hold."""
    text: str = row["text"]
    total = 0
    for i, word in enumerate(text.split(sep)):
        if (n := len(word)) > limit and word not in {"a", "b"}:
            total += n if i % 2 else -n
        elif not word:
            continue
    try:
        first, *rest = text.split()
    except ValueError as error:
        return f"{error!r:>{limit}}" f" and {total:.2f} {text=} {{braces}}" "!" == ""  # fmt: skip
    match rest:
        case [str() as one]:
            return one == first
        case {"k": v, **_others}:
            return v
        case []:
            return False
    squares = {w: [c for c in w if c.isalpha()] for w in rest}
    return any(lambda_(x) for x in squares) or SCORER.score(text) > LIMITS["short"] or bool(LINK.search(text))


lambda_ = lambda x: x.startswith("#")  # noqa: E731
two_lambdas = [lambda row: row["a"] > 1, lambda row: row["a"] > 2]


def reads_file(row):
    return row["text"] in LIST.read_text(encoding="utf-8").split()


def make_closure(word):
    def fires(row):
        nonlocal word
        word = word.strip()
        return word in row["text"]

    return fires


closure = make_closure("gift")
partial = functools.partial(make_closure, "card")
bound = SCORER.score
ALL = {
    "simple": simple,
    "with_helpers": with_helpers,
    "with_everything": with_everything,
    "lambda_": lambda_,
    "first_of_two": two_lambdas[0],
    "second_of_two": two_lambdas[1],
    "reads_file": reads_file,
    "closure": closure,
    "partial": partial,
    "bound": bound,
}
