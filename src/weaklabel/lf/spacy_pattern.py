"""Rules that fire where a spaCy token pattern, or a phrase by the words' forms or lemmas, matches."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from weaklabel.errors import RuleError, WeakLabelError
from weaklabel.fingerprint import fingerprint
from weaklabel.lf.base import LabelingFunction, caller, check_choice, check_field, check_options
from weaklabel.lf.options import in_yaml, list_hint, option
from weaklabel.lf.spacy_tokens import check_token
from weaklabel.schema import Outcome

TokenPattern = Sequence[Mapping[str, Any]]
PhraseAttribute = Literal["LOWER", "TEXT", "LEMMA", "NORM", "SHAPE"]
PHRASE_ATTRIBUTES: tuple[PhraseAttribute, ...] = ("LOWER", "TEXT", "LEMMA", "NORM", "SHAPE")
"""By what the words of a text may be compared with the words of a phrase."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SpacyPattern(LabelingFunction):
    """Fires where spaCy finds one of its token patterns or phrases; made by `spacy_pattern`.

    Examples
    --------
    >>> rule = spacy_pattern("money_back", [[{"LOWER": "money"}, {"LOWER": "back"}]], label="returns")
    >>> rule.fields, rule.pipeline, len(rule.patterns)
    (('text',), 'blank:en', 1)
    """

    patterns: tuple[tuple[Mapping[str, Any], ...], ...] = ()
    phrases: tuple[str, ...] = ()
    attr: PhraseAttribute = "LOWER"
    field: str = "text"
    pipeline: str = "blank:en"

    kind: ClassVar[str] = "spacy"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_field(self.field, where=self.where)
        if not isinstance(self.pipeline, str) or not self.pipeline:
            hint = f"{option('pipeline', 'blank:en', self.source)}, or the name or folder of an installed one"
            raise RuleError(f"`pipeline` is text, not {self.pipeline!r}", where=self.where, hint=hint)
        self._set("phrases", self._checked_phrases())
        if self.patterns or not self.phrases:
            self._set("patterns", self._checked())

    @property
    def fields(self) -> tuple[str, ...]:
        """Columns it reads."""
        return (self.field,)

    def parameters(self) -> dict[str, Any]:
        """Return what its kind adds, as plain data."""
        patterns = [[dict(token) for token in pattern] for pattern in self.patterns]
        phrases = {"phrases": list(self.phrases), "attr": self.attr} if self.phrases else {}
        return {"patterns": patterns, **phrases, "field": self.field, "pipeline": self.pipeline}

    def _checked_phrases(self) -> tuple[str, ...]:
        """Return the phrases, each once; write the attribute's name in the one way."""
        given: Any = self.phrases
        if isinstance(given, str | Mapping) or not isinstance(given, Iterable):
            shown = list_hint("phrases", given, self.source)
            raise RuleError(f"`phrases` is a list, not {given!r}", where=self.where, hint=shown)
        phrases = tuple(given)
        for phrase in phrases:
            if not isinstance(phrase, str) or not phrase.strip():
                quote = "quote it: YAML reads yes, no, on, off and numbers as other types"
                hint = quote if isinstance(phrase, bool | int | float) else None
                raise RuleError(f"`phrases`: {phrase!r} is no phrase", where=self.where, hint=hint)
        attr = self.attr.upper() if isinstance(self.attr, str) else self.attr
        self._set("attr", "TEXT" if attr == "ORTH" else attr)
        check_choice("attr", self.attr, PHRASE_ATTRIBUTES, where=self.where)
        return tuple(dict.fromkeys(phrases))

    def _checked(self) -> tuple[tuple[Mapping[str, Any], ...], ...]:
        shown = [[{"LOWER": "money"}, {"LOWER": "back"}], [{"LOWER": "refund"}]]
        hint = f"a list of patterns, each a list of tokens: {_pretty(shown, self.source)}"
        given: Any = self.patterns
        if isinstance(given, Sequence) and not given:
            what = "`patterns` is a list of token patterns, `phrases` one of phrases; the rule has neither"
            raise RuleError(what, where=self.where, hint=option("phrases", ["money back"], self.source))
        if isinstance(given, Sequence) and given and all(isinstance(token, Mapping) for token in given):
            if in_yaml(self.source):
                raise self._flat([dict(token) for token in given])
            given = [given]
        if not isinstance(given, Sequence) or isinstance(given, str) or not given:
            raise RuleError(
                f"`patterns` is a list of token patterns, not {given!r}", where=self.where, hint=hint
            )
        for i, pattern in enumerate(given, 1):
            if not isinstance(pattern, Sequence) or isinstance(pattern, str) or not pattern:
                raise RuleError(
                    f"pattern {i} is a list of tokens, not {pattern!r}", where=self.where, hint=hint
                )
            for token in pattern:
                if not isinstance(token, Mapping):
                    raise RuleError(
                        f"pattern {i}: a token is a mapping, not {token!r}", where=self.where, hint=hint
                    )
                check_token(token, where=self.where)
        patterns = tuple(tuple(dict(token) for token in pattern) for pattern in given)
        try:
            fingerprint([[dict(token) for token in pattern] for pattern in patterns])
        except WeakLabelError as error:
            raise RuleError(f"`patterns` holds no plain data: {error.what}", where=self.where) from error
        return patterns

    def _flat(self, tokens: list[dict[str, Any]]) -> RuleError:
        """Refuse a list of tokens in a pack: it reads as if any of them would do, and means all of them in a row."""
        in_a_row, any_of_them = (
            _pretty(way, self.source) for way in ([tokens], [[token] for token in tokens])
        )
        return RuleError(
            "`patterns` is a list of patterns, each a list of tokens, not a list of tokens",
            where=self.where,
            hint=in_a_row if len(tokens) == 1 else f"{in_a_row} (in a row), or {any_of_them} (any of them)",
        )


