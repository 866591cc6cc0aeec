"""What token patterns need: which components must run, and which literals a text must hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from weaklabel.lf.spacy_pattern import SpacyPattern, TokenPattern

_OF_TOKENS = {
    "POS": "token.pos", "TAG": "token.tag", "MORPH": "token.morph", "DEP": "token.dep", "LEMMA": "token.lemma",
    "NORM": "token.norm", "ENT_TYPE": "token.ent_type", "ENT_IOB": "token.ent_iob", "ENT_ID": "token.ent_id",
    "ENT_KB_ID": "token.ent_kb_id", "IS_SENT_START": "token.is_sent_start", "SENT_START": "token.is_sent_start",
    "_": "token._",
}  # fmt: skip
"""Attributes that a component may write, by spaCy's names for them. All others are the tokenizer's alone."""

_MODEL = {"doc.tensor", "token.norm"}
_READS = {
    "tok2vec": _MODEL,
    "tagger": _MODEL,
    "morphologizer": _MODEL,
    "senter": _MODEL,
    "trainable_lemmatizer": _MODEL,
    "sentencizer": set[str](),
    "parser": {*_MODEL, "token.is_sent_start"},
    "ner": {*_MODEL, "token.is_sent_start", "doc.ents", "token.ent_iob", "token.ent_type"},
}
"""What spaCy's components read, which their `requires` leave out. One that is not listed may read anything."""

_NEVER_TOKENS = {
    "textcat",
    "textcat_multilabel",
    "spancat",
    "spancat_singlelabel",
    "span_finder",
    "span_ruler",
}
"""These write to the document, never to its tokens, which is all that a pattern sees."""

_OFTEN = 0.8
"""A literal look that leaves more than this share of the texts is not worth leaving any out."""
_FOLDS_TO_ASCII = ("\u0130", "\u212a")
"""The only characters beyond ASCII whose lower case holds an ASCII letter: a look for ASCII must let them pass."""


def token_keys(token: Mapping[str, Any]) -> dict[str, Any]:
    """Return a token of a pattern with its keys as spaCy reads them: upper case, ORTH for TEXT.

    Examples
    --------
    >>> token_keys({"text": "A", "OP": "+"})
    {'ORTH': 'A', 'OP': '+'}
    """
    return {("ORTH" if key.upper() == "TEXT" else key.upper()): value for key, value in token.items()}


def read_annotations(rules: Iterable[SpacyPattern]) -> frozenset[str]:
    """Return what rules' patterns and phrases read that components write.

    Examples
    --------
    >>> from weaklabel.lf import spacy_pattern
    >>> sorted(read_annotations([spacy_pattern("a", [{"LOWER": "we"}, {"POS": "VERB"}], label="x")]))
    ['token.pos']
    """
    return frozenset(_OF_TOKENS[key] for key in _keys(rules) if key in _OF_TOKENS)


def _keys(rules: Iterable[SpacyPattern]) -> set[str]:
    keys: set[str] = set()
    for rule in rules:
        keys |= {key for pattern in rule.patterns for token in pattern for key in token_keys(token)}
        keys |= {*token_keys({rule.attr: ""})} if rule.phrases else set()
    return keys


def spare_words(nlp: Any, rules: Iterable[SpacyPattern]) -> None:
    """Have a pipeline that only cuts texts work out no more of new words than rules read; it works out twenty things.

    Examples
    --------
    >>> import spacy
    >>> from weaklabel.lf import spacy_pattern
    >>> nlp = spacy.blank("en")
    >>> spare_words(nlp, [spacy_pattern("a", [{"LOWER": "we"}], label="x")])
    >>> nlp("Never-met")[0].lower_, nlp("Never-met")[0].shape_
    ('never', '')
    """
    from spacy.attrs import IDS

    keys = _keys(rules)
    if "_" in keys:  # people's own code, which may look at anything
        return
    read = {IDS[key] for key in keys if key in IDS}
    nlp.vocab.lex_attr_getters = {key: get for key, get in nlp.vocab.lex_attr_getters.items() if key in read}


