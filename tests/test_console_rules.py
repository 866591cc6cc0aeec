"""What a person sees of rules: plain text with marks where it is no terminal, colours where it is."""

import dataclasses
import io
from pathlib import Path

import polars as pl
import pytest

from explore_tasks import SCHEMA, registry, view_of
from weaklabel.console import console, page
from weaklabel.console_rules import (
    clean,
    print_change,
    print_mistakes,
    print_overview,
    print_suggestions,
    print_trial,
)
from weaklabel.explore import Ballots, Change, View, mistakes, overview, suggest, try_rule
from weaklabel.explore.suggestions import to_yaml
from weaklabel.label_model import create
from weaklabel.lf import LFRegistry, keywords

HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def _usual_width(monkeypatch):
    """Print as to a file, however wide the terminal of the tests is."""
    monkeypatch.delenv("COLUMNS", raising=False)


def printed(show, *arguments, **options):
    stream = io.StringIO()
    with page(stream) as out:
        show(*arguments, out, **options)
    return stream.getvalue()


class Terminal(io.StringIO):
    def isatty(self):
        return True


def fit(patterns):
    return create("majority_vote", n_classes=2).fit(patterns)


def test_a_trial_in_plain_text():
    text = printed(print_trial, try_rule("asks", registry(), view_of()), HERE, notes=["gold is small"])
    assert text.startswith("asks (keywords, ham)  explore_tasks.py:")
    assert "3 of 6 rows (50.00%)" in text
    assert "0.333 [0.061, 0.792] on 3 gold rows" in text
    assert "vote too on 2 (67%) of the hits, and differ on 2 (67%); 1 (33%) are this rule's alone" in text
    assert "[[Please]] help" in text and "[[PLEASE]]!" in text
    assert "one letter less: 'pleas' for 'please'" in text
    assert "! gold is small" in text
    assert "\x1b" not in text


def test_on_a_terminal_matches_are_coloured(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    stream = Terminal()
    print_trial(try_rule("asks", registry(), view_of()), HERE, console(stream))
    assert "\x1b[" in stream.getvalue() and "[[" not in stream.getvalue()


def test_texts_cannot_write_on_the_terminal():
    view = view_of({"a": "please \x1b[31mred\x1b[0m \u202eturned\x07", "b": "pleas\x1b[2J"}, None)
    text = printed(print_trial, try_rule("asks", registry(), view), HERE)
    assert "\x1b" not in text and "\u202e" not in text and "\x07" not in text
    assert clean("a\x00b" * 100)[-1] == "…"


def test_a_rule_without_hits():
    rule = keywords("never", ["nowhere"], label="ham")
    text = printed(print_trial, try_rule(rule, registry(), view_of()), HERE)
    assert "0 of 6 rows (0.00%)" in text and "others" not in text


def test_a_change():
    before = try_rule("asks", registry(), view_of())
    after = dataclasses.replace(before, hits=5)
    text = printed(print_change, Change(3, 1, 0, ("a", "b")), before, after)
    assert text.startswith("since the last save: hits 3 → 5 (+3 gained, -1 lost)\n  rows: a, b\n")
    same = printed(print_change, Change(0, 0, 0, ()), before, before)
    assert same.startswith("since the last save: hits 3 → 3 (the same rows)")


def test_an_overview():
    view = view_of()
    found = overview(Ballots(view).cast(registry()), registry(), view, fit)
    text = printed(print_overview, found, Path("rules.html"))
    lines = {line.split()[0]: line for line in text.splitlines() if line and not line.startswith(" ")}
    assert lines["asks"].split()[1:3] == ["ham", "3"]
    assert "+1 -2" in lines["asks"] and "0.333 [0.061, 0.792]" in lines["asks"]
    assert lines["page"].endswith("rules.html")
    assert max(map(len, text.splitlines())) <= 130


def test_regions_with_advice():
    texts = [f"the yurt is cold and wet {i}" for i in range(30)] + [f"please {i}" for i in range(30)]
    view = View.of(pl.DataFrame({"id": [str(i) for i in range(60)], "text": texts}))
    found = overview(Ballots(view).cast(registry()), registry(), view, fit)
    text = printed(print_overview, found, Path("rules.html"))
    assert "rows without votes, by their words" in text and "    next: " in text and "[[" in text


def test_mistakes_are_told_with_the_words_that_make_them():
    view = view_of()
    found = mistakes("asks", registry(), view, Ballots(view).cast(registry()), most=1)
    text = printed(print_mistakes, found, HERE)
    assert "2 wrong; right 0.333 [0.061, 0.792] of 3" in text
    assert "it matched (by gold)  rows  right  wrong" in text
    assert "gold spam" in text and "1 more; --examples shows them" in text


@pytest.mark.parametrize("words", [["tent", "mug"], []])
def test_suggestions(words):
    rows = [
        {"id": f"{w}{i}", "text": f"a {w} here", "label": s}
        for w, s in zip(words, SCHEMA.names)
        for i in range(40)
    ]
    frame = pl.DataFrame(rows or [{"id": "a", "text": "nothing", "label": "ham"}])
    from explore_tasks import gold_of

    view = View.of(frame.select("id", "text"), gold=gold_of(dict(frame.select("id", "label").iter_rows())))
    rules = LFRegistry([keywords("x", ["never"], label="ham")], schema=SCHEMA)
    found = suggest(rules, view, Ballots(view).cast(rules))
    text = printed(print_suggestions, found, to_yaml(found.found))
    if words:
        assert "pairs of term and class tried by gold on 80 rows" in text
        assert "      - tent    # right on 40 of 40; 40 hits, 40 of them new rows" in text
    else:
        assert "no term is surely better than chance" in text and "rules:" not in text
