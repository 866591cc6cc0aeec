"""Names and aliases that mean something else in this corpus: reported from votes, not guessed.

A spelling is looked at where it stands, and told apart by what other rules say of the same rows: they deny its label; it
stands inside the name of another label; or nothing else there ever speaks for its label, though elsewhere it does.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from weaklabel.errors import VotesError
from weaklabel.explore.places import Piece, excerpt
from weaklabel.explore.spelled import Key, Tally, tallies
from weaklabel.fingerprint import event_hash
from weaklabel.label_matrix import LabelMatrix
from weaklabel.lf import LFRegistry
from weaklabel.stats import Estimate, benjamini_hochberg, wilson

LEAST = 5
"""Fewest rows on which a spelling is judged."""

DENIED, INSIDE, ALONE = "denied", "inside", "alone"
COLUMNS = {
    "label": pl.String, "spelling": pl.String, "rule": pl.String, "rows": pl.Int64, "supported": pl.Int64,
    "denied": pl.Int64, "inside": pl.Int64, "why": pl.String, "inside_of": pl.String, "denied_by": pl.String,
}  # fmt: skip


@dataclass(frozen=True)
class SpellingLine:
    """What is known of one spelling of one label.

    Parameters
    ----------
    label, spelling, rule
        The label, the name or alias, and the id of the rule that looks for it.
    rows
        Rows on which it stands.
    supported
        Rows of these on which something else speaks for the label: another spelling of it, another rule, a vote for a label above or below it.
    denied
        Rows on which a rule votes against the label.
    inside
        Rows on which it stands only inside the name of a label that is not below its own.
    why
        What makes it ambiguous: "denied" and "inside", each on more than half of its rows; "alone": supported far less often
        than spellings of this corpus are (less than an eighth as often as their mean, and significantly less than half as
        often). Empty: nothing does.
    denied_by, inside_of
        Rows by rule, and by label.
    examples
        A few rows: id and the text around the place.

    Examples
    --------
    >>> SpellingLine("go", "go", "tag.go", rows=8, supported=0, denied=6, inside=0, why=("denied",)).share_denied.value
    0.75
    """

    label: str
    spelling: str
    rule: str
    rows: int
    supported: int
    denied: int
    inside: int
    why: tuple[str, ...] = ()
    denied_by: Mapping[str, int] = field(default_factory=dict)
    inside_of: Mapping[str, int] = field(default_factory=dict)
    examples: tuple[tuple[str, tuple[Piece, ...]], ...] = ()

    @property
    def share_denied(self) -> Estimate:
        """Share of its rows on which a rule votes against the label, with a Wilson interval."""
        return wilson(self.denied, self.rows)

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            **{name: getattr(self, name) for name in ("label", "spelling", "rule", "rows", "supported")},
            **{name: getattr(self, name) for name in ("denied", "inside")},
            "why": list(self.why),
            "denied_by": dict(self.denied_by),
            "inside_of": dict(self.inside_of),
            "examples": [
                {"id": row, "text": "".join(piece.text for piece in pieces)} for row, pieces in self.examples
            ],
        }


@dataclass(frozen=True)
class Spellings:
    """What is known of all spellings; made by `ambiguous_aliases`.

    Parameters
    ----------
    lines
        Ambiguous ones first, of these the most denied first; then by rows.
    usual
        Share of supported rows, the mean of spellings that something else could support; None where there are none.

    Examples
    --------
    >>> Spellings((SpellingLine("go", "go", "tag.go", 8, 0, 6, 0, why=("denied",)),), None).ambiguous[0].label
    'go'
    """

    lines: tuple[SpellingLine, ...]
    usual: float | None

    @property
    def ambiguous(self) -> tuple[SpellingLine, ...]:
        """The lines with something to say."""
        return tuple(line for line in self.lines if line.why)

    @property
    def frame(self) -> pl.DataFrame:
        """One row per spelling."""
        rows = [
            {
                **line.to_dict(),
                "why": ", ".join(line.why),
                "inside_of": _counted(line.inside_of),
                "denied_by": _counted(line.denied_by),
            }
            for line in self.lines
        ]
        return pl.DataFrame([{name: row[name] for name in COLUMNS} for row in rows], schema=COLUMNS)


def ambiguous_aliases(
    frame: pl.DataFrame,
    votes: LabelMatrix,
    *,
    registry: LFRegistry,
    least: int = LEAST,
    error: float = 0.05,
    examples: int = 3,
    seed: int = 0,
) -> Spellings:
    """Report what names and aliases of a taxonomy do on a corpus, those that seem to mean something else first.

    Looked at are the rules that `rules_from_taxonomy` made. Only rows on which one of them votes are searched again.

    Parameters
    ----------
    frame
        The rows, with `id` and the columns that the rules read.
    votes
        Votes of the registry's rules on these rows, in the same order.
    registry
        The rules.
    least
        A spelling on fewer rows is counted, but called neither ambiguous nor sound.
    error
        Share of false finds that is taken into account among those called "alone" (Benjamini and Hochberg, 1995).
    examples
        Rows shown of each; chosen by a seeded hash of the id, denied rows first.
    seed
        Of that hash.

    Raises
    ------
    VotesError
        The votes are of other rows, or of other rules.

    Examples
    --------
    >>> from weaklabel import LFApplier, keywords, none_of, rules_from_taxonomy
    >>> from weaklabel.schema import LabelSchema
    >>> schema = LabelSchema(["go", "python"], exclusive=False)
    >>> verb = keywords("verb", ["go to", "go on"], label=none_of("go"))
    >>> registry = LFRegistry([*rules_from_taxonomy(schema, overrides={"go": ["go", "golang"]}), verb], schema=schema)
    >>> texts = ["Go to the docs", "Go on", "Go to hell", "Golang", "Go and python"]
    >>> frame = pl.DataFrame({"id": ["a", "b", "c", "d", "e"], "text": texts})
    >>> found = ambiguous_aliases(frame, LFApplier(registry).apply(frame), registry=registry, least=3)
    >>> [(line.spelling, line.rows, line.denied, line.why) for line in found.ambiguous]
    [('go', 4, 3, ('denied',))]
    """
    _check(frame, votes, registry)
    counted = tallies(frame, votes, registry)
    usual, alone = _alone(counted, least, error)
    ids = frame["id"].cast(pl.String)
    lines = []
    for key, tally in counted.items():
        why = _why(tally, least, key in alone)
        chosen = _chosen(tally, ids, seed)[:examples]
        lines.append(_line(key, tally, why, frame, chosen))
    lines.sort(key=lambda one: (not one.why, -one.denied / one.rows, -one.rows, one.label, one.spelling))
    return Spellings(tuple(lines), usual)


def _alone(counted: Mapping[Key, Tally], least: int, error: float) -> tuple[float | None, set[Key]]:
    """Return the usual share of supported rows, and the spellings that have far less of them."""
    judged = {key: one for key, one in counted.items() if one.supportable and len(one.rows) >= least}
    if not judged:
        return None, set()
    shares = [one.supported / len(one.rows) for one in judged.values()]
    usual = math.fsum(shares) / len(shares)
    chances = [_at_most(one.supported, len(one.rows), usual / 2) for one in judged.values()]
    rare = benjamini_hochberg(chances) <= error
    return usual, {
        key for key, share, odd in zip(judged, shares, rare, strict=True) if odd and share < usual / 8
    }


def _at_most(k: int, n: int, p: float) -> float:
    """Return the chance of at most k of n where each has the chance p."""
    if p in (0.0, 1.0):
        return float(k >= n * p)
    whole = math.lgamma(n + 1)
    terms = (
        whole - math.lgamma(i + 1) - math.lgamma(n - i + 1) + i * math.log(p) + (n - i) * math.log1p(-p)
        for i in range(k + 1)
    )
    return min(1.0, math.fsum(map(math.exp, terms)))


def _why(tally: Tally, least: int, alone: bool) -> tuple[str, ...]:
    n = len(tally.rows)
    if n < least:
        return ()
    marks = {DENIED: 2 * len(tally.denied) > n, INSIDE: 2 * tally.inside > n, ALONE: alone}
    return tuple(name for name, holds in marks.items() if holds)


def _chosen(tally: Tally, ids: pl.Series, seed: int) -> list[int]:
    """Return the rows of a spelling in the order in which they are shown."""
    denied = set(tally.denied)
    return sorted(tally.rows, key=lambda row: (row not in denied, event_hash(ids[row], seed)))


def _line(
    key: Key, tally: Tally, why: tuple[str, ...], frame: pl.DataFrame, chosen: Sequence[int]
) -> SpellingLine:
    texts = frame[tally.rule.fields[0]]
    return SpellingLine(
        label=key[0],
        spelling=key[1],
        rule=tally.rule.id,
        rows=len(tally.rows),
        supported=tally.supported,
        denied=len(tally.denied),
        inside=tally.inside,
        why=why,
        denied_by=dict(tally.denied_by.most_common()),
        inside_of=dict(tally.inside_of.most_common()),
        examples=tuple(
            (str(frame["id"][row]), excerpt(str(texts[row]), tally.places[row])) for row in chosen
        ),
    )


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())


def _check(frame: pl.DataFrame, votes: LabelMatrix, registry: LFRegistry) -> None:
    missing = sorted(set(registry.ids).difference(votes.labelers))
    if missing:
        hint = "vote with this registry: LFApplier(registry).apply(frame)"
        raise VotesError(f"no votes of rule {missing[0]!r}", available=votes.labelers, hint=hint)
    if "id" not in frame.columns or frame["id"].cast(pl.String).to_list() != votes.ids.to_list():
        raise VotesError("the votes are not of these rows", hint="the same ids in the same order")
