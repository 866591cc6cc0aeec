"""What votes mean: which classes each allows, so that votes of sets and negations can be compared with any other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from weaklabel.label_matrix import LabelMatrix, VotePatterns
from weaklabel.lf import LFRegistry

Bool = npt.NDArray[np.bool_]
Int16 = npt.NDArray[np.int16]


@dataclass(frozen=True, eq=False)
class Meanings:
    """Everything that some rule may vote for, in one numbering: the k classes, then sets and negations; made by `of`.

    A rule numbers its own sets and negations from k on, so that one code means different things in two rules. Here each
    has one number: its meaning.

    Parameters
    ----------
    names
        In words, s of them; the first k are the classes.
    allows
        (s, k) bool: the classes that each leaves possible.
    agree
        (s, s) bool: some class is possible under both.
    own
        Rule id -> (codes,) the meaning of each of its codes from 0 on.

    Examples
    --------
    >>> from weaklabel.lf import regex
    >>> from weaklabel.schema import LabelSchema, none_of
    >>> rules = [regex("sells", "buy", label="spam"), regex("polite", "please", label=none_of("spam"))]
    >>> found = Meanings.of(LFRegistry(rules, schema=LabelSchema(["ham", "spam"])))
    >>> found.names, found.allows.tolist()
    (('ham', 'spam', 'not spam'), [[True, False], [False, True], [True, False]])
    """

    names: tuple[str, ...]
    allows: Bool
    agree: Bool
    own: Mapping[str, Int16]

    @classmethod
    def of(cls, registry: LFRegistry) -> Meanings:
        """Number what the rules of a registry may vote for."""
        schema = registry.schema
        names = list(schema.names)
        allows = [row.tolist() for row in np.eye(len(schema), dtype=bool)]
        own = {}
        for rule in registry:
            numbers = list(range(len(schema)))
            for outcome in registry.outcomes(rule):
                if outcome.name not in names:
                    names.append(outcome.name)
                    allows.append([(name in outcome.labels) != outcome.against for name in schema.names])
                numbers.append(names.index(outcome.name))
            own[rule.id] = np.array(numbers, np.int16)
        table = np.array(allows, dtype=bool)
        agree = (table.astype(np.int64) @ table.T.astype(np.int64)) > 0
        return cls(tuple(names), table, agree, own)

    def votes(self, votes: LabelMatrix) -> Int16:
        """Return votes as meanings, (n, m) int16; negative codes stay."""
        codes = votes.to_numpy().astype(np.int16)
        k = self.allows.shape[1]
        for j, id in enumerate(votes.labelers):
            if len(self.own[id]) > k:
                voted = codes[:, j] >= 0
                codes[voted, j] = self.own[id][codes[voted, j]]
        return codes

    def events(self, patterns: VotePatterns) -> Int16:
        """Return the events of patterns as meanings, (events,) int16; negative codes stay."""
        codes = patterns.codes.astype(np.int16)
        k = self.allows.shape[1]
        for j, id in enumerate(patterns.labelers):
            if len(self.own[id]) > k:
                chosen = (patterns.labeler_index == j) & (codes >= 0)
                codes[chosen] = self.own[id][codes[chosen]]
        return codes

    def contested(self, votes: Int16) -> Bool:
        """Return, for rows of votes (n, m) given as meanings, where two of them leave no class in common."""
        held = np.zeros((len(votes), len(self.names)), bool)
        row, rule = np.nonzero(votes >= 0)
        held[row, votes[row, rule]] = True
        against = held.astype(np.int64) @ (~self.agree).astype(np.int64) > 0
        return np.asarray((against & held).any(axis=1))
