"""What one rule adds to the scan: the literals that are looked for, and what is checked where one stands."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field

import numpy as np

from weaklabel.apply.chains import Chain, Word, chains_of
from weaklabel.apply.characters import FORMS, REGEX, kinds
from weaklabel.apply.graph import CanNotLowerError, Known
from weaklabel.apply.machines import Letters, Lowered, Start, Table, lower_regex, peek
from weaklabel.apply.needs import later_literals, needed_literals
from weaklabel.kernels import tables
from weaklabel.lf.keywords import Keywords, comparable
from weaklabel.lf.lookup import Lookup
from weaklabel.lf.outcomes import all_labels, vote_code
from weaklabel.lf.regex import Regex
from weaklabel.schema import LabelSchema

ScanRule = Keywords | Regex | Lookup

_ANY = 63
_APART = tables.AT_START | tables.NEWLINE | tables.SPACE | tables.OTHER


@dataclass
class Literal:
    """A literal of one rule and what is checked where it stands; see `kernels.tables`.

    `opens` is the same for all rules whose chains open with the same words, so that they share one place.
    """

    letters: bytes
    left: int
    right: int
    form: int
    action: int
    code: int
    exact: Letters = ()
    tail: bytes = b""
    state: int = 1
    slot: int = -1
    waits: bool = False
    peek: bytes = b""
    link: tuple[int, ...] = ()
    opens: Hashable = None

    @property
    def plain(self) -> bool:
        """Say whether nothing is to be looked at but the characters around it."""
        return not self.exact and not self.tail and self.state <= 1


@dataclass
class Part:
    """What one rule adds: literals, a machine, the state from which it reads whole texts, a lookup's labels.

    `needs` has a bit for each set of literals of which a text must hold one before the rule is looked at more closely;
    `places` is the number of places that its chains remember.
    """

    code: int
    literals: list[Literal] = field(default_factory=list)
    table: Table | None = None
    start: int | None = None
    labels: tuple[int, ...] = ()
    needs: int = 0
    places: int = 0

    @property
    def size(self) -> int:
        """Number of bytes of its literals."""
        return sum(len(literal.letters) for literal in self.literals)


def part_of(rule: ScanRule, schema: LabelSchema, known: Known) -> Part | None:
    """Return what a rule adds to the scan; None: the scan can't take it.

    Parameters
    ----------
    rule
        The rule.
    schema
        Gives the codes of its labels.
    known
        What is found out about the characters of regexes is kept here for the next rule.

    Examples
    --------
    >>> from weaklabel.lf import keywords
    >>> part = part_of(keywords("k", ["Money back"], label="a"), LabelSchema(["a", "b"]), {})
    >>> part.literals[0].letters, part.literals[0].tail
    (b'money', b' back')
    """
    if isinstance(rule, Keywords):
        code = vote_code(rule, rule.label or "", schema)
        terms = {" ".join(comparable(t, case=rule.case, accents=rule.accents).split()) for t in rule.terms}
        return Part(code, [_term(t, rule, code) for t in sorted(terms)])
    if isinstance(rule, Lookup):
        return _lookup(rule, schema) if rule.match == "words" else None
    return _regex(rule, vote_code(rule, rule.label or "", schema), known)


def _term(term: str, rule: Keywords | Lookup, code: int) -> Literal:
    first, *others = (_utf8(word) for word in term.split())
    exact = tuple((byte, byte) for byte in first) if rule.case == "sensitive" else ()
    tail = b"".join(b" " + word for word in others)
    form = FORMS[rule.case, rule.accents]
    return Literal(first, _APART, _APART, form, tables.VOTE, code, exact=exact, tail=tail)


def _lookup(rule: Lookup, schema: LabelSchema) -> Part:
    codes = {label: vote_code(rule, label, schema) for label in all_labels(rule)}
    literals = [_term(term, rule, codes[label]) for term, label in rule.by_term.items()]
    distinct = tuple(dict.fromkeys(codes.values()))
    if len(distinct) > 1:
        for literal in literals:
            literal.action, literal.code = tables.TERM, distinct.index(literal.code)
    return Part(distinct[0], literals, labels=distinct if len(distinct) > 1 else ())


def _regex(rule: Regex, code: int, known: Known) -> Part | None:
    chains = chains_of(rule.compiled, lower=rule.case == "lower", known=known)
    if chains:
        return _chained(chains, code)
    try:
        lowered: Lowered | None = lower_regex(rule.compiled, lower=rule.case == "lower", known=known)
    except CanNotLowerError:
        lowered = None
    if lowered is not None and lowered.starts:
        return _started(rule, lowered, code)
    needed = needed_literals(rule.compiled, lower=rule.case == "lower")
    literals = [
        Literal(literal, _ANY, _ANY, REGEX, tables.NEED, code, slot=bit)
        for bit, choices in enumerate(needed)
        for literal in choices
    ]
    part = Part(code, literals, needs=(1 << len(needed)) - 1)
    if lowered is not None:
        part.table, part.start = lowered.table, lowered.state
    return part if lowered is not None or needed else None


def _chained(chains: tuple[Chain, ...], code: int) -> Part:
    part = Part(code)
    for chain in chains:
        places = [-1, *range(part.places, part.places + len(chain.gaps)), -1]
        part.places += len(chain.gaps)
        for number, words in enumerate(chain.parts):
            link = _link(chain, number, places)
            opens = None if number else (words, link[-1])
            part.literals += [_linked(word, code, link, opens) for word in words]
    return part


def _link(chain: Chain, number: int, places: list[int]) -> tuple[int, ...]:
    """Return what the words of a part ask for, and what is remembered where one stands; see `Patterns.links`."""
    before, after = chain.gaps[max(number - 1, 0)], chain.gaps[min(number, len(chain.gaps) - 1)]
    keep = tables.EARLIEST if after.newlines else tables.EARLIEST_OF_LINE
    if after.most >= 0:
        keep = tables.LATEST
    return places[number], places[number + 1], before.least, before.most, before.newlines, keep


def _linked(word: Word, code: int, link: tuple[int, ...], opens: Hashable) -> Literal:
    letters, exact = _spelt(word.letters)
    return Literal(
        letters, word.left, word.right, REGEX, tables.LINK, code, exact=exact, link=link, opens=opens
    )


def _started(rule: Regex, lowered: Lowered, code: int) -> Part:
    """Return the literals that matches start with, and where machines read far those that must come later."""
    literals = [_start(start, lowered.table, code) for start in lowered.starts]
    reading = [literal for literal in literals if literal.state > 1]
    for literal in reading:
        literal.peek = peek(lowered.table, literal.state)
    if any(start.far for start in lowered.starts):
        later = later_literals(
            rule.compiled, lower=rule.case == "lower", first=[one.letters for one in literals]
        )
        for literal in reading:
            literal.waits = bool(later)
        literals += [Literal(one, _ANY, _ANY, REGEX, tables.LATER, code) for one in later]
    return Part(code, literals, lowered.table)


def _start(start: Start, table: Table, code: int) -> Literal:
    letters, exact = _spelt(start.letters)
    right = start.right if start.state < 2 else start.right & _alive(table, start.state)
    return Literal(letters, start.left, right, REGEX, tables.VOTE, code, exact=exact, state=start.state)


def _alive(table: Table, state: int) -> int:
    """Return the kinds of character on which a machine does not stop at once without a match."""
    moves = np.array(table.moves[state - 2])[np.frombuffer(table.classes, np.uint8)]
    return int(np.bitwise_or.reduce(kinds()[moves != tables.DEAD], initial=0))


def _spelt(letters: Letters) -> tuple[bytes, Letters]:
    """Return a literal's bytes, ASCII case folded, and where case matters the bytes that its letters must be."""
    folded = bytes(a + 32 if 65 <= a <= 90 else a for a, _ in letters)
    return folded, () if _any_case(letters) else letters


def _any_case(letters: Letters) -> bool:
    return all(a + (32 if 65 <= a <= 90 else -32) == b for a, b in letters if chr(a).isalpha())


def _utf8(text: str) -> bytes:
    """Return a text's bytes; a lone surrogate, which no text of a column holds, becomes bytes that none holds."""
    return text.encode("utf-8", "surrogatepass")
