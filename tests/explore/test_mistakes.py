"""Rows on which a rule is wrong: by gold first, then against a model that is sure."""

import json

import numpy as np
import pytest

from explore_tasks import view_of
from weaklabel.errors import RuleError
from weaklabel.explore import Ballots, mistakes

# asks votes ham on a b f; gold: a ham, b spam, f spam; d and nothing else has no gold


def find(registry, view, rule="asks", **options):
    return mistakes(rule, registry, view, Ballots(view).cast(registry), **options)


def sure(view, **of):
    """Probabilities 0.5 each but for rows named: probability of spam."""
    p = np.array([of.get(id, 0.5) for id in view.ids])
    return np.stack([1 - p, p], axis=1)


def test_by_gold(registry, view):
    found = find(registry, view)
    assert (found.votes, found.by_gold, found.by_model, found.precision.value) == (3, 2, 0, 1 / 3)
    assert found.instead == {"spam": 2}
    assert {(m.row.id, m.by, m.instead, m.probability) for m in found.rows} == {
        ("b", "gold", "spam", None),
        ("f", "gold", "spam", None),
    }
    assert [(t.text, t.rows, t.right, t.wrong) for t in found.terms] == [("please", 3, 1, 2)]
    assert found.terms_by == "gold"


def test_the_model_judges_rows_without_gold_only(registry):
    view = view_of(gold={"a": "ham"})
    found = find(registry, view, probabilities=sure(view, a=0.99, b=0.95, f=0.85), threshold=0.9)
    assert (found.by_gold, found.by_model) == (0, 1)
    assert [(m.row.id, m.by, m.instead, m.probability) for m in found.rows] == [
        ("b", "model", "spam", pytest.approx(0.95))
    ]
    lower = find(registry, view, probabilities=sure(view, b=0.95, f=0.85), threshold=0.8)
    assert [m.row.id for m in lower.rows] == ["b", "f"]


def test_gold_comes_first_then_what_the_model_is_surest_of(registry):
    view = view_of(gold={"f": "spam"})
    found = find(registry, view, probabilities=sure(view, a=0.99, b=0.97, f=0.2))
    assert [(m.row.id, m.by) for m in found.rows] == [("f", "gold"), ("a", "model"), ("b", "model")]
    assert [m.row.id for m in find(registry, view, probabilities=sure(view, a=0.99), most=1).rows] == ["f"]


def test_without_gold_terms_are_judged_by_the_model(registry):
    view = view_of(gold=None)
    found = find(registry, view, "sells", probabilities=sure(view, b=0.01, c=0.99))
    assert found.terms_by == "model"
    assert [(t.text, t.right, t.wrong) for t in found.terms] == [("buy now", 1, 1)]


def test_with_neither_nothing_is_wrong(registry):
    found = find(registry, view_of(gold=None))
    assert found.rows == () and "neither gold nor a label model" in found.notes[0]


def test_an_unknown_rule(registry, view):
    with pytest.raises(RuleError, match="no rule 'aks'"):
        find(registry, view, "aks")


def test_it_is_plain_data(registry, view):
    found = json.loads(json.dumps(find(registry, view).to_dict()))
    assert found["rows"][0]["row"]["pieces"] and found["by_gold"] == 2
