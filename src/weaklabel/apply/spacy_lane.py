"""The spaCy lane: each text tokenised once, each distinct word asked once, and Matchers where words alone don't decide.

The votes are those of one Matcher and one PhraseMatcher per rule over `nlp(text)`. What is left out can't change them: texts that lack every
literal that the rules need, components that no rule needs, and Matchers over texts that lack the words they need.
"""

from __future__ import annotations

import itertools
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from weaklabel.apply.batch import Batch, Votes, distinct_texts, no_votes, one_line, shown, spread, text_column
from weaklabel.apply.days import Days
from weaklabel.apply.spacy_docs import DocCache, DocReader, Tokens, pipeline_key
from weaklabel.apply.spacy_needs import (
    Literals,
    idle_components,
    is_plain,
    read_annotations,
    required_literals,
    spare_words,
)
from weaklabel.apply.spacy_phrases import Documents, as_tokens, phrase_matchers, read_phrases
from weaklabel.apply.spacy_words import Screen, WordPattern, WordTests, word_patterns
from weaklabel.errors import RuleError, did_you_mean
from weaklabel.lf.base import run_user_code
from weaklabel.lf.outcomes import vote_code
from weaklabel.lf.spacy_pattern import SpacyPattern
from weaklabel.schema import MISSING, LabelSchema

BLANK = "blank:"


@dataclass(frozen=True)
class _Matchers:
    """spaCy's Matchers of what words alone don't decide: of patterns one of all rules, and one for each; of phrases one
    for each attribute, and by which attribute a rule's are compared.
    """

    joint: Any
    single: Mapping[str, Any]
    phrases: Mapping[str, Any]
    attrs: Mapping[str, str]

    def find(self, docs: Iterable[Any], wanted: Sequence[Sequence[str]]) -> Iterable[set[str]]:
        """Yield for each document the rules that match, of at least those that are wanted."""
        for doc, rules in zip(docs, wanted, strict=True):
            of_tokens = [rule for rule in rules if rule in self.single]
            found: set[str] = set()
            keys: set[int] = set()
            if _SINGLES * len(of_tokens) > len(self.single):
                keys = {match[0] for match in self.joint(doc, allow_missing=True)}
            else:
                found = {rule for rule in of_tokens if self.single[rule](doc, allow_missing=True)}
            for attr in {self.attrs[rule] for rule in rules if rule in self.attrs}:
                keys |= {match[0] for match in self.phrases[attr](doc)}
            yield found | {doc.vocab.strings[key] for key in keys}


_SINGLES = 4
"""A Matcher of one rule costs about as much as four rules more in a Matcher of many."""


@dataclass(frozen=True)
class _Group:
    """The rules of one pipeline and field."""

    field: str
    rules: tuple[SpacyPattern, ...]
    reader: DocReader
    literals: Literals | None
    tests: WordTests
    patterns: Mapping[str, tuple[WordPattern, ...]]
    matchers: _Matchers

    @property
    def longest(self) -> int:
        """The longest text that the pipeline reads; spaCy's limit is there for its components."""
        return sys.maxsize if self.reader.only_tokens else int(self.reader.nlp.max_length)


@dataclass(frozen=True)
class SpacyLane:
    """spaCy rules, by pipeline and field.

    On rows of other days the vote of a rule that has days is missing; texts that no rule is asked about are not read.
    """

    groups: tuple[_Group, ...]
    schema: LabelSchema
    days: Days | None = None

    def run(self, batch: Batch) -> Votes:
        """Return the votes of every rule of the lane."""
        votes: Votes = {}
        for group in self.groups:
            column = text_column(batch.frame, group.field, group.rules)
            asked = self._asked(group, batch.frame)
            if len(asked) == len(group.rules):
                some = pl.Series(np.any([*asked.values()], axis=0), dtype=pl.Boolean)
                column = column.zip_with(
                    some, pl.Series([None], dtype=pl.String).new_from_index(0, len(column))
                )
            texts, rows = distinct_texts(column)
            fires, faults = _matches(group, texts)
            for rule, fired in zip(group.rules, fires, strict=True):
                own = no_votes(len(texts))
                own[fired] = vote_code(rule, rule.label or "", self.schema)
                votes[rule.id] = spread(own, rows)
            if faults:
                _report(group, batch, faults, rows, votes, asked)
            for id, inside in asked.items():
                votes[id][~inside] = MISSING
        return votes

    def _asked(self, group: _Group, frame: pl.DataFrame) -> dict[str, np.ndarray]:
        """Return on which rows each rule that has days votes."""
        days = self.days
        return {} if days is None else {r.id: days.include(r, frame) for r in group.rules if r.dated}