def idle_components(nlp: Any, wanted: Iterable[str]) -> list[str]:
    """Return the components that need not run for what is wanted, going by what each declares that it writes.

    Parameters
    ----------
    nlp
        A pipeline.
    wanted
        As `read_annotations` gives it.

    Examples
    --------
    >>> import spacy
    >>> nlp = spacy.blank("en")
    >>> _ = nlp.add_pipe("sentencizer"), nlp.add_pipe("entity_ruler")
    >>> idle_components(nlp, {"token.ent_type"}), idle_components(nlp, set())
    (['sentencizer'], ['sentencizer', 'entity_ruler'])
    """
    missing = set(wanted)
    everything = False
    idle = []
    for name, component in reversed(nlp.pipeline):
        meta = nlp.get_pipe_meta(name)
        foreign = not is_spacys(nlp, name)
        writes = _writes(meta, component)
        touched = (
            bool(missing) and meta.factory not in _NEVER_TOKENS if writes is None else bool(writes & missing)
        )
        if not (everything or foreign or meta.retokenizes or touched):
            idle.append(name)
            continue
        reads = _reads(nlp, name, component)
        everything = everything or foreign or reads is None
        missing |= {*meta.requires, *(reads or ())}
    return idle[::-1]


def is_spacys(nlp: Any, name: str) -> bool:
    """Say whether a component, with all that it is made of, is spaCy's own, so that its version says what it does."""
    made_of = [str(value) for key, value in _settings(nlp.get_pipe_config(name)) if key.startswith("@")]
    return _own_code(nlp.get_pipe(name)) and all(value.startswith("spacy.") for value in made_of)


def is_plain(nlp: Any, idle: Sequence[str]) -> bool:
    """Say whether nothing but spaCy's own code makes and reads the tokens, and the tokenizer leaves the text as it is.

    Examples
    --------
    >>> import spacy
    >>> is_plain(spacy.blank("en"), ())
    True
    """
    from spacy.attrs import LOWER
    from spacy.tokenizer import Tokenizer

    callbacks = [value for key, value in nlp.config["nlp"].items() if key.endswith("_creation")]
    return (
        type(nlp.tokenizer) is Tokenizer
        and _own_code(nlp)
        and _own_code(nlp.vocab.lex_attr_getters.get(LOWER))
        and not any(callbacks)
        and all(is_spacys(nlp, name) for name in nlp.pipe_names if name not in idle)
    )


def _own_code(thing: object) -> bool:
    module = getattr(thing, "__module__", None) or type(thing).__module__
    return str(module).partition(".")[0] == "spacy"


def _settings(config: Any) -> Iterator[tuple[str, Any]]:
    """Yield every key and value of nested settings."""
    for key, value in config.items():
        yield str(key), value
        if isinstance(value, Mapping):
            yield from _settings(value)


def _writes(meta: Any, component: Any) -> set[str] | None:
    """Return what a component writes; None: it does not say."""
    if meta.factory == "attribute_ruler":
        return {f"token.{str(key).lower()}" for one in component.patterns for key in one["attrs"]}
    if meta.factory in ("entity_ruler", "future_entity_ruler", "entity_linker", "ner"):
        return {
            *meta.assigns,
            "doc.ents",
            *(f"token.{name}" for name in ("ent_type", "ent_iob", "ent_id", "ent_kb_id")),
        }
    return set(meta.assigns) or None


def _reads(nlp: Any, name: str, component: Any) -> set[str] | None:
    """Return what a component reads beyond what it declares; None: it may read anything."""
    meta = nlp.get_pipe_meta(name)
    if meta.factory == "attribute_ruler":
        patterns = [token for one in component.patterns for pattern in one["patterns"] for token in pattern]
    elif meta.factory == "entity_ruler" and component.phrase_matcher_attr is None:
        tokens = [one["pattern"] for one in component.patterns if isinstance(one["pattern"], list)]
        patterns = [token for pattern in tokens for token in pattern]
    elif meta.factory in _READS:
        embedded = [value for key, value in _settings(nlp.get_pipe_config(name)) if key == "attrs"]
        return _READS[meta.factory] | {
            _OF_TOKENS[key] for keys in embedded for key in keys if key in _OF_TOKENS
        }
    else:
        return None
    keys = {key for token in patterns for key in token_keys(token)}
    entities = {"doc.ents", "token.ent_type", "token.ent_iob"} if meta.factory == "entity_ruler" else set()
    return entities | {_OF_TOKENS[key] for key in keys if key in _OF_TOKENS}


