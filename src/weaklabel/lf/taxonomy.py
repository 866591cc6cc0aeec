"""Rules out of a taxonomy: one for each label, from its name and aliases."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from weaklabel.errors import Problems, RuleError, WeakLabelError, did_you_mean
from weaklabel.fingerprint import fingerprint
from weaklabel.lf.base import LabelingFunction, Source, caller, check_field, slug
from weaklabel.lf.keywords import keywords
from weaklabel.lf.regex import regex
from weaklabel.lf.spellings import Spelling, spellings
from weaklabel.schema import Label, LabelSchema

FROM_TAXONOMY = "taxonomy"
"""Tag of every rule that is made here; such a rule gives way to another of its id."""

_WORDS = {"+": "plus", "#": "sharp", "&": "and", "*": "star", "@": "at"}

Taxonomy = LabelSchema | str | Path | Iterable[str | Label | Mapping[str, Any]]
Override = LabelingFunction | Iterable[str]


def rules_from_taxonomy(
    taxonomy: Taxonomy,
    *,
    field: str = "text",
    overrides: Mapping[str, Override] | None = None,
    leave_out: Iterable[str] = (),
    owner: str = "",
    source: Source | None = None,
) -> list[LabelingFunction]:
    """Return one rule for each label of a taxonomy: it votes for the label where its name or an alias stands.

    Names and aliases are looked for as whole words, in any case, with hyphens or spaces or nothing between their words, in the singular and
    the plural. Names of up to four letters whose lower-case form could be another word are looked for in capitals: "gan",
    the initials of "generative-adversarial-networks", finds GAN and GANs but not gan; `weaklabel.lf.spellings` says which. A
    form that is another label's own name is left to that label. Most rules are keywords rules; one with acronyms is a
    regex.

    Parameters
    ----------
    taxonomy
        A schema, the path of its YAML file (relative to the file that calls), or labels: names, `Label` objects, or
        mappings with name (or tag) and aliases. A retired label gets no rule.
    field
        The column that the rules read.
    overrides
        By label: another rule, which takes the place of the label's, or the spellings to look for in place of its name and
        aliases (no spelling: no rule).
    leave_out
        Labels and single spellings that are not looked for.
    owner
        Owner of the rules.
    source
        Where they are said to stand; default: where this is called.

    Returns
    -------
    list[LabelingFunction]
        In the order of the taxonomy; the rule of label "computer-vision" has the id "tag.computer-vision".

    Raises
    ------
    Problems
        With every problem: an unknown label or spelling in `overrides` or `leave_out`, a label without a name.

    Examples
    --------
    >>> schema = LabelSchema([Label("computer-vision", aliases=("cv",)), "transformers", "go"], exclusive=False)
    >>> rules = rules_from_taxonomy(schema, overrides={"go": ["golang"]}, leave_out=["cv"])
    >>> [(rule.id, rule.label) for rule in rules]
    [('tag.computer-vision', 'computer-vision'), ('tag.transformers', 'transformers'), ('tag.go', 'go')]
    >>> [rules[0].matches(text) for text in ("Computer vision!", "computer-vision", "ComputerVision", "my CV")]
    [True, True, True, False]
    >>> rules[1].matches("a Transformer"), rules[2].matches("go on"), rules[2].matches("in Golang")
    (True, False, True)
    """
    source = source or caller()
    check_field(field, where=str(source) if source else None)
    labels = taxonomy_labels(taxonomy, source=source)
    given = dict(overrides or {})
    left = _left_out(leave_out)
    problems = _problems(labels, given, left, source)
    if problems:
        raise Problems("the taxonomy's rules", problems)
    ids = rule_ids(label.name for label in labels)
    taken = frozenset(name.casefold() for label in labels for name in _names(label))
    made = []
    for label in labels:
        other = given.get(label.name)
        if isinstance(other, LabelingFunction):
            made.append(other)
            continue
        names = _names(label) if other is None else tuple(other)
        kept = [name for name in names if name not in left and label.name not in left]
        found = spellings(kept, taken=taken, own=_names(label))
        if found:
            made.append(_rule(label, found, ids[label.name], field, owner, source))
    return made


def taxonomy_labels(taxonomy: Taxonomy, *, source: Source | None = None) -> tuple[Label, ...]:
    """Return the labels of a schema, of a schema's file, or of a list.

    Examples
    --------
    >>> taxonomy_labels([{"tag": "nlp", "aliases": ["natural language"], "parents": []}, "vision"])[0].aliases
    ('natural language',)
    """
    if isinstance(taxonomy, LabelSchema):
        return taxonomy.labels
    if isinstance(taxonomy, str | Path):
        path = Path(taxonomy)
        beside = Path(source.file).parent / path if source else path
        return LabelSchema.from_yaml(path if path.exists() and not beside.exists() else beside).labels
    return tuple(_label(entry, i, source) for i, entry in enumerate(taxonomy, 1))


def rule_ids(names: Iterable[str]) -> dict[str, str]:
    """Return the id of each label's rule; labels whose ids would be the same get a few digits of their names' hash.

    Examples
    --------
    >>> rule_ids(["Computer vision", "c", "c++", "c#"])
    {'Computer vision': 'tag.computer_vision', 'c': 'tag.c', 'c++': 'tag.cplusplus', 'c#': 'tag.csharp'}
    """
    listed = list(names)
    spelled = {name: "".join(_WORDS.get(letter, letter) for letter in name) for name in listed}
    slugs = {name: f"tag.{slug(text)}" for name, text in spelled.items()}
    often = Counter(slugs.values())
    return {
        name: short if often[short] == 1 and short != "tag." else f"{short}-{fingerprint(name)[:6]}"
        for name, short in slugs.items()
    }


def without_overridden(rules: Iterable[LabelingFunction]) -> list[LabelingFunction]:
    """Return rules without those out of a taxonomy whose id another rule has: the expert's own takes its place.

    Examples
    --------
    >>> from weaklabel.lf import keywords
    >>> own = keywords("Go, the language", ["golang"], label="go", id="tag.go")
    >>> [rule.name for rule in without_overridden([*rules_from_taxonomy(["go", "rust"]), own])]
    ['tag rust', 'Go, the language']
    """
    listed = list(rules)
    own = {rule.id for rule in listed if FROM_TAXONOMY not in rule.tags}
    return [rule for rule in listed if FROM_TAXONOMY not in rule.tags or rule.id not in own]


def _rule(
    label: Label,
    found: tuple[Spelling, ...],
    rule_id: str,
    field: str,
    owner: str,
    source: Source | None,
) -> LabelingFunction:
    meta: dict[str, Any] = {
        "label": label.name,
        "field": field,
        "id": rule_id,
        "owner": owner,
        "source": source,
        "tags": (FROM_TAXONOMY,),
        "description": label.description,
        "fires_on": tuple(one.forms[0] for one in found),
        "abstains_on": tuple(_denials(found)),
    }
    name = f"tag {label.name}"
    if not any(one.exact or one.lone for one in found):
        return keywords(name, [form for one in found for form in one.forms], **meta)
    plain = tuple(form for one in found if not one.exact for form in one.forms)
    exact = tuple(form for one in found if one.exact and not one.lone for form in one.forms)
    parts = [Spelling("", plain)] if plain else []
    parts += [Spelling("", exact, exact=True)] if exact else []
    parts += [one for one in found if one.lone]
    return regex(name, "|".join(part.pattern for part in parts), **meta)


def _denials(found: tuple[Spelling, ...]) -> Iterable[str]:
    """Yield the lower-case forms of acronyms that none of the spellings finds."""
    every = re.compile("|".join(one.pattern for one in found))
    for one in found:
        if one.exact and not every.search(one.forms[0].lower()):
            yield one.forms[0].lower()


def _names(label: Label) -> tuple[str, ...]:
    return (label.name, *label.aliases)


def _left_out(leave_out: Iterable[str]) -> frozenset[str]:
    if isinstance(leave_out, str):
        raise RuleError("`leave_out` is a list of labels and spellings", hint=f"leave_out=[{leave_out!r}]")
    return frozenset(leave_out)


def _label(entry: Any, at: int, source: Source | None) -> Label:
    """Return the label that an entry of a list stands for."""
    if isinstance(entry, Label):
        return entry
    if isinstance(entry, str):
        return Label(_text(entry))
    name = entry.get("name", entry.get("tag")) if isinstance(entry, Mapping) else None
    aliases = (entry.get("aliases") or ()) if isinstance(entry, Mapping) else ()
    if not isinstance(name, str) or not name.strip() or isinstance(aliases, str):
        raise RuleError(
            f"entry {at} of the taxonomy is no label: {entry!r}",
            where=str(source) if source else None,
            hint='{"name": "computer-vision", "aliases": ["cv"]}',
        )
    return Label(_text(name), str(entry.get("description") or ""), tuple(_text(str(one)) for one in aliases))


def _text(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _problems(
    labels: tuple[Label, ...], overrides: Mapping[str, Override], left: frozenset[str], source: Source | None
) -> list[WeakLabelError]:
    where = str(source) if source else None
    names = [label.name for label in labels]
    known = [name for label in labels for name in _names(label)]
    problems: list[WeakLabelError] = [
        RuleError(f"label {name!r} stands twice in the taxonomy", where=where)
        for name, times in Counter(names).items()
        if times > 1
    ]
    for name in overrides:
        if name not in names:
            hint = did_you_mean(name, names)
            problems.append(
                RuleError(f"`overrides`: unknown label {name!r}", where=where, available=names, hint=hint)
            )
        elif isinstance(overrides[name], str):
            hint = f"overrides={{{name!r}: [{overrides[name]!r}]}}"
            problems.append(
                RuleError(f"`overrides`: a rule or a list of spellings for {name!r}", where=where, hint=hint)
            )
    for name in sorted(left.difference(known)):
        hint = did_you_mean(name, known)
        what = f"`leave_out`: {name!r} is no label and no alias"
        problems.append(RuleError(what, where=where, available=names, hint=hint))
    return problems
