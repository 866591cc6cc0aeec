"""Where spaCy token patterns and phrases match: as characters of the text."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

from weaklabel.apply.spacy_lane import BLANK, load_pipeline
from weaklabel.apply.spacy_phrases import phrase_matchers, read_phrases
from weaklabel.lf import SpacyPattern


def token_finder(rule: SpacyPattern) -> Callable[[str], Iterator[tuple[int, int]]]:
    """Return what yields the places of a rule's patterns and phrases in a text; none in one that the pipeline refuses as too long.

    Examples
    --------
    >>> from weaklabel.lf import spacy_pattern
    >>> find = token_finder(spacy_pattern("back", [{"LOWER": "money"}, {"LOWER": "back"}], label="returns"))
    >>> list(find("My money back!"))
    [(3, 13)]
    """
    from spacy.matcher import Matcher

    nlp = load_pipeline(rule.pipeline, where=rule.where)
    matchers: list[Callable[..., Any]] = []
    if rule.patterns:
        matcher = Matcher(nlp.vocab)
        matcher.add(rule.id, [[dict(token) for token in pattern] for pattern in rule.patterns])
        matchers.append(functools.partial(matcher, allow_missing=True))
    if rule.phrases:
        matchers += phrase_matchers(nlp, [rule], {rule.id: read_phrases(nlp, rule)}).values()
    endless = rule.pipeline.startswith(BLANK)

    def find(text: str) -> Iterator[tuple[int, int]]:
        if endless or len(text) <= nlp.max_length:
            doc = nlp(text)
            for match in matchers:
                for span in match(doc, as_spans=True):
                    yield span.start_char, span.end_char

    return find
