"""Token patterns asked of words: each distinct word is shown to spaCy's Matcher once, whatever the number of texts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from weaklabel.apply.spacy_needs import must_be_there, token_keys
from weaklabel.lf.spacy_pattern import SpacyPattern, TokenPattern

_OF_WORDS = {
    "ORTH", "LOWER", "SHAPE", "LENGTH", "IS_ALPHA", "IS_ASCII", "IS_DIGIT", "IS_LOWER", "IS_UPPER", "IS_TITLE",
    "IS_PUNCT", "IS_SPACE", "IS_BRACKET", "IS_QUOTE", "IS_LEFT_PUNCT", "IS_RIGHT_PUNCT", "IS_CURRENCY", "IS_STOP",
    "LIKE_NUM", "LIKE_URL", "LIKE_EMAIL",
}  # fmt: skip
"""Attributes that a word has wherever it stands."""
_MOST_ANSWERS = 2**26
"""Answers, of one byte each, that are remembered between batches."""
_SHORT_LIST = 16


@dataclass(frozen=True)
class WordPattern:
    """A token pattern as tests of words.

    `tests` are positions in a list of tests, one for each token that must be there. `whole`: the tokens are words in a
    row and nothing else, so that the tests alone decide; otherwise they only rule out.
    """

    tests: tuple[int, ...]
    whole: bool


def word_patterns(
    rules: Iterable[SpacyPattern], phrases: Mapping[str, Sequence[TokenPattern]] | None = None
) -> tuple[list[dict[str, Any]], dict[str, tuple[WordPattern, ...]]]:
    """Return the distinct tests of words in rules' patterns, and for each rule its patterns as tests.

    Parameters
    ----------
    rules
        The rules.
    phrases
        Token patterns that say what their phrases say, by the rule's id. After a rule's patterns comes one that passes
        where the longest word of any phrase stands, or everywhere where words alone don't tell.

    Examples
    --------
    >>> from weaklabel.lf import spacy_pattern
    >>> rule = spacy_pattern("a", [[{"LOWER": "we"}, {"POS": "VERB"}], [{"LOWER": "we"}, {"TEXT": "A"}]], label="x")
    >>> tests, patterns = word_patterns([rule])
    >>> tests
    [{'LOWER': 'we'}, {'ORTH': 'A'}]
    >>> patterns["a"]
    (WordPattern(tests=(0,), whole=False), WordPattern(tests=(0, 1), whole=True))
    """
    tests: dict[str, tuple[int, dict[str, Any]]] = {}
    found: dict[str, tuple[WordPattern, ...]] = {}
    for rule in rules:
        own = []
        for pattern in rule.patterns:
            tokens = [token_keys(token) for token in pattern]
            parts = [
                {k: v for k, v in token.items() if k in _OF_WORDS} for token in tokens if must_be_there(token)
            ]
            whole = all(token.keys() <= _OF_WORDS for token in tokens)
            asked = [part for part in parts if part or whole]
            places = [tests.setdefault(repr(part), (len(tests), part))[0] for part in asked]
            own.append(WordPattern(tuple(places), whole))
        if rule.phrases:
            part = _longest_words((phrases or {})[rule.id], rule.attr)
            at = [tests.setdefault(repr(part), (len(tests), part))[0]] if part else []
            own.append(WordPattern(tuple(at), whole=False))
        found[rule.id] = tuple(own)
    return [part for _, part in tests.values()], found


def _longest_words(phrases: Sequence[TokenPattern], attr: str) -> dict[str, Any]:
    """Return the test that the longest word of some phrase passes; empty: words alone don't tell."""
    name = next(iter(token_keys({attr: ""})))
    if name not in _OF_WORDS:
        return {}
    return {name: {"IN": sorted({max((str(token[attr]) for token in own), key=len) for own in phrases})}}


