"""Looking through the files of a corpus: all of them, or those that can be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import NamedTuple

from weaklabel.corpus import delimited, jsonl, parquet, separators, wrench
from weaklabel.corpus.files import Found, SourceFile
from weaklabel.corpus.remembered import remembered
from weaklabel.corpus.tables import Reader, Reading, Table
from weaklabel.errors import CorpusError

READERS: Mapping[str, Reader] = {
    "csv": delimited,
    "tsv": delimited,
    "jsonl": jsonl,
    "parquet": parquet,
    "wrench": wrench,
}

_READ_WHOLE = ("csv", "tsv", "jsonl")
"""The formats of which every byte is looked at when a corpus is opened."""

Look = Callable[[tuple[SourceFile, ...]], tuple[Reading, Table]]


def look_through(
    found: Found,
    *,
    id: str | None,
    text: str | None,
    quote: str | None,
    separator: str | None,
    looks: MutableMapping[str, str] | None = None,
) -> tuple[Reading, Table]:
    """Return how the files of a corpus are read, and what they hold.

    Parameters
    ----------
    found
        The files.
    id, text, quote, separator
        As for `Corpus.open`.
    looks
        Remembers what was found in large text files.

    Raises
    ------
    CorpusError
        The first thing that is wrong with a file, or with two of them together.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from weaklabel.corpus.files import find
    >>> path = Path(tempfile.mkdtemp()) / "a.csv"
    >>> _ = path.write_text("id,n\\n1,2\\n")
    >>> found = find(path, format=None, root=None)
    >>> reading, table = look_through(found, id=None, text=None, quote='"', separator=None)
    >>> reading.format, table.schema
    ('csv', {'id': String, 'n': Int64})
    """
    named = frozenset(name for name in (id or "id", text) if name)
    reading = Reading(found.format, quote or None, named)
    reading = separators.settled(reading, found.files, separator, found.names)

    def look() -> Table:
        return READERS[found.format].inspect(found.files, reading)

    far = any(file.etag for file in found.files)  # each file is a question over the network
    if looks is None or not (far or found.format in _READ_WHOLE):
        return reading, look()
    return reading, remembered(found.files, reading, looks, look)


def look_through_tolerantly(
    found: Found, look: Look
) -> tuple[tuple[Reading, Table] | None, list[CorpusError]]:
    """Return what the files that make one table hold, None where there are none; and an error for each other file.

    Parameters
    ----------
    found
        The files.
    look
        Looks through some of them (see `look_through`).

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from weaklabel.corpus.files import find
    >>> folder = Path(tempfile.mkdtemp())
    >>> for name, text in {"a": "id,n\\n1,2\\n", "b": "id,n\\n2,2\\n", "c": "id\\n3\\n"}.items():
    ...     _ = (folder / f"{name}.csv").write_text(text)
    >>> found = find(folder, format=None, root=None)
    >>> look = lambda files: look_through(Found(files, folder, "csv"), id=None, text=None, quote='"', separator=None)
    >>> (reading, table), errors = look_through_tolerantly(found, look)
    >>> [part.file.name for part in table.parts], errors[0].what
    (['a.csv', 'b.csv'], "mixed schemas: a.csv has 'n', c.csv has not")
    """
    files, errors = found.files, list[CorpusError]()
    if files:
        try:
            return look(files), []
        except CorpusError:
            files, errors = _one_by_one(files, look)
    return (look(files) if files else None), errors


def _one_by_one(files: Sequence[SourceFile], look: Look) -> tuple[tuple[SourceFile, ...], list[CorpusError]]:
    """Look through each file alone; of those that can be read, keep what goes with most of them."""
    errors: dict[SourceFile, CorpusError] = {}
    kinds: dict[SourceFile, _Kind] = {}
    for file in files:
        try:
            kinds[file] = _kind(*look((file,)))
        except CorpusError as error:
            errors[file] = error
    filled = {file: kind for file, kind in kinds.items() if kind.filled} or kinds
    examples: dict[_Kind, SourceFile] = {}
    for kind, _ in Counter(filled.values()).most_common():
        own = [file for file in kinds if kinds[file] == kind]
        example = min(own, key=lambda file: (file.size, file.name))
        errors |= _apart(own, example, tuple(examples.values()), look)
        if example not in errors:
            examples[kind] = example
    for file in kinds.keys() - filled.keys():
        errors |= _apart([file], file, tuple(examples.values()), look)
    kept = tuple(file for file in files if file not in errors)
    return kept, [errors[file] for file in files if file in errors]


def _apart(
    files: Sequence[SourceFile], example: SourceFile, kept: tuple[SourceFile, ...], look: Look
) -> dict[SourceFile, CorpusError]:
    """Return an error for each of some files of one kind when their example does not go with the files kept so far."""
    try:
        look((*kept, example))
    except CorpusError as error:
        return {file: error if file == example else _error(kept, file, look) for file in files}
    return {}


def _error(kept: tuple[SourceFile, ...], file: SourceFile, look: Look) -> CorpusError:
    try:
        look((*kept, file))
    except CorpusError as error:
        return error
    return CorpusError("columns or types that are not those of most files", where=str(file.path))


def _kind(reading: Reading, table: Table) -> _Kind:
    types = frozenset((name, str(dtype)) for name, dtype in table.schema.items())
    return _Kind(reading.separator, types, bool(table.parts))


class _Kind(NamedTuple):
    """What two files have in common that are surely one table: separator, columns with types, and whether they have rows."""

    separator: str
    types: frozenset[tuple[str, str]]
    filled: bool
