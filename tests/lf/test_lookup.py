"""Lookups: word lists and tables."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import naive
import strategies
import weaklabel as wl
from weaklabel.errors import RuleError


def test_a_mapping_gives_a_label_per_term_and_the_most_hits_win():
    rule = wl.lookup("brands", {"iPhone": "phones", "Galaxy S": "phones", "ThinkPad": "laptops"})
    assert rule.labels == ("phones", "laptops")
    assert rule.vote("my iphone and my galaxy\ns, not the thinkpad") == "phones"
    assert rule.vote("iphone iphone or thinkpad") is None
    assert rule.vote("iphones") is None


def test_exact_compares_the_whole_value():
    rule = wl.lookup("plan", {"Gold Plus": "vip"}, field="plan", match="exact")
    assert rule.fields == ("plan",)
    assert rule.vote(" gold \n plus ") == "vip"
    assert rule.vote("my gold plus plan") is None
    assert wl.lookup("plan", {"Gold": "vip"}, match="exact", case="sensitive").vote("gold") is None


def test_a_word_list_has_a_term_a_line_and_comments(tmp_path):
    path = tmp_path / "brands.txt"
    path.write_bytes("\ufeff# brands\r\nAcme  # the old one\r\n\r\n#\r\n#hashtag\r\nZoë & co\n".encode())
    rule = wl.lookup("brands", path, label="x")
    assert rule.entries == (("Acme", "x"), ("#hashtag", "x"), ("Zoë & co", "x"))
    assert rule == wl.lookup("brands", ["Acme", "#hashtag", "Zoë & co"], label="x")


@pytest.mark.parametrize("suffix", ["csv", "tsv", "parquet"])
def test_tables_give_a_label_per_term(tmp_path, suffix):
    path = tmp_path / f"cities.{suffix}"
    frame = pl.DataFrame({"city": ["Kyiv", "São Paulo"], "topic": ["europe", "america"]})
    if suffix == "parquet":
        frame.write_parquet(path)
    else:
        frame.write_csv(path, separator="," if suffix == "csv" else "\t")
    rule = wl.lookup("cities", path, term="city", labels="topic")
    assert rule == wl.lookup("cities", {"Kyiv": "europe", "São Paulo": "america"})
    fixed = wl.lookup("cities", str(path), label="place", term="city")
    assert fixed.entries == (("Kyiv", "place"), ("São Paulo", "place"))


def test_quotes_are_quotes_in_csv_and_plain_text_in_tsv(tmp_path):
    (tmp_path / "a.csv").write_text('term,label\n"one, ""two""",x\n')
    (tmp_path / "a.tsv").write_text('term\tlabel\n"one"\tx\n')
    assert wl.lookup("r", tmp_path / "a.csv").entries == (('one, "two"', "x"),)
    assert wl.lookup("r", tmp_path / "a.tsv").entries == (('"one"', "x"),)


def test_the_fingerprint_is_of_what_stands_in_the_list_not_of_its_place(tmp_path):
    (tmp_path / "a.txt").write_text("b\na\n")
    (tmp_path / "b.txt").write_text("# moved\na\nb\n")
    one = wl.lookup("r", tmp_path / "a.txt", label="x").fingerprint
    assert one == wl.lookup("r", tmp_path / "b.txt", label="x").fingerprint
    (tmp_path / "b.txt").write_text("a\nc\n")
    assert one != wl.lookup("r", tmp_path / "b.txt", label="x").fingerprint


def test_what_is_wrong_with_a_list_is_said_with_its_place(tmp_path):
    def fails(match, name, text=None, **options):
        if text is not None:
            (tmp_path / name).write_bytes(text)
        with pytest.raises(RuleError, match=match) as caught:
            wl.lookup("r", tmp_path / name, **options)
        return caught.value

    (tmp_path / "brands.txt").write_text("a")
    assert (
        fails("can't read .*brandz.txt: No such file", "brandz.txt", label="x").hint
        == "did you mean 'brands.txt'?"
    )
    assert fails(r"is not UTF-8 \(byte 2\)", "latin.txt", b"a\n\xe9\n", label="x").where.endswith(
        "latin.txt:2"
    )
    assert fails("no column 'term'", "t.csv", b"city,label\nKyiv,x\n").available == ("city", "label")
    assert fails("2 cells where the header has 3", "c.csv", b"term,label,z\na,b,c\n\na,b\n").where.endswith(
        "c.csv:4"
    )
    assert fails("term 'b' has no label", "e.csv", b"term,label\na,x\nb,\n").where.endswith("e.csv:3")
    assert fails(
        "term 'A' stands for two labels, 'x' and 'y'", "d.csv", b"term,label\na,x\nA,y\n"
    ).where.endswith("d.csv")
    fails("no terms: the rule could never fire", "empty.txt", b"# nothing\n", label="x")
    fails("an empty table", "none.csv", b"", label="x")
    fails("broken table", "quote.csv", b'term,label\n"a,x\n')


@pytest.mark.parametrize(
    ("terms", "message"),
    [(["a"], "term 'a' has no label"), ({"a": 3}, "a label's name is text, not 3"), ([3], "a term is text, not 3"),
     (3, "a file, a mapping or terms are wanted, not 3"), ({" ": "x"}, "a term is text, not ' '")],
)  # fmt: skip
def test_given_terms_are_checked(terms, message):
    with pytest.raises(RuleError, match=message):
        wl.lookup("r", terms)


def test_choices_are_checked():
    with pytest.raises(RuleError, match="unknown match 'word'") as caught:
        wl.lookup("r", ["a"], label="x", match="word")
    assert caught.value.hint == "did you mean 'words'?"


@given(
    strategies.hostile_texts(),
    st.lists(st.tuples(strategies.rule_terms(), st.sampled_from("xyz")), min_size=1, max_size=4),
    st.sampled_from(["words", "exact"]),
)
def test_lookups_agree_with_the_naive_twin(text, listed, match):
    entries = {}
    for terms, label in listed:
        for term in terms:
            key = naive.one_space(naive.comparable(term)).strip(" ")
            if key:
                entries.setdefault(key, (term, label))
    if not entries:
        return
    rule = wl.lookup("r", dict(entries.values()), match=match)
    codes = {"x": 0, "y": 1, "z": 2}
    vote = rule.vote(text)
    want = naive.lookup_vote(text, list(dict(entries.values()).items()), codes, match=match)
    assert (-1 if vote is None else codes[vote]) == want
