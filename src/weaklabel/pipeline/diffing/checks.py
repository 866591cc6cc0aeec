"""Conditions on a diff of labels, in a little language: `flips > 2% or accuracy_drop_upper > 1pt`."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from weaklabel.errors import ConfigError, did_you_mean

COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
EXAMPLE = "flips > 2% or accuracy_drop_upper > 1pt"
_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d[\d_]*(?:\.\d+)?|\.\d+)\s*(?P<unit>%|pt\b)?"
    r'|(?P<compare>>=|<=|>|<)|(?P<bracket>[()])|(?P<name>[^\W\d]\w*(?:\.(?:"[^"]*"|[\w-]+))?))'
)


@dataclass(frozen=True)
class Measured:
    """One figure that a condition may name.

    Parameters
    ----------
    share
        As a share, 0.02; None: it can't be measured.
    rows
        As a number of rows; None: it is no number of rows.
    why
        Why it can't be measured.

    Examples
    --------
    >>> Measured(0.02, 40).rows
    40
    """

    share: float | None
    rows: int | None = None
    why: str = ""


class Token(NamedTuple):
    """A word of a condition, and where it stands."""

    kind: str
    text: str
    at: int


def holds(condition: str, figures: Mapping[str, Measured]) -> bool:
    """Say whether a condition is true of figures.

    A figure is compared with a share, `2%` or (the same for a difference of shares) `2pt`, or, where it counts rows,
    with a whole number. `and` binds closer than `or`; brackets group.

    Parameters
    ----------
    condition
        The text.
    figures
        Name -> figure.

    Raises
    ------
    ConfigError
        The text is no condition (the place is pointed at), names what is no figure, or a figure that can't be measured.

    Examples
    --------
    >>> figures = {"flips": Measured(0.03, 30), "accuracy_drop_upper": Measured(0.002)}
    >>> holds("flips > 2% or accuracy_drop_upper > 1pt", figures), holds("flips > 30", figures)
    (True, False)
    >>> holds("flips > 2% orr flips < 1", figures)
    Traceback (most recent call last):
    ...
    weaklabel.errors.ConfigError: a condition that can't be read: 'and' or 'or' is wanted here
      where: flips > 2% orr flips < 1
                        ^
      hint: flips > 2% or accuracy_drop_upper > 1pt
    """
    return _Reader(condition, figures).read()


def check_condition(condition: str, figures: Sequence[str]) -> None:
    """Raise unless a text is a condition over figures of these names; what they measure is not asked yet.

    Examples
    --------
    >>> check_condition("flips > 2%", ["flips"])
    """
    _Reader(condition, {name: Measured(0.0, 0) for name in figures}).read()


class _Reader:
    """Reads a condition from left to right; both sides of `and` and `or` are always read."""

    def __init__(self, condition: str, figures: Mapping[str, Measured]) -> None:
        self.condition, self.figures = condition, figures
        self.tokens, self.next = self._tokens(), 0

    def read(self) -> bool:
        found = self._either()
        if self._peek().kind != "end":
            raise self._wrong("'and' or 'or' is wanted here")
        return found

    def _tokens(self) -> list[Token]:
        found, at = [], 0
        text = self.condition
        while text[at:].strip():
            match = _TOKEN.match(text, at)
            if match is None:
                at += len(text[at:]) - len(text[at:].lstrip())
                raise self._wrong(f"{text[at]!r} means nothing here", at)
            kind = next(name for name in ("number", "compare", "bracket", "name") if match[name])
            whole = match[kind] + (match["unit"] or "") if kind == "number" else match[kind]
            found.append(Token(kind, whole, match.start(kind)))
            at = match.end()
        return [*found, Token("end", "", len(text.rstrip()))]

    def _peek(self) -> Token:
        return self.tokens[self.next]

    def _take(self) -> Token:
        token = self.tokens[self.next]
        self.next += 1
        return token

    def _is(self, word: str) -> bool:
        return self._peek().text == word

    def _either(self) -> bool:
        found = self._both()
        while self._is("or"):
            self._take()
            other = self._both()
            found = found or other
        return found

    def _both(self) -> bool:
        found = self._one()
        while self._is("and"):
            self._take()
            other = self._one()
            found = found and other
        return found

    def _one(self) -> bool:
        if self._is("("):
            self._take()
            found = self._either()
            if not self._is(")"):
                raise self._wrong("')' is wanted here")
            self._take()
            return found
        name = self._figure()
        if self._peek().kind != "compare":
            raise self._wrong(f"one of {' '.join(COMPARISONS)} is wanted here")
        compare = COMPARISONS[self._take().text]
        return compare(*self._sides(name))

    def _figure(self) -> Token:
        token = self._peek()
        if token.kind != "name" or token.text in ("and", "or"):
            raise self._wrong("the name of a figure is wanted here")
        name = token.text.replace('"', "")
        if name not in self.figures:
            raise ConfigError(
                f"there is no figure {name!r}",
                where=self._pointed(token.at),
                available=self.figures,
                hint=did_you_mean(name, self.figures),
            )
        return self._take()._replace(text=name)

    def _sides(self, name: Token) -> tuple[float, float]:
        """Return the figure and the number that it is compared with."""
        number = self._peek()
        if number.kind != "number":
            raise self._wrong("a number is wanted here: 2%, 1pt or 100")
        self._take()
        figure, text = self.figures[name.text], number.text.replace("_", "")
        if figure.share is None:
            raise ConfigError(
                f"{name.text} can't be measured: {figure.why}",
                where=self._pointed(name.at),
                hint="a condition on what nobody measured would never be noticed: leave it out, or label rows by hand",
            )
        if text.endswith(("%", "pt")):
            return figure.share, float(text.removesuffix("%").removesuffix("pt")) / 100
        if figure.rows is None or "." in text:
            hint = f"{text}% or {text}pt" if figure.rows is None else f"{text}%, or a whole number of rows"
            raise ConfigError(f"{name.text} is a share: is {text} per cent meant?", where=self._pointed(number.at), hint=hint)  # fmt: skip
        return float(figure.rows), float(text)

    def _wrong(self, what: str, at: int | None = None) -> ConfigError:
        place = self._peek().at if at is None else at
        return ConfigError(
            f"a condition that can't be read: {what}", where=self._pointed(place), hint=EXAMPLE
        )

    def _pointed(self, at: int) -> str:
        line = self.condition.replace("\n", " ")
        return f"{line}\n{' ' * (len('  where: ') + at)}^"
