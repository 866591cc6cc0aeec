"""What an audit says first: whether the labels are as right as they must be, and what to do next."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from weaklabel.audit.estimates import ALL, Figure, labels_for
from weaklabel.audit.tolerances import Tolerance

HOLDS, FAILS, OPEN, NOTHING_SAID = "holds", "fails", "open", "none"
"""Statuses: shown to be good enough, shown not to be, not shown either way, and no error that is tolerated."""
_MOST_ASKED = 20_000


@dataclass(frozen=True)
class Held:
    """One part of the labels against the error that is tolerated in it.

    Parameters
    ----------
    part
        "all rows", a label or a slice.
    tolerated
        Share of wrong labels that is tolerated.
    least, most
        Ends of the interval of the share that is wrong; None: not measured.
    labels
        Gold labels that this rests on.
    status
        "holds", "fails" or "open".
    needed
        About how many labels it takes to tell; None: not known, or told already.

    Examples
    --------
    >>> from weaklabel.stats import Estimate
    >>> print(held("all rows", 0.05, Figure("accuracy", "all rows", Estimate(0.97, 0.9, 0.995, 300))))
    all rows: between 0.5 and 10.0 % are wrong, and 5 % are tolerated: not shown either way (300 labels)
    """

    part: str
    tolerated: float
    least: float | None
    most: float | None
    labels: int
    status: str
    needed: int | None = None

    def __str__(self) -> str:
        if self.least is None or self.most is None:
            takes = f"; it takes about {self.needed}" if self.needed else ""
            return f"{self.part}: too few labels to say ({self.labels}{takes})"
        told = f"{self.part}: between {100 * self.least:.1f} and {100 * self.most:.1f} % are wrong, and {_percent(self.tolerated)} are tolerated"
        ends = {HOLDS: "good enough", FAILS: "not good enough", OPEN: "not shown either way"}
        more = f"; about {self.needed:,} labels would tell" if self.needed else ""
        return f"{told}: {ends[self.status]} ({self.labels:,} labels{more})"

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {**vars(self), "says": str(self)}


@dataclass(frozen=True)
class Verdict:
    """What an audit says first; made by `verdict_of_figures`, `verdict_of_watch` and `verdict_of_certificate`.

    Parameters
    ----------
    status
        "holds", "fails", "open" or "none".
    headline
        The verdict, in a sentence.
    parts
        Each part for which an error is tolerated.
    note
        What to know of it.

    Examples
    --------
    >>> Verdict("open", "Not shown yet.").to_dict()["parts"]
    []
    """

    status: str
    headline: str
    parts: tuple[Held, ...] = ()
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        parts = [part.to_dict() for part in self.parts]
        return {"status": self.status, "headline": self.headline, "parts": parts, "note": self.note}


def verdict_of_figures(
    figures: Sequence[Figure],
    tolerance: Tolerance,
    *,
    confidence: float,
    sizes: Mapping[str, int] | None = None,
) -> Verdict:
    """Return the verdict of an audit that was drawn for figures.

    Parameters
    ----------
    figures
        All figures; the first one is accuracy of all rows.
    tolerance
        The errors that are tolerated.
    confidence
        Of the figures' intervals.
    sizes
        Rows of each part, by its name ("all rows", "label 'spam'"): fewer labels tell where there are few rows.

    Examples
    --------
    >>> from weaklabel.stats import Estimate
    >>> whole = Figure("accuracy", "all rows", Estimate(0.96, 0.93, 0.98, 300))
    >>> print(verdict_of_figures([whole], Tolerance(0.1), confidence=0.95).headline)
    Good enough: at most 7.0 % of the labels are wrong, and 10 % are tolerated.
    >>> print(verdict_of_figures([whole], Tolerance(), confidence=0.95).headline)
    96.0 % of the labels are right (between 93.0 and 98.0 %); nobody has said how many wrong ones are tolerated.
    """
    known = {(figure.figure, figure.part): figure for figure in figures}
    whole = known.get(("accuracy", ALL))
    rows = sizes or {}
    parts = [held(ALL, tolerance.error, whole, rows.get(ALL))] if tolerance.error is not None else []
    parts += [
        held(f"label {name!r}", error, known.get(("precision", name)), rows.get(f"label {name!r}"))
        for name, error in tolerance.classes.items()
    ]
    parts += [
        held(f"slice {name!r}", error, known.get(("accuracy", name)), rows.get(f"slice {name!r}"))
        for name, error in tolerance.slices.items()
    ]
    if not parts:
        return Verdict(NOTHING_SAID, _plain(whole))
    status = _together(parts)
    note = ""
    if len(parts) > 1:
        note = (
            f"Each part is judged by itself, with a confidence of {_percent(confidence)}; that all of them are good "
            "enough is as sure as each of them."
        )
    return Verdict(status, _headline(status, parts), tuple(parts), note)


def verdict_of_watch(status: str, sentence: str) -> Verdict:
    """Return the verdict of a sequential audit, from where it stands.

    Examples
    --------
    >>> verdict_of_watch("rejected", "Rejected after 40 labels.").headline
    'Not good enough. Rejected after 40 labels.'
    """
    found = {"certified": HOLDS, "rejected": FAILS}.get(status, OPEN)
    start = {HOLDS: "Good enough.", FAILS: "Not good enough.", OPEN: "Not shown yet."}[found]
    return Verdict(found, f"{start} {sentence}")


def verdict_of_certificate(data: Mapping[str, Any] | None, changed: Sequence[str]) -> Verdict:
    """Return the verdict of an audit that was drawn for a certificate.

    Parameters
    ----------
    data
        What certificate.json holds; None: there is none yet.
    changed
        What is not as it says any more.

    Examples
    --------
    >>> verdict_of_certificate(None, ()).headline
    'Not shown yet: the certificate has not been made.'
    """
    if data is None:
        return Verdict(OPEN, "Not shown yet: the certificate has not been made.")
    parts = data["certificates"]
    if changed:
        return Verdict(
            OPEN, f"The certificate does not hold any more: {_first(changed)}. Another audit would tell."
        )
    accepted = [part for part in parts if part["accepted"]]
    if not accepted:
        tolerated = " or ".join(_percent(part["goal"]["error"]) for part in parts)
        return Verdict(FAILS, f"Nothing can be used unseen: no part of the labels was shown to have at most {tolerated} "
                       "wrong ones.")  # fmt: skip
    told = "; ".join(_accepted(part) for part in accepted)
    none = [part["goal"]["part"] or ALL for part in parts if not part["accepted"]]
    rest = f" Nothing can be used unseen of {', '.join(none)}." if none else ""
    return Verdict(OPEN if none else HOLDS, f"May be used unseen: {told}.{rest}")


def held(part: str, tolerated: float, figure: Figure | None, rows: int | None = None) -> Held:
    """Return how a part of the labels stands to the error that is tolerated in it.

    Examples
    --------
    >>> held("label 'spam'", 0.05, None).status
    'open'
    """
    found = None if figure is None else figure.estimate
    if found is None or found.value is None or found.low is None or found.high is None:
        n, needed = (0, None) if figure is None else (figure.estimate.n, figure.needed)
        return Held(part, tolerated, None, None, n, OPEN, needed)
    least, most = 1 - found.high, 1 - found.low
    status = HOLDS if most <= tolerated else FAILS if least > tolerated else OPEN
    needed = None
    gap = abs(1 - found.value - tolerated)
    if status == OPEN and gap > 0 and 0 < found.value < 1:
        more = labels_for(gap, found.value)
        if rows is not None:
            more = math.ceil(more / (1 + (more - 1) / rows))
        needed = more if found.n < more <= _MOST_ASKED else None
    return Held(part, tolerated, least, most, found.n, status, needed)


def _together(parts: Sequence[Held]) -> str:
    found = {part.status for part in parts}
    return FAILS if FAILS in found else OPEN if OPEN in found else HOLDS


def _headline(status: str, parts: Sequence[Held]) -> str:
    if status == HOLDS:
        first = parts[0]
        where = "the labels" if first.part == ALL else f"the labels of {first.part}"
        more = f" So are the {len(parts) - 1} parts that need more care." if len(parts) > 2 else ""
        more = f" So is {parts[1].part}." if len(parts) == 2 else more
        return (
            f"Good enough: at most {100 * (first.most or 0):.1f} % of {where} are wrong, and "
            f"{_percent(first.tolerated)} are tolerated.{more}"
        )
    mine = [part for part in parts if part.status == status]
    start = "Not good enough" if status == FAILS else "Not shown either way"
    return f"{start}: {'; '.join(_short(part) for part in mine)}."


def _short(part: Held) -> str:
    if part.least is None or part.most is None:
        return f"too few labels of {part.part} to say"
    if part.status == FAILS:
        return (
            f"of {part.part} at least {100 * part.least:.1f} % are wrong, and "
            f"{_percent(part.tolerated)} are tolerated"
        )
    return (
        f"of {part.part} between {100 * part.least:.1f} and {100 * part.most:.1f} % are wrong, and "
        f"{_percent(part.tolerated)} are tolerated"
    )


def _plain(whole: Figure | None) -> str:
    found = None if whole is None else whole.estimate
    if found is None or found.value is None or found.low is None or found.high is None:
        return "Too few labels to say how many are right."
    value, low, high = (f"{100 * v:.1f}" for v in (found.value, found.low, found.high))
    return (
        f"{value} % of the labels are right (between {low} and {high} %); nobody has said how many wrong ones are "
        "tolerated."
    )


def _accepted(part: Mapping[str, Any]) -> str:
    goal = part["goal"]
    of = f" with {goal['part']}" if goal["part"] else ""
    return (
        f"{part['accepted']:,} of {part['rows']:,} rows{of} ({part['accepted'] / part['rows']:.1%}), of which at most "
        f"{part['wrong_at_most']:,} are wrong ({_percent(goal['error'])}), with a confidence of "
        f"{_percent(goal['confidence'])}"
    )


def _first(changed: Sequence[str]) -> str:
    more = f" (and {len(changed) - 1} more)" if len(changed) > 1 else ""
    return f"{changed[0]}{more}"


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
