"""Where spaCy token patterns match: as characters of the text."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from weaklabel.apply.spacy_lane import BLANK, load_pipeline
from weaklabel.lf import SpacyPattern


def token_finder(rule: SpacyPattern) -> Callable[[str], Iterator[tuple[int, int]]]:
    """Return what yields the places of a rule's patterns in a text; none in one that the pipeline refuses as too long.

    Examples
    --------
    >>> from weaklabel.lf import spacy_pattern
    >>> find = token_finder(spacy_pattern("back", [{"LOWER": "money"}, {"LOWER": "back"}], label="returns"))
    >>> list(find("My money back!"))
    [(3, 13)]
    """
    from spacy.matcher import Matcher

    nlp = load_pipeline(rule.pipeline, where=rule.where)
    matcher = Matcher(nlp.vocab)
    matcher.add(rule.id, [[dict(token) for token in pattern] for pattern in rule.patterns])
    endless = rule.pipeline.startswith(BLANK)

    def find(text: str) -> Iterator[tuple[int, int]]:
        if endless or len(text) <= nlp.max_length:
            for span in matcher(nlp(text), allow_missing=True, as_spans=True):
                yield span.start_char, span.end_char

    return find
