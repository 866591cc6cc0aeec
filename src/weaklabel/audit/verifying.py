"""Does a certificate still hold: everything that it rests on is made again and compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from weaklabel.audit.certificate import METHOD, Certificate
from weaklabel.audit.certifying import certify, input_fingerprints
from weaklabel.errors import GoldError

_SAID = {
    "population": "the rows, their labels, confidences or votes are others",
    "answers": "the answers are others",
    "older": "the older answers are others",
}


@dataclass(frozen=True)
class Verification:
    """What became of a certificate; made by `verify`.

    Parameters
    ----------
    holds
        Whether all that it names is as it was, and it comes out the same.
    changed
        What is not, in sentences.

    Examples
    --------
    >>> Verification(True, ()).holds
    True
    """

    holds: bool
    changed: tuple[str, ...]


def verify(
    certificate: Certificate,
    population: pl.DataFrame,
    answers: pl.DataFrame,
    *,
    older: pl.DataFrame | None = None,
    names: Mapping[str, str] | None = None,
) -> Verification:
    """Make a certificate again from what is there now, and say what is not as it says.

    Parameters
    ----------
    certificate
        What is to be checked.
    population, answers, older, names
        As given to `weaklabel.audit.certifying.certify`, as they are now.

    Examples
    --------
    >>> from weaklabel.audit.certificate import Goal
    >>> from weaklabel.audit.certifying import draw_pilot, draw_second
    >>> rows = pl.DataFrame({"id": [str(i) for i in range(1000)], "label": ["x"] * 1000})
    >>> goal = Goal(error=0.05, labels=200)
    >>> first = draw_pilot(rows, goal).frame.select("id", pl.lit("x").alias("label"))
    >>> second = draw_second(rows, goal, first).draw.frame.select("id", pl.lit("x").alias("label"))
    >>> answers = pl.concat([first, second])
    >>> made = certify(rows, goal, answers, names={"rules": "r1"}).certificate
    >>> verify(made, rows, answers, names={"rules": "r1"})
    Verification(holds=True, changed=())
    >>> verify(made, rows, answers, names={"rules": "r2"}).changed
    ("rules was 'r1' and is 'r2'",)
    """
    changed = _other_names(certificate, names or {})
    if certificate.method != METHOD:
        changed.append(f"it was made by another method ({certificate.method}) and can't be made again here")
        return Verification(False, tuple(changed))
    now = input_fingerprints(population, answers, older)
    changed += [said for name, said in _SAID.items() if now[name] != certificate.fingerprints.get(name)]
    try:
        again = certify(
            population,
            certificate.goal,
            answers,
            older=older,
            gold_error=certificate.gold_error,
            names=names,
        ).certificate
    except GoldError as error:
        changed.append(f"it can't be made again: {error.what}")
        return Verification(False, tuple(changed))
    if again.fingerprints["accepted"] != certificate.fingerprints.get("accepted"):
        changed.append("other rows would be accepted")
    here, there = again.to_dict(), certificate.to_dict()
    changed += [
        f"its {name} comes out otherwise"
        for name in here
        if name != "fingerprints" and not _same(here[name], there[name])
    ]
    return Verification(not changed, tuple(changed))


def _other_names(certificate: Certificate, names: Mapping[str, str]) -> list[str]:
    before = {
        name.removeprefix("given:"): value
        for name, value in certificate.fingerprints.items()
        if name.startswith("given:")
    }
    told = []
    for name in sorted(set(before) | set(names)):
        if before.get(name) != names.get(name):
            was, now = (repr(part[name]) if name in part else "not named" for part in (before, names))
            told.append(f"{name} was {was} and is {now}")
    return told


def _same(a: object, b: object) -> bool:
    """Compare plain data; numbers that another machine rounds otherwise are the same."""
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return set(a) == set(b) and all(_same(a[name], b[name]) for name in a)
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(_same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, float) and isinstance(b, float):
        return abs(a - b) <= 1e-9 * max(1.0, abs(a))
    return a == b