def spacy_pattern(
    name: str,
    patterns: Sequence[TokenPattern] | TokenPattern = (),
    *,
    phrases: Iterable[str] = (),
    attr: PhraseAttribute = "LOWER",
    label: str | Outcome | None = None,
    field: str = "text",
    pipeline: str = "blank:en",
    **meta: Any,
) -> SpacyPattern:
    """Make a rule that votes for a label where spaCy finds a token pattern or a phrase.

    Parameters
    ----------
    name
        What people call it.
    patterns
        Token patterns as spaCy's Matcher takes them: a list of patterns, each a list of mappings, one a token. In Python
        a single pattern may stand without the outer list.
    phrases
        Phrases as spaCy's PhraseMatcher takes them: the pipeline cuts each into words, and these stand in the text one
        after the other. They may stand beside patterns, or alone.
    attr
        By what words are compared: "LOWER" (any case), "TEXT" (exactly; also called ORTH), "LEMMA" (the pipeline's base
        form: "return parcel" finds "returned parcels"; the phrase is read by the pipeline too), "NORM" or "SHAPE".
    label
        The label it votes for, or `any_of` or `none_of` several.
    field
        The column that it reads. A null text: the rule abstains.
    pipeline
        "blank:en" (or another language) tokenises only, which serves LOWER, TEXT, IS_*, LIKE_*, SHAPE and REGEX. The
        name or the folder of an installed pipeline serves LEMMA, POS, ENT_TYPE and the like. What a pipeline of that
        name predicts is not part of the fingerprint: change `version` when it is retrained.
    **meta
        id, description, owner, version, tags, fires_on, abstains_on, on_error: see `LabelingFunction`.

    Raises
    ------
    RuleError
        There are neither patterns nor phrases; or they are not of that form, or name an attribute or hold a value that
        the Matcher does not take.

    Examples
    --------
    >>> rule = spacy_pattern("money_back", [[{"LOWER": "money"}, {"LOWER": "back"}]], label="returns")
    >>> rule.patterns
    (({'LOWER': 'money'}, {'LOWER': 'back'}),)
    >>> spacy_pattern("wrong_item", phrases=["wrong size", "wrong colour"], label="returns").attr
    'LOWER'
    """
    source = meta.pop("source", None) or caller()
    check_options(spacy_pattern, meta, source, label=label)
    return SpacyPattern(
        name=name,
        patterns=patterns,  # type: ignore[arg-type]
        phrases=phrases,  # type: ignore[arg-type]
        attr=attr,
        label=label,
        field=field,
        pipeline=pipeline,
        source=source,
        **meta,
    )


def _pretty(patterns: list[list[dict[str, Any]]], place: object) -> str:
    if in_yaml(place):
        return option("patterns", patterns, place)
    return json.dumps(patterns, ensure_ascii=False, default=str)
