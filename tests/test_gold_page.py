"""The page on people's work: well-formed, self-contained, by pseudonym, and safe whatever names hold."""

import datetime
import re
from dataclasses import replace
from html.parser import HTMLParser

import polars as pl
import pytest

from weaklabel.errors import OutputError
from weaklabel.gold.ledger.answers import LEDGER
from weaklabel.gold.trends.costs import Rates
from weaklabel.gold.trends.found import Sources, no_records
from weaklabel.gold.trends.looking_back import look_back
from weaklabel.report.drawing import Point, interval, points, shade, stacks
from weaklabel.report.gold_cells import all_weeks, table_of
from weaklabel.report.gold_page import gold_page, write_gold_page
from weaklabel.report.style import OKABE_ITO
from weaklabel.schema import LabelSchema

START = datetime.datetime(2026, 3, 2, 9, tzinfo=datetime.UTC)
NASTY = "<b onload=x>&'\""


class Reader(HTMLParser):
    """Checks that every tag is closed in order, and gathers attributes and texts."""

    def __init__(self, page):
        super().__init__()
        self.open, self.attributes, self.words, self.tags = [], [], [], []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.handle_startendtag(tag, attrs)
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def found_of(schema=("ham", "spam"), weeks=2, item="a", people=("ann", "bob"), **more):
    """Two people who answer the same ten items in each of some weeks; the second is wrong on every third."""
    rows, n = [], 0
    for week in range(weeks):
        for i in range(10):
            for person in people:
                n += 1
                label = schema[1] if person == people[1] and i % 3 == 0 else schema[0]
                rows.append(
                    {"number": n, "task": "mail", "key": f"k{n}", "item": f"{item}{week}{i}", "annotator": person}
                    | {"kind": "label", "labels": [label], "at": START + datetime.timedelta(weeks=2 * week)}
                    | {"seconds": 5.0 + i, "batch": "b1", "guideline": f"v{week}", "suggested": False}
                    | {"recorded_at": START}
                )  # fmt: skip
    _, gold, asked, batches, aside, guidelines = no_records()
    names = {person: f"annotator {n}" for n, person in enumerate(people, start=3)}
    known = [f"{item}{week}{i}" for week in range(weeks) for i in range(10)]
    made = {
        "labels": [schema[0]],
        "role": "training",
        "origin": "expert",
        "experts": [],
        "recorded_at": START,
    }
    golds = [{"number": n, "task": "mail", "item": one} | made for n, one in enumerate(known)]
    given = Sources(
        pl.DataFrame(rows, schema=LEDGER), pl.DataFrame(golds, schema=gold.schema), asked, batches, aside, guidelines,
        names=names,
    )  # fmt: skip
    given = replace(
        given, **{name: value for name, value in more.items() if name in given.__dataclass_fields__}
    )
    return look_back(given, task="mail", schema=LabelSchema(schema), rates=Rates(hourly=36, currency="EUR"))


def test_every_part_is_there_with_its_figures():
    page = Reader(gold_page(found_of(), title="People's work on mail"))
    text = " ".join(page.words)
    for heading in (
        "Agreement with gold", "Agreement among people", "Contested labels", "Hardest items",
        "What each person confuses", "Time an answer takes", "People", "Quarantines", "What a label costs", "Who labels",
    ):  # fmt: skip
        assert heading in text, heading
    assert "40 answers of 2 people to 20 items" in text
    assert "0.80 [" in text  # 32 of 40 right
    assert "annotator 3" in text and "annotator 4" in text
    assert "36 an hour" not in text and "no batch of anybody was set aside" in text
    assert "There are no answers to hidden checks" in text


def test_no_name_of_a_person_is_on_the_page():
    page = gold_page(found_of(people=("Annika", "Robert")), title="People")
    assert "Annika" not in page and "Robert" not in page


def test_nothing_to_show_says_so_in_every_part():
    empty = look_back(Sources(*no_records()), task="mail", schema=LabelSchema(["ham", "spam"]))
    text = " ".join(Reader(gold_page(empty, title="People")).words)
    assert text.count("Nothing to show") == 10
    assert "Nobody has answered yet" in text


