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
    print_first_look,
    print_mistakes,
    print_overview,
    print_rest,
    print_suggestions,
    print_trial,
)
from weaklabel.explore import Ballots, Change, View, first_look, mistakes, overview, suggest, try_rule
from weaklabel.explore.suggested import Suggestion, Suggestions, to_yaml
from weaklabel.label_model import create
from weaklabel.lf import LFRegistry, feature, keywords
from weaklabel.stats import clopper_pearson

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


def test_a_first_look_and_what_follows():
    found = first_look("asks", registry(), view_of(), examples=1)
    text = printed(print_first_look, found.trial, HERE, waits=len(found.waits))
    assert "3 of 6 rows (50.00%)" in text and "0.333 [0.061, 0.792] on 3 gold rows" in text
    assert text.lower().count("[[please]]") == 2 and "\nhits\n" in text and "\nwrong by gold\n" in text
    assert "near misses and conflicts follow when 3 other rules have voted on these rows" in text
    for later in ("vote too on", "this rule's alone", "just misses", "it meets"):
        assert later not in text
    rest = printed(print_rest, found.finish(), notes=["gold is small"])
    assert (
        "others vote too on 2 (67%) of the hits, and differ on 2 (67%); 1 (33%) are this rule's alone" in rest
    )
    assert (
        "it meets" in rest and "one letter less: 'pleas' for 'please'" in rest and "! gold is small" in rest
    )
    assert "3 of 6 rows" not in rest and "explore_tasks.py:" not in rest


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
        [line] = [line.split() for line in text.splitlines() if line.startswith("tent ")]
        assert line[1:4] == ["ham", "40", "1.000"] and line[6:10] == ["2.0,", "at", "least", "1.7"]
    else:
        assert "no term is surely better than chance" in text and "rules:" not in text


def test_hints_and_echoes_are_told_apart():
    one = Suggestion("come", "ham", 6, clopper_pearson(6, 6, confidence=0.999), 0.01, 6, 3, 1, share=0.5)
    other = Suggestion("you", "spam", 60, clopper_pearson(52, 60), 0.0, 60, 9, 5, share=0.5, fresh_known=9)
    more = tuple(dataclasses.replace(other, term=f"word {i}") for i in range(7))
    found = Suggestions(
        by="gold",
        known=99,
        rows=99,
        total=99,
        tried=9,
        found=(),
        hints=(one,),
        echoes=(other, *more),
        left_out=0,
    )
    text = printed(print_suggestions, found, "")
    assert "perhaps, but so few rows could be chance (right of known rows):\n  ham: come 6/6\n" in text
    assert "tell nothing where no rule votes for the label yet\n  spam: you, word 0, word 1" in text
    assert "word 4 and 2 more\n" in text


def test_the_spread_over_the_classes_is_shown_where_there_is_room(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    spread = {"ham": 0.8, "spam": 0.15, "other": 0.05}
    one = Suggestion(
        "come",
        "ham",
        20,
        clopper_pearson(16, 20),
        0.01,
        25,
        9,
        1,
        share=0.4,
        spread=spread,
        fresh_known=4,
        fresh_right=3,
    )
    found = Suggestions(by="gold", known=99, rows=99, total=99, tried=9, found=(one,), left_out=0)
    [line] = [line for line in printed(print_suggestions, found, "").splitlines() if line.startswith("come")]
    assert "spam 15%, other 5%" in line and "2.0, at least 1.4" in line and "3 of 4" in line
    by_model = printed(print_suggestions, dataclasses.replace(found, by="model"), "")
    assert "3 of 4" not in by_model  # the model's opinion of rows without a vote is no evidence


def test_agreement_beyond_chance_is_told_in_plain_words():
    found = overview(Ballots(view_of()).cast(registry()), registry(), view_of(), fit)
    pairs = pl.DataFrame(
        {"rule": ["a"], "other": ["b"], "both": [9], "conflicts": [1], "agreement": [8 / 9], "kappa": [0.5]}
        | {"lift": [2.0], "overlap": [0.5], "surprise": [3.0]}
    )
    text = printed(print_overview, dataclasses.replace(found, pairs=pairs), Path("rules.html"))
    assert "kappa: how much of the agreement is more than luck" in text
    assert "1 = always the same, 0 = no more often than by luck" in text


def test_a_rule_that_reads_a_feature_is_shown_in_the_feature():
    @feature
    def tidy(row):
        return row["text"].lower().replace("!", " ")

    rule = keywords("asks", ["please buy"], label="ham", field="tidy")
    rules = LFRegistry([rule], schema=SCHEMA, features=[tidy])
    view = view_of({"a": "PLEASE!BUY", "b": "no"}, None)
    text = printed(print_trial, try_rule("asks", rules, view), HERE)
    assert "a  votes ham | shown: the feature tidy\n    [[please buy]]\n" in text


def test_the_overview_tells_what_the_model_believes():
    found = overview(Ballots(view_of()).cast(registry()), registry(), view_of(), fit, clusters=False)
    text = printed(print_overview, found, HERE / "page.html")
    line = next(line for line in found.rules if line.id == "asks")
    assert f"{line.model_accuracy.value:.3f} [{line.model_accuracy.low:.3f}" in text
    assert "classes by the model, of the rows with votes: " in text
    assert (" ?" in text) == any(line.identified is False for line in found.rules)
    doubled = dataclasses.replace(found.beliefs, copies=(("asks", "begs"),), converged=False)
    text = printed(print_overview, dataclasses.replace(found, beliefs=doubled), HERE / "page.html")
    assert "heard once, since they say the same: asks, begs" in text and "came to rest" in text
