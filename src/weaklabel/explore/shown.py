"""What is shown of one rule: rows, the rules it meets, words it matched, near misses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from weaklabel.explore.places import Piece


@dataclass(frozen=True)
class Example:
    """A row that shows what a rule does.

    Parameters
    ----------
    id
        The row.
    label
        What the rule votes on it; None: it abstains.
    gold
        The gold label, where it is known.
    others
        The other rules' votes: label -> ids of rules.
    field
        Name of the column shown, or of the feature.
    pieces
        The text around the match, cut into pieces.
    values
        Other columns and features that the rule reads.
    why
        Of a near miss: what stands there, and how it is near.
    feature
        What is shown is a feature's text, not a column of the corpus.

    Examples
    --------
    >>> Example("m1", "ham", None, {}, "text", (Piece("Please", True),), {}).pieces[0].text
    'Please'
    """

    id: str
    label: str | None
    gold: str | None
    others: Mapping[str, tuple[str, ...]]
    field: str
    pieces: tuple[Piece, ...]
    values: Mapping[str, Any]
    why: str = ""
    feature: bool = False


@dataclass(frozen=True)
class Other:
    """How often a rule and another vote on the same row.

    Parameters
    ----------
    id
        The other rule.
    both
        Rows on which both vote.
    conflicts
        Rows of these on which they differ.
    right, other_right
        Gold rows of these conflicts on which the rule, or the other, is right.

    Examples
    --------
    >>> Other("shouts", both=10, conflicts=2).conflicts
    2
    """

    id: str
    both: int
    conflicts: int
    right: int = 0
    other_right: int = 0


@dataclass(frozen=True)
class Matched:
    """Words that a rule matched, on how many rows, and how often it was right there by gold.

    Examples
    --------
    >>> Matched("refund", 12, right=3, wrong=1).rows
    12
    """

    text: str
    rows: int
    right: int = 0
    wrong: int = 0


@dataclass(frozen=True)
class NearGroup:
    """Near misses of one kind.

    Parameters
    ----------
    term, found, how
        What the rule looks for, what stands there, and how it is near.
    rows
        On how many of the rows looked at.
    agree, differ
        Rows on which the other rules' majority has the rule's label, or another.

    Examples
    --------
    >>> NearGroup("refund", "refnd", "one letter less", 3, 1, 0).rows
    3
    """

    term: str
    found: str
    how: str
    rows: int
    agree: int
    differ: int
