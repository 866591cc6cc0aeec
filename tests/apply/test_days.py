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


def test_pattern_rules_with_days_share_one_scan(monkeypatch):
    from weaklabel.apply import patterns

    compiled, compile_scan = [], patterns.compile_scan
    monkeypatch.setattr(
        patterns,
        "compile_scan",
        lambda rules, *a, **k: compiled.append(len(list(rules))) or compile_scan(rules, *a, **k),
    )
    rules = [
        january(),
        wl.regex("plain", r"w\w+ now", label="spam"),
        january(lambda name, terms, **more: wl.regex("machine", r"w\w+ now", **more)),
        january(
            lambda name, terms, **more: wl.lookup(
                "lookup", {"win": "spam", "hello": "ham"}, **(more | {"label": None})
            )
        ),
    ]
    wanted = [[-2, 1, 1, -1, -2], [1, 1, 1, -1, 1], [-2, 1, 1, -1, -2], [-2, 1, 1, 0, -2]]
    assert votes(rules, pl.Series(DAYS), date="sent") == wanted
    assert compiled == [4]


@pytest.mark.parametrize("pattern", [r"(win) now|(hello)\1", r"(\w)\1", r"^\w+"])
def test_a_regex_is_not_shown_texts_of_other_days(pattern, monkeypatch):
    from weaklabel.apply.asking import Asking

    shown, ask = [], Asking.votes

    def watching(self, rule, code, texts, rows):
        shown.extend(texts)
        return ask(self, rule, code, texts, rows)

    monkeypatch.setattr(Asking, "votes", watching)
    rule = wl.regex(
        "r", pattern, label="spam", case="ignore", valid_from="2026-01-01", valid_until="2026-01-31"
    )
    hard = ["win now \u212a not asked", "win now \u212a", "hellohello", "hello", "not asked"]
    frame = pl.DataFrame({"id": list("abcde"), "text": hard, "sent": DAYS})
    found = (
        wl.LFApplier(wl.LFRegistry([rule], schema=SCHEMA), date="sent").apply(frame).to_numpy()[:, 0].tolist()
    )
    own = [1 if rule.matches(text) else -1 for text in hard[1:4]]
    assert found == [-2, *own, -2]
    assert shown and not any("not asked" in text for text in shown)


def test_rules_on_days_without_rows_are_as_if_they_were_not_there():
    frame = pl.DataFrame({"id": ["a"], "amount": [3], "text": ["win"]})
    rule = wl.keywords("k", ["win"], label="spam", field="amount", valid_until="2026-01-31")
    other = wl.keywords("o", ["win"], label="spam")
    applier = wl.LFApplier(wl.LFRegistry([rule, other], schema=SCHEMA), today=MARCH)
    assert applier.apply(frame).to_numpy().tolist() == [[-2, 1]]
    with pytest.raises(RuleError, match="column 'amount' holds Int64, not text"):
        wl.LFApplier(wl.LFRegistry([rule, other], schema=SCHEMA), today=date(2026, 1, 2)).apply(frame)


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
