"""Rule packs: YAML files for experts who write no Python.

A pack gives the same frozen objects as the makers do. Its form::

    defaults: {owner: support, field: text}    # if wanted: for each rule of the file
    rules:
      - name: asks_refund
        kind: keywords                         # keywords, regex, where, spacy, lookup or score
        label: returns
        terms: [refund, money back]
        fires_on: ["I want my money back"]
        abstains_on: ["refundable"]
      - {name: has_link, kind: regex, label: spam, pattern: 'https?://', case: ignore}
      - {name: very_short, kind: where, label: ham, sql: "length(text) < 20"}
      - {name: money_back, kind: spacy, label: returns, patterns: [[{LOWER: money}, {LOWER: back}]]}
      - {name: returns_it, kind: spacy, label: returns, phrases: [send back, return parcel], attr: LOWER}
      - {name: brands, kind: lookup, label: technical, words: words/brands.txt}
      - {name: cities, kind: lookup, table: words/cities.csv, term: city, labels: topic}
      - {name: at_the_end, kind: keywords, label: feedback, terms: [thanks, cheers], last_words: 5}
      - {name: happy, kind: keywords, label: feedback, terms: [happy], not_after: {terms: [not, never], within: 2}}
      - {name: model_says, kind: score, field: p_spam, bins: [{label: spam, from: 0.9}, {label: ham, to: 0.1}]}
      - {name: plans, kind: lookup, match: exact, field: plan, entries: {gold: vip, silver: regular}}
    taxonomy: {schema: schema.yaml, leave_out: [cv], spellings: {go: [golang]}}    # one rule per label, from its names
    regex_tables:                              # one rule per line of a table, for published rule sets
      - {path: rules/sms.tsv, within: SOME_VARIABLE, name: "sms_{row:02d}", label: label, pattern: regex, case: lower}

Every rule may have id, description, owner, version, tags, fires_on, abstains_on, on_error, state, valid_from, valid_until
and muted too. A label may be a set
or a negation, ``{any_of: [delivery, returns]}`` or ``{none_of: [spam]}``. Where a lookup gives a label per term,
`fires_on` may be examples by label, ``{vip: ["gold"], regular: ["silver"]}``. Paths are relative to the YAML file; `within` names an environment variable with the folder instead. `{row}` counts the table's rules from 0. `weaklabel.rules_from_taxonomy` says what the rules of `taxonomy` look for; another rule with the id of one of
them, "tag.go", takes its place.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from weaklabel.errors import Problems, RuleError, WeakLabelError, did_you_mean
from weaklabel.lf.base import META, LabelingFunction, Source
from weaklabel.lf.keywords import keywords
from weaklabel.lf.lookup import lookup, read_text, table_rows
from weaklabel.lf.options import list_hint, option
from weaklabel.lf.outcomes import outcome_from
from weaklabel.lf.regex import regex
from weaklabel.lf.score import score
from weaklabel.lf.spacy_pattern import spacy_pattern
from weaklabel.lf.taxonomy import rules_from_taxonomy, without_overridden
from weaklabel.lf.where import where
from weaklabel.lf.yaml_hints import error_line, syntax_hint
from weaklabel.schema import Outcome

WINDOWS = ("near", "not_after", "not_before")
COUNTS = ("first_words", "last_words", "at_least", "times")
_DAYS = ("valid_from", "valid_until")
_COMMON = ("name", "kind", "label", *META)
_KINDS: dict[str, tuple[str, ...]] = {
    "keywords": ("terms", "field", "case", "accents", *WINDOWS, *COUNTS),
    "regex": ("pattern", "field", "case"),
    "where": ("sql",),
    "spacy": ("patterns", "phrases", "attr", "field", "pipeline"),
    "lookup": ("words", "table", "entries", "term", "labels", "match", "field", "case", "accents"),
    "score": ("bins", "field"),
}
_NEEDED = {"keywords": "terms", "regex": "pattern", "where": "sql", "score": "bins"}
_LABELLED = ("keywords", "regex", "where", "spacy")
_SOURCES_OF_TERMS = ("words", "table", "entries")
_TABLE = (
    "path",
    "within",
    "name",
    "label",
    "pattern",
    "field",
    "case",
    "owner",
    "version",
    "tags",
    "on_error",
)
_LISTS = {"terms", "patterns", "phrases", "bins", "tags", "fires_on", "abstains_on", "leave_out"}
_TAXONOMY = ("schema", "spellings", "leave_out", "field", "owner")
_TOP = ("defaults", "rules", "regex_tables", "taxonomy")
_OWN = {"name", "id", "fires_on", "abstains_on", "description"}


@dataclass(frozen=True)
class _Value:
    """A value of the file and where it stands."""

    value: Any
    at: Source


_Keys = dict[str, _Value]


@dataclass
class _Pack:
    path: Path
    text: str
    loader: Any
    rules: list[LabelingFunction] = field(default_factory=list)
    problems: list[WeakLabelError] = field(default_factory=list)

    def at(self, node: yaml.Node) -> Source:
        return Source(str(self.path), node.start_mark.line + 1, node.start_mark.column + 1)

    def problem(self, what: str, at: Source, **more: Any) -> None:
        self.problems.append(RuleError(what, where=at.precise, **more))


def load_pack(path: str | Path) -> tuple[LabelingFunction, ...]:
    """Read the rules of a YAML rule pack; the module's docstring gives its form.

    Raises
    ------
    Problems
        With every problem of the file, each with file, line and column.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     pack = Path(folder) / "pack.yaml"
    ...     _ = pack.write_text("rules: [{name: has_link, kind: regex, label: spam, pattern: 'https?://'}]")
    ...     [rule] = load_pack(pack)
    >>> rule == regex("has_link", "https?://", label="spam")
    True
    """
    rules, problems = read_pack(path)
    if problems:
        raise Problems(str(path), problems)
    return tuple(rules)


def read_pack(path: str | Path) -> tuple[list[LabelingFunction], list[WeakLabelError]]:
    """Return the sound rules of a pack, and the problems of the others."""
    path = Path(path)
    try:
        text = read_text(path, str(path))
    except RuleError as error:
        return [], [error]
    try:
        loader, node = _composed(text)
    except yaml.YAMLError as error:
        return [], [_broken_yaml(path, text, error)]
    pack = _Pack(path, text, loader)
    if node is None:
        pack.problem(
            "the file holds no rules", Source(str(path), 1), hint="rules: [{name: …, kind: keywords, …}]"
        )
        return pack.rules, pack.problems
    top = _mapping(pack, node, "a rule pack", _TOP)
    defaults = _defaults(pack, top.get("defaults"))
    for rule in _list(pack, top, "rules"):
        _read_rule(pack, rule, defaults)
    for table in _list(pack, top, "regex_tables"):
        _read_table(pack, table, defaults)
    if "taxonomy" in top:
        _read_taxonomy(pack, top["taxonomy"], defaults)
        pack.rules = without_overridden(pack.rules)
    if not (pack.rules or pack.problems):
        pack.problem("the file holds no rules", pack.at(node), available=_TOP)
    return pack.rules, pack.problems


def _composed(text: str) -> tuple[Any, Any]:
    """Return a loader and the node that it read, by libyaml where that is there: ten times as quick.

    What libyaml can't read is read again in Python, whose errors are clearer.
    """
    quick = getattr(yaml, "CSafeLoader", None)
    if quick is not None:
        with contextlib.suppress(yaml.YAMLError):
            loader = quick(text)
            return loader, loader.get_single_node()
    plain = yaml.SafeLoader(text)
    return plain, plain.get_single_node()


def _broken_yaml(path: Path, text: str, error: yaml.YAMLError) -> RuleError:
    problem = (
        getattr(error, "problem", None) or getattr(error, "reason", None) or str(error).replace("\n", " ")
    )
    place = f"{path}{error_line(text, error)}"
    return RuleError(f"not valid YAML: {problem}", where=place, hint=syntax_hint(text, error))


def _mapping(pack: _Pack, node: yaml.Node, kind: str, known: Iterable[str]) -> dict[str, yaml.Node]:
    """Return a mapping's values by key; unknown and doubled keys are problems."""
    if not isinstance(node, yaml.MappingNode):
        pack.problem(f"{kind} is a mapping with {', '.join(known)}", pack.at(node))
        return {}
    _flatten(pack, node, kind)
    return _nodes(pack, node, kind, known)


