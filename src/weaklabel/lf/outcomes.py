"""What a rule may vote for, and the code of each: classes 0 to k-1, then the rule's own further outcomes from k on.

A further outcome is a set of labels or a negation (`weaklabel.any_of`, `weaklabel.none_of`). Its code means something
only together with the rule; the registry says what. Where a row may have several labels there may be hundreds of them,
so every code is the rule's own: its alphabet, from 0 on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from weaklabel.errors import RuleError, SchemaError, WeakLabelError, did_you_mean
from weaklabel.lf.base import LabelingFunction
from weaklabel.lf.options import option
from weaklabel.lf.python import PythonFunction
from weaklabel.lf.snorkel import SnorkelFunction
from weaklabel.schema import ABSTAIN, MAX_CODE, MISSING, LabelSchema, Outcome, any_of, none_of


def outcomes_of(rule: LabelingFunction, schema: LabelSchema) -> tuple[Outcome, ...]:
    """Return a rule's further outcomes, each once, with names in place of aliases; their codes count from k.

    Examples
    --------
    >>> from weaklabel.lf import regex
    >>> rule = regex("parcel", "parcel", label=any_of("returns", "delivery"))
    >>> [outcome.name for outcome in outcomes_of(rule, LabelSchema(["delivery", "returns", "billing"]))]
    ['delivery or returns']
    """
    named = (_named(outcome, rule, schema) for outcome in rule.outcomes)
    return tuple(dict.fromkeys(outcome for outcome in named if isinstance(outcome, Outcome)))


def alphabet(rule: LabelingFunction, schema: LabelSchema) -> tuple[Outcome, ...]:
    """Return what the codes 0, 1, … of a rule stand for in a task whose rows may have several labels.

    Its labels come first, in the order in which the rule names them, then its further outcomes.

    Examples
    --------
    >>> from weaklabel.lf import lookup
    >>> schema = LabelSchema(["late", "lost", "rude"], exclusive=False)
    >>> [outcome.name for outcome in alphabet(lookup("words", {"gone": "lost", "slow": "late"}), schema)]
    ['lost', 'late']
    """
    if isinstance(rule, SnorkelFunction):
        stated: Iterable[str | Outcome] = rule.codes
    elif isinstance(rule, PythonFunction) and rule.returns == "label" and not rule.labels:
        stated = (*schema.names, *rule.outcomes)
    else:
        stated = (*rule.labels, *rule.outcomes)
    named = dict.fromkeys(_resolved(one, rule, schema) for one in stated)
    if isinstance(rule, SnorkelFunction):
        return tuple(named)
    return tuple(sorted(named, key=lambda one: one.against or len(one.labels) > 1))


def may_name(rule: LabelingFunction, label: str, schema: LabelSchema) -> bool:
    """Say whether a text is a label, or an alias, that a rule may vote for: one of those it lists, if it lists any.

    Examples
    --------
    >>> from weaklabel.lf import labeling_function
    >>> rule = labeling_function(lambda row: row["text"], name="says", choices=["ham"])
    >>> schema = LabelSchema(["ham", "spam"])
    >>> [may_name(rule, name, schema) for name in ("ham", "spam", "eggs")]
    [True, False, False]
    """
    if label not in schema or not rule.labels:
        return label in schema
    code = schema.code(label)
    return any(own in schema and schema.code(own) == code for own in rule.labels)


def all_labels(rule: LabelingFunction) -> tuple[str | Outcome, ...]:
    """Return what a rule may vote for, labels before outcomes.

    Examples
    --------
    >>> from weaklabel.lf import lookup
    >>> all_labels(lookup("parts", {"box": "delivery", "bill": "billing"}))
    ('delivery', 'billing')
    """
    return (*rule.labels, *rule.outcomes)


def vote_code(rule: LabelingFunction, label: str | Outcome, schema: LabelSchema) -> int:
    """Return the code with which a rule votes for a label (or an alias), or for one of its outcomes.

    Raises
    ------
    SchemaError
        A label is unknown; the nearest known names are given.
    RuleError
        The outcome is none of the rule's.

    Examples
    --------
    >>> from weaklabel.lf import regex
    >>> schema = LabelSchema(["ham", "spam"])
    >>> rule = regex("polite", "please", label=none_of("spam"))
    >>> vote_code(rule, rule.label, schema), vote_code(rule, "spam", schema)
    (2, 1)
    """
    named = _named(label, rule, schema) if isinstance(label, Outcome) else label
    if not schema.exclusive:
        return _own_code(rule, named, schema)
    if not isinstance(named, Outcome):
        return schema.code(named, where=rule.where)
    own = outcomes_of(rule, schema)
    if named not in own:
        available = [outcome.name for outcome in own]
        raise RuleError(f"{named.name!r} is no outcome of the rule", where=rule.where, available=available)
    return len(schema) + own.index(named)


def _own_code(rule: LabelingFunction, label: str | Outcome, schema: LabelSchema) -> int:
    """Return a label's place in a rule's alphabet."""
    wanted = _resolved(label, rule, schema)
    own = alphabet(rule, schema)
    if wanted not in own:
        available = [outcome.name for outcome in own]
        raise RuleError(f"{wanted.name!r} is no outcome of the rule", where=rule.where, available=available)
    return own.index(wanted)


def meaning(rule: LabelingFunction, code: int, schema: LabelSchema) -> str:
    """Return what a rule's vote code stands for: a label, an outcome in words, "abstain" or "missing".

    Examples
    --------
    >>> from weaklabel.lf import regex
    >>> rule = regex("polite", "please", label=none_of("spam"))
    >>> [meaning(rule, code, LabelSchema(["ham", "spam"])) for code in (-2, -1, 0, 1, 2)]
    ['missing', 'abstain', 'ham', 'spam', 'not spam']
    """
    names = {MISSING: "missing", ABSTAIN: "abstain"}
    if schema.exclusive:
        names |= dict(enumerate(schema.names))
        names |= {len(schema) + i: outcome.name for i, outcome in enumerate(outcomes_of(rule, schema))}
    else:
        names |= {i: outcome.name for i, outcome in enumerate(alphabet(rule, schema))}
    if code not in names:
        available = [f"{known}: {name}" for known, name in names.items()]
        raise RuleError(f"code {code!r} means nothing for the rule", where=rule.where, available=available)
    return names[code]


def outcome_problems(rule: LabelingFunction, schema: LabelSchema) -> Iterator[WeakLabelError]:
    """Yield what is wrong with the labels that a rule, its outcomes and its examples name."""
    expected = [part for label in rule.expected for part in _parts(label)]
    stated = [part for outcome in rule.outcomes for part in _parts(outcome)]
    unknown = [name for name in dict.fromkeys([*rule.labels, *stated, *expected]) if name not in schema]
    for name in unknown:
        if schema.was(name) is not None:
            what = f"label {name!r} is retired: nothing may vote for it"
            yield RuleError(what, where=rule.where, available=schema.names)
            continue
        hint = did_you_mean(name, schema.names)
        yield RuleError(f"unknown label {name!r}", where=rule.where, available=schema.names, hint=hint)
    if unknown:
        return
    if schema.exclusive:
        yield from _exclusive_problems(rule, schema)
    else:
        yield from _alphabet_problems(rule, schema)


def _exclusive_problems(rule: LabelingFunction, schema: LabelSchema) -> Iterator[WeakLabelError]:
    own = outcomes_of(rule, schema)
    for outcome in own:
        if set(outcome.labels) == set(schema.names):
            what = (
                "leaves no label" if outcome.against else "is every label there is: such a vote says nothing"
            )
            yield RuleError(f"{outcome.name!r} {what}", where=rule.where, available=schema.names)
    if len(schema) + len(own) > MAX_CODE + 1:
        what = f"{len(own)} outcomes beside {len(schema)} labels; at most {MAX_CODE + 1 - len(schema)} fit into a vote column"
        yield RuleError(what, where=rule.where)
    expected = (_named(label, rule, schema) for label in rule.expected if isinstance(label, Outcome))
    for label in dict.fromkeys(expected):
        if isinstance(label, Outcome) and label not in own:
            yield _not_its_own(label, own, rule)


def _alphabet_problems(rule: LabelingFunction, schema: LabelSchema) -> Iterator[WeakLabelError]:
    if isinstance(rule, SnorkelFunction) and not rule.codes:
        what = (
            "where rows may have several labels, a Snorkel function's codes stand for nothing by themselves"
        )
        hint = f'from_snorkel({rule.name}, codes=(none_of("{schema.names[0]}"), "{schema.names[0]}"))'
        yield RuleError(what, where=rule.where, hint=hint)
        return
    own = alphabet(rule, schema)
    if len(own) > MAX_CODE + 1:
        what = f"{len(own)} outcomes; at most {MAX_CODE + 1} fit into a vote column"
        free = isinstance(rule, PythonFunction) and not rule.labels
        hint = f"say which it returns: choices=[{schema.names[0]!r}, …]" if free else "make two rules of it"
        yield RuleError(what, where=rule.where, hint=hint)
    for label in dict.fromkeys(_resolved(label, rule, schema) for label in rule.expected):
        if label not in own:
            yield _not_its_own(label, own, rule)


def _not_its_own(label: Outcome, own: Iterable[Outcome], rule: LabelingFunction) -> RuleError:
    what = f"`fires_on` expects {label.name!r}, which is no outcome of the rule"
    return RuleError(what, where=rule.where, available=[outcome.name for outcome in own])


def outcome_from(value: object, place: object) -> object:
    """Return the outcome that a mapping such as ``{any_of: [a, b]}`` stands for; anything else as it is.

    Raises
    ------
    RuleError
        A mapping of another form.

    Examples
    --------
    >>> outcome_from({"none_of": ["spam"]}, "pack.yaml:3"), outcome_from("spam", "pack.yaml:3")
    (Outcome(labels=('spam',), against=True), 'spam')
    """
    if not isinstance(value, Mapping):
        return value
    makers = {"any_of": any_of, "none_of": none_of}
    key, labels = next(iter(value.items()), (None, None))
    if len(value) != 1 or key not in makers or not isinstance(labels, list):
        hint = option("label", {key if key in makers else "any_of": ["delivery", "returns"]}, place)
        raise RuleError(
            f"`label` is a label, or any_of or none_of with a list of labels, not {dict(value)!r}", hint=hint
        )
    try:
        return makers[str(key)](*labels)
    except SchemaError as error:
        form = option("label", {key: ["delivery"]}, place)
        raise RuleError(f"`label`: {error.what}", hint=error.hint if labels else form) from error


def _named(outcome: Outcome, rule: LabelingFunction, schema: LabelSchema) -> Outcome | str:
    """Return an outcome with names in place of aliases; a set of one label is that label."""
    named = schema.outcome(outcome, where=rule.where)
    return named.labels[0] if len(named.labels) == 1 and not named.against else named


def _resolved(label: str | Outcome, rule: LabelingFunction, schema: LabelSchema) -> Outcome:
    """Return a label or an outcome as an outcome, with names in place of aliases."""
    named = _named(label, rule, schema) if isinstance(label, Outcome) else label
    if isinstance(named, Outcome):
        return named
    return Outcome((schema.label(schema.code(named, where=rule.where)),))


def _parts(label: str | Outcome) -> tuple[str, ...]:
    return label.labels if isinstance(label, Outcome) else (label,)