class WordTests:
    """Tests of words, and what they said of the words met so far.

    Parameters
    ----------
    vocab
        A spaCy vocabulary.
    tests
        Tokens of patterns that say nothing but what a word is.

    Examples
    --------
    >>> import spacy
    >>> nlp = spacy.blank("en")
    >>> tests = WordTests(nlp.vocab, [{"LOWER": "we"}, {"IS_ALPHA": True}])
    >>> codes, passed = tests.ask(nlp("We, we").to_array("ORTH"))
    >>> passed[:, codes].tolist()
    [[True, False, True], [True, False, True]]
    """

    def __init__(self, vocab: Any, tests: Sequence[Mapping[str, Any]]) -> None:
        from spacy.matcher import Matcher

        self._vocab = vocab
        self._matcher = Matcher(vocab, validate=False)
        self._numbers: dict[int, int] = {}
        for number, test in enumerate(tests):
            self._matcher.add(f"test {number}", [[one] for one in _spelled(test)])
            self._numbers[vocab.strings[f"test {number}"]] = number
        self._places: dict[int, int] = {}
        self._passed = np.zeros((len(tests), 0), bool)

    def ask(self, orths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the distinct words' places for all words, and which tests each distinct word passes.

        Parameters
        ----------
        orths
            spaCy's numbers of words, shape (n_words,).

        Returns
        -------
        tuple of arrays
            Places, shape (n_words,); and bool, shape (n_tests, n_distinct).
        """
        distinct, codes = np.unique(orths, return_inverse=True)
        if self._passed.size > _MOST_ANSWERS:
            self._places, self._passed = {}, self._passed[:, :0]
        words = distinct.tolist()
        new = [word for word in words if word not in self._places]
        if new:
            self._passed = np.hstack([self._passed, self._test(new)])
            self._places.update(zip(new, range(len(self._places), len(self._places) + len(new)), strict=True))
        return codes, self._passed[:, [self._places[word] for word in words]]

    def _test(self, words: list[int]) -> np.ndarray:
        from spacy.tokens import Doc

        passed = np.zeros((len(self._numbers), len(words)), bool)
        if not self._numbers:
            return passed
        row: Any = words  # spaCy takes numbers of words for words
        for key, start, _ in self._matcher(Doc(self._vocab, words=row), allow_missing=True):
            passed[self._numbers[key], start] = True
        return passed


def _spelled(test: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a test of a short list of words as one test a word, which spaCy compares without calling Python."""
    for key, value in test.items():
        if isinstance(value, Mapping) and [name.upper() for name in value] == ["IN"]:
            [words] = value.values()
            if 0 < len(words) <= _SHORT_LIST and all(isinstance(word, str) for word in words):
                return [{**test, key: word} for word in words]
    return [dict(test)]


class Screen:
    """Texts as rows of words that were asked: which texts a pattern can match, and where the words decide, which it does.

    Parameters
    ----------
    tests
        The tests.
    words
        For each text the numbers of its words.

    Examples
    --------
    >>> import spacy
    >>> nlp = spacy.blank("en")
    >>> tests = WordTests(nlp.vocab, [{"LOWER": "money"}, {"LOWER": "back"}])
    >>> screen = Screen(tests, [nlp(text).to_array("ORTH") for text in ("Money back", "back, money", "")])
    >>> screen.passing(WordPattern((0, 1), whole=True)).tolist()
    [True, False, False]
    >>> screen.passing(WordPattern((0, 1), whole=False)).tolist()
    [True, True, False]
    """

    def __init__(self, tests: WordTests, words: Sequence[np.ndarray]) -> None:
        lengths = np.array([len(own) for own in words], np.int64)
        self._n = len(words)
        self._text = np.repeat(np.arange(self._n), lengths)
        self._codes, self._passed = tests.ask(np.concatenate(words) if words else np.zeros(0, np.uint64))
        self._hits: dict[int, np.ndarray] = {}
        self._some = lengths > 0

    def passing(self, pattern: WordPattern) -> np.ndarray:
        """Return for each text whether the pattern's tests let it pass, shape (n_texts,)."""
        if pattern.whole:
            passing = np.zeros(self._n, bool)
            passing[self._text[self._in_a_row(pattern.tests)]] = True
            return passing
        passing = self._some.copy()
        for test in pattern.tests:
            held = np.zeros(self._n, bool)
            held[self._text[self._at(test)]] = True
            passing &= held
        return passing

    def _at(self, test: int) -> np.ndarray:
        """Return where words pass a test."""
        if test not in self._hits:
            self._hits[test] = np.flatnonzero(self._passed[test][self._codes])
        return self._hits[test]

    def _in_a_row(self, tests: tuple[int, ...]) -> np.ndarray:
        """Return where a run of words starts that pass the tests one after the other, all of one text."""
        rarest = min(range(len(tests)), key=lambda i: len(self._at(tests[i])))
        starts = self._at(tests[rarest]) - rarest
        last = len(tests) - 1
        starts = starts[(starts >= 0) & (starts + last < len(self._codes))]
        starts = starts[self._text[starts] == self._text[starts + last]]
        for i, test in enumerate(tests):
            starts = starts if i == rarest else starts[self._passed[test][self._codes[starts + i]]]
        return starts
