"""Phrases of spaCy rules: one PhraseMatcher for each attribute by which words are compared, of all rules that do so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from weaklabel.lf.base import run_user_code
from weaklabel.lf.spacy_pattern import SpacyPattern

_SPELLED = {"TEXT": "text", "LOWER": "lower_", "LEMMA": "lemma_", "NORM": "norm_", "SHAPE": "shape_"}
_OF_TOKENIZERS = {"TEXT", "LOWER", "SHAPE"}
"""What a word has without any component, so that a phrase need only be cut into words."""

Documents = Mapping[str, Sequence[Any]]
"""A rule's phrases as spaCy's documents, by the rule's id."""


def read_phrases(nlp: Any, rule: SpacyPattern) -> list[Any]:
    """Return a rule's phrases as the pipeline reads them.

    Raises
    ------
    ValueError
        The pipeline fails on a phrase, or gives some word of it nothing to compare by.

    Examples
    --------
    >>> import spacy
    >>> from weaklabel.lf import spacy_pattern
    >>> rule = spacy_pattern("a", phrases=["don't pay"], label="x")
    >>> [[word.text for word in doc] for doc in read_phrases(spacy.blank("en"), rule)]
    [['do', "n't", 'pay']]
    """
    read = nlp.make_doc if rule.attr in _OF_TOKENIZERS else nlp
    docs = []
    for phrase in rule.phrases:
        text = " ".join(phrase.split())
        doc, error = run_user_code(lambda text=text: read(text))  # type: ignore[misc]
        if error is not None or doc is None:
            raise ValueError(f"it fails on the phrase {phrase!r}: {type(error).__name__}: {error}")
        empty = [word.text for word in doc if not getattr(word, _SPELLED[rule.attr])]
        if empty:
            raise ValueError(f"it gives {empty[0]!r} in the phrase {phrase!r} no {rule.attr} to compare by")
        docs.append(doc)
    return docs


def as_tokens(doc: Any, attr: str) -> list[dict[str, str]]:
    """Return a phrase as the token pattern that says the same.

    Examples
    --------
    >>> import spacy
    >>> as_tokens(spacy.blank("en")("Money back"), "LOWER")
    [{'LOWER': 'money'}, {'LOWER': 'back'}]
    """
    return [{attr: getattr(word, _SPELLED[attr])} for word in doc]


def phrase_matchers(nlp: Any, rules: Iterable[SpacyPattern], documents: Documents) -> dict[str, Any]:
    """Return a PhraseMatcher for each attribute; a match's key is the rule's id.

    Examples
    --------
    >>> import spacy
    >>> from weaklabel.lf import spacy_pattern
    >>> nlp, rule = spacy.blank("en"), spacy_pattern("a", phrases=["money back"], label="x")
    >>> matchers = phrase_matchers(nlp, [rule], {"a": read_phrases(nlp, rule)})
    >>> [nlp.vocab.strings[key] for key, *_ in matchers["LOWER"](nlp("My MONEY back!"))]
    ['a']
    """
    from spacy.matcher import PhraseMatcher

    found: dict[str, Any] = {}
    for rule in rules:
        if rule.phrases:
            if rule.attr not in found:
                found[rule.attr] = PhraseMatcher(nlp.vocab, attr=rule.attr)
            found[rule.attr].add(rule.id, [*documents[rule.id]])
    return found
