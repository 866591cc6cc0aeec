"""Rules that fire where one of their terms stands in the text as whole words."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from weaklabel.errors import RuleError
from weaklabel.lf.base import LabelingFunction, caller, check_choice, check_field

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

    kind: ClassVar[str] = "keywords"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_field(self.field, where=self.where)
        check_choice("case", self.case, ("ignore", "sensitive"), where=self.where)
        check_choice("accents", self.accents, ("keep", "ignore"), where=self.where)
        self._set("terms", check_terms(self.terms, where=self.where))
        for i, term in enumerate(self.terms, 1):
            if not comparable(term, case=self.case, accents=self.accents).strip():
                raise RuleError(f"term {i} is empty: {term!r}", where=self.where)

    @property
    def fields(self) -> tuple[str, ...]:
        """Columns it reads."""
        return (self.field,)

    def parameters(self) -> dict[str, Any]:
        """Return what its kind adds, as plain data."""
        return {"terms": list(self.terms), "field": self.field, "case": self.case, "accents": self.accents}

    def _identity(self) -> Any:
        return {**self.parameters(), "terms": sorted({_words(t) for t in self.terms})}

    @functools.cached_property
    def pattern(self) -> re.Pattern[str]:
        """The one regular expression that, searched in a text made `comparable`, says whether the rule fires."""
        return whole_words(comparable(t, case=self.case, accents=self.accents) for t in self.terms)

    def matches(self, text: str) -> bool:
        """Say whether the rule fires on a text; every faster way gives the same answer."""
        return self.pattern.search(comparable(text, case=self.case, accents=self.accents)) is not None


def keywords(
    name: str,
    terms: Iterable[str],
    *,
    label: str,
    field: str = "text",
    case: KeywordCase = "ignore",
    accents: Accents = "keep",
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
    **meta
        id, description, owner, version, tags, fires_on, abstains_on, on_error: see `LabelingFunction`.

    Raises
    ------
    RuleError
        There are no terms, or a term is empty or no text.

    Examples
    --------
    >>> rule = keywords("asks_refund", ["refund", "money back"], label="returns")
    >>> rule.matches("I want my MONEY\n back!"), rule.matches("refundable")
    (True, False)
    """
    source = meta.pop("source", None) or caller()
    return Keywords(
        name=name,
        terms=terms,  # type: ignore[arg-type]
        label=label,
        field=field,
        case=case,
        accents=accents,
        source=source,
        **meta,
    )


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


def check_terms(terms: object, *, where: str | None) -> tuple[str, ...]:
    """Return terms as a tuple, or raise a RuleError that says which is none."""
    if isinstance(terms, str) or not isinstance(terms, Iterable):
        raise RuleError(
            f"`terms` is a list of words or phrases, not {terms!r}", where=where, hint=f"[{terms!r}]"
        )
    listed = tuple(sorted(terms) if isinstance(terms, set | frozenset) else terms)
    if not listed:
        raise RuleError("no terms: the rule could never fire", where=where)
    for i, term in enumerate(listed, 1):
        if not isinstance(term, str):
            raise RuleError(
                f"term {i} is text, not {term!r}",
                where=where,
                hint="quote it: YAML reads yes, no, on, off and numbers as other types",
            )
    return listed


def _words(term: str) -> str:
    return " ".join(unicodedata.normalize("NFC", term).split())
