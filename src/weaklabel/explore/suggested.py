"""What `suggest` finds: terms with what speaks for them, and the rules to paste."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import yaml

from weaklabel.lf.base import slug
from weaklabel.stats import Estimate


@dataclass(frozen=True)
class Suggestion:
    """A keyword that could be a rule's.

    Parameters
    ----------
    term
        The word or phrase.
    label
        The class it speaks for.
    support
        Rows of known class on which a keyword rule with this term votes.
    precision
        Share of these with the class; the interval holds for all terms that were tried together.
    q
        Smallest false discovery rate at which the term counts as better than chance.
    hits
        Rows on which the rule would vote.
    fresh
        Of these, rows on which no rule votes for the class yet.
    new
        Of these, rows on which no rule votes at all yet.
    share
        Share of the class among rows of known class about as long: the precision of a term that tells nothing.
    spread
        Share of each class among the rows of `support`, largest first; classes without any are left out.
    fresh_known, fresh_right
        Of the fresh rows, those of known class, and those of the class.

    Examples
    --------
    >>> from weaklabel.stats import clopper_pearson
    >>> one = Suggestion("money back", "returns", 9, clopper_pearson(9, 9), 0.01, 12, 7, 5, share=0.25)
    >>> one.new, one.lift, one.sure
    (5, 4.0, True)
    """

    term: str
    label: str
    support: int
    precision: Estimate
    q: float
    hits: int
    fresh: int
    new: int
    share: float = 0.0
    spread: Mapping[str, float] = field(default_factory=dict)
    fresh_known: int = 0
    fresh_right: float = 0.0

    @property
    def lift(self) -> float | None:
        """How many times more often its rows are of the class than rows about as long."""
        return None if self.precision.value is None or not self.share else self.precision.value / self.share

    @property
    def least_lift(self) -> float | None:
        """The lower end of the interval of the lift; the class' share counts as known."""
        return None if self.precision.low is None or not self.share else self.precision.low / self.share

    @property
    def sure(self) -> bool:
        """Say whether it is better than chance by an interval that holds for all that were tried."""
        return (self.precision.low or 0) > self.share

    @property
    def echo(self) -> bool:
        """Say whether it is no better than chance on the rows on which no rule votes for the class yet.

        Such a term goes with words that rules know: "to" and "you", where spam is long and its links are known.

        Examples
        --------
        >>> from weaklabel.stats import clopper_pearson
        >>> known = ("you", "spam", 60, clopper_pearson(52, 60), 0.0, 60, 9, 5)
        >>> Suggestion(*known, share=0.47, fresh_known=9, fresh_right=2).echo
        True
        >>> Suggestion(*known, share=0.47, fresh_known=9, fresh_right=7).echo
        False
        """
        return self.fresh_known > 0 and self.fresh_right <= self.share * self.fresh_known


@dataclass(frozen=True, kw_only=True)
class Suggestions:
    """Candidate terms; made by `suggest`.

    Parameters
    ----------
    by
        What says which class a row has: "gold" or "model".
    known
        Number of rows of known class.
    rows, total
        Rows on which `hits` are counted, and rows of the corpus.
    tried
        Number of (term, class) pairs that were tried: what the intervals are corrected for.
    found
        The terms, by class in the schema's order, best first.
    hints
        Terms that stand out, and that may do so by chance: the interval of the precision holds the class' share.
    echoes
        Terms that were left out because they tell nothing where rules don't vote for the class yet.
    left_out
        Number of good terms that existing rules cover already.
    notes
        What a reader should know, in sentences.

    Examples
    --------
    >>> Suggestions(by="gold", known=9, rows=9, total=9, tried=3, found=(), left_out=0).tried
    3
    """

    by: str
    known: int
    rows: int
    total: int
    tried: int
    found: tuple[Suggestion, ...]
    hints: tuple[Suggestion, ...] = ()
    echoes: tuple[Suggestion, ...] = ()
    left_out: int
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON, with the YAML to paste."""
        plain = {**asdict(self), "yaml": to_yaml(self.found)}
        for name in ("found", "hints", "echoes"):
            plain[name] = [
                {**asdict(one), "lift": one.lift, "least_lift": one.least_lift} for one in getattr(self, name)
            ]
        return plain


def to_yaml(found: Sequence[Suggestion]) -> str:
    """Return rules with the terms, one for each class, to paste into a rule pack and to think about.

    Examples
    --------
    >>> from weaklabel.stats import clopper_pearson
    >>> print(to_yaml([Suggestion("no", "ham", 9, clopper_pearson(9, 9), 0.01, 12, 7, 5)]), end="")
    rules:
      - name: more_words_for_ham
        kind: keywords
        label: ham
        terms:
          - "no"    # right on 9 of 9; 12 hits, 5 of them new rows
    """
    lines = ["rules:"] if found else []
    for label in dict.fromkeys(one.label for one in found):
        lines += [
            f"  - name: more_words_for_{slug(label).replace('.', '_')}",
            "    kind: keywords",
            f"    label: {quoted(label)}",
            "    terms:",
        ]
        for one in found:
            if one.label == label:
                right = round((one.precision.value or 0) * one.support)
                told = f"right on {right} of {one.support}; {one.hits:,} hits, {one.new:,} of them new rows"
                lines.append(f"      - {quoted(one.term)}    # {told}")
    return "".join(f"{line}\n" for line in lines)


def quoted(text: str) -> str:
    """Return text as YAML: bare where that reads as the same text, else in double quotes.

    Examples
    --------
    >>> quoted("returns"), quoted("no"), quoted("Sci/Tech")
    ('returns', '"no"', '"Sci/Tech"')
    """
    bare = text.isidentifier() and yaml.safe_load(text) == text
    return text if bare else json.dumps(text, ensure_ascii=False)
