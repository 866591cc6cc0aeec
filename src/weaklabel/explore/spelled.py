"""Where names and aliases stand in a corpus, and what other rules say of the same rows."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from weaklabel.explore.places import Span, finder_of
from weaklabel.label_matrix import LabelMatrix
from weaklabel.lf import Keywords, LabelingFunction, LFRegistry, Regex
from weaklabel.lf.spellings import spellings
from weaklabel.lf.taxonomy import FROM_TAXONOMY
from weaklabel.schema import LabelSchema

_Vote = tuple[str, int]
Key = tuple[str, str]
"""A label and one of its spellings."""


@dataclass
class Tally:
    """Counts of one spelling."""

    rule: LabelingFunction
    rows: list[int] = field(default_factory=list)
    places: dict[int, list[Span]] = field(default_factory=dict)
    supported: int = 0
    supportable: bool = False
    denied: list[int] = field(default_factory=list)
    denied_by: Counter[str] = field(default_factory=Counter)
    inside: int = 0
    inside_of: Counter[str] = field(default_factory=Counter)


_Found = dict[int, dict[Key, list[Span]]]


@dataclass(frozen=True)
class _Touched:
    """By row: the rules that vote there, and by rule and code what labels a vote speaks for and against."""

    registry: LFRegistry
    by_row: Mapping[int, list[_Vote]]
    meaning: Mapping[_Vote, tuple[frozenset[str], frozenset[str]]]

    @classmethod
    def of(cls, votes: LabelMatrix, registry: LFRegistry) -> _Touched:
        events = votes.events()
        rows: dict[int, list[_Vote]] = {}
        ends = events.indptr.tolist()
        names = [votes.labelers[at] for at in events.labelers.tolist()]
        codes = events.codes.tolist()
        for row, (start, end) in enumerate(itertools.pairwise(ends)):
            if end > start:
                rows[row] = [(names[at], codes[at]) for at in range(start, end) if codes[at] >= 0]
        seen = {vote for row in rows.values() for vote in row if vote[0] in registry}
        return cls(registry, rows, {vote: _stance(registry[vote[0]], vote[1], registry) for vote in seen})

    def others(self, row: int, rule: str) -> list[tuple[str, frozenset[str], frozenset[str]]]:
        """Return who else votes on a row, for which labels and against which."""
        votes = self.by_row.get(row, ())
        return [(vote[0], *self.meaning[vote]) for vote in votes if vote[0] != rule and vote in self.meaning]


def _stance(rule: LabelingFunction, code: int, registry: LFRegistry) -> tuple[frozenset[str], frozenset[str]]:
    """Return the labels that a vote speaks for, and those that it speaks against."""
    schema = registry.schema
    if schema.exclusive:
        own = {len(schema) + at: one for at, one in enumerate(registry.outcomes(rule))}
        outcome = own.get(code)
        labels = (schema.label(code),) if outcome is None else outcome.labels
        if outcome is not None and outcome.against:
            return frozenset(), frozenset(labels)
        return frozenset(labels), frozenset(schema.names).difference(labels)
    outcome = registry.alphabet(rule)[code]
    around = {name for label in outcome.labels for name in (label, *schema.descendants(label))}
    if outcome.against:
        return frozenset(), frozenset(around)
    above = {name for label in outcome.labels for name in schema.ancestors(label)}
    return frozenset(around | above), frozenset()


def _occurrences(frame: pl.DataFrame, votes: LabelMatrix, registry: LFRegistry) -> _Found:
    """Return, for each row, where which spelling of which label stands."""
    found: _Found = defaultdict(lambda: defaultdict(list))
    for rule in registry:
        if FROM_TAXONOMY not in rule.tags or not isinstance(rule, Keywords | Regex):
            continue
        finder = finder_of(rule)
        label = _label(rule, registry.schema)
        texts = frame[rule.field].cast(pl.String)
        fired = votes.keep([rule.id]).to_numpy()[:, 0] >= 0
        named = _by_form(label, registry.schema)
        for row in fired.nonzero()[0].tolist():
            text = texts[row]
            for start, end in finder.find(text) if finder is not None and text is not None else ():
                form = " ".join(text[start:end].split()).casefold()
                found[row][label, named.get(form, form)].append((start, end))
    return found


def _label(rule: LabelingFunction, schema: LabelSchema) -> str:
    return schema.label(schema.code(str(rule.label)))


def _by_form(label: str, schema: LabelSchema) -> dict[str, str]:
    """Return the name or alias behind each form of a label."""
    own = schema.labels[schema.code(label)]
    made = spellings((own.name, *own.aliases))
    return {form.casefold(): one.text for one in reversed(made) for form in one.forms}


def tallies(frame: pl.DataFrame, votes: LabelMatrix, registry: LFRegistry) -> dict[Key, Tally]:
    """Count, for each spelling of a taxonomy's rules, what stands beside it; `ambiguous_aliases` says what is counted.

    Examples
    --------
    >>> from weaklabel import LFApplier, rules_from_taxonomy
    >>> registry = LFRegistry(rules_from_taxonomy(["go", "rust"]), schema=LabelSchema(["go", "rust"]))
    >>> frame = pl.DataFrame({"id": ["a", "b"], "text": ["Go, not Rust", "rust"]})
    >>> found = tallies(frame, LFApplier(registry).apply(frame), registry)
    >>> {key: (one.rows, one.denied) for key, one in found.items()}
    {('go', 'go'): ([0], [0]), ('rust', 'rust'): ([0, 1], [0])}
    """
    touched = _Touched.of(votes, registry)
    found = _occurrences(frame, votes, registry)
    schema = registry.schema
    rules = {_label(rule, schema): rule for rule in touched.registry if FROM_TAXONOMY in rule.tags}
    below = {label: {label, *schema.descendants(label)} for label in rules}
    counted: dict[Key, Tally] = {}
    for row, spelled in found.items():
        often = Counter(label for label, _ in spelled)
        for key, places in spelled.items():
            label = key[0]
            tally = counted.setdefault(key, Tally(rules[label]))
            tally.rows.append(row)
            tally.places[row] = places
            others = touched.others(row, rules[label].id)
            against = {rule for rule, _, denied in others if label in denied}
            if against:
                tally.denied.append(row)
            tally.denied_by.update(against)
            tally.supported += often[label] > 1 or any(label in spoken for _, spoken, _ in others)
            outer = {
                name
                for (name, _), spans in spelled.items()
                if name not in below[label] and _all_inside(places, spans)
            }
            tally.inside += bool(outer)
            tally.inside_of.update(outer)
    _mark_supportable(counted, touched)
    return counted


def _all_inside(places: Sequence[Span], others: Sequence[Span]) -> bool:
    """Say whether each place lies inside a longer one of the others."""
    return all(any(a <= c and d <= b and b - a > d - c for a, b in others) for c, d in places)


def _mark_supportable(counted: Mapping[Key, Tally], touched: _Touched) -> None:
    """Mark the spellings of labels for which something else speaks anywhere."""
    spelled = Counter(label for label, _ in counted)
    speaks: dict[str, set[str]] = defaultdict(set)
    for (rule, _), (labels, _) in touched.meaning.items():
        for label in labels:
            speaks[label].add(rule)
    for (label, _), tally in counted.items():
        tally.supportable = spelled[label] > 1 or bool(speaks[label] - {tally.rule.id})
