"""The page about rules: well-formed, self-contained, and safe whatever the texts and names hold."""

import dataclasses
import re
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest

from explore_tasks import registry as make_registry
from explore_tasks import view_of
from weaklabel.errors import OutputError
from weaklabel.explore import Ballots, View, overview
from weaklabel.label_model import create
from weaklabel.lf import LFRegistry, keywords
from weaklabel.report.rules_page import rules_page, write_rules_page
from weaklabel.report.style import OKABE_ITO
from weaklabel.schema import LabelSchema

VOID = {"meta"}


class Reader(HTMLParser):
    """Checks that every tag is closed in order, and gathers attributes and texts."""

    def __init__(self, page):
        super().__init__()
        self.open, self.attributes, self.words, self.tags = [], [], [], []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def look(rules, view, k=2):
    def fit(patterns):
        return create("majority_vote", n_classes=k).fit(patterns)

    return overview(Ballots(view).cast(rules), rules, view, fit)


@pytest.fixture
def found():
    return look(make_registry(), view_of())


def test_every_rule_is_in_the_table(found):
    page = Reader(rules_page(found, title="Rules of desk", notes=["gold is small"]))
    text = " ".join(page.words)
    assert all(f"{line.id}" in text for line in found.rules)
    assert "⚠ gold is small" in text and "Rules of desk" in text
    assert "0.33 (n=3)" in text and "not measured" not in text
    assert page.tags.count("tr") >= 5


def test_agreement_beyond_chance_is_told_in_plain_words(found):
    pairs = pl.DataFrame(
        {"rule": ["a"], "other": ["b"], "both": [9], "conflicts": [1], "agreement": [8 / 9], "kappa": [0.5]}
        | {"lift": [2.0], "overlap": [0.5], "surprise": [3.0]}
    )
    page = rules_page(dataclasses.replace(found, pairs=pairs), title="Rules")
    assert "Kappa: how much of the agreement is more than luck" in page
    assert "1 means always the same, 0 no more often than by luck" in page


def test_nothing_comes_from_elsewhere(found):
    page = rules_page(found, title="Rules")
    loading = [
        a for a in Reader(page).attributes if a[1] in ("src", "href", "srcset", "action", "xlink:href")
    ]
    assert loading == [] and "url(" not in page and "@import" not in page
    assert not re.search(r"https?://", page)
    assert "default-src 'none'" in page


def test_colours_are_those_everybody_can_tell_apart(found):
    page = rules_page(found, title="Rules")
    assert OKABE_ITO[0] in page and OKABE_ITO[1] in page
    assert ">ham<" in page and ">spam<" in page


def test_texts_and_names_are_shown_as_text():
    evil = "<script>alert(1)</script> & \"quotes\" 'too'"
    schema = LabelSchema(["<b>ham</b>", "spam"])
    rules = LFRegistry([keywords("<i>asks</i>", ["other"], label="<b>ham</b>", id="asks")], schema=schema)
    frame = pl.DataFrame(
        {"id": [f"<{i}>" for i in range(40)], "text": [f"{evil} yurt {i}" for i in range(40)]}
    )
    page = rules_page(look(rules, View.of(frame)), title=evil, notes=[evil])
    read = Reader(page)
    assert read.tags.count("script") == 1 and "b" not in read.tags and "i" not in read.tags
    assert "<script>alert" not in page


def test_regions_mark_their_words():
    texts = [f"the yurt is cold and wet {i}" for i in range(30)] + [f"please {i}" for i in range(30)]
    frame = pl.DataFrame({"id": [str(i) for i in range(60)], "text": texts})
    page = rules_page(look(make_registry(), View.of(frame)), title="Rules")
    assert "<mark>" in page and "Rows without votes, by their words" in page


def test_more_labels_than_colours():
    names = [f"label {i}" for i in range(12)]
    rules = [keywords(f"r{i}", [f"word{i}"], label=name) for i, name in enumerate(names)]
    frame = pl.DataFrame({"id": ["a"], "text": ["word1 word2 word11"]})
    found = look(LFRegistry(rules, schema=LabelSchema(names)), View.of(frame), k=12)
    assert "label 11" in rules_page(found, title="Rules")


def test_a_page_is_written(found, tmp_path):
    path = write_rules_page(found, tmp_path / "deep" / "rules.html", title="Rules")
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        write_rules_page(found, tmp_path / "file" / "rules.html", title="Rules")


def test_places_are_relative_to_the_folder(found):
    folder = Path(make_registry()["asks"].source.file).parent
    page = rules_page(found, title="Rules", folder=folder)
    assert str(folder) not in page


def test_what_the_model_believes_stands_beside_the_rules(found):
    text = rules_page(found, title="Rules")
    assert "Classes by the model" in text and "chance moves it within" in text
    for line in found.rules:
        if line.model_accuracy.n:
            assert f"{line.model_accuracy.value:.3f} [{line.model_accuracy.low:.2f}" in text
    bare = rules_page(dataclasses.replace(found, beliefs=None), title="Rules")
    assert "Classes by the model" not in bare