def _flatten(pack: _Pack, node: yaml.MappingNode, kind: str) -> None:
    """Put merged keys (`<<: *base`) before the mapping's own; its own must not stand twice."""
    seen: set[str] = set()
    for key, _ in node.value:
        if key.value in seen and key.value != "<<":
            pack.problem(f"key {key.value!r} stands twice in {kind}", pack.at(key))
        seen.add(str(key.value))
    pack.loader.flatten_mapping(node)


def _nodes(pack: _Pack, node: yaml.MappingNode, kind: str, known: Iterable[str]) -> dict[str, yaml.Node]:
    found: dict[str, yaml.Node] = {}
    for key, value in node.value:
        if key.value in known:
            found[str(key.value)] = value
        else:
            spaced = f"write a space after the -: - {key.value[1:]}" if str(key.value)[:1] == "-" else None
            hint = spaced or did_you_mean(key.value, known)
            pack.problem(f"unknown key {key.value!r} in {kind}", pack.at(key), available=known, hint=hint)
    return found


def _list(pack: _Pack, top: Mapping[str, yaml.Node], key: str) -> list[yaml.Node]:
    node = top.get(key)
    if node is None:
        return []
    if not isinstance(node, yaml.SequenceNode):
        pack.problem(f"`{key}` is a list", pack.at(node), hint=f"{key}:\n- name: …")
        return []
    return list(node.value)


