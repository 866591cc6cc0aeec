"""How a sample's rows are shared among strata."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from weaklabel.errors import GoldError, did_you_mean, some

ALLOCATIONS = ("proportional", "equal", "neyman")


@dataclass(frozen=True)
class Wanted:
    """What the caller of a stratified draw asked for; see `weaklabel.gold.sampling.draw`."""

    size: int
    allocation: str | Mapping[str, int]
    spread: Mapping[str, float] | None
    minimum: int


def allocate(names: Sequence[str], counts: np.ndarray, wanted: Wanted) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return how many rows of each stratum to take, shape (strata,), and what to know about it.

    Examples
    --------
    >>> allocate(["ham", "spam"], np.array([6, 2]), Wanted(4, "proportional", None, 1))
    (array([3, 1]), ())
    """
    if isinstance(wanted.allocation, Mapping):
        return _given(names, counts, wanted)
    total = int(counts.sum())
    notes: tuple[str, ...] = (all_taken(wanted.size, total),) if wanted.size > total else ()
    least = np.minimum(counts, wanted.minimum)
    if least.sum() > wanted.size:
        raise GoldError(
            f"{wanted.size} rows can't hold {wanted.minimum} of each of {len(names)} strata",
            hint=f"draw at least {int(least.sum())} rows, give a smaller minimum= or use fewer strata",
        )
    size = _sizes(names, counts, wanted)
    take = _webster(size, counts, least, min(wanted.size, total))
    empty = [name for name, taken in zip(names, take, strict=True) if not taken]
    if empty:
        notes += (f"no row of {_strata_word(len(empty))} {some(empty)} can be drawn",)
    short = min(wanted.size, total) - int(take.sum())
    if short:
        notes += (f"{short} rows fewer are drawn: the other strata vary, and all their rows are taken",)
    return take, notes


def _sizes(names: Sequence[str], counts: np.ndarray, wanted: Wanted) -> np.ndarray:
    """Return what the strata's shares are in proportion to."""
    if wanted.allocation == "proportional":
        return counts.astype(np.float64)
    if wanted.allocation == "equal":
        return np.ones(len(names))
    spread = wanted.spread or {}
    _same_strata(spread, names, "spread")
    found = np.array([float(spread[name]) for name in names])
    if not (np.isfinite(found).all() and (found >= 0).all() and found.any()):
        raise GoldError("spread holds standard deviations: finite, not negative, and not all zero")
    return counts * found


def _webster(size: np.ndarray, counts: np.ndarray, least: np.ndarray, total: int) -> np.ndarray:
    """Give rows one at a time to the stratum with the largest size / (2 taken + 1), from the least upwards."""
    take = least.astype(np.int64)
    room = np.where(size > 0, np.minimum(counts, total), take) - take
    code = np.repeat(np.arange(len(counts)), room)
    taken = take[code] + np.arange(len(code)) - np.repeat(np.cumsum(room) - room, room)
    ranked = np.lexsort((code, taken, -(size[code] / (2 * taken + 1))))
    return take + np.bincount(code[ranked[: total - int(take.sum())]], minlength=len(counts))


def _given(names: Sequence[str], counts: np.ndarray, wanted: Wanted) -> tuple[np.ndarray, tuple[str, ...]]:
    allocation = wanted.allocation
    assert isinstance(allocation, Mapping)
    _same_strata(allocation, names, "allocation")
    asked = np.array([int(allocation[name]) for name in names], dtype=np.int64)
    if (asked < 0).any() or asked.sum() != wanted.size:
        raise GoldError(
            f"the allocation gives {int(asked.sum())} rows to the strata, and the draw takes {wanted.size}",
            hint="the two are the same number, and no stratum has less than 0",
        )
    take = np.minimum(asked, counts)
    notes = tuple(
        f"stratum {name!r}: {all_taken(int(a), int(n))}"
        for name, a, n in zip(names, asked, counts, strict=True)
        if a > n
    )
    empty = [name for name, taken in zip(names, take, strict=True) if not taken]
    if empty:
        notes += (f"no row of {_strata_word(len(empty))} {some(empty)} can be drawn",)
    return take, notes


def _same_strata(given: Mapping[str, Any], names: Sequence[str], option: str) -> None:
    unknown = sorted(set(given) - set(names))
    missing = sorted(set(names) - set(given))
    if unknown or missing:
        what = (
            f"names strata that don't exist: {some(unknown)}" if unknown else f"leaves out: {some(missing)}"
        )
        hint = did_you_mean(unknown[0], names) if unknown else None
        raise GoldError(f"{option} {what}", available=names, hint=hint)


def all_taken(size: int, n: int) -> str:
    """Say that there are fewer rows than were asked for.

    Examples
    --------
    >>> all_taken(5, 1)
    '5 rows were asked for and there is 1: all are taken'
    """
    return f"{size} rows were asked for and there {'is' if n == 1 else 'are'} {n}: all are taken"


def _strata_word(n: int) -> str:
    return "stratum" if n == 1 else "strata"
