"""Files as tools write them: JSON, JSON Lines, CSV and ZIPs of these, read with the line of every record."""

from __future__ import annotations

import io
import json
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from weaklabel.corpus.encoding import encoding_of
from weaklabel.errors import GoldError, Problems, WeakLabelError, did_you_mean

_CELL = r'"([^"]*+(?:""[^"]*+)*+)"|([^"{0}\r\n][^{0}\r\n]*+)?'
_SURROGATE = re.compile("[\ud800-\udfff]")
_MANY = 20


@dataclass(frozen=True)
class File:
    """One file, or a member of a ZIP, with its bytes.

    Examples
    --------
    >>> File("out.zip/anna.jsonl", b"{}").stem
    'anna'
    """

    name: str
    raw: bytes

    @property
    def stem(self) -> str:
        """Its name without folder and suffix."""
        return PurePosixPath(self.name).stem

    @property
    def suffix(self) -> str:
        """Its ending, in lower case."""
        return PurePosixPath(self.name).suffix.lower()


@dataclass(frozen=True)
class Record:
    """One object of a file, and where it stands.

    Examples
    --------
    >>> Record("anna.jsonl:3", {"label": []}).place
    'anna.jsonl:3'
    """

    place: str
    data: dict[str, Any]


def tool_files(
    path: str | Path | Sequence[str | Path], suffixes: Sequence[str], *, skip: Sequence[str] = ()
) -> list[File]:
    """Return the files of a path: itself, those of a folder by name, and what a ZIP holds.

    Parameters
    ----------
    path
        A file, a folder, or several.
    suffixes
        Endings that are read, such as ".json"; ".zip" among them opens ZIPs.
    skip
        Names that are passed over in a folder: the settings that we write ourselves.

    Raises
    ------
    GoldError
        There is no such file, the folder holds none, the ending is another, a ZIP is broken or locked.

    Examples
    --------
    >>> tool_files("nowhere.json", [".json"])
    Traceback (most recent call last):
    ...
    weaklabel.errors.GoldError: there is no such file of answers
      where: nowhere.json
    """
    if not isinstance(path, (str, Path)):
        return [file for each in path for file in tool_files(each, suffixes, skip=skip)]
    path = Path(path)
    if path.is_dir():
        inside = sorted(p for p in path.iterdir() if p.is_file())
        found = [p for p in inside if p.suffix.lower() in suffixes and p.name not in skip]
        if not found:
            raise GoldError(
                "the folder holds no file of answers",
                where=str(path),
                available=[p.name for p in inside],
                hint=f"files that end in {', '.join(suffixes)} are read",
            )
        return [file for each in found for file in _opened(each, suffixes)]
    return _opened(path, suffixes)


def json_records(file: File) -> list[Record]:
    """Return the objects of a JSON file: a list of them, or one.

    Raises
    ------
    GoldError
        It is not UTF-8, not JSON (with the line), cut off, or holds something else.

    Examples
    --------
    >>> json_records(File("a.json", b'[{"id": 7}]'))
    [Record(place='a.json: entry 1', data={'id': 7})]
    """
    text = _text(file)
    data = _parsed(text, file.name, 1)
    if isinstance(data, dict):
        return [Record(file.name, data)]
    if not isinstance(data, list):
        raise GoldError("not a list of objects", where=file.name)
    for number, entry in enumerate(data, 1):
        if not isinstance(entry, dict):
            raise GoldError(f"entry {number} is no object: {_cut(entry)}", where=file.name)
    return [Record(f"{file.name}: entry {number}", entry) for number, entry in enumerate(data, 1)]


def jsonl_records(file: File) -> list[Record]:
    """Return the objects of a file with one JSON object a line; blank lines are passed over.

    Raises
    ------
    Problems
        With every line that is broken; a file that was cut off shows in its last line.

    Examples
    --------
    >>> jsonl_records(File("a.jsonl", b'{"id": 7}\\n'))
    [Record(place='a.jsonl:1', data={'id': 7})]
    """
    text = _text(file)
    records: list[Record] = []
    problems: list[WeakLabelError] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        place = f"{file.name}:{number}"
        try:
            data = _parsed(line, file.name, number)
            if not isinstance(data, dict):
                raise GoldError(f"not an object: {_cut(data)}", where=place)
            records.append(Record(place, data))
        except GoldError as error:
            problems.append(error)
    if problems:
        raise Problems(file.name, capped(problems))
    return records


def csv_records(file: File, *, separator: str = ",") -> list[Record]:
    """Return the rows of a CSV file by the names in its first line; every cell is text.

    Raises
    ------
    GoldError
        A quote is not closed, a row has more or fewer cells than the first line, a name stands twice.

    Examples
    --------
    >>> csv_records(File("a.csv", b'id,text\\r\\n1,"two\\r\\nlines"\\r\\n'))
    [Record(place='a.csv:2', data={'id': '1', 'text': 'two\\r\\nlines'})]
    """
    rows = list(_csv_rows(_text(file), separator, file.name))
    if not rows:
        raise GoldError("the file is empty", where=file.name, hint="its first line names the columns")
    names = rows[0][1]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise GoldError(f"column {twice[0]!r} stands twice", where=f"{file.name}:1")
    records = []
    for line, cells in rows[1:]:
        if len(cells) != len(names):
            raise GoldError(
                f"{len(cells)} cells where the first line names {len(names)} columns",
                where=f"{file.name}:{line}",
                available=names,
                hint="the file may be cut off, or a quote may be missing",
            )
        records.append(Record(f"{file.name}:{line}", dict(zip(names, cells, strict=True))))
    return records