def _values(pack: _Pack, nodes: Mapping[str, yaml.Node], *, outcomes: bool = True) -> _Keys:
    """Return the values that are of the right type; the others are problems."""
    found: _Keys = {}
    for key, node in nodes.items():
        try:
            value = pack.loader.construct_object(node, deep=True)
        except yaml.YAMLError as error:
            pack.problems.append(_broken_yaml(pack.path, pack.text, error))
            continue
        if key == "version" and isinstance(node, yaml.ScalarNode):
            value = node.value
        if key == "label" and outcomes:
            try:
                value = outcome_from(value, pack.path)
            except RuleError as error:
                error.where = pack.at(node).precise
                pack.problems.append(error)
                continue
        wanted = _wanted(key, value)
        if wanted:
            pack.problem(
                f"`{key}` is {wanted}, not {value!r}", pack.at(node), hint=_value_hint(pack, key, value, node)
            )
        else:
            found[key] = _Value(value, pack.at(node))
    return found


def _value_hint(pack: _Pack, key: str, value: Any, node: yaml.Node) -> str | None:
    if key in _LISTS:
        return None if isinstance(value, dict) or key == "patterns" else list_hint(key, value, pack.path)
    if key == "label" and isinstance(value, list) and all(isinstance(label, str) for label in value):
        return option(key, {"any_of": value}, pack.path)
    if key == "entries" or isinstance(value, list | dict):
        return None
    return f'quote it: {key}: "{node.value}"'


def _wanted(key: str, value: Any) -> str | None:
    if key == "fires_on" and isinstance(value, dict):
        return None  # by label, for kinds that choose one: the maker looks at it
    if key == "label" and isinstance(value, Outcome):
        return None
    if key in _LISTS:
        return None if isinstance(value, list) else "a list"
    if key == "entries":
        return None if isinstance(value, dict) else "a mapping from term to label"
    if key == "spellings":
        sound = isinstance(value, dict) and all(isinstance(own, list) for own in value.values())
        return None if sound else "a mapping from label to a list of spellings"
    if key in WINDOWS:
        return None if isinstance(value, dict) else "a mapping with terms and within"
    if key in COUNTS:
        return None if isinstance(value, int) and not isinstance(value, bool) else "a whole number"
    if key in _DAYS:
        return None if isinstance(value, str | date) else "a day such as 2026-03-31"
    if key == "muted":
        return None if isinstance(value, bool) else "true or false"
    return None if isinstance(value, str) else "text"