def compile_spacy(
    rules: Iterable[SpacyPattern],
    schema: LabelSchema,
    *,
    cache: Path | None = None,
    days: Days | None = None,
) -> SpacyLane:
    """Load the pipelines and compile spaCy rules into one lane.

    Parameters
    ----------
    rules
        spaCy rules.
    schema
        The labels.
    cache
        A folder in which tokenised texts are kept between runs. Default: nothing is kept.
    days
        On which day each row is; None: rules with days of their own vote on all rows.

    Raises
    ------
    RuleError
        A pipeline is not installed (those that are, are named), or a pattern or phrase is not one that it takes.
    """
    by_pipeline: dict[str, dict[str, list[SpacyPattern]]] = defaultdict(lambda: defaultdict(list))
    for rule in rules:
        by_pipeline[rule.pipeline][rule.field].append(rule)
    groups: list[_Group] = []
    for pipeline, fields in by_pipeline.items():
        nlp = load_pipeline(pipeline, where=next(iter(fields.values()))[0].where)
        made = [_group(name, nlp, own, cache) for name, own in fields.items()]
        if all(is_plain(nlp, group.reader.idle) and group.reader.only_tokens for group in made):
            spare_words(nlp, [rule for own in fields.values() for rule in own])
        groups += made
    return SpacyLane(tuple(groups), schema, days)


def load_pipeline(pipeline: str, *, where: str | None = None) -> Any:
    """Return a spaCy pipeline: ``blank:LANGUAGE``, or an installed one by its name or folder.

    Raises
    ------
    RuleError
        It is not there; the installed ones are named.
    """
    import spacy

    installed = sorted(spacy.util.get_installed_models())
    available = [*installed, f"{BLANK}en", f"{BLANK}de", f"{BLANK}xx", "…"]
    try:
        if pipeline.startswith(BLANK):
            nlp = spacy.blank(pipeline.removeprefix(BLANK))
            nlp.max_length = sys.maxsize
            return nlp
        return spacy.load(pipeline)
    except (OSError, ImportError, ValueError) as error:
        hint = did_you_mean(pipeline, installed) or f"pip install it, or use {BLANK}en, which only tokenises"
        if pipeline.startswith(BLANK) or Path(pipeline).exists():
            hint = str(error).splitlines()[0]
        raise RuleError(
            f"no spaCy pipeline {pipeline!r}", where=where, available=available, hint=hint
        ) from error


def _group(field: str, nlp: Any, rules: Sequence[SpacyPattern], cache: Path | None) -> _Group:
    probe, error = run_user_code(lambda: nlp("A probe."))
    if error is not None:
        what = f"spaCy pipeline {rules[0].pipeline!r} fails on the text 'A probe.': {_said(error)}"
        raise RuleError(what, where=rules[0].where, available=nlp.pipe_names) from error
    for rule in rules:
        _check(rule, nlp, probe)
    documents = {rule.id: _phrases(rule, nlp) for rule in rules if rule.phrases}
    spelled = {r.id: [as_tokens(doc, r.attr) for doc in documents[r.id]] for r in rules if r.phrases}
    wanted = read_annotations(rules)
    idle = tuple(idle_components(nlp, wanted))
    plain = is_plain(nlp, idle)
    tests, patterns = word_patterns(rules, spelled)
    return _Group(
        field,
        tuple(rules),
        _reader(nlp, idle, wanted, cache if plain else None),
        required_literals(rules, itertools.chain(*spelled.values())) if plain else None,
        WordTests(nlp.vocab, tests),
        patterns,
        _matchers(nlp, rules, patterns, documents),
    )


def _phrases(rule: SpacyPattern, nlp: Any) -> list[Any]:
    try:
        return read_phrases(nlp, rule)
    except ValueError as error:
        what = f"rule {rule.name!r}: `phrases` can't be read by pipeline {rule.pipeline!r}: {one_line(error)}"
        hint = "a pipeline that gives it, or attr: LOWER" if rule.attr in ("LEMMA", "NORM") else None
        raise RuleError(what, where=rule.where, available=nlp.pipe_names, hint=hint) from error


def _check(rule: SpacyPattern, nlp: Any, probe: Any) -> None:
    from spacy.matcher import Matcher

    if not rule.patterns:
        return
    try:
        alone = Matcher(nlp.vocab, validate=True)
        alone.add(rule.id, _for_spacy(rule.patterns))
        alone(probe, allow_missing=_may_annotate(nlp))
    except ValueError as error:
        raise _refused(rule, nlp, " ".join(str(error).split())) from error
    entities = sorted(
        {key for pattern in rule.patterns for token in pattern for key in token if key[:4] == "ENT_"}
    )
    if entities and not nlp.pipe_names:
        raise _refused(rule, nlp, f"{', '.join(entities)} needs a pipeline that finds entities")


