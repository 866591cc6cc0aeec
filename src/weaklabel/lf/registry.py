"""The registry: the rules of one task, in order, checked together."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from weaklabel.errors import Problems, RuleError, WeakLabelError, did_you_mean
from weaklabel.fingerprint import fingerprint
from weaklabel.lf.base import RESERVED_IDS, LabelingFunction
from weaklabel.lf.feature import Feature, bound, feature_problems
from weaklabel.lf.folder import SCHEMA_FILE, read_folder
from weaklabel.lf.options import option
from weaklabel.lf.outcomes import alphabet, meaning, outcome_problems, outcomes_of, vote_code
from weaklabel.lf.snorkel import from_snorkel, is_snorkel
from weaklabel.schema import LabelSchema, Outcome


class LFRegistry:
    """The rules of one task, in order, with the labels they vote for.

    Parameters
    ----------
    rules
        Rules of any kind; Snorkel's LabelingFunction objects are taken as they are.
    schema
        The labels.
    features
        Columns that are computed for the rules that read them: what `weaklabel.feature` makes.

    Raises
    ------
    Problems
        With every problem: what is no rule, a missing or unknown label, an id or name that is taken (both
        places are named), a reserved id, features that read each other in a circle.

    Examples
    --------
    >>> from weaklabel.lf import keywords, regex
    >>> rules = [keywords("asks", ["please"], label="ham"), regex("link", "https?://", label="spam")]
    >>> registry = LFRegistry(rules, schema=LabelSchema(["ham", "spam"]))
    >>> registry.ids, len(registry), registry["link"].label, registry.label_code(registry["link"])
    (('asks', 'link'), 2, 'spam', 1)
    """

    def __init__(
        self, rules: Iterable[Any], *, schema: LabelSchema, features: Iterable[Feature] = ()
    ) -> None:
        if not isinstance(schema, LabelSchema):
            hint = 'LabelSchema(["ham", "spam"])'
            raise RuleError(f"a LabelSchema is wanted, not {schema!r}", hint=hint)
        wrapped = [from_snorkel(rule) if is_snorkel(rule) else rule for rule in rules]
        made = list(features)
        problems = [*_problems(wrapped, schema), *feature_problems(made)]
        if problems:
            raise Problems(f"the rules of task {schema.name!r}" if schema.name else "the rules", problems)
        carrying, self._features = bound(wrapped, made)
        self._rules: tuple[LabelingFunction, ...] = tuple(carrying)
        self._schema = schema

    @classmethod
    def from_folder(cls, path: str | Path, *, schema: LabelSchema | None = None) -> LFRegistry:
        """Gather the rules of a folder and its sub-folders.

        Every ``*.yaml`` but schema.yaml is a rule pack (`weaklabel.lf.yaml_pack` gives its form). Every ``*.py`` is a
        module whose public names are gathered: features, and rules of any kind, Snorkel's too, themselves or in a list
        or tuple. Files and folders whose names start with ``_`` or ``.`` are helpers, which modules import with
        ``from . import``; a folder named ``sample`` is left alone. Modules are imported under private names, so that two folders never
        collide, and leave nothing behind in the interpreter.

        Parameters
        ----------
        path
            The folder.
        schema
            The labels. Default: the folder's schema.yaml.

        Raises
        ------
        Problems
            With every problem of the folder, each with file and line.
        RuleError
            The folder is missing or holds no rules.
        """
        folder = Path(path)
        if not folder.is_dir():
            parent = folder.parent
            siblings = [p.name for p in parent.iterdir() if p.is_dir()] if parent.is_dir() else []
            raise RuleError(
                f"no folder {str(folder)!r}",
                available=sorted(siblings),
                hint=did_you_mean(folder.name, siblings),
            )
        rules, features, problems = read_folder(folder)
        try:
            schema = schema if schema is not None else LabelSchema.from_yaml(folder / SCHEMA_FILE)
        except Problems as error:
            raise Problems(str(folder), [*error.problems, *problems]) from error
        except WeakLabelError as error:
            raise Problems(str(folder), [error, *problems]) from error
        problems += _problems(rules, schema)
        if problems:
            raise Problems(str(folder), problems)
        if not rules:
            raise RuleError(
                f"no rules in {str(folder)!r}",
                hint="write a rule pack (*.yaml) or a module (*.py); files that start with _ are not read",
            )
        return cls(rules, schema=schema, features=features)

    @property
    def rules(self) -> tuple[LabelingFunction, ...]:
        """The rules, in order."""
        return self._rules

    @property
    def schema(self) -> LabelSchema:
        """The labels."""
        return self._schema

    @property
    def features(self) -> tuple[Feature, ...]:
        """The features that its rules may read."""
        return self._features

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of the rules, in order."""
        return tuple(rule.id for rule in self._rules)

    @functools.cached_property
    def fingerprint(self) -> str:
        """32 hexadecimal digits that change with any rule or with the order of labels, not with the order of rules."""
        labels = [[label.name, sorted(label.aliases)] for label in self._schema.labels]
        return fingerprint([labels, sorted((rule.id, rule.fingerprint) for rule in self._rules)])

    def __len__(self) -> int:
        return len(self._rules)

    def __iter__(self) -> Iterator[LabelingFunction]:
        return iter(self._rules)

    def __contains__(self, key: object) -> bool:
        return any(key in (rule.id, rule.name) for rule in self._rules)

    def __getitem__(self, key: str) -> LabelingFunction:
        for attribute in ("id", "name"):
            for rule in self._rules:
                if getattr(rule, attribute) == key:
                    return rule
        raise RuleError(f"no rule {key!r}", available=self.ids, hint=did_you_mean(key, self.ids))

    def __repr__(self) -> str:
        return f"LFRegistry({len(self)} rules, labels {', '.join(self._schema.names)})"

    def label_code(self, rule: LabelingFunction) -> int | None:
        """Return the vote code of a rule's label or outcome; None for a rule that chooses a label per row."""
        return None if rule.label is None else vote_code(rule, rule.label, self._schema)

    def outcomes(self, rule: LabelingFunction) -> tuple[Outcome, ...]:
        """Return what a rule may vote for beside labels, in order; the code of each is k + its position."""
        return outcomes_of(rule, self._schema)

    def alphabet(self, rule: LabelingFunction) -> tuple[Outcome, ...]:
        """Return what the codes 0, 1, … of a rule stand for in a task whose rows may have several labels."""
        return alphabet(rule, self._schema)

    def outcome_codes(self) -> dict[str, tuple[tuple[int, ...], ...]]:
        """Return, for each rule that has them, the classes that its codes k, k + 1, … stand for, ascending.

        A negation stands for all the other classes. It is what label models take as `outcomes`.

        Examples
        --------
        >>> from weaklabel.lf import regex
        >>> from weaklabel.schema import any_of, none_of
        >>> schema = LabelSchema(["billing", "delivery", "returns"])
        >>> rules = [regex("parcel", "parcel", label=any_of("delivery", "returns")), regex("sum", "sum", label="billing")]
        >>> rules.append(regex("box", "box", label=none_of("billing", "returns")))
        >>> LFRegistry(rules, schema=schema).outcome_codes()
        {'parcel': ((1, 2),), 'box': ((1,),)}
        """
        found = {}
        for rule in self._rules:
            sets = [
                tuple(
                    code
                    for code, name in enumerate(self._schema.names)
                    if (name in outcome.labels) is not outcome.against
                )
                for outcome in self.outcomes(rule)
            ]
            if sets and self._schema.exclusive:
                found[rule.id] = tuple(sets)
        return found

    def meaning(self, rule: LabelingFunction | str, code: int) -> str:
        """Return what a rule's vote code stands for: a label, an outcome in words, "abstain" or "missing".

        Parameters
        ----------
        rule
            The rule, or its id or name.
        code
            A vote of that rule.

        Raises
        ------
        RuleError
            The rule is unknown, or the code stands for nothing in it.

        Examples
        --------
        >>> from weaklabel.lf import regex
        >>> from weaklabel.schema import any_of
        >>> schema = LabelSchema(["billing", "delivery", "returns"])
        >>> registry = LFRegistry([regex("parcel", "parcel", label=any_of("delivery", "returns"))], schema=schema)
        >>> [registry.meaning("parcel", code) for code in (-1, 0, 3)]
        ['abstain', 'billing', 'delivery or returns']
        """
        found = rule if isinstance(rule, LabelingFunction) else self[rule]
        return meaning(found, code, self._schema)

    def active(self) -> LFRegistry:
        """Return the rules that vote in a run: those whose state is "active".

        Raises
        ------
        RuleError
            There is none.

        Examples
        --------
        >>> from weaklabel.lf import keywords
        >>> rules = [keywords("asks", ["please"], label="ham"), keywords("new", ["pls"], label="ham", state="draft")]
        >>> LFRegistry(rules, schema=LabelSchema(["ham", "spam"])).active().ids
        ('asks',)
        """
        chosen = [rule for rule in self._rules if rule.state == "active"]
        if self._rules and not chosen:
            states = {rule.state: None for rule in self._rules}
            what = f"none of the {len(self)} rules is active: they are {' or '.join(states)}"
            raise RuleError(what, where=str(self._rules[0].source or ""), hint="state: active")
        return self if len(chosen) == len(self) else self._of(chosen)

    def subset(self, ids: Iterable[str]) -> LFRegistry:
        """Return a registry of some rules, by id or name, in the order of this one.

        Raises
        ------
        RuleError
            An id is unknown; the nearest known ids are given.
        """
        wanted = {self[key].id for key in ids}
        return self._of([rule for rule in self._rules if rule.id in wanted])

    def _of(self, rules: Iterable[LabelingFunction]) -> LFRegistry:
        return LFRegistry(rules, schema=self._schema, features=self._features)