def _defaults(pack: _Pack, node: yaml.Node | None) -> _Keys:
    if node is None:
        return {}
    known = [
        k for k in dict.fromkeys([*_COMMON, *(k for keys in _KINDS.values() for k in keys)]) if k not in _OWN
    ]
    return _values(pack, _mapping(pack, node, "`defaults`", known))


def _read_rule(pack: _Pack, node: yaml.Node, defaults: _Keys) -> None:
    before = len(pack.problems)
    if not isinstance(node, yaml.MappingNode):
        hint = "- {name: …, kind: keywords, label: …, terms: […]}"
        pack.problem("a rule is a mapping", pack.at(node), hint=hint)
        return
    _flatten(pack, node, "a rule")
    kind = _kind(pack, node, defaults)
    if kind is None:
        return
    known = (*_COMMON, *_KINDS[kind])
    keys = _values(pack, _nodes(pack, node, f"a {kind} rule", known))
    keys = {**{k: v for k, v in defaults.items() if k in known}, **keys}
    at = pack.at(node)
    voting = kind in _LABELLED and ("state" not in keys or keys["state"].value != "slice")
    needs = ("name", _NEEDED.get(kind, "name"), *(("label",) if voting else ()))
    for needed in (*needs, *(("field",) if kind == "score" else ())):
        if needed not in keys and len(pack.problems) == before:
            name = f" {keys['name'].value!r}" if "name" in keys else ""
            pack.problem(f"rule{name} has no `{needed}`", at, available=known)
    if len(pack.problems) > before:
        return
    try:
        pack.rules.append(_make(pack, kind, keys, at))
    except RuleError as error:
        pack.problems.append(_placed(error, keys, kind, at))


def _kind(pack: _Pack, node: yaml.MappingNode, defaults: _Keys) -> str | None:
    stated = [value for key, value in node.value if key.value == "kind"]
    given = stated[-1].value if stated else defaults["kind"].value if "kind" in defaults else None
    if given not in _KINDS:
        what = "a rule has no `kind`" if given is None else f"unknown kind {given!r}"
        hint = None if given is None else did_you_mean(given, _KINDS)
        pack.problem(what, pack.at(stated[-1] if stated else node), available=_KINDS, hint=hint)
        return None
    return str(given)


def _make(pack: _Pack, kind: str, keys: _Keys, at: Source) -> LabelingFunction:
    options = {key: value.value for key, value in keys.items() if key != "kind"}
    name = options.pop("name")
    options["source"] = at
    if kind == "lookup":
        return lookup(name, _terms(pack, options), **options)
    makers: dict[str, Callable[..., LabelingFunction]] = {
        "keywords": keywords,
        "regex": regex,
        "where": where,
        "spacy": spacy_pattern,
        "score": score,
    }
    first = [options.pop(_NEEDED[kind])] if kind in _NEEDED else []
    return makers[kind](name, *first, **options)


def _terms(pack: _Pack, options: dict[str, Any]) -> Path | dict[str, Any]:
    given = [key for key in _SOURCES_OF_TERMS if key in options]
    if len(given) != 1:
        raise RuleError(
            f"a lookup takes one of {', '.join(_SOURCES_OF_TERMS)}, not {' and '.join(given) or 'none'}",
            hint="words: words/brands.txt",
        )
    value = options.pop(given[0])
    if given[0] == "entries":
        return {term: outcome_from(label, pack.path) for term, label in value.items()}
    return pack.path.parent / str(value)


