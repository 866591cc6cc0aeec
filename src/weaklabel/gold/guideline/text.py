"""The lines of a Markdown document, and text made safe to stand in one."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

Kind = Literal["text", "blank", "heading", "underline", "ruler", "code", "comment", "start", "example", "end"]

_LINES = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+")
_FENCE = re.compile(r"^\s*(`{3,}(?=[^`]*$)|~{3,})")
_HEADING = re.compile(r"^ {0,3}(#{1,6})(?:[ \t]+(.*?))??(?:[ \t]+#+)?[ \t]*$")
_UNDERLINE = re.compile(r"^ {0,3}(=+|-+)[ \t]*$")
_RULER = re.compile(r"^ {0,3}([-*_])(?:[ \t]*\1){2,}[ \t]*$")
_NO_PARAGRAPH = re.compile(r"^(?: {4}|\t| {0,3}(?:[-*+>|#]|\d{1,9}[.)]\s))")
_DIRECTIVE = re.compile(r"^\s*<!--\s*(\w+)\s*(?::\s*(.*?)\s*)?-->\s*$")
_COMMENT = re.compile(r"<!--.*?-->")
_ITEM = re.compile(r"^\s*(?:([-*+])|(\d{1,9})([.)]))(?:\s+|$)")
_SPAN = re.compile(r"(?<![`\\])(`+)(?!`)(.+?)(?<!`)\1(?!`)")
_SPECIAL = re.compile(r"[\\`*\[\]~$]|(?<![^\W_])_|_(?![^\W_])")
_ENTITY = re.compile(r"&(?=#?\w+;)")


class Line(NamedTuple):
    """One line: its text without the line end, what it is, and, for headings and comments, what it says."""

    text: str
    kind: Kind
    level: int = 0
    word: str = ""
    value: str = ""


class Fault(NamedTuple):
    """What is wrong at a line, which counts from 0."""

    at: int
    what: str
    hint: str


class Block(NamedTuple):
    """A paragraph, list item, table row or code block in one line, and where it starts, counting from 0."""

    text: str
    at: int


def split_lines(text: str) -> list[str]:
    r"""Return the lines of a text with their ends; only CR, LF and CRLF end a line.

    Examples
    --------
    >>> split_lines("a\r\nb\x0bc\n\nd")
    ['a\r\n', 'b\x0bc\n', '\n', 'd']
    """
    return _LINES.findall(text)


def newline_of(text: str) -> str:
    r"""Return the line end that a text uses most; without any, LF.

    Examples
    --------
    >>> newline_of("a\r\nb\r\nc\n")
    '\r\n'
    """
    pairs = text.count("\r\n")
    counts = {"\n": text.count("\n") - pairs, "\r\n": pairs, "\r": text.count("\r") - pairs}
    return max(counts, key=lambda end: counts[end])


def scan(text: str) -> tuple[list[Line], list[Fault]]:
    r"""Say what each line of a Markdown text is.

    Headings inside code, comments and marked blocks of examples are none. What is opened and never closed is a fault,
    and is passed over.

    Examples
    --------
    >>> lines, faults = scan("# One\n```\n# no heading\n```\n<!-- id: x -->\n")
    >>> [line.kind for line in lines], lines[0].value, lines[4][3:], faults
    (['heading', 'code', 'code', 'code', 'comment'], 'One', ('id', 'x'), [])
    """
    raw = [line.rstrip("\r\n") for line in split_lines(text.removeprefix("\ufeff"))]
    lines: list[Line] = []
    faults: list[Fault] = []
    front = _front_matter(raw)
    lines += [Line(one, "comment") for one in raw[:front]]
    while len(lines) < len(raw):
        lines += _next(raw, len(lines), lines, faults)
    return lines, faults


def _front_matter(raw: Sequence[str]) -> int:
    """Return how many lines at the top are settings between two lines of `---`."""
    if not raw or raw[0].rstrip() != "---":
        return 0
    return next((i + 1 for i, line in enumerate(raw[1:], 1) if line.rstrip() == "---"), 0)


def _next(raw: Sequence[str], at: int, before: list[Line], faults: list[Fault]) -> list[Line]:
    """Return the next line, or the lines of the next closed thing."""
    line = raw[at]
    if not line.strip():
        return [Line(line, "blank")]
    fence = _FENCE.match(line)
    if fence:
        return _fenced(raw, at, fence[1], faults)
    if line.lstrip().startswith("<!--") and not line.startswith("    "):
        return _commented(raw, at, faults)
    if line.strip() == "-->":
        return [Line(line, "comment")]
    heading = _HEADING.match(line)
    if heading:
        return [Line(line, "heading", len(heading[1]), value=(heading[2] or "").strip())]
    under = _UNDERLINE.match(line)
    if under and before and before[-1].kind == "text" and _alone(before):
        title = before.pop()
        level = 1 if under[1][0] == "=" else 2
        return [
            Line(title.text, "heading", level, value=title.text.strip()),
            Line(line, "underline"),
        ]
    return [Line(line, "ruler" if _RULER.match(line) else "text")]


def _alone(before: Sequence[Line]) -> bool:
    """Say whether the last line can be a title: one line, and no list item, quote or table."""
    first = len(before) == 1 or before[-2].kind != "text"
    return first and not _NO_PARAGRAPH.match(before[-1].text)


def _fenced(raw: Sequence[str], at: int, fence: str, faults: list[Fault]) -> list[Line]:
    close = re.compile(rf"^\s*{re.escape(fence[0])}{{{len(fence)},}}\s*$")
    end = next((i for i in range(at + 1, len(raw)) if close.match(raw[i])), None)
    if end is None:
        faults.append(Fault(at, "a block of code is never closed", f"write a line of {fence} where it ends"))
        return [Line(raw[at], "text")]
    return [Line(line, "code") for line in raw[at : end + 1]]


def _commented(raw: Sequence[str], at: int, faults: list[Fault]) -> list[Line]:
    line = raw[at]
    directive = _DIRECTIVE.match(line)
    word = directive[1].casefold() if directive else ""
    value = (directive[2] or "").strip() if directive else ""
    if word == "examples":
        return _marked(raw, at, Line(line, "start", word=word, value=value), faults)
    if word == "end":
        faults.append(
            Fault(at, "an end of examples that nothing opens", "<!-- examples: LABEL --> stands above it")
        )
    if directive:
        return [Line(line, "comment", word=word, value=value)]
    if "-->" in line:
        return [Line(line, "text" if _COMMENT.sub("", line).strip() else "comment")]
    end = next((i for i in range(at + 1, len(raw)) if "-->" in raw[i]), None)
    if end is None:
        faults.append(Fault(at, "a comment is never closed", "write --> where it ends"))
        return [Line(line, "text")]
    return [Line(one, "comment") for one in raw[at : end + 1]]


def _marked(raw: Sequence[str], at: int, start: Line, faults: list[Fault]) -> list[Line]:
    for i in range(at + 1, len(raw)):
        directive = _DIRECTIVE.match(raw[i])
        word = directive[1].casefold() if directive else ""
        if word == "end":
            return [start, *(Line(one, "example") for one in raw[at + 1 : i]), Line(raw[i], "end")]
        if word == "examples":
            break
    faults.append(Fault(at, "a block of examples is never closed", "write <!-- end --> where it ends"))
    return [Line(start.text, "comment")]


def blocks(lines: Iterable[tuple[int, Line]]) -> tuple[Block, ...]:
    r"""Return paragraphs, list items, table rows and code in one line each, with whitespace made equal.

    Comments are left out; which mark or number a list item has, and where a paragraph is wrapped, makes no difference.

    Parameters
    ----------
    lines
        Lines with their numbers, from 0.

    Examples
    --------
    >>> [block.text for block in blocks(enumerate(scan("A para-\n  graph.\n\n2. two\n* three  3")[0]))]
    ['A para- graph.', '1. two', '- three 3']
    """
    found: list[list[str]] = []
    places: list[int] = []
    before: Kind = "blank"
    for at, line in lines:
        kind = "blank" if line.kind == "example" and not line.text.strip() else line.kind
        if kind in ("text", "code", "example"):
            shown = line.text if kind == "code" else _COMMENT.sub("", line.text)
            row = shown.lstrip().startswith("|")
            if kind != before or (kind != "code" and (row or _ITEM.match(shown))):
                found.append([])
                places.append(at)
            found[-1].append(shown)
        before = kind
    merged = zip(map(_equal, found), places, strict=True)
    return tuple(Block(text, at) for text, at in merged if text)


def normal(text: str) -> str:
    r"""Return text with composed characters and single spaces.

    Examples
    --------
    >>> normal("a\n  cafe\u0301 ")
    'a café'
    """
    return unicodedata.normalize("NFC", " ".join(text.split()))


def _equal(lines: Sequence[str]) -> str:
    text = normal(" ".join(lines))
    item = _ITEM.match(text)
    if item is None:
        return text
    return f"{'-' if item[1] else '1.'} {text[item.end() :]}"


def is_item(line: Line) -> re.Match[str] | None:
    """Return what marks a line as a list item that is not nested: groups bullet, number and its point; else None."""
    return _ITEM.match(line.text) if line.kind == "text" and not re.match(r" {4}|\s*\t", line.text) else None


def plain(title: str) -> str:
    """Return a heading without comments, emphasis, code marks and links.

    Examples
    --------
    >>> plain("**The `six` [labels](#x)** <!-- id: labels -->")
    'The six labels'
    """
    title = _COMMENT.sub("", title)
    title = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", title)
    title = re.sub(
        r"\\([^\w\s])", r"\1", re.sub(r"(?<!\\)[`*]|(?<![^\W_])_(?=\S)|(?<=\S)_(?![^\W_])", "", title)
    )
    return " ".join(title.split())


def slug(title: str) -> str:
    """Return the anchor that Markdown viewers give a heading.

    Examples
    --------
    >>> slug("Ambiguous cases: decisions")
    'ambiguous-cases-decisions'
    """
    kept = re.sub(r"[^\w\s-]", "", unicodedata.normalize("NFC", plain(title)).casefold())
    return re.sub(r"\s+", "-", kept.strip()).strip("-")


def directives_in(title: str) -> list[tuple[str, str]]:
    """Return word and value of the comments at the end of a heading.

    Examples
    --------
    >>> directives_in("Delivery <!-- label: delivery --> <!-- id: d -->")
    [('label', 'delivery'), ('id', 'd')]
    """
    parts = [_DIRECTIVE.match(comment) for comment in _COMMENT.findall(title)]
    return [(part[1].casefold(), (part[2] or "").strip()) for part in parts if part]


def code_names(text: str) -> tuple[str, ...]:
    """Return what stands in code marks.

    Examples
    --------
    >>> code_names("-> `delivery`, not `returns`")
    ('delivery', 'returns')
    """
    return tuple(match[2].strip() for match in _SPAN.finditer(text))


def code(name: str) -> str:
    """Return a name in code marks, however many backticks it holds.

    Examples
    --------
    >>> code("delivery"), code("a`b")
    ('`delivery`', '``a`b``')
    """
    runs = [len(run) for run in re.findall(r"`+", name)]
    marks = "`" * next(n for n in range(1, len(runs) + 2) if n not in runs)
    space = " " if name.startswith("`") or name.endswith("`") else ""
    return f"{marks}{space}{name}{space}{marks}"


def quoted(text: str) -> str:
    r"""Return any text as one line of Markdown in quotes that shows it as it is; line ends become `<br>`.

    Examples
    --------
    >>> print(quoted("50 *off*\r\n<b>now_or_never</b>"))
    "50 \*off\*<br>&lt;b>now_or_never&lt;/b>"
    """
    text = _SPECIAL.sub(r"\\\g<0>", _ENTITY.sub("&amp;", text))
    return '"' + re.sub(r"\r\n|\r|\n", "<br>", text.replace("<", "&lt;")) + '"'


def one_line(prose: str) -> str:
    r"""Return prose in Markdown as one line that can hold no comment.

    Examples
    --------
    >>> one_line("because\n of `x` <!-- end -->")
    'because of `x` &lt;!-- end -->'
    """
    return " ".join(prose.split()).replace("<!--", "&lt;!--")


def end_of_text(text: str, stop: int) -> int:
    """Return the line, from 0, after the last line above `stop` that is not blank.

    Examples
    --------
    >>> end_of_text("a\\nb\\n\\nc\\n", 3)
    2
    """
    raw = split_lines(text)
    while stop and not raw[stop - 1].strip():
        stop -= 1
    return stop


def inserted(text: str, at: int, body: Sequence[str], newline: str) -> str:
    """Return the text with lines inserted, blank lines around them.

    Examples
    --------
    >>> inserted("a\\nb\\n", 1, ["c"], "\\n")
    'a\\n\\nc\\n\\nb\\n'
    """
    raw = split_lines(text)
    above, below = raw[:at], raw[at:]
    if above and not above[-1].endswith(("\n", "\r")):
        above[-1] += newline
    gap = [newline] if above and above[-1].strip() else []
    rest = [newline] if below and below[0].strip() else []
    return "".join([*above, *gap, *(f"{line}{newline}" for line in body), *rest, *below])