def capped(problems: Sequence[WeakLabelError]) -> list[WeakLabelError]:
    """Return the first problems of many, and how many more there are.

    Examples
    --------
    >>> len(capped([GoldError("x")] * 100))
    21
    """
    more = len(problems) - _MANY
    return [*problems[:_MANY], GoldError(f"and {more} more")] if more > 0 else list(problems)


def _opened(path: Path, suffixes: Sequence[str]) -> list[File]:
    if not path.is_file():
        beside = sorted(p.name for p in path.parent.iterdir()) if path.parent.is_dir() else []
        near = [name for name in beside if Path(name).suffix.lower() in suffixes]
        raise GoldError(
            "there is no such file of answers", where=str(path), hint=did_you_mean(path.name, near)
        )
    if path.suffix.lower() not in suffixes:
        raise GoldError(
            f"answers of this tool can't be read from {path.suffix!r} files",
            where=str(path),
            available=suffixes,
        )
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise GoldError(f"can't read: {error.strerror}", where=str(path)) from error
    return _unzipped(path.name, raw, suffixes) if path.suffix.lower() == ".zip" else [File(path.name, raw)]


def _unzipped(name: str, raw: bytes, suffixes: Sequence[str]) -> list[File]:
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            members = [m for m in archive.infolist() if not m.is_dir() and not _hidden(m.filename)]
            if any(m.flag_bits & 1 for m in members):
                raise GoldError("the ZIP is locked with a password", where=name, hint="unpack it first")
            wanted = [m for m in members if PurePosixPath(m.filename).suffix.lower() in suffixes]
            if not wanted:
                raise GoldError(
                    "the ZIP holds no file of answers", where=name, available=[m.filename for m in members]
                )
            return [File(f"{name}/{m.filename}", archive.read(m)) for m in wanted]
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError) as error:
        raise GoldError(
            f"the ZIP can't be read: {error}", where=name, hint="it may be cut off: export it again"
        ) from error


def _hidden(name: str) -> bool:
    return any(part.startswith((".", "__MACOSX")) for part in PurePosixPath(name).parts)


def _text(file: File) -> str:
    odd = encoding_of(file.raw[:4096])
    try:
        if odd is None:
            return file.raw.decode("utf-8-sig")
        return file.raw.decode(odd)
    except UnicodeDecodeError as error:
        line = file.raw.count(b"\n", 0, error.start) + 1
        raise GoldError(
            f"not UTF-8: byte {file.raw[error.start] if error.start < len(file.raw) else 0:#04x}",
            where=f"{file.name}:{line}",
            hint="save it as UTF-8; the file may also be cut off",
        ) from error


def _parsed(text: str, name: str, line: int) -> Any:
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        at = line + error.lineno - 1
        ends = error.pos >= len(text.rstrip()) or "Unterminated" in error.msg
        hint = "the file ends too early: it may be cut off, export it again" if ends else None
        raise GoldError(
            f"not JSON: {error.msg}, column {error.colno}", where=f"{name}:{at}", hint=hint
        ) from error
    except (ValueError, RecursionError) as error:
        raise GoldError(
            "not JSON that can be read: a number or a nesting too large", where=f"{name}:{line}"
        ) from error
    if "\\u" in text and _broken(data):
        what = "half of a character (a lone \\ud800 to \\udfff)"
        raise GoldError(what, where=f"{name}:{line}", hint="a text was cut in the middle of an emoji")
    return data


def _broken(data: Any) -> bool:
    """Say whether a text within holds a lone surrogate, which is no character."""
    if isinstance(data, str):
        return _SURROGATE.search(data) is not None
    if isinstance(data, dict):
        return any(_broken(key) or _broken(value) for key, value in data.items())
    return isinstance(data, list) and any(map(_broken, data))


def _csv_rows(text: str, separator: str, name: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each row's line and cells; rows that are blank are passed over."""
    kind = re.compile(_CELL.format(re.escape(separator)))
    position, line, start = 0, 1, 1
    cells: list[str] = []
    while position < len(text):
        match = kind.match(text, position)
        assert match is not None
        quoted, bare = match.groups()
        cells.append(quoted.replace('""', '"') if quoted is not None else bare or "")
        line += _lines(quoted or "")
        position = match.end()
        if text.startswith(separator, position):
            position += len(separator)
            if position == len(text):
                cells.append("")
            continue
        if position < len(text) and text[position] not in "\r\n":
            opened = text[position] == '"'
            raise GoldError(
                "a quote is not closed" if opened else "text after a closing quote",
                where=f"{name}:{line}",
                hint='within quotes a quote is written twice: "" ; or the file is cut off',
            )
        if cells != [""] or quoted is not None:
            yield start, cells
        cells = []
        if position < len(text):
            position += 2 if text.startswith("\r\n", position) else 1
            line += 1
        start = line
    if cells:
        yield start, cells


def _lines(text: str) -> int:
    return text.count("\n") + text.count("\r") - text.count("\r\n")


def _cut(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else shown[:60] + "…"


READERS: dict[str, Callable[[File], list[Record]]] = {
    ".json": json_records,
    ".jsonl": jsonl_records,
    ".ndjson": jsonl_records,
    ".csv": csv_records,
}
"""How a file is read, by its ending."""