def _placed(error: RuleError, keys: _Keys, kind: str, at: Source) -> RuleError:
    """Put the line and column of the key that is wrong into a maker's error."""
    named = [k for k in keys if f"`{k}`" in error.what or error.what.startswith(f"unknown {k} ")]
    if " is no id: " in error.what:
        named = ["id", "name"]
    candidates = [*named, _NEEDED.get(kind, ""), *_SOURCES_OF_TERMS, "patterns", "phrases"]
    place = next((keys[k].at for k in candidates if k in keys), at).precise
    own = f"rule {keys['name'].value!r} at {place}"
    inner = error.where or ""
    error.where = own if not inner or at.file in inner else f"{inner}, {own}"
    return error


def _read_taxonomy(pack: _Pack, node: yaml.Node, defaults: _Keys) -> None:
    before = len(pack.problems)
    keys = _values(pack, _mapping(pack, node, "`taxonomy`", _TAXONOMY))
    if len(pack.problems) > before:
        return
    shared: dict[str, Any] = {key: defaults[key].value for key in ("field", "owner") if key in defaults}
    options = {**shared, **{key: value.value for key, value in keys.items()}}
    schema = options.pop("schema", "schema.yaml")
    overrides = options.pop("spellings", {})
    try:
        pack.rules += rules_from_taxonomy(schema, overrides=overrides, source=pack.at(node), **options)
    except Problems as error:
        pack.problems += [*error.problems]
    except WeakLabelError as error:
        error.where = error.where or pack.at(node).precise
        pack.problems.append(error)


def _read_table(pack: _Pack, node: yaml.Node, defaults: _Keys) -> None:
    before = len(pack.problems)
    keys = _values(pack, _mapping(pack, node, "a regex table", _TABLE), outcomes=False)
    shared = {k: v for k, v in defaults.items() if k in _TABLE and k != "label"}
    keys = {**shared, **keys}
    for needed in ("path", "name", "label", "pattern"):
        if needed not in keys and len(pack.problems) == before:
            pack.problem(f"a regex table has no `{needed}`", pack.at(node), available=_TABLE)
    if len(pack.problems) > before:
        return
    try:
        path = _table_path(pack, keys)
        rows = table_rows(path, keys["path"].at.precise)
    except RuleError as error:
        pack.problems.append(error)
        return
    for made in _table_rules(path, rows, keys):
        if isinstance(made, LabelingFunction):
            pack.rules.append(made)
        else:
            pack.problems.append(made)


def _table_path(pack: _Pack, keys: _Keys) -> Path:
    path = keys["path"].value
    if "within" not in keys:
        return pack.path.parent / path
    variable = keys["within"].value
    folder = os.environ.get(variable)
    if not folder:
        raise RuleError(
            f"the environment variable {variable} is not set: it names the folder that holds {path}",
            where=keys["within"].at.precise,
            hint=f"{variable}=/path/to/folder",
        )
    return Path(folder) / path


def _table_rules(
    path: Path, rows: list[tuple[int, dict[str, str]]], keys: _Keys
) -> Iterator[LabelingFunction | WeakLabelError]:
    options = {k: keys[k].value for k in ("field", "case", *META) if k in keys}
    for column in (keys["label"], keys["pattern"]):
        if rows and column.value not in rows[0][1]:
            hint = did_you_mean(column.value, rows[0][1])
            yield RuleError(
                f"no column {column.value!r} in {path}",
                where=column.at.precise,
                available=rows[0][1],
                hint=hint,
            )
            return
    for i, (line, row) in enumerate(rows):
        source = Source(str(path), line)
        try:
            name = keys["name"].value.format(row=i, line=line)
        except (KeyError, IndexError, ValueError, AttributeError) as error:
            yield RuleError(
                f"broken name template {keys['name'].value!r}: {error}",
                where=keys["name"].at.precise,
                hint='name: "sms_{row:02d}"',
            )
            return
        try:
            label, pattern = row[keys["label"].value], row[keys["pattern"].value]
            yield regex(name, pattern, label=label, source=source, **options)
        except RuleError as error:
            yield error
