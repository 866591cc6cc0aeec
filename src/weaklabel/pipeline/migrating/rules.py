"""Rules under a new schema: what must be edited so that they mean the same."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from weaklabel.lf import LabelingFunction
from weaklabel.lf.options import in_yaml
from weaklabel.lf.taxonomy import FROM_TAXONOMY
from weaklabel.schema import Outcome
from weaklabel.taxonomy import SchemaDiff
from weaklabel.taxonomy.recoding import outcome_now


@dataclass(frozen=True)
class RuleFate:
    """What a rule's label is under the new schema.

    Parameters
    ----------
    rule, where
        Its id, and file and line.
    now
        What it votes for.
    then
        What it must say to mean the same; None: only a person can tell.
    why
        What happened.

    Examples
    --------
    >>> RuleFate("sells", "rules.yaml:3", "spam", "label: {any_of: [ads, scam]}", "'spam' was split").person
    False
    """

    rule: str
    where: str
    now: str
    then: str | None
    why: str

    @property
    def person(self) -> bool:
        """Only a person can tell what it should say."""
        return self.then is None

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {**vars(self), "person": self.person}


def rule_fates(rules: Iterable[LabelingFunction], diff: SchemaDiff) -> Iterable[RuleFate]:
    """Yield what must be edited in rules so that they mean the same under the new schema.

    Rules out of a taxonomy are made anew from the new schema, and a name that the new schema knows as an alias needs no edit.

    Examples
    --------
    >>> from weaklabel.lf import keywords
    >>> from weaklabel.schema import LabelSchema
    >>> from weaklabel.taxonomy import schema_diff
    >>> found = schema_diff(LabelSchema(["ham", "spam"]), LabelSchema(["ham", "spam", "scam"]), {"split": {"spam": ["spam", "scam"]}})
    >>> [fate.then for fate in rule_fates([keywords("sells", ["buy"], label="spam")], found)]
    ["label=any_of('scam', 'spam')"]
    """
    for rule in rules:
        if FROM_TAXONOMY in rule.tags:
            continue
        expected = [one if isinstance(one, Outcome) else Outcome((one,)) for one in rule.expected]
        stated = [*(Outcome((name,)) for name in rule.labels), *rule.outcomes, *expected]
        for outcome in dict.fromkeys(stated):
            if any(name not in diff.old for name in outcome.labels):
                continue
            now = outcome_now(outcome, diff)
            if now is None or now != _as_read(outcome, diff):
                yield RuleFate(
                    rule.id,
                    str(rule.source or ""),
                    outcome.name,
                    None if now is None else _spelled(now, rule.source),
                    _why(outcome, diff),
                )


def _as_read(outcome: Outcome, diff: SchemaDiff) -> Outcome | None:
    """Return what the new schema takes a rule's label for as it is written; None: it doesn't know it."""
    return diff.new.outcome(outcome) if all(name in diff.new for name in outcome.labels) else None


def _spelled(outcome: Outcome, place: object) -> str:
    """Return how a rule says an outcome."""
    yaml = in_yaml(place)
    if len(outcome.labels) == 1 and not outcome.against:
        return f"label: {outcome.labels[0]}" if yaml else f"label={outcome.labels[0]!r}"
    maker = "none_of" if outcome.against else "any_of"
    if yaml:
        return f"label: {{{maker}: [{', '.join(outcome.labels)}]}}"
    return f"label={maker}({', '.join(map(repr, outcome.labels))})"


def _why(outcome: Outcome, diff: SchemaDiff) -> str:
    said = []
    for label in outcome.labels:
        name = diff.old.label(diff.old.code(label))
        news = diff.becomes[name]
        if len(news) > 1:
            said.append(f"{name!r} was split")
        elif not news:
            said.append(f"{name!r} is retired")
        elif news[0] != name:
            said.append(f"{name!r} is {news[0]!r} now")
    return "; ".join(said)
