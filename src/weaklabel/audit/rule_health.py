"""The health of each rule: how often it is right, whether that has changed, and what to do with it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from weaklabel.audit.drift import AGREES, FIRES
from weaklabel.audit.reference import Comparison
from weaklabel.audit.rule_gold import RuleGold, prior, rule_gold
from weaklabel.audit.text_model import hashed_order
from weaklabel.audit.trend import BatchPrecision, bad_batch_p, by_batch, combined, trend_p
from weaklabel.audit.vote_counts import PatternTable
from weaklabel.errors import GoldError, some
from weaklabel.gold.fall import floor_p
from weaklabel.label_matrix import Alphabet, Sets
from weaklabel.schema import VOTE_PREFIX
from weaklabel.stats import Estimate, benjamini_hochberg, undefined, wilson

KEEP, MEND, RETIRE = "keep", "mend", "retire"

_SHOWN = 5
_MOST_NEEDED = 100_000


@dataclass(frozen=True)
class HealthLimits:
    """What rules are held to.

    Parameters
    ----------
    floor
        Precision that every rule should have.
    level
        Chance that any rule at all is found wanting, by one kind of test, though none is.

    Examples
    --------
    >>> HealthLimits().floor
    0.7
    """

    floor: float = 0.7
    level: float = 0.05


@dataclass(frozen=True)
class RuleHealth:
    """What is known of one rule; made by `rule_health`.

    Parameters
    ----------
    rule
        Rule id.
    rows, fires
        Rows that it looked at, and that it voted on.
    agreement
        How often it votes for the one most frequent class of the other rules, where there is one.
    precision
        How often it is right on gold, weighted by design.
    chance
        How often somebody would be who votes the same classes blindly; None without gold.
    batches
        The same by batch.
    p_trend, p_bad
        P-values that precision does not go one way over batches, and that the latest batch is no worse than those
        before; NaN where they can't be tested.
    adjusted_trend, adjusted_bad
        The same, adjusted over all rules.
    verdict
        ``keep``, ``mend`` or ``retire``.
    reasons
        Why, in sentences.
    wrong, doubted
        Ids of rows where it is wrong by gold, and where it stands against the other rules.

    Examples
    --------
    >>> rows = pl.DataFrame({"id": list("abcd"), "lf:link": [1, 1, 1, -1]})
    >>> gold = pl.DataFrame({"id": ["a", "b"], "label": ["spam", "ham"], "inclusion": [0.5, 0.5]})
    >>> (link,) = rule_health(rows, ["ham", "spam"], gold).rules
    >>> link.fires, link.precision.value, link.wrong, link.verdict
    (3, 0.5, ('b',), 'keep')
    """

    rule: str
    rows: int
    fires: int
    agreement: Estimate
    precision: Estimate
    chance: float | None = None
    batches: tuple[BatchPrecision, ...] = ()
    p_trend: float = math.nan
    p_bad: float = math.nan
    adjusted_trend: float = math.nan
    adjusted_bad: float = math.nan
    verdict: str = KEEP
    reasons: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()
    doubted: tuple[str, ...] = ()

    @property
    def coverage(self) -> float:
        """Share of the rows that it votes on."""
        return self.fires / max(self.rows, 1)

    def sentence(self) -> str:
        """Return the verdict for people.

        Examples
        --------
        >>> RuleHealth("link", 10, 0, undefined(), undefined(), verdict="retire", reasons=("it fires on no row",)).sentence()
        "retire rule 'link': it fires on no row"
        """
        shown = self.wrong or self.doubted
        example = f"; look at {some(shown, 3)}" if shown and self.verdict != KEEP else ""
        return f"{self.verdict} rule {self.rule!r}: {'; '.join(self.reasons)}{example}"

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        data = {name: getattr(self, name) for name in self.__dataclass_fields__}
        plain = {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in data.items()}
        lists = {name: list(getattr(self, name)) for name in ("reasons", "wrong", "doubted")}
        parts = {
            "agreement": self.agreement.to_dict(),
            "precision": self.precision.to_dict(),
            "batches": [batch.to_dict() for batch in self.batches],
        }
        return {**plain, **lists, **parts, "coverage": self.coverage, "sentence": self.sentence()}


@dataclass(frozen=True)
class Health:
    """The health of all rules; made by `rule_health`.

    Examples
    --------
    >>> Health((), 0.05, ("no gold",)).sentences()
    ['no gold']
    """

    rules: tuple[RuleHealth, ...]
    level: float
    notes: tuple[str, ...] = ()

    @property
    def alarm(self) -> bool:
        """Whether any rule is to be mended or retired."""
        return any(rule.verdict != KEEP for rule in self.rules)

    def sentences(self) -> list[str]:
        """Return what is to be said, the worst rules first."""
        return [*(rule.sentence() for rule in self.rules), *self.notes]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        rules = [rule.to_dict() for rule in self.rules]
        return {"alarm": self.alarm, "level": self.level, "rules": rules, "notes": list(self.notes)}


def rule_health(
    frame: pl.DataFrame,
    labels: Sequence[str],
    gold: pl.DataFrame,
    *,
    outcomes: Sets | None = None,
    limits: HealthLimits | None = None,
    changes: Comparison | None = None,
    seed: int = 0,
) -> Health:
    """Judge every rule by gold, by the other rules and by what has changed.

    Parameters
    ----------
    frame
        One row per document: `id` and columns ``lf:<rule id>``.
    labels
        Class names in the order of their codes.
    gold
        `id`, `label` (null: none of them), `inclusion` (probability of having been drawn; null: unknown), and if there are several batches
        `batch`, whose sorted order is the order of time. Gold of role calibrate does not belong here.
    outcomes
        What a rule's codes beyond the classes stand for, as `LFRegistry.outcome_codes` returns it: such a vote is right
        where the gold label is one of its classes. Codes that nobody explains are not judged.
    limits
        What rules are held to.
    changes
        What drift has found, from `compare` or `over`.
    seed
        Seed of the examples and of the trend's permutations.

    Raises
    ------
    GoldError
        Columns are missing, a gold label is unknown, an inclusion probability is none, or gold rows are not in the
        frame.

    Notes
    -----
    Precision is a mean weighted by one over the inclusion probability within each batch, batches weighted by the number
    of rows of the heaviest weight that they are worth, with the mid-P interval at that number. Gold rows without a known
    probability are counted, not used. A bad latest batch is found by the exact test by which people's bad days are found; each kind of
    test is adjusted over all rules by Benjamini and Hochberg.

    Examples
    --------
    >>> rows = pl.DataFrame({"id": list("abcd"), "lf:link": [1, 1, -1, -1], "lf:dead": [-1, -1, -1, -1]})
    >>> gold = pl.DataFrame({"id": ["a", "b"], "label": ["spam", "spam"], "inclusion": [0.5, 0.5]})
    >>> rule_health(rows, ["ham", "spam"], gold).sentences()[0]
    "retire rule 'dead': it fires on none of 4 rows"
    """
    held = HealthLimits() if limits is None else limits
    names = [c for c in frame.columns if c.startswith(VOTE_PREFIX)]
    if not names:
        raise GoldError("the rows have no votes", available=frame.columns)
    votes = frame.select(names).to_numpy().astype(np.int8)
    known, notes = rule_gold(frame, gold, labels)
    rules = tuple(c.removeprefix(VOTE_PREFIX) for c in names)
    table = PatternTable.of(rules, tuple(labels), votes)
    shares = prior(known, len(labels))
    at = hashed_order(frame["id"], seed)
    ids = frame["id"].cast(pl.String)
    found = []
    for j, rule in enumerate(rules):
        health = _measured(rule, votes[:, j], known, shares, _right_in(rule, len(labels), outcomes), seed)
        doubt = (table.judged[table.kind, j] > table.agrees[table.kind, j])[at]
        judged = int(table.judged[table.kind, j].sum())
        agreement = wilson(judged - int(doubt.sum()), judged)
        doubted = tuple(ids.gather(at[doubt][:_SHOWN]))
        found.append(replace(health, agreement=agreement, doubted=doubted))
    return Health(_verdicts(found, held, changes), held.level, notes)


def _right_in(rule: str, k: int, outcomes: Sets | None) -> np.ndarray:
    """Return the classes in which each code of a rule is right, (codes, k)."""
    alphabet = Alphabet.of(k, outcomes)
    codes = range(k + len(alphabet.own.get(rule, ())))
    return np.array([np.isin(np.arange(k), alphabet.classes(rule, code)) for code in codes])


def _measured(
    rule: str, votes: np.ndarray, gold: RuleGold, shares: np.ndarray | None, right_in: np.ndarray, seed: int
) -> RuleHealth:
    said = votes[gold.row]
    on = (said >= 0) & (said < len(right_in)) & ((gold.code >= 0) | (said < right_in.shape[1]))
    right = (gold.code[on] >= 0) & right_in[said[on], gold.code[on]]
    top = [float(gold.weight[gold.batch == at].max()) for at in range(len(gold.batches))]
    batches = by_batch(right, gold.weight[on], gold.batch[on], gold.batches, heaviest=top)
    fires = int((votes >= 0).sum())
    chance = None
    cast = votes[(votes >= 0) & (votes < len(right_in))]
    if shares is not None and len(cast):
        counts = np.bincount(cast, minlength=len(right_in))
        chance = float(counts @ (right_in @ shares)) / len(cast)
    wrong = [gold.ids[i] for i in np.flatnonzero(on)[~right]]
    order = hashed_order(pl.Series(wrong, dtype=pl.String), seed)
    return RuleHealth(
        rule,
        int((votes != -2).sum()),
        fires,
        undefined(),
        combined(batches),
        chance,
        batches,
        trend_p(batches, seed=seed),
        bad_batch_p(batches),
        wrong=tuple(wrong[i] for i in order[:_SHOWN]),
    )


def _verdicts(
    found: Sequence[RuleHealth], held: HealthLimits, changes: Comparison | None
) -> tuple[RuleHealth, ...]:
    bad = benjamini_hochberg([h.p_bad for h in found])
    trend = benjamini_hochberg([h.p_trend for h in found])
    low = benjamini_hochberg([_below(h, held.floor) for h in found])
    blind = benjamini_hochberg([_below(h, h.chance) for h in found])
    moved = _moved(changes)
    told = []
    for h, b, t, under, no_better in zip(found, bad, trend, low, blind, strict=True):
        one = replace(h, adjusted_bad=float(b), adjusted_trend=float(t))
        verdict, reasons = _verdict(
            one, under <= held.level, no_better <= held.level, held, moved.get(h.rule, ())
        )
        told.append(replace(one, verdict=verdict, reasons=tuple(reasons)))
    rank = {RETIRE: 0, MEND: 1, KEEP: 2}
    return tuple(sorted(told, key=lambda h: (rank[h.verdict], -h.fires, h.rule)))


def _below(health: RuleHealth, floor: float | None) -> float:
    """Return the p-value that the rule's precision is the floor or more; NaN where that can't be tested."""
    right, n = sum(b.right for b in health.batches), sum(b.rows for b in health.batches)
    return float(floor_p(right, n, floor)) if n and floor is not None and 0 < floor < 1 else math.nan


def _verdict(
    h: RuleHealth, low: bool, blind: bool, held: HealthLimits, moved: Sequence[str]
) -> tuple[str, list[str]]:
    if not h.fires:
        return (MEND, list(moved)) if moved else (RETIRE, [f"it fires on none of {h.rows} rows"])
    precision = f"right on {_shown(h.precision)} where gold is known, against adjudicated gold"
    if blind:
        return RETIRE, [
            f"{precision}: no better than a blind vote for its classes ({100 * (h.chance or 0):.1f} %)"
        ]
    reasons = list(moved)
    if low:
        reasons.append(f"{precision}, less than {100 * held.floor:g} %")
    if h.adjusted_bad <= held.level:
        last = h.batches[-1]
        reasons.append(
            f"batch {last.batch!r}: right on {_shown(last.precision)}, worse than before (adjusted p = {h.adjusted_bad:.3f})"
        )
    if reasons:
        return MEND, reasons
    if h.adjusted_trend <= held.level:
        precision += f"; its precision moves over batches (adjusted p = {h.adjusted_trend:.3f})"
    if h.precision.value is None:
        return KEEP, ["no gold row that it fires on: label some to know how often it is right"]
    return KEEP, [precision + _more(h.precision, held.floor)]


def _more(precision: Estimate, floor: float) -> str:
    if precision.value is None or precision.low is None or precision.low >= floor:
        return ""
    needed = _needed(precision.value, floor)
    if needed is None or needed <= precision.n:
        return f"; not yet shown to reach {100 * floor:g} %"
    more = needed - precision.n
    return f"; about {more} more label{'s' * (more != 1)} where it fires would show whether it reaches {100 * floor:g} %"


def _needed(value: float, floor: float) -> int | None:
    n = 4
    while n <= _MOST_NEEDED:
        low = wilson(value * n, n).low
        if low is not None and low >= floor:
            return n
        n = max(n + 1, round(n * 1.1))
    return None


def _moved(changes: Comparison | None) -> Mapping[str, tuple[str, ...]]:
    if changes is None:
        return {}
    told: dict[str, list[str]] = {}
    explained = {reason.rule: reason.sentence() for reason in changes.reasons}
    for change in changes.drift.alarms:
        if change.kind in (FIRES, AGREES):
            sentence = explained.get(change.name) if change.kind == FIRES else None
            one = sentence or str(change)
            if one not in told.setdefault(change.name, []):
                told[change.name].append(one)
    return {rule: tuple(sentences) for rule, sentences in told.items()}


def _shown(precision: Estimate) -> str:
    if precision.value is None or precision.low is None or precision.high is None:
        return "an unknown share of rows"
    return f"{100 * precision.value:.1f} % ({100 * precision.low:.1f} % to {100 * precision.high:.1f} %) of {precision.n} rows"
