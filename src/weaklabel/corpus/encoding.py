"""Files that are not text in UTF-8, told by how they begin."""

from __future__ import annotations

import codecs

SAMPLE = 4096
"""Bytes that are looked at."""
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_KINDS = (
    (b"PAR1", "a Parquet file", "let its name end in .parquet"),
    (b"PK\3\4", "a ZIP or Excel file", "unpack it first; in Excel: Save As, CSV UTF-8"),
    (b"\x1f\x8b", "a compressed file", "unpack it first"),
)
_ENOUGH = 0.4


def encoding_of(head: bytes) -> str | None:
    """Return the encoding of a file that is surely not UTF-8, by its first bytes; None: it may be UTF-8.

    UTF-16 shows by its byte order mark, or by NUL in every other byte: that is legal UTF-8, and never meant so.

    Examples
    --------
    >>> encoding_of("id,text".encode("utf-16")), encoding_of("id,text".encode("utf-16-be")), encoding_of(b"id,text")
    ('utf-16', 'utf-16be', None)
    """
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    for first, name in ((0, "utf-16be"), (1, "utf-16le")):
        nul, other = head[first::2], head[1 - first :: 2]
        begins = len(head) >= 4 and nul[:2] == b"\0\0" and b"\0" not in other[:2]
        if begins and nul.count(0) >= _ENOUGH * len(nul) and other.count(0) < len(other) / 10:
            return name
    return None


def not_utf8(head: bytes) -> tuple[str, str] | None:
    """Return what is wrong with a file of text and what to do, by its first bytes; None: it may be UTF-8.

    Examples
    --------
    >>> not_utf8("id,text".encode("utf-16"))[0]
    'not UTF-8: the file is UTF-16'
    """
    for start, kind, hint in _KINDS:
        if head.startswith(start):
            return f"not text: this is {kind}", hint
    name = encoding_of(head)
    if name is None:
        return None
    return (
        f"not UTF-8: the file is {name[:6].upper()}",
        f"save it as UTF-8 (`iconv -f {name} -t utf-8 OLD > NEW`; in Excel: Save As, CSV UTF-8)",
    )
