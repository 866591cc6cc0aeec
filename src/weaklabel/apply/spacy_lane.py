"""The spaCy lane: one `nlp.pipe` per pipeline and field, one Matcher keyed by rule id. The only home of spaCy here."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from weaklabel.apply.batch import Batch, Votes, distinct_texts, no_votes, shown, spread, text_column
from weaklabel.errors import RuleError, did_you_mean
from weaklabel.lf.spacy_pattern import SpacyPattern
from weaklabel.schema import LabelSchema

BLANK = "blank:"


@dataclass(frozen=True)
class _Group:
    """The rules of one pipeline and field."""

    field: str
    nlp: Any
    matcher: Any
    rules: tuple[SpacyPattern, ...]


@dataclass(frozen=True)
class SpacyLane:
    """Token-pattern rules, by pipeline and field."""

    groups: tuple[_Group, ...]
    schema: LabelSchema

    def run(self, batch: Batch) -> Votes:
        """Return the votes of every rule of the lane."""
        votes: Votes = {}
        for group in self.groups:
            texts, rows = distinct_texts(text_column(batch.frame, group.field, group.rules))
            short = [i for i, text in enumerate(texts) if len(text) <= group.nlp.max_length]
            found = _matches(group, [texts[i] for i in short])
            for rule in group.rules:
                own = no_votes(len(texts))
                own[[short[i] for i in found[rule.id]]] = self.schema.code(str(rule.label), where=rule.where)
                votes[rule.id] = spread(own, rows)
            if len(short) < len(texts):
                _report_long(group, batch, np.setdiff1d(np.arange(len(texts)), short), rows, votes)
        return votes


def compile_spacy(rules: Iterable[SpacyPattern], schema: LabelSchema) -> SpacyLane:
    """Load the pipelines and compile token-pattern rules into one lane.

    Raises
    ------
    RuleError
        A pipeline is not installed (those that are, are named), or a pattern is not one that spaCy takes.
    """
    by_pipeline: dict[str, dict[str, list[SpacyPattern]]] = defaultdict(lambda: defaultdict(list))
    for rule in rules:
        by_pipeline[rule.pipeline][rule.field].append(rule)
    groups = []
    for pipeline, fields in by_pipeline.items():
        nlp = load_pipeline(pipeline, where=next(iter(fields.values()))[0].where)
        groups += [_group(name, nlp, own) for name, own in fields.items()]
    return SpacyLane(tuple(groups), schema)


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


def _group(field: str, nlp: Any, rules: Sequence[SpacyPattern]) -> _Group:
    from spacy.matcher import Matcher

    probe = nlp("A probe.")
    matcher = Matcher(nlp.vocab)
    for rule in rules:
        patterns = [[dict(token) for token in pattern] for pattern in rule.patterns]
        try:
            alone = Matcher(nlp.vocab, validate=True)
            alone.add(rule.id, patterns)
            alone(probe, allow_missing=_may_annotate(nlp))
        except ValueError as error:
            raise _refused(rule, nlp, " ".join(str(error).split())) from error
        entities = sorted(
            {key for pattern in patterns for token in pattern for key in token if key[:4] == "ENT_"}
        )
        if entities and not nlp.pipe_names:
            raise _refused(rule, nlp, f"{', '.join(entities)} needs a pipeline that finds entities")
        matcher.add(rule.id, patterns)
    return _Group(field, nlp, matcher, tuple(rules))


def _may_annotate(nlp: Any) -> bool:
    """Say whether some component does not state what it annotates, as rulers and people's own components don't."""
    return any(not nlp.get_pipe_meta(name).assigns for name in nlp.pipe_names)


def _refused(rule: SpacyPattern, nlp: Any, reason: str) -> RuleError:
    return RuleError(
        f"rule {rule.name!r}: spaCy refuses the pattern on pipeline {rule.pipeline!r}: {reason}",
        where=rule.where,
        available=[*nlp.pipe_names] or ["no components: a blank pipeline only tokenises"],
    )


def _matches(group: _Group, texts: Sequence[str]) -> Mapping[str, list[int]]:
    found: dict[str, list[int]] = defaultdict(list)
    strings = group.nlp.vocab.strings
    for i, doc in enumerate(group.nlp.pipe(texts)):
        for key in {match[0] for match in group.matcher(doc, allow_missing=True)}:
            found[strings[key]].append(i)
    return found


def _report_long(group: _Group, batch: Batch, long: np.ndarray, rows: np.ndarray, votes: Votes) -> None:
    """Texts that the pipeline refuses are faults, row by row."""
    what = f"can't read a text of more than {group.nlp.max_length:,} characters with this pipeline"
    for row in np.flatnonzero(np.isin(rows, long)).tolist():
        for rule in group.rules:
            values = shown(batch.frame, row, rule.fields)
            votes[rule.id][row] = batch.faults.vote(rule, what, row=batch.ids[row], values=values)
