"""Rules that are right for some days only."""

from datetime import date, datetime

import polars as pl
import pytest

import weaklabel as wl
from weaklabel.apply.days import Days
from weaklabel.errors import CorpusError, RuleError

SCHEMA = wl.LabelSchema(["ham", "spam"])
TEXTS = ["win now", "win now", "win now", "hello", "win now"]
DAYS = [date(2025, 12, 31), date(2026, 1, 1), date(2026, 1, 31), date(2026, 1, 2), None]
MARCH = date(2026, 3, 1)


def votes(rules, days=None, **options):
    frame = pl.DataFrame({"id": [str(i) for i in range(5)], "text": TEXTS})
    if days is not None:
        frame = frame.with_columns(sent=days)
    return wl.LFApplier(wl.LFRegistry(rules, schema=SCHEMA), **options).apply(frame).to_numpy().T.tolist()


def january(maker=wl.keywords, **options):
    days = {"valid_from": "2026-01-01", "valid_until": date(2026, 1, 31)}
    return maker("wins", ["win"], label="spam", **days, **options)


@pytest.mark.parametrize(
    "days",
    [
        pl.Series(DAYS),
        pl.Series([d and datetime(d.year, d.month, d.day, 23, 59) for d in DAYS]),
        pl.Series([d and f" {d}T23:59:00+02:00" for d in DAYS]),
    ],
    ids=["dates", "times", "texts"],
)
def test_a_vote_is_missing_on_other_days(days):
    always = wl.keywords("always", ["win"], label="spam")
    assert votes([january(), always], days, date="sent") == [[-2, 1, 1, -1, -2], [1, 1, 1, -1, 1]]


def test_without_a_column_the_day_of_the_run_counts():
    assert votes([january()], today=date(2026, 1, 15)) == [[1, 1, 1, -1, 1]]
    assert votes([january()], today=MARCH) == [[-2] * 5]
    assert votes([wl.regex("r", "win", label="spam", valid_from=date(2000, 1, 1))]) == [[1, 1, 1, -1, 1]]


def test_every_kind_may_have_days_and_a_rule_is_not_shown_rows_of_other_days():
    @wl.labeling_function(label="spam", valid_from="2026-01-01", valid_until="2026-01-31")
    def picky(row):
        if str(row["sent"]) < "2026":
            raise ValueError("asked on a day that is not its own")
        return "win" in row["text"]

    rules = [
        picky,
        wl.where(
            "where", "text = 'win now'", label="spam", valid_from="2026-01-01", valid_until="2026-01-31"
        ),
        wl.regex("regex", "^win", label="spam", valid_from="2026-01-01", valid_until="2026-01-31"),
    ]
    assert votes(rules, pl.Series(DAYS), date="sent") == [[-2, 1, 1, -1, -2]] * 3


def test_days_are_part_of_what_a_rule_is():
    plain = wl.keywords("wins", ["win"], label="spam")
    assert january() != plain and january().fingerprint != plain.fingerprint
    assert january().dated and not plain.dated
    for other in ({"state": "draft"}, {"muted": True}):
        changed = wl.keywords("wins", ["win"], label="spam", **other)
        assert changed != plain and changed.fingerprint == plain.fingerprint  # its votes are the same


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"valid_from": "1.2.2026"}, "`valid_from` is a day, not '1.2.2026'"),
        ({"valid_until": datetime(2026, 1, 1)}, "`valid_until` is a day, not datetime"),
        ({"valid_from": "2026-02-01", "valid_until": "2026-01-01"}, "the rule is valid on no day"),
        ({"state": "actve"}, "unknown state 'actve'"),
        ({"muted": "yes"}, "`muted` is true or false, not 'yes'"),
    ],
)
def test_what_is_no_day_and_no_state(options, message):
    with pytest.raises(RuleError) as caught:
        wl.keywords("wins", ["win"], label="spam", **options)
    assert message in str(caught.value) and "test_days.py" in str(caught.value)


def test_columns_without_days_are_named():
    with pytest.raises(CorpusError, match="no column 'snet' with the rows' days"):
        votes([january()], pl.Series(DAYS), date="snet")
    with pytest.raises(CorpusError, match="the column 'sent' holds 'soon', which is no day"):
        votes([january()], pl.Series(["2026-01-01", None, "soon", "", ""]), date="sent")
    with pytest.raises(CorpusError, match="the column 'sent' holds Int64, not days"):
        votes([january()], pl.Series([1] * 5), date="sent")
    plain = wl.keywords("always", ["win"], label="spam")
    assert votes([plain], date="not there") == [[1, 1, 1, -1, 1]]  # nobody asks for it


def test_an_empty_batch_has_days_too():
    frame = pl.DataFrame({"sent": []}, schema={"sent": pl.Date})
    assert Days("sent", MARCH).of(frame).to_list() == [] == Days(None, MARCH).of(frame).to_list()
