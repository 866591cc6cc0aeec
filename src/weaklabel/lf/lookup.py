"""Rules that look terms up in a word list or a table: distant supervision."""

from __future__ import annotations

import csv
import dataclasses
import functools
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar

import polars as pl

from weaklabel.errors import RuleError, did_you_mean
from weaklabel.fingerprint import fingerprint
from weaklabel.lf.base import LabelingFunction, caller, check_choice, check_field, check_options
from weaklabel.lf.keywords import Accents, KeywordCase, comparable, whole_words
from weaklabel.schema import Outcome

_T = TypeVar("_T")
LookupMatch = Literal["words", "exact"]
Entries = tuple[tuple[str, str | Outcome], ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Lookup(LabelingFunction):
    """Votes for the label of the terms it finds; made by `lookup`, which says what that means.

    Examples
    --------
    >>> brands = lookup("brands", {"iPhone": "phones", "Galaxy": "phones", "ThinkPad": "laptops"})
    >>> brands.labels
    ('phones', 'laptops')
    >>> brands.hits("a Galaxy, an iphone, a thinkpad")
    Counter({'phones': 2, 'laptops': 1})
    """

    entries: Entries
    field: str = "text"
    match: LookupMatch = "words"
    case: KeywordCase = "ignore"
    accents: Accents = "keep"
    path: str | None = dataclasses.field(default=None, compare=False)

    kind: ClassVar[str] = "lookup"
    needs_label: ClassVar[bool] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_field(self.field, where=self.where)
        check_choice("match", self.match, ("words", "exact"), where=self.where)
        check_choice("case", self.case, ("ignore", "sensitive"), where=self.where)
        check_choice("accents", self.accents, ("keep", "ignore"), where=self.where)
        if not self.entries:
            raise RuleError("no terms: the rule could never fire", where=self.path or self.where)
        self._check_labels()

    def _check_labels(self) -> None:
        taken: dict[str, str | Outcome] = {}
        for term, label in self.entries:
            if not self.key(term):
                raise RuleError(f"an empty term: {term!r}", where=self.path or self.where)
            other = taken.setdefault(self.key(term), label)
            if other != label:
                raise RuleError(
                    f"term {term!r} stands for two labels, {other!r} and {label!r}",
                    where=self.path or self.where,
                )

    @property
    def fields(self) -> tuple[str, ...]:
        """Columns it reads."""
        return (self.field,)

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels it may vote for, in the order of the list."""
        stated = dict.fromkeys(label for _, label in self.entries)  # one when `label` is given
        return tuple(label for label in stated if isinstance(label, str))

    @functools.cached_property
    def outcomes(self) -> tuple[Outcome, ...]:
        """What it may vote for beside labels, in the order of the list."""
        stated = dict.fromkeys(label for _, label in self.entries)
        return tuple(label for label in stated if isinstance(label, Outcome))

    def parameters(self) -> dict[str, Any]:
        """Return what its kind adds, as plain data."""
        return {
            "entries": [
                [term, label if isinstance(label, str) else label.to_dict()] for term, label in self.entries
            ],
            "field": self.field,
            "match": self.match,
            "case": self.case,
            "accents": self.accents,
        }

    def _identity(self) -> Any:
        entries = {
            (" ".join(t.split()), lab if isinstance(lab, str) else fingerprint(lab.to_dict()))
            for t, lab in self.entries
        }
        return {**self.parameters(), "entries": sorted(entries)}

    def key(self, text: str) -> str:
        """Return a term or text as it is compared: Unicode form, case, accents, one space for any whitespace."""
        return " ".join(comparable(text, case=self.case, accents=self.accents).split())

    @functools.cached_property
    def by_term(self) -> Mapping[str, str | Outcome]:
        """Label of each comparable term."""
        return {self.key(term): label for term, label in self.entries}

    def hits(self, text: str) -> Counter[str | Outcome]:
        """Count, per label, its distinct terms that a text holds (or equals, with ``match="exact"``)."""
        if self.match == "exact":
            found = self.by_term.get(self.key(text))
            return Counter([found] if found is not None else [])
        ready = comparable(text, case=self.case, accents=self.accents)
        return Counter(self.by_term[term] for term, pattern in self._patterns if pattern.search(ready))

    @functools.cached_property
    def _patterns(self) -> list[tuple[str, Any]]:
        return [(term, whole_words([term])) for term in self.by_term]

    def vote(self, text: str) -> str | Outcome | None:
        """Return the label for a text, or None to abstain; every faster way gives the same answer."""
        return strongest(self.hits(text))


def lookup(
    name: str,
    terms: str | Path | Mapping[str, str | Outcome] | Iterable[str],
    *,
    label: str | Outcome | None = None,
    field: str = "text",
    match: LookupMatch = "words",
    case: KeywordCase = "ignore",
    accents: Accents = "keep",
    term: str = "term",
    labels: str = "label",
    **meta: Any,
) -> Lookup:
    """Make a rule that looks terms up in a word list or a table.

    The list is read when the rule is made, so that the fingerprint covers what stands in it. With ``match="words"``
    its terms are searched in the text as `keywords` are; the rule votes for the label of which most distinct terms
    are found, and abstains when two labels have equally many. With ``match="exact"`` the whole value of the column
    equals a term (after the same Unicode form and case, and with one space for any run of whitespace).

    Parameters
    ----------
    name
        What people call it.
    terms
        A file, a mapping from term to label, or terms. A ``.csv``, ``.tsv`` or ``.parquet`` file is a table; any other
        is a word list in UTF-8: one term a line; a line that starts with ``#`` and a space, and anything after
        `` # ``, is a comment.
    label
        The label that all terms stand for, or `any_of` or `none_of` several; without it a table (or mapping) gives a
        label per term.
    field
        The column that it reads. A null: the rule abstains.
    match
        "words" or "exact".
    case
        "ignore" or "sensitive".
    accents
        "keep" or "ignore".
    term, labels
        A table's columns with the terms and with their labels.
    **meta
        id, description, owner, version, tags, fires_on, abstains_on, on_error: see `LabelingFunction`.

    Raises
    ------
    RuleError
        The file can't be read, is no UTF-8 or lacks a column; there are no terms; a term stands for two labels; terms
        without a label.

    Examples
    --------
    >>> brands = lookup("brands", {"iPhone": "phones", "Galaxy": "phones", "ThinkPad": "laptops"})
    >>> brands.vote("my iphone and my Galaxy beat the thinkpad"), brands.vote("iphone or thinkpad")
    ('phones', None)
    """
    source = meta.pop("source", None) or caller()
    check_options(lookup, meta, source)
    place = f"rule {name!r}" + (f" at {source}" if source else "")
    path = Path(terms) if isinstance(terms, str | Path) else None
    if path is not None:
        entries = tuple(_read(path, label, term, labels, place))
    else:
        entries = tuple(_given(terms, label, place))  # type: ignore[arg-type]
    return Lookup(
        name=name,
        entries=tuple(dict.fromkeys(entries)),
        label=label,
        field=field,
        match=match,
        case=case,
        accents=accents,
        path=None if path is None else str(path),
        source=source,
        **meta,
    )


def strongest(hits: Mapping[_T, int]) -> _T | None:
    """Return the label with most hits, or None where there is none or more than one.

    Examples
    --------
    >>> strongest({"a": 2, "b": 1}), strongest({"a": 1, "b": 1}), strongest({})
    ('a', None, None)
    """
    most = max(hits.values(), default=0)
    best = [label for label, count in hits.items() if count == most]
    return best[0] if len(best) == 1 else None


def _given(
    terms: Mapping[str, str | Outcome] | Iterable[str], label: str | Outcome | None, place: str
) -> Iterator[tuple[str, str | Outcome]]:
    if not isinstance(terms, Iterable):
        raise RuleError(f"a file, a mapping or terms are wanted, not {terms!r}", where=place)
    pairs = terms.items() if isinstance(terms, Mapping) else ((t, label) for t in terms)
    if isinstance(terms, set | frozenset):
        pairs = ((t, label) for t in sorted(terms))
    for term, own in pairs:
        yield _entry(term, label if own is None else own, place)


def _entry(term: object, label: object, place: str) -> tuple[str, str | Outcome]:
    if not isinstance(term, str) or not term.strip():
        raise RuleError(f"a term is text, not {term!r}", where=place, hint="quote it")
    if label is None or label == "":
        raise RuleError(
            f"term {term!r} has no label",
            where=place,
            hint="give the rule a `label`, or each term its own in a table",
        )
    if not isinstance(label, str | Outcome):
        raise RuleError(f"a label's name is text, not {label!r} (term {term!r})", where=place)
    return term.strip(), label


def _read(
    path: Path, label: str | Outcome | None, term: str, labels: str, place: str
) -> Iterator[tuple[str, str | Outcome]]:
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        yield from _read_parquet(path, label, term, labels, place)
    elif suffix in (".csv", ".tsv"):
        rows = table_rows(path, place)
        for line, row in rows:
            own = label if label is not None else _cell(row, labels, path, place)
            yield _entry(_cell(row, term, path, place), own, f"{path}:{line}")
    else:
        for line, text in enumerate(read_text(path, place).split("\n"), 1):
            word = "" if text.strip() == "#" or text.startswith("# ") else text.split(" # ")[0].strip()
            if word:
                yield _entry(word, label, f"{path}:{line}")


def _read_parquet(
    path: Path, label: str | Outcome | None, term: str, labels: str, place: str
) -> Iterator[tuple[str, str | Outcome]]:
    try:
        table = pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise RuleError(f"can't read a table of terms: {error}", where=f"{place}, {path}") from error
    for row in table.iter_rows(named=True):
        own = label if label is not None else _cell(row, labels, path, place)
        yield _entry(_cell(row, term, path, place), own, str(path))


def _cell(row: Mapping[str, Any], column: str, path: Path, place: str) -> Any:
    if column not in row:
        raise RuleError(
            f"no column {column!r} in {path}",
            where=place,
            available=row,
            hint=did_you_mean(column, row) or "say which with `term` and `labels`",
        )
    return row[column]


def table_rows(path: Path, place: str) -> list[tuple[int, dict[str, str]]]:
    """Return the rows of a CSV or TSV file with a header, each with its line number; quotes in TSV are plain text."""
    text = read_text(path, place)
    tabs = path.suffix.lower() == ".tsv"
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter="\t" if tabs else ",",
        quoting=csv.QUOTE_NONE if tabs else csv.QUOTE_MINIMAL,
        strict=True,
    )
    try:
        header = next(reader, None)
        if header is None:
            raise RuleError("an empty table", where=f"{place}, {path}")
        rows = []
        line = reader.line_num + 1
        for cells in reader:
            if cells and len(cells) != len(header):
                raise RuleError(
                    f"{len(cells)} cells where the header has {len(header)}",
                    where=f"{path}:{line}",
                    available=header,
                )
            if cells:
                rows.append((line, dict(zip(header, cells, strict=True))))
            line = reader.line_num + 1
    except csv.Error as error:
        raise RuleError(f"broken table: {error}", where=f"{path}:{reader.line_num}") from error
    return rows


def read_text(path: Path, place: str) -> str:
    """Return the text of a UTF-8 file, or raise a RuleError that says what is wrong with it, and in which line."""
    try:
        data = path.read_bytes()
    except OSError as error:
        near = (
            did_you_mean(path.name, [p.name for p in path.parent.iterdir()]) if path.parent.is_dir() else None
        )
        raise RuleError(f"can't read {path}: {error.strerror}", where=place, hint=near) from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise RuleError(
            f"{path} is not UTF-8 (byte {error.start})", where=f"{path}:{line}", hint="save it as UTF-8"
        ) from error
