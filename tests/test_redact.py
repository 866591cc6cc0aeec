"""Redaction: what is found, what is not, placeholders that are stable, and texts that come back as they were."""

import ipaddress
import random
import re

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from weaklabel.errors import Problems
from weaklabel.redact import KINDS, redact, redact_column, restore, restore_column

SECRET = "a secret of the tests"
HOLDER = re.compile(r"\[([A-Z][A-Z0-9_]*)-[A-Z]{12,}\]")


def shape(text, **options):
    """The redacted text with every placeholder as [KIND]."""
    return HOLDER.sub(r"[\1]", redact(text, secret=SECRET, **options).text)


# ---- values by construction, apart from the code under test ----


def luhn_digit(body):
    total = 0
    for i, digit in enumerate(reversed(body)):
        value = int(digit) * (2 if i % 2 == 0 else 1)
        total += value // 10 + value % 10
    return str(-total % 10)


def iban_of(country, account):
    letters = {chr(ord("A") + i): str(10 + i) for i in range(26)}
    number = "".join(letters.get(c, c) for c in account + country + "00")
    return f"{country}{98 - int(number) % 97:02d}{account}"


def grouped(text, sizes, between):
    parts, position = [], 0
    for size in sizes:
        parts.append(text[position : position + size])
        position += size
    parts.append(text[position:])
    return between.join(part for part in parts if part)


DIGITS = "0123456789"
WORD = st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=8)


@st.composite
def emails(draw):
    local = draw(WORD) + draw(st.sampled_from(["", ".x1", "+tag", "-y", "_z", "'o", "é"]))
    domain = ".".join(
        draw(
            st.lists(
                WORD | st.sampled_from(["müller", "xn--bcher-kva", "a-b", "1und1"]), min_size=1, max_size=2
            )
        )
    )
    return f"{local}@{domain}.{draw(st.sampled_from(['de', 'org', 'museum', 'ORG', 'рф', 'xn--p1ai']))}"


@st.composite
def cards(draw):
    prefix, length = draw(
        st.sampled_from(
            [("4", 16), ("4", 13), ("4", 19), ("51", 16), ("2221", 16), ("37", 15), ("36", 14), ("6011", 16)]
        )
    )
    body = prefix + draw(
        st.text(DIGITS, min_size=length - 1 - len(prefix), max_size=length - 1 - len(prefix))
    )
    number = body + luhn_digit(body)
    sizes = draw(st.sampled_from([(), (4, 4, 4, 4), (4, 6)]))
    return grouped(number, sizes, draw(st.sampled_from([" ", "-", "\u00a0", "\u2011"])))


@st.composite
def ibans(draw):
    country, length = draw(
        st.sampled_from([("DE", 22), ("GB", 22), ("NO", 15), ("FR", 27), ("MT", 31), ("NL", 18)])
    )
    letters = DIGITS if country in ("DE", "NO") else DIGITS + "ABCXYZ"
    number = iban_of(country, draw(st.text(letters, min_size=length - 4, max_size=length - 4)))
    number = number.lower() if draw(st.booleans()) else number
    return grouped(
        number,
        draw(st.sampled_from([(), (4, 4, 4, 4, 4, 4, 4)])),
        draw(st.sampled_from([" ", "-", "\u00a0"])),
    )


@st.composite
def phones(draw):
    area, rest = (
        draw(st.text("123456789", min_size=2, max_size=3)),
        draw(st.text("23456789", min_size=6, max_size=7)),
    )
    form = draw(
        st.sampled_from(
            ["+49 {a} {r}", "+49{a}{r}", "0049 {a} {r}", "0{a}/{r}", "0{a} {r}", "(0{a}) {r}", "+49 (0) {a} {r}", "(+49) {a} {r}",
             "+49-{a}-{r}", "0{a}-{r}", "+44\u00a0{a}\u00a0{r}"]
        )
    )  # fmt: skip
    american = draw(st.sampled_from(["555-{r}-4321", "(555) {r}-4321", "1-555-{r}-4321", "555.{r}.4321"]))
    return american.format(r=rest[:3]) if draw(st.booleans()) else form.format(a=area, r=rest)


@st.composite
def addresses(draw):
    if draw(st.booleans()):
        return str(ipaddress.IPv4Address(draw(st.integers(0, 2**32 - 1))))
    address = ipaddress.IPv6Address(draw(st.integers(2**96, 2**128 - 1)))
    return draw(st.sampled_from([address.compressed, address.exploded, address.compressed.upper()]))


VALUES = {"email": emails(), "card": cards(), "iban": ibans(), "phone": phones(), "ip": addresses()}
GLUE = st.sampled_from(
    [
        " ",
        "\n",
        "\r\n",
        ", ",
        "; ",
        " (",
        ") ",
        "\t",
        " 👍🏽 ",
        " “",
        "” ",
        " <",
        "> ",
        " שלום ",
        "。",
        " | ",
        " mail: ",
    ]
)
HOSTILE = st.lists(
    st.one_of(
        st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
        st.sampled_from(["[EMAIL-1]", "[EMAIL-BCDFGHJKLMNP]", "[TEXT-BCDFGHJKLMNPQ]", "[", "]", "@", "\r\n", "\0", "👍🏽", "+", "::", "4111", "0"]),
        *VALUES.values(),
    ),
    max_size=10,
).map("".join)  # fmt: skip


