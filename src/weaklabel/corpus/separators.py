"""What separates the columns of a CSV file: told by its header, checked against its first row."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import replace

from weaklabel.corpus.files import SourceFile
from weaklabel.corpus.remote_path import AnyPath
from weaklabel.corpus.tables import BOM, Reading, open_bytes
from weaklabel.errors import CorpusError

logger = logging.getLogger("weaklabel.corpus")

DELIMITED = ("csv", "tsv")
"""The formats that have a separator."""
NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
"""The separators that are found without being named, and what messages call them."""
WORDS = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|"}
"""Words that can be given for them."""
_WORD_OF = {separator: word for word, separator in WORDS.items()}
_HEAD = 2**20


def one_character(text: str, what: str = "separator") -> str:
    r"""Return a separator (or quote) as one character; it may be given as a word, which no shell takes apart.

    Examples
    --------
    >>> one_character(";"), one_character("semicolon"), one_character("tab")
    (';', ';', '\t')
    """
    text = {**WORDS, "\\t": "\t"}.get(text, text)
    if len(text) != 1 or not text.isascii() or text in "\r\n\0":
        known = WORDS if what == "separator" else None
        raise CorpusError(f"a {what} is one ASCII character, not {text!r}", available=known)
    return text


def settled(reading: Reading, files: Sequence[SourceFile], given: str | None, names: str) -> Reading:
    """Return how files are to be read, with their separator: as given, or as the format or the headers say.

    Parameters
    ----------
    reading
        Without a separator yet.
    files
        The files.
    given
        What the user says.
    names
        The files, for messages.
    """
    quote = None if reading.quote is None else one_character(reading.quote, "quote")
    if reading.format not in DELIMITED:
        if given is not None:
            raise CorpusError(f"a separator is for CSV and TSV, not for {reading.format}", where=names)
        return reading
    if given is not None:
        separator = one_character(given)
    elif reading.format == "tsv":
        separator = "\t"
    else:
        separator = find_separator(files, quote)
        if separator != ",":
            logger.warning("%s: the header says that %s separate the columns", names, title(separator))
    if separator == quote:
        raise CorpusError(f"separator and quote are both {separator!r}", where=names)
    return replace(reading, separator=separator)


def title(separator: str) -> str:
    """Return a separator's name for messages.

    Examples
    --------
    >>> title(";"), title("~")
    ('semicolons', "'~'")
    """
    return NAMES.get(separator, repr(separator))


def find_separator(files: Sequence[SourceFile], quote: str | None) -> str:
    """Return the separator of CSV files; a comma where no header shows one.

    Raises
    ------
    CorpusError
        Two files differ; both are named.
    """
    found: dict[str, SourceFile] = {}
    for file in files:
        own = separator_of(file.path, quote)
        if own is not None:
            found.setdefault(own, file)
    if len(found) > 1:
        (one, a), (other, b) = list(found.items())[:2]
        raise CorpusError(
            f"mixed separators: the columns of {a.name} are separated by {title(one)}, "
            f"those of {b.name} by {title(other)}",
            where=f"{a.path}, {b.path}",
            hint="write the files with one separator, or name only some of them",
        )
    return next(iter(found), ",")


def separator_of(path: AnyPath, quote: str | None) -> str | None:
    """Return the separator of one file: the most frequent in its header, outside quotes, that fits its first row.

    None: the header holds none, so it has one column.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> path = Path(tempfile.mkdtemp()) / "mail.csv"
    >>> _ = path.write_bytes(b'id;"name, first";text\\nm1;Ann;"hello, you; there"\\n')
    >>> separator_of(path, '"')
    ';'
    """
    with open_bytes(path) as stream:
        head = stream.read(_HEAD)
    records = _first_records(head.removeprefix(BOM), quote, whole=len(head) < _HEAD)
    counts = [{name: record.count(name.encode()) for name in NAMES} for record in records]
    if not counts or not any(counts[0].values()):
        return None
    header, row = counts[0], counts[-1]
    likely = sorted((name for name in NAMES if header[name]), key=lambda name: -header[name])
    return next((name for name in likely if row[name] == header[name]), likely[0])


def doubt(columns: Sequence[str], reading: Reading) -> tuple[str, str] | None:
    """Return what to say, and to do, when the name of a table's only column looks like several; None: nothing.

    Examples
    --------
    >>> doubt(["id;text"], Reading("csv"))
    ('the file seems to be separated by semicolons, but is read as separated by commas', 'give separator=semicolon')
    """
    if reading.format not in DELIMITED or len(columns) != 1:
        return None
    likely = max(NAMES, key=columns[0].count)
    if likely not in columns[0]:
        return None
    used = title(reading.separator)
    seen = f"the file seems to be separated by {title(likely)}, but is read as separated by {used}"
    return seen, f"give separator={_WORD_OF[likely]}"


def _first_records(head: bytes, quote: str | None, *, whole: bool) -> list[bytes]:
    """Return header and first row, as far as they are there, without what stands in quotes; blank lines are none."""
    mark = re.escape(quote.encode()) if quote else b""
    lines, inside = head.split(b"\n"), False
    found: list[bytes] = []
    record: list[bytes] = []
    for number, line in enumerate(lines, 1):
        record.append(line)
        inside ^= bool(quote) and line.count(quote.encode() if quote else b"") % 2 == 1
        if inside and number < len(lines):
            continue
        text = b"\n".join(record)
        if text.strip(b"\r") and (whole or number < len(lines) or not found):
            found.append(re.sub(mark + b"[^" + mark + b"]*" + mark, b"", text) if quote else text)
        record = []
        if len(found) == 2:
            break
    return found
