"""The pattern lane: keywords, regexes and lookups over the distinct texts of a column.

All keyword and lookup terms of a field share one pass: a text is split into its words once, and only terms that have
a word in common with it are looked at. A regex is searched where the literal that it needs stands in the text. Both
only save work: every vote is that of the rule's own `matches` or `vote`. Rules that have days share the pass, and their
votes are missing on rows of other days, of which none is shown to a rule itself.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl

from weaklabel.apply.asking import Asking
from weaklabel.apply.batch import Batch, Votes, distinct_texts, no_votes, spread, text_column
from weaklabel.apply.days import DatedLane, Days
from weaklabel.apply.literals import required_literals
from weaklabel.apply.scan import Scan, compile_scan
from weaklabel.lf.keywords import Keywords, comparable, whole_words
from weaklabel.lf.lookup import Lookup, strongest
from weaklabel.lf.outcomes import vote_code
from weaklabel.lf.regex import Regex
from weaklabel.schema import ABSTAIN, MISSING, LabelSchema

PatternRule = Keywords | Regex | Lookup

_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class PatternLane:
    """Keyword, regex and lookup rules, compiled together."""

    fields: Mapping[str, tuple[PatternRule, ...]]
    schema: LabelSchema
    scans: Mapping[str, tuple[_WordScan, ...]]
    searches: Mapping[str, tuple[_Search, ...]]
    fused: Mapping[str, Scan]
    dated: Mapping[str, tuple[DatedLane, ...]]
    days: Days | None = None

    def run(self, batch: Batch) -> Votes:
        """Return the votes of every rule of the lane."""
        every = [rule for rules in self.fields.values() for rule in rules]
        inside = {} if self.days is None else self.days.within(every, batch.frame)
        votes: Votes = {}
        for name, rules in self.fields.items():
            awake = [rule for rule in rules if rule.id not in inside or inside[rule.id].any()]
            if not awake:
                votes |= {rule.id: np.full(batch.frame.height, MISSING, np.int8) for rule in rules}
                continue
            column = _column(batch.frame, name, awake)
            if name in self.fused:
                votes.update(self.fused[name].run(column, Asking(batch), inside))
            for lane in self.dated[name]:
                votes.update(lane.run(batch))
            left = tuple(rule for rule in rules if rule.id not in votes)
            if left:
                votes.update(self._read(left, name, column, batch))
            for rule in rules:
                if isinstance(rule, Keywords) and not rule.context.trivial:
                    _confirm(rule, column, votes[rule.id])
        return votes

    def _read(self, rules: Sequence[PatternRule], name: str, column: pl.Series, batch: Batch) -> Votes:
        """Return the votes of the rules that the scan does not take."""
        texts, rows = distinct_texts(column)
        found = {rule.id: no_votes(len(texts)) for rule in rules}
        for scan in self.scans[name]:
            scan.run(texts, found)
        for search in self.searches[name]:
            search.run(texts, found, Asking(batch), rows)
        for rule in rules:
            if isinstance(rule, Lookup) and rule.match == "exact":
                _match_exactly(rule, texts, found[rule.id], self.schema)
        return {id: spread(found[id], rows) for id in found}


def compile_patterns(
    rules: Iterable[PatternRule],
    schema: LabelSchema,
    *,
    cache: Path | None = None,
    days: Days | None = None,
) -> PatternLane:
    """Compile keyword, regex and lookup rules into one lane.

    Parameters
    ----------
    rules, schema
        The rules and their labels.
    cache
        A folder in which scans are kept.
    days
        On which day each row is; None: rules with days of their own vote on all rows.
    """
    fields: dict[str, list[PatternRule]] = defaultdict(list)
    for rule in rules:
        fields[rule.field].append(rule)
    fused = {name: compile_scan(own, schema, cache=cache) for name, own in fields.items()}
    late: dict[str, tuple[DatedLane, ...]] = dict.fromkeys(fields, ())
    if days is not None:  # those that a scan doesn't take, each by itself
        for name, (scan, rest) in fused.items():
            own = [rule for rule in rest if rule.dated]
            late[name] = tuple(
                DatedLane(one, compile_patterns([one], schema, cache=cache), days) for one in own
            )
            fused[name] = scan, tuple(rule for rule in rest if not rule.dated)
    return PatternLane(
        fields={name: tuple(own) for name, own in fields.items()},
        schema=schema,
        scans={name: tuple(_word_scans(rest, schema)) for name, (_, rest) in fused.items()},
        searches={name: tuple(_searches(rest, schema)) for name, (_, rest) in fused.items()},
        fused={name: scan for name, (scan, _) in fused.items() if scan is not None},
        dated=late,
        days=days,
    )


def _column(frame: pl.DataFrame, name: str, rules: Sequence[PatternRule]) -> pl.Series:
    worded = [rule for rule in rules if not (isinstance(rule, Lookup) and rule.match == "exact")]
    dtype = frame.get_column(name).dtype
    if not worded and (dtype.is_integer() or dtype == pl.Boolean):
        return frame.get_column(name).cast(pl.String)
    return text_column(frame, name, worded or rules)


def _match_exactly(rule: Lookup, texts: Sequence[str], votes: np.ndarray, schema: LabelSchema) -> None:
    codes = {term: vote_code(rule, label, schema) for term, label in rule.by_term.items()}
    for i, text in enumerate(texts):
        code = codes.get(rule.key(text))
        if code is not None:
            votes[i] = code


def _confirm(rule: Keywords, column: pl.Series, votes: np.ndarray) -> None:
    """Take back votes where a term stands, but not as the rule's context wants it."""
    rows = np.flatnonzero(votes >= 0)
    for row, text in zip(rows.tolist(), column.gather(rows).to_list(), strict=True):
        if not rule.matches(text):
            votes[row] = ABSTAIN