@pytest.mark.parametrize("kind", sorted(VALUES))
@settings(max_examples=150)
@given(data=st.data())
def test_nothing_of_a_kind_remains(kind, data):
    values = data.draw(st.lists(VALUES[kind], min_size=1, max_size=3))
    text = data.draw(GLUE)
    for value in values:
        text += value + data.draw(GLUE)
    out = redact(text, secret=SECRET)
    for value in values:
        assert value not in out.text
    bare = HOLDER.sub("", out.text)
    assert not re.search(r"\d", bare) and "@" not in bare
    assert restore(out.text, out.found) == text


@settings(max_examples=400)
@given(HOSTILE)
@example("[EMAIL-BCDFGHJKLMNP]")
@example("[EMAIL-[EMAIL-BCDFGHJKLMNP]]ann@x.de")
@example("a@b.de@c.org")
def test_every_text_comes_back(text):
    out = redact(text, secret=SECRET)
    assert restore(out.text, out.found) == text
    again = redact(out.text, secret=SECRET)
    assert restore(again.text, again.found) == out.text


@settings(max_examples=200)
@given(HOSTILE)
def test_what_is_left_holds_nothing_more(text):
    out = redact(text, secret=SECRET)
    for piece in HOLDER.split(out.text)[::2]:
        assert redact(piece, secret=SECRET).found == {}


@settings(max_examples=100)
@given(st.lists(st.none() | HOSTILE, max_size=6), st.randoms(use_true_random=False))
def test_a_column_is_its_texts_in_any_order(texts, rng):
    column = pl.Series("text", texts, dtype=pl.String)
    out = redact_column(column, secret=SECRET)
    assert out.column.name == "text" and out.column.dtype == pl.String
    assert out.column.to_list() == [redact(text, secret=SECRET).text for text in texts]
    assert restore_column(out.column, out.found).to_list() == texts
    order = list(range(len(texts)))
    rng.shuffle(order)
    shuffled = redact_column(column[order], secret=SECRET)
    assert shuffled.column.to_list() == out.column[order].to_list()
    assert shuffled.found == out.found


@settings(max_examples=50)
@given(st.lists(HOSTILE, min_size=1, max_size=4))
def test_own_patterns_come_back_too(texts):
    custom = {"order": r"\b[A-Z]-\d+", "any_Letter": r"[xyz]", "empty": r"q*", "greedy": r"\[.*"}
    out = redact_column(pl.Series(texts), secret=SECRET, custom=custom)
    assert restore_column(out.column, out.found).to_list() == texts


def test_examples_by_hand():
    assert shape("Write to Ann.Lee+shop@mail.example.co.uk!") == "Write to [EMAIL]!"
    assert shape("mailto:ann@example.org?subject=x") == "mailto:[EMAIL]?subject=x"
    assert shape("a@b, @home and 5 @ 3.50 each") == "a@b, @home and 5 @ 3.50 each"
    assert shape("card 4111 1111 1111 1111 ok") == "card [CARD] ok"
    assert shape("card 4111 1111 1111 1112 no") == "card 4111 1111 1111 1112 no"
    assert shape("12 4111 1111 1111 1111 99") == "12 [CARD] 99"
    assert shape("amex 3782-822463-10005") == "amex [CARD]"
    assert shape("IBAN: DE89 3704 0044 0532 0130 00, thanks") == "IBAN: [IBAN], thanks"
    assert shape("gb82west12345698765432") == "[IBAN]"
    assert shape("gb82west12345698765433") == "gb82west12345698765433"
    assert shape("from 192.168.0.1.") == "from [IP]."
    assert shape("v 1.2.3.4.5 and 256.1.1.1") == "v 1.2.3.4.5 and 256.1.1.1"
    assert shape("at fe80::1%eth0, 2001:db8::8a2e:370:7334.") == "at [IP], [IP]."
    assert shape("12:30:45 and std::vector and a :: b") == "12:30:45 and std::vector and a :: b"
    assert shape("::ffff:1.2.3.4") == "[IP]"
    assert shape("call (030) 123 45 67 or +1 555 123 4567") == "call [PHONE] or [PHONE]"
    assert shape("+٤٩ ٣٠ ١٢٣٤٥٦٧") == "[PHONE]"


def test_dates_amounts_and_numbers_of_orders_stay():
    for text in (
        "on 01.02.2026 and 2026-11-21, 3/4/26", "2026-11-21T08:41:00Z", "39.00 EUR, 1 299,50", "0.12345678", "order 123456",
        "s0001", "0 of 12", "1795255200", "62 %", "a 43, b 44", "20:15-21:30", "half a size, 3-4 days",
    ):  # fmt: skip
        assert shape(text) == text