def _reader(nlp: Any, idle: tuple[str, ...], wanted: Iterable[str], cache: Path | None) -> DocReader:
    from spacy.tokens.doc import DOCBIN_ALL_ATTRS

    attributes = tuple(DOCBIN_ALL_ATTRS) if wanted else ("ORTH",)
    if cache is None or "token._" in wanted:
        return DocReader(nlp, idle, attributes)
    folder = cache / "spacy" / pipeline_key(nlp, idle, attributes)
    return DocReader(nlp, idle, attributes, DocCache(folder))


def _matchers(
    nlp: Any,
    rules: Sequence[SpacyPattern],
    patterns: Mapping[str, tuple[WordPattern, ...]],
    documents: Documents,
) -> _Matchers:
    from spacy.matcher import Matcher

    joint, single = Matcher(nlp.vocab), {}
    for rule in rules:
        asked = patterns[rule.id][: len(rule.patterns)]
        own = [given for given, one in zip(rule.patterns, asked, strict=True) if not one.whole]
        if own:
            single[rule.id] = Matcher(nlp.vocab)
            for matcher in (joint, single[rule.id]):
                matcher.add(rule.id, _for_spacy(own))
    attrs = {rule.id: rule.attr for rule in rules if rule.phrases}
    return _Matchers(joint, single, phrase_matchers(nlp, rules, documents), attrs)


def _for_spacy(patterns: Iterable[Sequence[Mapping[str, Any]]]) -> list[list[dict[str, Any]]]:
    return [[dict(token) for token in pattern] for pattern in patterns]


def _may_annotate(nlp: Any) -> bool:
    """Say whether some component does not state what it annotates, as rulers and people's own components don't."""
    return any(not nlp.get_pipe_meta(name).assigns for name in nlp.pipe_names)


def _refused(rule: SpacyPattern, nlp: Any, reason: str) -> RuleError:
    return RuleError(
        f"rule {rule.name!r}: spaCy refuses the pattern on pipeline {rule.pipeline!r}: {reason}",
        where=rule.where,
        available=[*nlp.pipe_names] or ["no components: a blank pipeline only tokenises"],
    )


def _matches(group: _Group, texts: Sequence[str]) -> tuple[np.ndarray, dict[int, str]]:
    """Return which rules fire on which texts, shape (n_rules, n_texts), and why some texts could not be read."""
    fires = np.zeros((len(group.rules), len(texts)), bool)
    longest = group.longest
    what = f"can't read a text of more than {longest:,} characters with this pipeline"
    faults = {i: what for i, text in enumerate(texts) if len(text) > longest}
    wanted = group.literals.candidates(texts) if group.literals else None
    if faults:
        wanted = [i for i in (range(len(texts)) if wanted is None else wanted) if i not in faults]
    for tokens in group.reader.read(texts, wanted):
        fires[:, tokens.places] = _fires(group, tokens)
        faults.update((place, f"failed in its pipeline: {_said(error)}") for place, error in tokens.broken)
    return fires, faults


def _fires(group: _Group, tokens: Tokens) -> np.ndarray:
    """Return which rules fire on which of some tokenised texts, shape (n_rules, n_texts)."""
    screen = Screen(group.tests, tokens.words)
    fires = np.zeros((len(group.rules), len(tokens.words)), bool)
    undecided = fires.copy()
    for i, rule in enumerate(group.rules):
        for pattern in group.patterns[rule.id]:
            (fires if pattern.whole else undecided)[i] |= screen.passing(pattern)
    undecided &= ~fires
    places = np.flatnonzero(undecided.any(axis=0)).tolist()
    number = {rule.id: i for i, rule in enumerate(group.rules)}
    wanted = [[group.rules[i].id for i in np.flatnonzero(undecided[:, place]).tolist()] for place in places]
    for place, found in zip(places, group.matchers.find(tokens.docs(places), wanted), strict=True):
        fires[[number[rule] for rule in found], place] = True
    return fires


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {one_line(error)}"


def _report(
    group: _Group,
    batch: Batch,
    faults: Mapping[int, str],
    rows: np.ndarray,
    votes: Votes,
    asked: Mapping[str, np.ndarray],
) -> None:
    """Texts that the pipeline can't read are faults, row by row, of the rules that are asked about the row."""
    for row in np.flatnonzero(np.isin(rows, list(faults))).tolist():
        for rule in group.rules:
            if rule.id in asked and not asked[rule.id][row]:
                continue
            values = shown(batch.frame, row, rule.fields)
            what = faults[int(rows[row])]
            votes[rule.id][row] = batch.faults.vote(rule, what, row=batch.ids[row], values=values)