# ---- words and phrases ----


@dataclass(frozen=True)
class _Term:
    """A term as it is compared, and the rules that it serves, each with the code it speaks for."""

    confirm: Callable[[str], object] | None
    owners: tuple[tuple[str, int], ...]


@dataclass
class _WordScan:
    """All terms of one field that are compared in the same form."""

    comparable: Callable[[str], str]
    by_word: dict[str, list[_Term]] = field(default_factory=lambda: defaultdict(list))
    wordless: list[_Term] = field(default_factory=list)

    def run(self, texts: Sequence[str], votes: Votes) -> None:
        words_of_terms = set(self.by_word)
        for i, text in enumerate(texts):
            ready = self.comparable(text)
            common = words_of_terms.intersection(_WORD.findall(ready))
            if common or self.wordless:
                for rule, code in self._votes(ready, common):
                    votes[rule][i] = code

    def _votes(self, ready: str, common: set[str]) -> Iterator[tuple[str, int]]:
        hits: dict[str, Counter[int]] = {}
        terms = [term for word in common for term in self.by_word[word]]
        for term in (*terms, *self.wordless):
            if term.confirm is None or term.confirm(ready):
                for rule, code in term.owners:
                    hits.setdefault(rule, Counter())[code] += 1
        for rule, counts in hits.items():
            best = strongest(counts)
            if best is not None:
                yield rule, best


def _word_scans(rules: Iterable[PatternRule], schema: LabelSchema) -> Iterator[_WordScan]:
    forms: dict[tuple[str, str], dict[str, dict[str, int]]] = defaultdict(lambda: defaultdict(dict))
    for rule in rules:
        if isinstance(rule, Keywords):
            code = vote_code(rule, rule.label or "", schema)
            for term in rule.terms:
                key = " ".join(comparable(term, case=rule.case, accents=rule.accents).split())
                forms[rule.case, rule.accents][key][rule.id] = code
        elif isinstance(rule, Lookup) and rule.match == "words":
            for key, label in rule.by_term.items():
                forms[rule.case, rule.accents][key][rule.id] = vote_code(rule, label, schema)
    for (case, accents), terms in forms.items():
        scan = _WordScan(_comparer(case, accents))
        for key, owners in terms.items():
            _add_term(scan, key, tuple(owners.items()))
        yield scan


def _comparer(case: str, accents: str) -> Callable[[str], str]:
    return lambda text: comparable(text, case=case, accents=accents)  # type: ignore[arg-type]


def _add_term(scan: _WordScan, key: str, owners: tuple[tuple[str, int], ...]) -> None:
    """Enter a term under its longest word.

    A run of word characters in a term is a whole word of every text that the term matches: inside the term its
    neighbours are no word characters, and at the ends the rule forbids them.
    """
    words = _WORD.findall(key)
    confirm = None if words == [key] else whole_words([key]).search
    term = _Term(confirm, owners)
    if words:
        scan.by_word[max(words, key=len)].append(term)
    else:
        scan.wordless.append(term)


# ---- regular expressions ----


@dataclass(frozen=True)
class _Search:
    """The regex rules of one field that look at the text in the same form."""

    lower: bool
    rules: tuple[tuple[Regex, int, tuple[str, ...]], ...]

    def run(self, texts: Sequence[str], votes: Votes, asking: Asking, rows: np.ndarray) -> None:
        seen = [text.lower() for text in texts] if self.lower else texts
        folded = [text.lower() if text.isascii() else None for text in seen]
        row_of = np.zeros(len(texts), np.int64)
        row_of[rows[rows >= 0][::-1]] = np.flatnonzero(rows >= 0)[::-1]
        for rule, code, literals in self.rules:
            found = list(_candidates(folded, literals))
            own = asking.votes(rule, code, [seen[i] for i in found], row_of[found].tolist())
            votes[rule.id][found] = own


def _candidates(folded: Sequence[str | None], literals: tuple[str, ...]) -> Iterable[int]:
    """Return the texts that hold one of the literals, and all texts beyond ASCII, whose case has more to it."""
    if not literals:
        return range(len(folded))
    if len(literals) == 1:
        literal = literals[0]
        return [i for i, text in enumerate(folded) if text is None or literal in text]
    return [i for i, text in enumerate(folded) if text is None or any(lit in text for lit in literals)]


def _searches(rules: Iterable[PatternRule], schema: LabelSchema) -> Iterator[_Search]:
    for lower in (False, True):
        own = [rule for rule in rules if isinstance(rule, Regex) and (rule.case == "lower") == lower]
        if own:
            yield _Search(lower, tuple(_search(rule, schema) for rule in own))


def _search(rule: Regex, schema: LabelSchema) -> tuple[Regex, int, tuple[str, ...]]:
    code = vote_code(rule, rule.label or "", schema)
    return rule, code, required_literals(rule.compiled)