def test_a_phone_after_a_date_is_found():
    assert shape("since 2026-11-21 030 1234567") == "since 2026-11-21 [PHONE]"
    assert shape("on 01.02.2026, 0301234567") == "on 01.02.2026, [PHONE]"


def test_equal_values_have_equal_placeholders_and_the_secret_changes_them():
    one = redact("a@b.de, c@d.de, a@b.de", secret=SECRET)
    first, second, third = (match[0] for match in HOLDER.finditer(one.text))
    assert first == third != second
    assert one.found == {first: "a@b.de", second: "c@d.de"}
    assert redact("x c@d.de", secret=SECRET).text == f"x {second}"
    assert first not in redact("a@b.de", secret="another").text


def test_what_looks_like_a_placeholder_is_not_filled_by_another_row():
    """A text that quotes the placeholder of another row's address must not get that address."""
    holder = redact("ann@example.org", secret=SECRET).text
    column = pl.Series(["ann@example.org", f"they wrote {holder}"])
    out = redact_column(column, secret=SECRET)
    assert shape(f"they wrote {holder}") == "they wrote [TEXT]"
    assert restore_column(out.column, out.found).to_list() == column.to_list()


def test_overlapping_finds_are_one():
    assert shape("ann@1.2.3.4.example.org") == "[EMAIL]"
    out = redact("x@ab-1234.de", secret=SECRET, custom={"order": r"x@ab-\d+"})
    assert list(out.found.values()) == ["x@ab-1234.de"]
    assert out.text.startswith("[EMAIL-")


def test_kinds_and_own_patterns():
    text = "ann@example.org 1.2.3.4 K-77"
    assert shape(text, kinds=["ip"]) == "ann@example.org [IP] K-77"
    assert shape(text, kinds=[], custom={"customer": r"K-\d+"}) == "ann@example.org 1.2.3.4 [CUSTOMER]"
    assert shape("xx", kinds=[], custom={"start": r"^x"}) == "[START]x"


def test_unknown_placeholders_stay():
    assert restore("[EMAIL-BCDFGHJKLMNP]", {}) == "[EMAIL-BCDFGHJKLMNP]"
    assert restore("[EMAIL-BCDFGHJKLMNP]", {"[EMAIL-X]": "a"}) == "[EMAIL-BCDFGHJKLMNP]"


def test_nulls_and_empty_columns():
    assert redact(None, secret=SECRET).text is None
    assert restore(None, {"a": "b"}) is None
    assert redact_column(pl.Series("x", [None]), secret=SECRET).column.to_list() == [None]
    assert redact_column(pl.Series("x", [], dtype=pl.String), secret=SECRET).found == {}


def test_mistakes_are_told_together():
    with pytest.raises(Problems) as error:
        redact("x", secret="", kinds=["emial"], custom={"a b": "x", "email": "x", "order": "("})
    assert str(error.value).splitlines() == [
        "5 problems in the redaction",
        "  1. redaction needs a secret",
        "     hint: it keeps others from testing guesses; any long random text that stays with the project",
        "  2. no kind of personal data 'emial'",
        "     available: email, iban, card, ip, phone",
        "     hint: did you mean 'email'?",
        "  3. 'a b' is no name for a pattern",
        "     where: custom",
        "     hint: letters, digits and _, such as order_number",
        "  4. 'email' is taken",
        "     where: custom",
        "     hint: letters, digits and _, such as order_number",
        "  5. broken pattern 'order': missing ), unterminated subpattern at position 0",
        "     where: custom: '('",
    ]
    with pytest.raises(Problems, match="1 problem in the redaction"):
        redact_column(pl.Series("n", [1]), secret=SECRET)


def test_two_values_never_share_a_placeholder(monkeypatch):
    """With placeholders of one letter, 200 values collide; the longer names keep them apart."""
    monkeypatch.setattr("weaklabel.redact._LENGTH", 1)
    monkeypatch.setattr("weaklabel.redact._PLACEHOLDER", re.compile(r"\[[A-Z]+-[A-Z]+\]"))
    column = pl.Series([f"user{i}@example.org" for i in range(200)])
    out = redact_column(column, secret=SECRET)
    assert len(out.found) == 200
    backwards = redact_column(column.reverse(), secret=SECRET)
    assert backwards.column.reverse().to_list() == out.column.to_list()
    assert restore_column(out.column, out.found).to_list() == column.to_list()


def test_the_kinds_are_these():
    assert list(KINDS) == ["email", "iban", "card", "ip", "phone"]


def test_long_runs_of_few_characters_come_through():
    """A pattern that tries every start against every end would hang on these."""
    rng = random.Random(7)
    for signs in (
        "a",
        "0",
        "1",
        ":",
        ".",
        "a.",
        "af",
        "1 ",
        "-",
        "(",
        "[",
        "+",
        "0-",
        "@",
        "a@",
        "%",
        "DE89",
    ):
        text = (signs * 50_000)[:50_000]
        out = redact(text, secret=SECRET)
        assert restore(out.text, out.found) == text
    blob = "".join(rng.choice("0123456789abcdef") for _ in range(50_000))
    out = redact(blob, secret=SECRET)
    assert restore(out.text, out.found) == blob
