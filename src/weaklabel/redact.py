"""What must not leave: patterns of personal data, replaced by stable placeholders and put back.

A placeholder such as ``[EMAIL-KWTBFRDHQZMX]`` is made from the value and a secret of the project, so that equal values
have equal placeholders in every text and at every time, whatever the order, and nobody without the secret can test a
guess. What was replaced is kept by the caller and put back by `restore`. Text that looks like a placeholder from the
start is replaced too, so that every text comes back as it was.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import polars as pl

from weaklabel.errors import Problems, WeakLabelError, did_you_mean
from weaklabel.fingerprint import fingerprint

Span = tuple[int, int]

_LETTERS = "BCDFGHJKLMNPQRST"  # one per hexadecimal digit: a placeholder can be no number, word or address
_LENGTH = 12
_LITERAL = "TEXT"
_PLACEHOLDER = re.compile(rf"\[[A-Z][A-Z0-9_]*-[{_LETTERS}]{{{_LENGTH},}}\]")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")

_BLANK = r"[^\S\r\n]"
_DASH = "\\-\u2010-\u2015\u2212"
_LOCAL = re.compile(r"[\w.+%'~-]")
_DOMAIN = re.compile(r"(?:\w[\w-]*+\.)+(?:xn--[a-z0-9-]*[a-z0-9]|[^\W\d_]{2,})", re.IGNORECASE)
_DIGITS = re.compile(rf"\d+(?:[{_DASH} \u00a0\u2009\u202f]\d+)*")
_APART = rf"(?:{_BLANK}?\(0\){_BLANK}?|(?:{_BLANK}|[./(){_DASH}]){{1,3}})"
_GROUPS = rf"\d*+(?:{_APART}\d{{2,}}+){{0,7}}"
_ALONE = rf"(?<!\w)(?<!\d[.,/{_DASH}])"
_DATE = rf"\d{{1,2}}[./{_DASH}]\d{{1,2}}[./{_DASH}]\d{{2,4}}(?!\d)"
_PHONES = (
    re.compile(rf"(?:\+\(?|{_ALONE}00)\d{_GROUPS}"),  # +49 30 1234567, 0049 30 1234567
    re.compile(
        rf"{_ALONE}(?!{_DATE})\(?[0٠۰]\d{_GROUPS}"
    ),  # 030 1234567, (030) 1234567; no date as 01.02.2026
    re.compile(rf"\(\d{{2,5}}\){_BLANK}?\d{{2}}{_GROUPS}"),  # (30) 1234567
    re.compile(
        rf"{_ALONE}(?:1[ .{_DASH}])?\d{{3}}[ .{_DASH}]\d{{3}}[ .{_DASH}]\d{{4}}(?!\d)"
    ),  # 555-123-4567
)
_LAST_GROUP = re.compile(r"\D+\d+$")
_FEWEST, _MOST = 7, 15
_IBAN = re.compile(r"(?=([A-Za-z]{2}\d\d))")
_IP4 = re.compile(
    r"(?<!\d)(?<!\d\.)(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?!\.?\d)", re.ASCII
)
_IP6 = re.compile(r"(?<![0-9A-Fa-f])[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*")
_LONGEST_IP = 64
_ZONE = re.compile(r"%\w+")
_PROMPT = re.compile(r"[@\d\[]|::|[0-9a-fA-F]:[0-9a-fA-F:]")

# Length of an IBAN by country, from the IBAN registry (ISO 13616).
_IBAN_LENGTHS = {
    country: length
    for length, countries in {
        15: "NO", 16: "BE", 18: "DK FK FO FI GL NL SD", 19: "MK SI", 20: "AT BA EE KZ LT LU MN XK",
        21: "CH HR LI LV", 22: "BG BH CR DE GB GE IE ME RS VA", 23: "AE GI IL IQ OM SO TL",
        24: "AD CZ ES MD PK RO SA SE SK TN VG", 25: "LY PT ST", 26: "IS TR", 27: "BI DJ FR GR IT MC MR SM",
        28: "AL AZ BY CY DO GT HU LB NI PL SV", 29: "BR EG PS QA UA", 30: "JO KW MU YE", 31: "MT SC", 32: "LC",
        33: "RU",
    }.items()
    for country in countries.split()
}  # fmt: skip


@dataclass(frozen=True)
class Redacted:
    """A text without what must not leave.

    Parameters
    ----------
    text
        With placeholders; None where there was none.
    found
        Placeholder -> what stood there; keep it, it must not leave.

    Examples
    --------
    >>> Redacted("hello", {}).found
    {}
    """

    text: str | None
    found: Mapping[str, str]


@dataclass(frozen=True)
class RedactedColumn:
    """A column of texts without what must not leave.

    Parameters
    ----------
    column
        Texts with placeholders, nulls as they were.
    found
        Placeholder -> what stood there, for all rows; keep it, it must not leave.

    Examples
    --------
    >>> RedactedColumn(pl.Series(["hello"]), {}).column.to_list()
    ['hello']
    """

    column: pl.Series
    found: Mapping[str, str]


def redact(
    text: str | None,
    *,
    secret: str,
    kinds: Iterable[str] | None = None,
    custom: Mapping[str, str] | None = None,
) -> Redacted:
    """Replace personal data by placeholders.

    Parameters
    ----------
    text
        Any text; None stays None.
    secret
        Of the project; the same one gives the same placeholders.
    kinds
        Of `KINDS`, in order of precedence; None: all.
    custom
        Further patterns: name -> regular expression of Python's `re`; matches of no length are passed over.

    Returns
    -------
    Redacted
        Where patterns overlap, all that any of them covers is replaced as one.

    Raises
    ------
    Problems
        The secret is empty, a kind is unknown, a pattern is broken or its name is no name.

    Examples
    --------
    >>> out = redact("write to ann@example.org", secret="s3cret")
    >>> out.text
    'write to [EMAIL-SDDRJQBTCPCL]'
    >>> restore(out.text, out.found)
    'write to ann@example.org'
    >>> redact("order A-1234", secret="s3cret", custom={"order": r"\\bA-\\d{4}\\b"}).text
    'order [ORDER-LRLCFCDJBLPB]'
    """
    finders, own = _finders(secret, kinds, custom)
    found: dict[str, str] = {}
    return Redacted(None if text is None else _redacted(text, secret, finders, own, found), found)


def redact_column(
    column: pl.Series,
    *,
    secret: str,
    kinds: Iterable[str] | None = None,
    custom: Mapping[str, str] | None = None,
) -> RedactedColumn:
    """Replace personal data by placeholders in every text of a column; see `redact`.

    Raises
    ------
    Problems
        As `redact`, or the column holds no text.

    Examples
    --------
    >>> out = redact_column(pl.Series("text", ["call +49 30 1234567", None]), secret="s3cret")
    >>> out.column.to_list()
    ['call [PHONE-JLDTRNPHFNHM]', None]
    """
    finders, own = _finders(secret, kinds, custom)
    if column.dtype not in (pl.String, pl.Null):
        what = f"column {column.name!r} holds {column.dtype}, not text"
        raise Problems("the redaction", [WeakLabelError(what)])
    found: dict[str, str] = {}
    texts = column.cast(pl.String).unique(maintain_order=True).drop_nulls()
    if not own:  # most texts hold no sign of anything
        texts = texts.filter(texts.str.contains(_PROMPT.pattern))
    changed = {text: _redacted(text, secret, finders, own, found) for text in texts.sort()}
    changed = {text: other for text, other in changed.items() if text != other}
    result = column.cast(pl.String)
    return RedactedColumn(result.replace(changed) if changed else result, found)


def restore(text: str | None, found: Mapping[str, str]) -> str | None:
    """Put back what placeholders stand for; placeholders that are not in `found` stay.

    Examples
    --------
    >>> restore("I mailed [EMAIL-SDDRJQBTCPCL] twice", {"[EMAIL-SDDRJQBTCPCL]": "ann@example.org"})
    'I mailed ann@example.org twice'
    """
    if text is None or not found:
        return text
    return _PLACEHOLDER.sub(lambda match: found.get(match[0], match[0]), text)


def restore_column(column: pl.Series, found: Mapping[str, str]) -> pl.Series:
    """Put back what placeholders stand for, in every text of a column.

    Examples
    --------
    >>> restore_column(pl.Series(["[EMAIL-SDDRJQBTCPCL]", None]), {"[EMAIL-SDDRJQBTCPCL]": "a@b.de"}).to_list()
    ['a@b.de', None]
    """
    if column.dtype != pl.String or not found:
        return column
    return pl.Series(column.name, [restore(text, found) for text in column], dtype=pl.String)


# ---- replacing ----


def _redacted(
    text: str, secret: str, finders: Mapping[str, _Finder], own: Mapping[str, _Finder], found: dict[str, str]
) -> str:
    """Return a text with placeholders, and add them to `found`."""
    pieces = _cut(text, {_LITERAL: _literals, **finders, **own})
    while True:  # what a neighbour's removal laid bare
        again = [
            part
            for kind, piece in pieces
            for part in (_cut(piece, finders) if kind is None else [(kind, piece)])
        ]
        if again == pieces:
            return "".join(p if k is None else _placeholder(k, p, secret, found) for k, p in pieces)
        pieces = again


def _cut(text: str, finders: Mapping[str, _Finder]) -> list[tuple[str | None, str]]:
    """Return a text in pieces, each with its kind, None for what may stay; overlapping finds are one."""
    spans = [
        (start, end, rank, kind)
        for rank, (kind, find) in enumerate(finders.items())
        for start, end in find(text)
        if end > start
    ]
    merged: list[tuple[int, int, int, str]] = []
    for start, end, rank, kind in sorted(spans):
        if merged and start < merged[-1][1]:
            first, last, best, name = merged[-1]
            if rank < best:
                best, name = rank, kind
            merged[-1] = (first, max(last, end), best, name)
        else:
            merged.append((start, end, rank, kind))
    pieces: list[tuple[str | None, str]] = []
    position = 0
    for start, end, _, kind in merged:
        pieces += [(None, text[position:start]), (kind, text[start:end])]
        position = end
    pieces.append((None, text[position:]))
    return [(kind, piece) for kind, piece in pieces if piece]


def _placeholder(kind: str, value: str, secret: str, found: dict[str, str]) -> str:
    """Return the placeholder of a value, longer where another value has the short one already."""
    digits = fingerprint([secret, kind, value.encode("utf-8", "surrogatepass")])
    letters = "".join(_LETTERS[int(digit, 16)] for digit in digits)
    for length in range(_LENGTH, len(letters) + 1):
        name = f"[{kind}-{letters[:length]}]"
        if found.setdefault(name, value) == value:
            return name
    raise AssertionError("two values share a fingerprint")


# ---- finding ----

_Finder = Callable[[str], Iterable[Span]]


def _finders(
    secret: str, kinds: Iterable[str] | None, custom: Mapping[str, str] | None
) -> tuple[dict[str, _Finder], dict[str, _Finder]]:
    """Return built-in and own patterns by the name of their placeholders."""
    problems: list[WeakLabelError] = []
    if not isinstance(secret, str) or not secret:
        hint = "it keeps others from testing guesses; any long random text that stays with the project"
        problems.append(WeakLabelError("redaction needs a secret", hint=hint))
    asked = list(KINDS if kinds is None else kinds)
    for kind in asked:
        if kind not in KINDS:
            hint = did_you_mean(kind, KINDS) or "own patterns go into custom="
            problems.append(WeakLabelError(f"no kind of personal data {kind!r}", available=KINDS, hint=hint))
    own: dict[str, _Finder] = {}
    for name, pattern in (custom or {}).items():
        taken = name.upper() in own or name.lower() in KINDS or name.upper() == _LITERAL
        if not _NAME.fullmatch(name) or taken:
            what = f"{name!r} is taken" if taken else f"{name!r} is no name for a pattern"
            problems.append(
                WeakLabelError(what, where="custom", hint="letters, digits and _, such as order_number")
            )
            continue
        try:
            own[name.upper()] = _regex(re.compile(pattern))
        except (re.error, TypeError) as error:
            problems.append(WeakLabelError(f"broken pattern {name!r}: {error}", where=f"custom: {pattern!r}"))
    if problems:
        raise Problems("the redaction", problems)
    return {kind.upper(): KINDS[kind] for kind in asked if kind in KINDS}, own


def _regex(pattern: re.Pattern[str]) -> _Finder:
    return lambda text: (match.span() for match in pattern.finditer(text))


def _literals(text: str) -> Iterator[Span]:
    return (match.span() for match in _PLACEHOLDER.finditer(text))


def _emails(text: str) -> Iterator[Span]:
    """Yield addresses: from each @ as far to the left and right as they reach."""
    at = text.find("@")
    while at >= 0:
        domain = _DOMAIN.match(text, at + 1)
        start = at
        while domain and start > 0 and _LOCAL.match(text[start - 1]):
            start -= 1
        while start < at and not (text[start].isalnum() or text[start] == "_"):
            start += 1
        if domain and start < at:
            yield start, domain.end()
        at = text.find("@", at + 1)


def _phones(text: str) -> Iterator[Span]:
    """Yield numbers of 7 to 15 digits that begin with +, 00, 0 or a bracket, or are grouped 3-3-4; not dates."""
    for pattern in _PHONES:
        match = pattern.search(text)
        while match:
            shown = match[0]
            most = _MOST + 2 * shown.startswith("00")
            while sum(c.isdecimal() for c in shown) > most and _LAST_GROUP.search(shown):
                shown = _LAST_GROUP.sub("", shown)
            if _FEWEST <= sum(c.isdecimal() for c in shown) <= most:
                yield match.start(), match.start() + len(shown)
            match = pattern.search(text, match.start() + 1)


def _cards(text: str) -> Iterator[Span]:
    """Yield numbers of 13 to 19 digits, in one piece or in groups of which the first has four, that pass Luhn's check."""
    for match in _DIGITS.finditer(text):
        groups = [(g.start() + match.start(), g.end() + match.start()) for g in re.finditer(r"\d+", match[0])]
        for i, (start, end) in enumerate(groups):
            for j in range(i, min(i + 5, len(groups))):
                if j > i and end - start != 4:
                    break
                digits = [int(c) for a, b in groups[i : j + 1] for c in text[a:b]]
                if 13 <= len(digits) <= 19 and 2 <= digits[0] <= 6 and _luhn(digits):
                    yield start, groups[j][1]