def test_nothing_is_loaded_and_nothing_runs():
    text = gold_page(found_of(), title="People")
    page = Reader(text)
    assert "default-src 'none'; style-src 'unsafe-inline'" in text
    assert not {"script", "link", "img", "iframe", "object", "a"} & set(page.tags)
    assert not [a for a in page.attributes if a[1] in ("src", "href", "xlink:href") or a[1].startswith("on")]
    assert "http" not in re.sub(r"http-equiv", "", text) and "url(" not in text


def test_names_can_hold_anything():
    found = found_of(schema=(NASTY, "spam"), item="<i>")
    text = gold_page(found, title=NASTY)
    page = Reader(text)
    assert "b" not in page.tags and "i" not in page.tags
    assert NASTY in " ".join(page.words)


def test_colours_are_the_palettes_and_shapes_differ():
    text = gold_page(found_of(), title="People")
    assert OKABE_ITO[0] in text and OKABE_ITO[1] in text
    drawn = points(["v1"], {name: [Point(0.5, 0.4, 0.6, "told")] for name in ("one", "two", "three")})
    assert (
        drawn.count("<circle") == 2 and drawn.count("<rect") == 2 and drawn.count("<path") == 2
    )  # marks and keys


def test_a_point_stands_at_its_value_with_its_interval():
    drawn = points(["v1"], {"raw": [Point(0.5, 0.0, 1.0, "half")]}, percent=False)
    assert 'cy="101.0"' in drawn and 'y1="190.0"' in drawn and 'y2="12.0"' in drawn
    assert "raw, v1: half" in drawn
    assert 'fill="white" stroke' in points(["v1"], {"raw": [Point(0.5, few=True)]})
    assert "<g>" not in points(["v1"], {"raw": [Point(None)]})


def test_many_groups_dont_write_over_each_other():
    groups = [str(n) for n in range(200)]
    drawn = points(groups, {"raw": [Point(0.5)] * 200})
    assert drawn.count("rotate(-35") <= 26
    assert drawn.count("<circle") == 201


def test_bars_are_shares_of_their_total():
    drawn = stacks(["w"], {"by hand": [1], "by rule": [999]})
    assert "by hand: 1 (&lt;1%)" in drawn and "by rule: 999 (&gt;99%)" in drawn
    heights = [float(h) for h in re.findall(r'height="([\d.]+)" fill="#\w+" stroke="white"', drawn)]
    assert sum(heights) == pytest.approx(178, abs=0.2) and min(heights) == pytest.approx(0.178, abs=0.1)
    assert "<rect" in stacks(["w", "x"], {"by hand": [1, 0]})


def test_the_text_of_a_cell_is_readable_on_its_shade():
    for n in range(101):
        back, ink = re.findall(r"#(\w{6})", shade(n / 100))

        def light(colour):
            parts = [int(colour[i : i + 2], 16) / 255 for i in (0, 2, 4)]
            linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
            return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

        bright, dark = sorted((light(back), light(ink)), reverse=True)
        assert (bright + 0.05) / (dark + 0.05) > 4.5


def test_weeks_without_answers_are_gaps():
    assert all_weeks(["2026-03-02", "2026-03-16"]) == ["2026-03-02", "2026-03-09", "2026-03-16"]
    assert all_weeks([]) == []
    assert len(all_weeks(["2006-01-02", "2026-03-02"])) == 2  # too many to draw them all
    text = gold_page(found_of(), title="People")
    assert ">2026-03-09<" in text


def test_many_classes_are_listed():
    names = tuple(f"class {n}" for n in range(14))
    text = gold_page(found_of(schema=names), title="People")
    assert "cells" not in Reader(text).attributes and '<table class="cells">' not in text
    assert "share of that gold" in text


def test_numbers_stand_to_the_right():
    assert '<td class="n">3</td>' in table_of(["a", "n"], [["x", "3"]])
    assert interval(0.1, 0.2, 0.3, "<told>").endswith("&lt;told&gt;")


def test_a_folder_that_cant_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        write_gold_page(found_of(), tmp_path / "file" / "page.html", title="People")
    made = write_gold_page(found_of(), tmp_path / "new" / "page.html", title="People")
    assert made.read_text(encoding="utf-8").startswith("<!doctype html>")
