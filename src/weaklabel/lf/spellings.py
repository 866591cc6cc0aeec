"""How a label's name and aliases may be written in a text: hyphens, joined words, plurals, the case of acronyms.

A spelling is a name or an alias as the taxonomy has it; its forms are what is looked for. Forms are made by rules of
English that are safe without a dictionary; what they can't know is left to the corpus (`weaklabel.explore.spellings`).
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass

SHORT = 4
"""Most letters of an acronym whose case counts."""

_BREAKS = re.compile(r"[\s\-_/]+")
_VOWELS = frozenset("aeiou")
_SMALL_WORDS = frozenset({"of", "the", "and", "for", "in", "to", "a", "an"})
_SINGULAR = ("ss", "us", "is", "as", "os", "ics", "ness")
_NO_PLURALS = frozenset({"news", "lens", "series", "species", "bayes", "kubernetes"})
_HISSES = ("ch", "sh", "ss", "x", "z")


@dataclass(frozen=True)
class Spelling:
    """A name or alias, and the forms in which it is looked for.

    Parameters
    ----------
    text
        As the taxonomy has it.
    forms
        What is looked for as whole words.
    exact
        The forms are matched as they are; else in any case.
    lone
        It is a single letter: it must not touch a hyphen, an apostrophe, &, + or # either.

    Examples
    --------
    >>> Spelling("gan", ("GAN", "GANs"), exact=True).pattern
    '(?<!\\\\w)(?:GAN|GANs)(?!\\\\w)'
    """

    text: str
    forms: tuple[str, ...]
    exact: bool = False
    lone: bool = False

    @property
    def pattern(self) -> str:
        """The regular expression that finds it."""
        found = "|".join(r"\s+".join(map(re.escape, form.split())) for form in self.forms)
        before, after = (r"(?<![\w&'’.\-])", r"(?![\w&'’+#\-])") if self.lone else (r"(?<!\w)", r"(?!\w)")
        return f"{before}(?:{found}){after}" if self.exact else f"{before}(?i:{found}){after}"


def spellings(
    names: Iterable[str], *, taken: Collection[str] = frozenset(), own: Iterable[str] = ()
) -> tuple[Spelling, ...]:
    """Return how the names of one label (its name, then its aliases) may be written.

    Parameters
    ----------
    names
        The name and the aliases.
    taken
        Names and aliases of all labels, case-folded: a form that is another label's is left out, and so is one that an
        earlier name has.
    own
        Names among `taken` that are this label's too.

    Examples
    --------
    >>> for one in spellings(["graph-neural-networks", "gnn"]):
    ...     one.text, one.forms[:4]
    ('graph-neural-networks', ('graph neural networks', 'graph neural-networks', 'graph neuralnetworks', 'graph-neural networks'))
    ('gnn', ('gnn', 'gnns'))
    >>> [one.forms for one in spellings(["information-retrieval", "ir"]) if one.exact]
    [('IR',)]
    """
    listed = list(dict.fromkeys(" ".join(unicodedata.normalize("NFC", name).split()) for name in names))
    mine = {name.casefold() for name in (*listed, *own)}
    seen: set[str] = set()
    found = []
    for name in listed:
        exact = acronym_forms(name, listed)
        made = exact or variants(name)
        forms = tuple(
            form
            for form in made
            if form not in seen and (form.casefold() in mine or form.casefold() not in taken)
        )
        seen.update(forms)
        if forms:
            found.append(Spelling(name, forms, exact=exact is not None, lone=len(name) == 1))
    return tuple(found)


def acronym_forms(name: str, names: Iterable[str]) -> tuple[str, ...] | None:
    """Return the forms of a short name whose case counts; None where case says nothing.

    Case counts where the lower-case form could be a word of its own: names of up to four letters that are written with
    capitals (they match as written, or all in capitals); single letters, and initials of another name of the label with
    a vowel among them (in capitals only); other names of two letters with a vowel (not all in lower case).

    Examples
    --------
    >>> acronym_forms("gan", ["generative-adversarial-networks", "gan"]), acronym_forms("RL", ["RL"])
    (('GAN', 'GANs'), ('RL',))
    >>> acronym_forms("go", ["go"]), acronym_forms("r", ["r"]), acronym_forms("iOS", ["iOS"])
    (('Go', 'GO'), ('R',), ('iOS', 'IOS'))
    >>> acronym_forms("nlp", ["natural-language-processing", "nlp"]), acronym_forms("java", ["java"])
    (None, None)
    """
    if not name.isalnum() or len(name) > SHORT or name.upper() == name.lower():
        return None
    if len(name) == 1:
        return (name.upper(),)
    capitals = sum(letter.isupper() for letter in name)
    if capitals > 1:
        forms = [name, name.upper()]
    elif capitals or not _VOWELS.intersection(name):
        return None
    elif any(_are_initials(name, other) for other in names):
        forms = [name.upper()]
    elif len(name) == 2 and name.isalpha():
        forms = [name.capitalize(), name.upper()]
    else:
        return None
    plurals = [f"{form}s" for form in forms] if len(name) > 2 and name[-1] not in "sS" else []
    return tuple(dict.fromkeys([*forms, *plurals]))


def _are_initials(short: str, name: str) -> bool:
    """Say whether a short name is the initials of the first words of another, with or without its small words."""
    words = [word for word in _BREAKS.split(name.lower()) if word]
    large = [word for word in words if word not in _SMALL_WORDS]
    return any(
        len(some) >= len(short) > 1 and "".join(word[0] for word in some[: len(short)]) == short
        for some in (words, large)
    )


def variants(name: str) -> tuple[str, ...]:
    """Return the forms of a name that is matched in any case: its breaks as spaces, hyphens or nothing, its plural.

    Examples
    --------
    >>> variants("unit-tests")
    ('unit tests', 'unit-tests', 'unittests', 'unit test', 'unit-test', 'unittest')
    >>> variants("ci-cd")
    ('ci cd', 'ci-cd', 'cicd', 'ci.cd', 'ci/cd')
    >>> variants("library"), variants("c++"), variants("robotics")
    (('library', 'libraries'), ('c++',), ('robotics',))
    """
    words = [word for word in _BREAKS.split(name) if word]
    if not words:
        return (name,)
    lasts = [words[-1], *_other_number(words[-1])]
    forms = [form for last in lasts for form in _joined([*words[:-1], last])]
    return tuple(dict.fromkeys([*forms, name]))


def _joined(words: list[str]) -> list[str]:
    """Return words with all that may stand between them."""
    gaps = [_between(*pair, few=len(words) <= 3) for pair in itertools.pairwise(words)]
    if len(words) > 4:
        plain = [" "] * len(gaps)
        one = [[*plain[:at], "-", *plain[at + 1 :]] for at in range(len(gaps))]
        chosen = [plain, ["-"] * len(gaps), *one]
    else:
        chosen = [list(choice) for choice in itertools.product(*gaps)]
    chosen.append([""] * len(gaps))
    return ["".join(itertools.chain(*zip(words, [*choice, ""], strict=True))) for choice in chosen]


def _between(left: str, right: str, *, few: bool) -> list[str]:
    """Return what may stand between two words; a dot or a slash only between or before short ones."""
    more = ["."] if len(right) <= 3 and few else []
    more += ["/"] if max(len(left), len(right)) <= 3 and few else []
    return [" ", "-", *([""] if few else []), *more]


def _other_number(word: str) -> tuple[str, ...]:
    """Return the plural of an English word, or the singular of a plural; nothing where that is not safe to say."""
    lower = word.lower()
    if len(word) < 3 or not word.isalpha() or not word.isascii():
        return ()
    if not lower.endswith("s"):
        if lower.endswith("y") and lower[-2] not in _VOWELS:
            return (f"{word[:-1]}ies",)
        return (f"{word}es",) if lower.endswith(_HISSES) else (f"{word}s",)
    if len(word) < 4 or lower in _NO_PLURALS or lower.endswith(_SINGULAR) or not _VOWELS.intersection(lower):
        return (f"{word}es",) if lower.endswith("ss") and len(word) > 3 else ()
    if lower.endswith("ies") and len(word) > 4:
        return (f"{word[:-3]}y",)
    if lower.endswith("es") and lower[:-2].endswith(_HISSES):
        return (word[:-2],)
    return (word[:-1],)