def _luhn(digits: list[int]) -> bool:
    """Say whether a number passes the check of ISO/IEC 7812-1, annex B."""
    doubled = [2 * d - 9 * (d > 4) for d in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _ibans(text: str) -> Iterator[Span]:
    """Yield account numbers of a known country and length that pass the check (ISO 13616), with blanks or without."""
    for match in _IBAN.finditer(text):
        length = _IBAN_LENGTHS.get(match[1][:2].upper())
        if length is None:
            continue
        start = position = match.start()
        signs: list[str] = []
        while len(signs) < length and position < len(text):
            sign = text[position]
            if sign.isascii() and sign.isalnum():
                signs.append(sign.upper())
            elif not (sign in " -\u00a0\u202f" and text[position - 1].isalnum()):
                break
            position += 1
        number = "".join(signs)
        if len(number) == length and int("".join(str(int(c, 36)) for c in number[4:] + number[:4])) % 97 == 1:
            yield start, position


def _addresses(text: str) -> Iterator[Span]:
    """Yield IP addresses of version 4 and 6."""
    yield from (match.span() for match in _IP4.finditer(text))
    for match in _IP6.finditer(text):
        start, end = match.span()
        if end - start > _LONGEST_IP:
            continue
        while end > start and not _is_ip6(text[start:end]) and text[end - 1] in ".:":
            end -= 1
        while end > start and not _is_ip6(text[start:end]) and text[start] == ":":
            start += 1
        if not _is_ip6(text[start:end]) or (
            start > 0 and (text[start - 1].isalnum() or text[start - 1] == "_")
        ):
            continue
        if end < len(text) and (text[end].isalnum() or text[end] == "_"):
            continue
        zone = _ZONE.match(text, end)
        yield start, zone.end() if zone else end


def _is_ip6(text: str) -> bool:
    if text.strip(":") == "":
        return False
    try:
        return ipaddress.ip_address(text).version == 6
    except ValueError:
        return False


KINDS: Mapping[str, _Finder] = {
    "email": _emails,
    "iban": _ibans,
    "card": _cards,
    "ip": _addresses,
    "phone": _phones,
}
"""Kinds of personal data that are known, in order of precedence."""