@dataclass(frozen=True)
class Literals:
    """Of which a text must hold one for any rule of a group to match."""

    exact: tuple[str, ...]
    ascii: tuple[str, ...]

    def candidates(self, texts: Sequence[str]) -> list[int] | None:
        """Return the positions of texts that may match; None where the look leaves out too few to matter.

        Examples
        --------
        >>> look = Literals(exact=("Geld",), ascii=("money",))
        >>> look.candidates(["MONEY back", "Geld", "geld", "", "x"]), look.candidates(["money"])
        ([0, 1], None)
        """
        column = pl.Series("text", texts, pl.String)
        held = pl.zeros(len(texts), pl.Int8, eager=True).cast(pl.Boolean)
        if self.ascii:
            held |= column.str.contains_any([*self.ascii], ascii_case_insensitive=True)
            held |= column.str.contains_any([*_FOLDS_TO_ASCII])
        if self.exact:
            held |= column.str.contains_any([*self.exact])
        return None if held.sum() > _OFTEN * len(texts) else held.arg_true().to_list()


def required_literals(rules: Iterable[SpacyPattern], phrases: Iterable[TokenPattern] = ()) -> Literals | None:
    """Return literals of which every text on which some rule fires holds one; None: no such are known.

    A token that must be there and whose text is given (ORTH or LOWER, one value or IN several) is a part of the text, as
    spaCy's tokenizer cuts texts without changing them. The rules' phrases are given as the token patterns that say the
    same.

    Examples
    --------
    >>> from weaklabel.lf import spacy_pattern
    >>> required_literals([spacy_pattern("a", [{"LOWER": "money"}, {"LIKE_NUM": True}], label="x")])
    Literals(exact=(), ascii=('money',))
    >>> required_literals([spacy_pattern("a", [{"LOWER": "money", "OP": "?"}, {"TEXT": "A"}], label="x")])
    Literals(exact=('A',), ascii=())
    >>> required_literals([spacy_pattern("a", [[{"LOWER": "money"}], [{"LIKE_NUM": True}]], label="x")])
    """
    exact: set[str] = set()
    ascii: set[str] = set()
    for pattern in (*(pattern for rule in rules for pattern in rule.patterns), *phrases):
        choice = max((found for token in pattern for found in _choices(token)), key=_worth, default=None)
        if choice is None:
            return None
        name, values = choice
        (exact if name == "ORTH" else ascii).update(values)
    return Literals(tuple(sorted(exact)), tuple(sorted(ascii)))


def must_be_there(token: Mapping[str, Any]) -> bool:
    """Say whether a pattern matches only where at least one token is as `token` says.

    Examples
    --------
    >>> [must_be_there({"LOWER": "a", "OP": op}) for op in ("+", "{2,}", "?", "{,2}")]
    [True, True, False, False]
    """
    operator = token_keys(token).get("OP", "1")
    if operator.startswith("{"):
        least = operator.strip("{}").partition(",")[0]
        return least.isdecimal() and int(least) > 0
    return operator in ("1", "+")


def _choices(token: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, ...]]]:
    if not must_be_there(token):
        return
    keys = token_keys(token)
    for name in ("ORTH", "LOWER"):
        values = _values(keys.get(name))
        if name == "LOWER":
            values = tuple(_ascii_part(value) for value in values)
        if values and all(values):
            yield name, values


def _values(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    if isinstance(value, Mapping):
        listed = {key.upper(): given for key, given in value.items()}.get("IN", ())
        return tuple(listed)
    return ()


def _ascii_part(text: str) -> str:
    """Return the longest run of ASCII in a lower-cased word, which is in the text but for the case of its letters."""
    runs = "".join(c if c.isascii() else " " for c in text).split(" ")
    return max(runs, key=len)


def _worth(choice: tuple[str, tuple[str, ...]]) -> tuple[int, int]:
    """Order literals: long ones are rare; fewer are rarer."""
    _, values = choice
    return min(map(len, values)), -len(values)