def _problems(rules: Iterable[Any], schema: LabelSchema) -> list[WeakLabelError]:
    problems: list[WeakLabelError] = []
    places: dict[tuple[str, str], LabelingFunction] = {}
    for i, rule in enumerate(rules, 1):
        if not isinstance(rule, LabelingFunction):
            hint = (
                "decorate it with @labeling_function"
                if callable(rule)
                else "make it with keywords, regex, where, …"
            )
            problems.append(RuleError(f"item {i} is no rule: {rule!r}", hint=hint))
            continue
        problems += _label_problems(rule, schema)
        if rule.id in RESERVED_IDS:
            problems.append(
                RuleError(
                    f"{rule.id!r} is a reserved id",
                    where=rule.where,
                    hint=option("id", f"{rule.id}_rule", rule.source),
                )
            )
        problems += _duplicate_problems(rule, places)
    return problems


def _label_problems(rule: LabelingFunction, schema: LabelSchema) -> list[WeakLabelError]:
    if rule.needs_label and rule.label is None and rule.state != "slice":
        hint = option("label", schema.names[0], rule.source)
        return [RuleError("the rule has no label", where=rule.where, available=schema.names, hint=hint)]
    return list(outcome_problems(rule, schema))


def _duplicate_problems(
    rule: LabelingFunction, places: dict[tuple[str, str], LabelingFunction]
) -> list[WeakLabelError]:
    problems: list[WeakLabelError] = []
    for attribute in ("id", "name"):
        key = (attribute, getattr(rule, attribute))
        if key in places and not problems:
            other = places[key]
            problems.append(
                RuleError(
                    f"two rules have the {attribute} {key[1]!r}",
                    where=f"{other.source or 'unknown place'} and {rule.source or 'unknown place'}",
                    hint="rename one, or leave one out",
                )
            )
        places.setdefault(key, rule)
    return problems
