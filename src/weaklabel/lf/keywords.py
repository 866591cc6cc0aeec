"""Rules that fire where one of their terms stands in the text as whole words."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

from weaklabel.errors import RuleError
from weaklabel.lf.base import LabelingFunction, Source, caller, check_choice, check_field, check_options
from weaklabel.lf.context import ANYWHERE, Context, Found, check_count, compile_context, read_window
from weaklabel.lf.options import in_yaml, list_hint
from weaklabel.schema import Outcome

_QUOTE = "quote it: YAML reads yes, no, on, off and numbers as other types"

KeywordCase = Literal["ignore", "sensitive"]
Accents = Literal["keep", "ignore"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Keywords(LabelingFunction):
    """Fires where one of its terms stands in the text as whole words; made by `keywords`, which says what that means.

    Examples
    --------
    >>> rule = keywords("says_thanks", ["thanks", "thank you"], label="ham")
    >>> rule.terms, rule.fields
    (('thanks', 'thank you'), ('text',))
    >>> rule.matches("THANK YOU!"), rule.matches("thankless")
    (True, False)
    """

    terms: tuple[str, ...]
    field: str = "text"
    case: KeywordCase = "ignore"
    accents: Accents = "keep"
    context: Context = ANYWHERE

    kind: ClassVar[str] = "keywords"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_field(self.field, where=self.where)
        check_choice("case", self.case, ("ignore", "sensitive"), where=self.where)
        check_choice("accents", self.accents, ("keep", "ignore"), where=self.where)
        self._set("terms", check_terms(self.terms, where=self.where, place=self.source))
        for i, term in enumerate(self.terms, 1):
            if not comparable(term, case=self.case, accents=self.accents).strip():
                raise RuleError(f"term {i} is empty: {term!r}", where=self.where)
        if self.context.at_least > len(self._ready(self.terms)):
            what = (
                f"`at_least` is {self.context.at_least}, and there are {len(self._ready(self.terms))} terms"
            )
            raise RuleError(f"{what}: the rule could never fire", where=self.where)

    @property
    def fields(self) -> tuple[str, ...]:
        """Columns it reads."""
        return (self.field,)

    def parameters(self) -> dict[str, Any]:
        """Return what its kind adds, as plain data."""
        own = {"terms": list(self.terms), "field": self.field, "case": self.case, "accents": self.accents}
        return {**own, **self.context.plain()}

    def _identity(self) -> Any:
        return {**self.parameters(), "terms": sorted({_words(t) for t in self.terms})}

    def _ready(self, terms: Iterable[str]) -> tuple[str, ...]:
        """Return terms in the form that texts are compared in, each once."""
        ready = (comparable(t, case=self.case, accents=self.accents) for t in terms)
        return tuple(sorted({" ".join(term.split()) for term in ready}))

    @functools.cached_property
    def _count(self) -> Callable[[str], list[Found]]:
        ready = {
            name: replace(window, terms=self._ready(window.terms))
            for name in ("near", "not_after", "not_before")
            if (window := getattr(self.context, name)) is not None
        }
        return compile_context(replace(self.context, **ready), self._ready(self.terms), whole_words)

    @functools.cached_property
    def pattern(self) -> re.Pattern[str]:
        """The one regular expression that, searched in a text made `comparable`, says whether the rule fires."""
        return whole_words(comparable(t, case=self.case, accents=self.accents) for t in self.terms)

    def matches(self, text: str) -> bool:
        """Say whether the rule fires on a text; every faster way gives the same answer."""
        ready = comparable(text, case=self.case, accents=self.accents)
        return self.pattern.search(ready) is not None and (self.context.trivial or bool(self._count(ready)))

    def places(self, text: str) -> list[tuple[int, int]]:
        """Return where the terms that count stand in a text made `comparable`: characters, end exclusive."""
        return [(one.start, one.end) for one in self._count(text)]


def keywords(
    name: str,
    terms: Iterable[str],
    *,
    label: str | Outcome | None = None,
    field: str = "text",
    case: KeywordCase = "ignore",
    accents: Accents = "keep",
    near: Mapping[str, Any] | None = None,
    not_after: Mapping[str, Any] | None = None,
    not_before: Mapping[str, Any] | None = None,
    first_words: int | None = None,
    last_words: int | None = None,
    at_least: int = 1,
    times: int = 1,
    **meta: Any,
) -> Keywords:
    r"""Make a rule that votes for a label where one of the terms stands in the text as whole words.

    Text and terms are brought to Unicode NFC; with ``case="ignore"`` both are case-folded (`str.casefold`, so that
    STRASSE finds Straße); with ``accents="ignore"`` both lose their combining marks. Then a term matches where it is
    neither preceded nor followed by a word character (``\w`` of Python's `re`: letters, digits, underscore, of every
    script), and any run of whitespace inside a term matches any run of whitespace in the text. So "check out"
    finds ``check\n out!`` but not "checkout", and "refund" does not find "refunds". A null text: the rule abstains.

    Parameters
    ----------
    name
        What people call it.
    terms
        Words or phrases.
    label
        The label it votes for.
    field
        The column that it reads.
    case
        "ignore" or "sensitive".
    accents
        "keep" or "ignore".
    near
        ``{"terms": ["order", "parcel"], "within": 5}``: a term counts only where one of these stands within five words
        before or after it; neighbouring words are 1 apart, and the two don't overlap.
    not_after, not_before
        Of the same form: a term doesn't count where one of these stands so many words before it, or after it.
    first_words, last_words
        A term counts only where it begins among the first, or ends among the last, so many words.
    at_least
        How many different terms must count.
    times
        How many times terms must count in all.
    **meta
        id, description, owner, version, tags, fires_on, abstains_on, on_error, state, valid_from, valid_until, muted: see
        `LabelingFunction`.

    Raises
    ------
    RuleError
        There are no terms, or a term is empty or no text; a window or a number is none.

    Examples
    --------
    >>> rule = keywords("asks_refund", ["refund", "money back"], label="returns")
    >>> rule.matches("I want my MONEY\n back!"), rule.matches("refundable")
    (True, False)
    >>> happy = keywords("happy", ["happy"], label="praise", not_after={"terms": ["not", "never"], "within": 2})
    >>> happy.matches("I am happy"), happy.matches("not very happy")
    (True, False)
    """
    source = meta.pop("source", None) or caller()
    check_options(keywords, meta, source, label=label)
    return Keywords(
        name=name,
        terms=terms,  # type: ignore[arg-type]
        label=label,
        field=field,
        case=case,
        accents=accents,
        context=_context(
            source,
            windows={"near": near, "not_after": not_after, "not_before": not_before},
            counts={
                "first_words": first_words,
                "last_words": last_words,
                "at_least": at_least,
                "times": times,
            },
        ),
        source=source,
        **meta,
    )


def _context(source: Source | None, windows: Mapping[str, Any], counts: Mapping[str, Any]) -> Context:
    where = str(source) if source else None

    def terms(value: object) -> tuple[str, ...]:
        return check_terms(value, where=where, place=source)

    given = {name: read_window(name, value, where=where, terms=terms) for name, value in windows.items()}
    numbers = {
        name: check_count(name, value, where=where) for name, value in counts.items() if value is not None
    }
    return Context(**given, **numbers)  # type: ignore[arg-type]


def comparable(text: str, *, case: KeywordCase, accents: Accents) -> str:
    """Return a text in the form in which terms and texts are compared.

    Examples
    --------
    >>> comparable("Straße", case="ignore", accents="keep")
    'strasse'
    """
    if text.isascii():
        return text.lower() if case == "ignore" else text
    text = unicodedata.normalize("NFC", text)
    if case == "ignore":
        text = unicodedata.normalize("NFC", text.casefold())
    if accents == "ignore":
        parts = unicodedata.normalize("NFD", text)
        text = unicodedata.normalize("NFC", "".join(c for c in parts if not unicodedata.combining(c)))
    return text


def whole_words(terms: Iterable[str]) -> re.Pattern[str]:
    r"""Return the regular expression that finds one of the comparable terms as whole words.

    Examples
    --------
    >>> whole_words(["check out"]).pattern
    '(?<!\\w)(?:check\\s+out)(?!\\w)'
    """
    alternatives = sorted({r"\s+".join(map(re.escape, term.split())) for term in terms})
    return re.compile(rf"(?<!\w)(?:{'|'.join(alternatives)})(?!\w)")


def check_terms(terms: object, *, where: str | None, place: object = None) -> tuple[str, ...]:
    """Return terms as a tuple, or raise a RuleError that says which is none."""
    if isinstance(terms, str) or not isinstance(terms, Iterable):
        raise RuleError(
            f"`terms` is a list of words or phrases, not {terms!r}",
            where=where,
            hint=list_hint("terms", terms, place),
        )
    listed = tuple(sorted(terms) if isinstance(terms, set | frozenset) else terms)
    if not listed:
        raise RuleError("no terms: the rule could never fire", where=where)
    for i, term in enumerate(listed, 1):
        if not isinstance(term, str):
            raise RuleError(
                f"term {i} is text, not {term!r}",
                where=where,
                hint=_QUOTE if in_yaml(place) else f"write it as text: {str(term)!r}",
            )
    return listed


def _words(term: str) -> str:
    return " ".join(unicodedata.normalize("NFC", term).split())
