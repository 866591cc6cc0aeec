"""When new labels are checked, and which."""

from datetime import date

import polars as pl
import pytest

from weaklabel.audit.cadence import Cadence, draw_for_gold, due
from weaklabel.errors import GoldError


def test_due_by_hand():
    week = Cadence(days=7)
    first = due(week, last=None, today=date(2026, 3, 10))
    assert first.due and first.sentence() == "a check of new labels was due on 2026-03-10, today"
    early = due(week, last=date(2026, 3, 9), today=date(2026, 3, 15))
    assert not early.due and early.sentence().endswith("due on 2026-03-16, in 1 day")
    assert early.to_dict()["on"] == "2026-03-16"
    assert due(week, last=date(2026, 3, 9), today=date(2026, 3, 16)).due


def test_the_draw_is_random_and_keeps_its_probabilities():
    rows = pl.DataFrame({"id": [str(i) for i in range(500)]})
    a = draw_for_gold(rows, Cadence(share=0.1), window="1", seed=1)
    b = draw_for_gold(rows, Cadence(share=0.1), window="2", seed=1)
    assert len(a) == len(b) == 50 and set(a.frame["id"]) != set(b.frame["id"])
    assert a.frame["inclusion"].to_list() == [0.1] * 50
    assert set(draw_for_gold(rows.reverse(), Cadence(share=0.1), window="1", seed=1).frame["id"]) == set(
        a.frame["id"]
    )
    assert (
        draw_for_gold(rows.head(5), Cadence(), window="1", seed=1).frame["inclusion"].to_list() == [1.0] * 5
    )


def test_misuse_is_refused():
    with pytest.raises(GoldError, match="at least 1 day"):
        Cadence(days=0)
    with pytest.raises(GoldError, match="above 0 and at most 1"):
        Cadence(share=0)
    with pytest.raises(GoldError, match="no new labels"):
        draw_for_gold(pl.DataFrame(schema={"id": pl.String}), Cadence(), window="1", seed=1)
