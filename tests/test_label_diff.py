"""Diffs of labels: counts by hand, causes against a search of all sets of rules, conditions, and sides."""

import itertools
import json
import shutil
from collections import Counter

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit_project import TEXTS
from label_versions import WORDS, commit_run, two_runs
from weaklabel import label_model
from weaklabel.config import load
from weaklabel.errors import ConfigError, GoldError, ModelError, WeakLabelError
from weaklabel.label_matrix import LabelMatrix
from weaklabel.pipeline import run
from weaklabel.pipeline.diffing.causes import causes
from weaklabel.pipeline.diffing.checks import Measured, check_condition, holds
from weaklabel.pipeline.diffing.counts import joined
from weaklabel.pipeline.diffing.diff import diff
from weaklabel.pipeline.diffing.mixed import PER_RULE, Mixed, can_mix
from weaklabel.pipeline.diffing.outcomes import BOTH, ELSE, RULES, SETTINGS, Flips, outcomes
from weaklabel.pipeline.diffing.rules import UNSEARCHED
from weaklabel.pipeline.diffing.side import Side
from weaklabel.pipeline.diffing.sides import open_side, open_standing
from weaklabel.runs import HOME
from weaklabel.store.label_table import LabelTable

FITTED = [name for name in PER_RULE if name != "snorkel"]


# ---- two models in one ----


def votes_of(seed, n, rules, k=3, cover=0.5):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, k, n)
    said = np.where(rng.random((n, len(rules))) < 0.75, truth[:, None], rng.integers(0, k, (n, len(rules))))
    silent = rng.random((n, len(rules))) > cover
    return LabelMatrix.from_numpy(
        np.where(silent, -1, said).astype(np.int8), labelers=rules, silence=-1
    ), truth


def fitted(name, votes, truth, *, gold=False, calibrated=False, k=3):
    model = label_model.create(name, n_classes=k)
    if name == "snorkel":
        return by_hand(model, votes, truth)
    known = {id: int(y) for id, y in zip(votes.ids[:40], truth[:40], strict=True)} if gold else None
    model.fit(votes, gold=known)
    if calibrated:
        later = {id: int(y) for id, y in zip(votes.ids[40:], truth[40:], strict=True)}
        model.calibrate(votes, later)
    return model


def by_hand(model, votes, truth):
    """Give Snorkel's model what its fit would learn, without torch."""
    m, k = len(votes.labelers), model.n_classes
    model.mu_ = np.random.default_rng(m).dirichlet(np.ones(k), m * k)
    model.class_balance_ = (np.bincount(truth, minlength=k) + 1) / (len(truth) + k)
    model.labelers_, model.silence_ = votes.labelers, votes.silence
    return model


def test_every_label_model_says_what_it_learns_of_each_rule():
    assert set(PER_RULE) == set(label_model.names())
    votes, truth = votes_of(0, 60, ["a", "b", "c", "d"])
    for name in FITTED:
        model = fitted(name, votes, truth)
        sized = {
            s for s in model.STATE if 4 in np.shape(getattr(model, s)) and s not in ("triplets_", "fallback_")
        }
        assert sized == set(PER_RULE[name])


@pytest.mark.parametrize("name", [*FITTED, "snorkel"])
@pytest.mark.parametrize("gold", [False, True])
def test_no_rule_gives_the_first_side_and_all_rules_with_settings_the_second(name, gold):
    one, truth = votes_of(1, 120, ["a", "b", "c", "d"])
    two, other = votes_of(2, 120, ["c", "e", "d", "a"])
    first = fitted(name, one, truth, gold=gold)
    second = fitted(name, two, other, gold=gold, calibrated=gold and name == "dawid_skene")
    mixed = Mixed(first, second)
    assert mixed.rules == ("a", "b", "c", "d", "e")
    before, after, at = one.to_numpy(), two.to_numpy(), np.arange(120)
    none = np.zeros((120, 5), bool)
    assert abs(mixed.answers(before, after, none, at)[0] - first.predict_proba(one)).max() < 1e-12
    assert mixed.answers(before, after, none, at)[1].tolist() == first.predict(one).tolist()
    whole = mixed.with_second("prior", "calibration")
    shares, labels, heard = mixed.answers(before, after, ~none, at, model=whole)
    assert abs(shares - second.predict_proba(two)).max() < 1e-12
    assert labels.tolist() == second.predict(two).tolist()
    assert heard.tolist() == (after >= 0).sum(axis=1).tolist()


def test_copies_are_heard_once_on_both_sides():
    votes, truth = votes_of(3, 200, ["a", "b"])
    dense = votes.to_numpy()
    copied = LabelMatrix.from_numpy(np.c_[dense, dense[:, :1]], labelers=["a", "b", "again"], silence=-1)
    first, second = fitted("event_bayes", copied, truth), fitted("event_bayes", votes, truth)
    assert first.copies_
    mixed = Mixed(first, second)
    none, at = np.zeros((200, 3), bool), np.arange(200)
    for chosen, model, expected in (
        (none, mixed.model, first.predict_proba(copied)),
        (~none, mixed.with_second("prior", "calibration"), second.predict_proba(votes)),
    ):
        shares, _, _ = mixed.answers(copied.to_numpy(), dense, chosen, at, model=model)
        assert abs(shares - expected).max() < 1e-12


def test_models_of_two_kinds_or_numbers_of_classes_are_not_mixed():
    votes, truth = votes_of(0, 60, ["a", "b", "c"])
    two = label_model.create("majority_vote", n_classes=4).fit(votes)
    one = label_model.create("majority_vote", n_classes=3).fit(votes)
    assert can_mix(one, one) and not can_mix(one, two)
    assert not can_mix(one, fitted("one_coin", votes, truth))


# ---- causes ----


def by_weights(weights, rules="abcd"):
    votes = LabelMatrix.from_numpy([[0] * len(rules), [1] * len(rules)], labelers=list(rules))
    return label_model.create("weighted_vote", n_classes=2, weights=weights).fit(votes)


def one_cause(first, second, before, after, old, new, thresholds=(None, None)):
    row = Flips(np.array([before], np.int8), np.array([after], np.int8), np.array([old]), np.array([new]))
    return causes(Mixed(first, second), row, thresholds)[0]


def test_one_vote_one_weight_and_two_of_them():
    same = by_weights({})
    # 2 to 1; one more vote against makes it 2 to 2, a tie (2): the third rule's vote
    found = one_cause(same, same, [0, 0, 1, -1], [0, 0, 1, 1], 0, 2)
    assert (found.kind, found.rules, found.voted) == (RULES, ("d",), (True,))
    # a weight alone
    found = one_cause(same, by_weights({"c": 5.0}), [0, 0, 1, -1], [0, 0, 1, -1], 0, 1)
    assert (found.kind, found.rules, found.voted) == (RULES, ("c",), (False,))
    # 3 to 0 becomes 1 to 2: it takes both
    found = one_cause(same, same, [0, 0, 0, -1], [0, 1, 1, -1], 0, 1)
    assert (found.kind, sorted(found.rules), found.voted) == (RULES, ["b", "c"], (True, True))
    # three votes go: no vote is left (uncovered is 4)
    found = one_cause(same, same, [0, 0, 0, -1], [-1, -1, -1, -1], 0, 4)
    assert (found.kind, sorted(found.rules)) == (RULES, ["a", "b", "c"])
    # a vote that changes is named before a weight that would do as well
    found = one_cause(same, by_weights({"c": 9.0}), [0, 0, 1, -1], [1, 0, 1, -1], 0, 1)
    assert (found.rules, found.voted) == (("a",), (True,))


def test_new_and_gone_rules_and_settings():
    first, second = by_weights({}, "abc"), by_weights({"e": 4.0}, "abe")
    found = one_cause(first, second, [0, 0, 1], [0, 0, 1], 0, 1)
    assert (found.rules, found.voted) == (("e",), (True,))
    found = one_cause(first, by_weights({}, "ac"), [0, 0, 1], [0, 1], 0, 2)
    assert (found.rules, found.voted) == (("b",), (True,))
    same = by_weights({})
    found = one_cause(same, same, [0, 0, 1, -1], [0, 0, 1, -1], 0, 3, (None, 0.7))
    assert (found.kind, found.parts, found.rules) == (SETTINGS, ("threshold",), ())
    # 3 to 1 under .7 stays; 2 to 1 and the threshold together don't
    found = one_cause(same, same, [0, 0, 0, 1], [0, 0, -1, 1], 0, 3, (None, 0.7))
    assert (found.kind, found.parts) == (BOTH, ("threshold",))
    # what was recorded is not what the model says: somebody has changed the status
    found = one_cause(same, same, [0, 0, 0, 1], [0, 0, 0, 1], 0, 3)
    assert found.kind == ELSE


def test_a_calibrator_and_a_prior_alone():
    votes, truth = votes_of(5, 300, ["a", "b", "c"], k=2)
    first, second = (fitted("dawid_skene", votes, truth, k=2) for _ in range(2))
    second.calibrate(votes, dict(zip(votes.ids, np.arange(300) % 2, strict=True)))  # gold says: toss a coin
    rows = votes.to_numpy()[(votes.to_numpy() >= 0).all(axis=1)][0]
    old = int(first.predict(rows[None])[0])
    found = one_cause(first, second, rows, rows, old, 3, (0.7, 0.7))
    assert (found.kind, found.parts) == (SETTINGS, ("calibration",))
    third = fitted("dawid_skene", votes, truth, k=2)
    alone = np.array([0, -1, -1], np.int8)
    shares = first.predict_proba(LabelMatrix.from_numpy(alone[None], labelers=["a", "b", "c"], silence=-1))
    third.keep_unanimous = first.keep_unanimous = False
    third.class_balance_ = np.array([1e-6, 1 - 1e-6])
    assert shares[0, 0] > 0.5
    found = one_cause(first, third, alone, alone, 0, 1)
    assert (found.kind, found.parts) == (SETTINGS, ("prior",))


def test_an_option_is_a_setting():
    votes, truth = votes_of(5, 300, ["a", "b", "c"], k=2)
    first, second = (fitted("dawid_skene", votes, truth, k=2) for _ in range(2))
    alone = np.array([0, -1, -1], np.int8)
    first.class_balance_ = second.class_balance_ = np.array([1e-6, 1 - 1e-6])
    second.keep_unanimous = False
    assert (first.predict(alone[None])[0], second.predict(alone[None])[0]) == (0, 1)
    found = one_cause(first, second, alone, alone, 0, 1)
    assert (found.kind, found.parts) == (SETTINGS, ("prior",))


def test_pairs_of_few_rows_are_left_out_and_counted(desk, monkeypatch):
    project, config, (one, two, _) = desk
    monkeypatch.setattr("weaklabel.pipeline.diffing.rules.MOST_PAIRS", 1)
    found = diff(config, project, one, two)
    assert found.causes == {RULES: 133, UNSEARCHED: 133}
    assert (
        "of 2 pairs of vote patterns the 1 of most rows were searched; 133 rows are left out" in found.notes
    )


def naive_size(mixed, flips, i):
    """Return the size of the smallest set of rules that gives pair i its new answer; None: there is none."""
    m = len(mixed.rules)
    for size in range(1, m + 1):
        for some in itertools.combinations(range(m), size):
            chosen = np.isin(np.arange(m), some)[None]
            found = outcomes(*mixed.answers(flips.before, flips.after, chosen, np.array([i])), None)
            if found[0] == flips.new[i]:
                return size
    return None


@settings(max_examples=15)
@given(seed=st.integers(0, 10_000), name=st.sampled_from(FITTED))
def test_sets_are_as_small_as_a_search_of_all_of_them_finds(seed, name):
    rules = ["a", "b", "c", "d"]
    one, truth = votes_of(seed, 60, rules, k=2, cover=0.7)
    two, other = votes_of(seed + 1, 60, rules, k=2, cover=0.7)
    first, second = fitted(name, one, truth, k=2), fitted(name, two, other, k=2)
    mixed = Mixed(first, second)
    before, after = one.to_numpy()[:25], two.to_numpy()[:25]
    heard = [(votes >= 0).sum(axis=1) for votes in (before, after)]
    old = outcomes(first.predict_proba(one)[:25], first.predict(one)[:25], heard[0], None)
    new = outcomes(second.predict_proba(two)[:25], second.predict(two)[:25], heard[1], None)
    kept = np.flatnonzero(old != new)
    flips = Flips(before[kept], after[kept], old[kept], new[kept])
    for i, cause in enumerate(causes(mixed, flips, (None, None))):
        least = naive_size(mixed, flips, i)
        if cause.kind == RULES:
            chosen = np.isin(mixed.rules, cause.rules)[None]
            found = outcomes(*mixed.answers(flips.before, flips.after, chosen, np.array([i])), None)
            assert found[0] == flips.new[i]
            assert len(cause.rules) == least or (len(cause.rules) > 2 and least > 2)
        else:
            assert cause.kind != ELSE and (least is None or least > 2)


def test_twos_are_found_by_what_ones_do_where_there_are_many(monkeypatch):
    monkeypatch.setattr("weaklabel.pipeline.diffing.causes.TWOS", 0)
    first, second = by_weights({}), by_weights({"c": 1.5, "d": 1.6})
    # 2 to 2.x: neither weight alone is enough to win
    first = by_weights({"a": 1.6, "b": 1.2, "c": 1.0, "d": 1.0})
    second = by_weights({"a": 1.6, "b": 1.2, "c": 1.5, "d": 1.6})
    found = one_cause(first, second, [0, 0, 1, 1], [0, 0, 1, 1], 0, 1)
    assert (found.kind, sorted(found.rules)) == (RULES, ["c", "d"])


# ---- conditions ----

FIGURES = {
    "flips": Measured(0.03, 30),
    "flips.spam": Measured(0.01, 10),
    "flips.not spam": Measured(0.02, 20),
    "accuracy_drop_upper": Measured(0.004),
    "accuracy_drop": Measured(None, why="there is no gold"),
}


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("flips > 2%", True),
        ("flips>=3%", True),
        ("flips > 3 %", False),
        ("flips < 31", True),
        ("flips <= 29", False),
        ("flips > 1_000", False),
        ("accuracy_drop_upper > 1pt", False),
        ("accuracy_drop_upper > .3pt", True),
        ("flips > 5% or accuracy_drop_upper > 0.1pt", True),
        ("flips > 2% and accuracy_drop_upper > 1pt", False),
        ("flips > 5% or flips > 2% and flips.spam >= 10", True),
        ("(flips > 5% or flips > 2%) and flips.spam > 10", False),
        ('flips."not spam" >= 2pt', True),
    ],
)
def test_conditions(condition, expected):
    assert holds(condition, FIGURES) is expected


@pytest.mark.parametrize(
    ("condition", "what", "column"),
    [
        ("flips >> 2%", "a number is wanted here", 7),
        ("flips 2%", "one of > >= < <= is wanted here", 6),
        ("flips > 2% flips < 1", "'and' or 'or' is wanted here", 11),
        ("(flips > 2%", "')' is wanted here", 11),
        ("flips > 2% or", "the name of a figure is wanted here", 13),
        ("flips > 2% & flips < 1", "'&' means nothing here", 11),
        ("", "the name of a figure is wanted here", 0),
        ("__import__('os')", '"\'" means nothing here', 11),
        ("flisp > 2%", "there is no figure 'flisp'", 0),
        ("flips > 0.02", "flips is a share: is 0.02 per cent meant?", 8),
        ("accuracy_drop_upper > 1", "accuracy_drop_upper is a share: is 1 per cent meant?", 22),
        ("flips < 1 or accuracy_drop > 1pt", "accuracy_drop can't be measured: there is no gold", 13),
    ],
)
def test_what_is_no_condition_is_pointed_at(condition, what, column):
    with pytest.raises(ConfigError) as caught:
        holds(condition, FIGURES)
    assert what in caught.value.what
    line, mark = caught.value.where.split("\n")
    assert line == condition and mark.index("^") == len("  where: ") + column


def test_a_condition_can_be_checked_before_anything_is_measured():
    check_condition("accuracy_drop > 1pt", list(FIGURES))
    with pytest.raises(ConfigError, match="did you mean 'flips'"):
        check_condition("flps > 1%", list(FIGURES))


# ---- counting ----


def labels_of(rows):
    kinds = {"id": pl.String, "label": pl.String, "status": pl.String, "pattern": pl.Int64}
    lines = [(id, label, "labeled" if label else "tie", ord((label or "t")[0])) for id, label in rows.items()]
    return Side("r", "t", pl.LazyFrame(lines, schema=kinds, orient="row"), ("ham", "spam"), None)


@settings(max_examples=25)
@given(
    one=st.dictionaries(st.sampled_from("abcdefgh"), st.sampled_from(["ham", "spam", None])),
    two=st.dictionaries(st.sampled_from("abcdefgh"), st.sampled_from(["ham", "spam", None])),
    part=st.sampled_from([1, 3, 100]),
)
def test_rows_are_counted_as_a_dictionary_would(one, two, part):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("weaklabel.pipeline.diffing.counts.PART", part)
        counts, groups = joined(labels_of(one), labels_of(two))
    expected = Counter()
    flips = {}
    for id in one.keys() | two.keys():
        first, second = (
            (side[id], "tie" if side[id] is None else "labeled") if id in side else (None, None)
            for side in (one, two)
        )
        expected[(*first, *second)] += 1
        if id in one and id in two and one[id] != two[id]:
            flips.setdefault((one[id], two[id]), []).append(id)
    names = ["label_before", "status_before", "label_after", "status_after", "rows"]
    assert {row[:4]: row[4] for row in counts.select(names).rows()} == expected
    found = {row[:2]: row[2:] for row in groups.select("label_before", "label_after", "rows", "id").rows()}
    assert found == {pair: (len(ids), min(ids)) for pair, ids in flips.items()}


# ---- whole runs ----


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """A project with three runs: as it is; with rules edited and one new; by another model with a threshold."""
    project, names = two_runs(tmp_path_factory.mktemp("diff") / "desk")
    other = [*WORDS, "label_model=event_bayes", "task.threshold=0.97"]
    names.append(run(load(project, other), project=project).run_id)
    return project, load(project, WORDS), names


def test_a_diff_by_hand(desk):
    project, config, (one, two, _) = desk
    found = diff(config, project, one, two)
    # "The tap … is broken." (m001, m004, …) now has thanks beside complaint, and "Thanks for keeping …" (m002, …)
    # question beside thanks; all weights but that of asks, which nothing contradicts, fall to one value: ties.
    assert found.rows == 400 and found.only_before == found.only_after == 0
    assert found.pairs.rows() == [("complaint", None, 133), ("thanks", None, 133)]
    assert found.statuses.rows() == [("labeled", "tie", 266)]
    assert found.label_flips == found.status_flips == found.flips == 266
    # the new vote alone would lose against the old weight of the other rule: it takes both
    assert found.sets.rows() == [
        (["grumbles", "says_thanks"], 133, 133),
        (["keeps", "says_thanks"], 133, 133),
    ]
    assert found.rules.rows() == [
        ("says_thanks", 266, 0, 133, "edited"),
        ("grumbles", 133, 0, 0, ""),
        ("keeps", 133, 0, 133, "new"),
    ]
    assert found.causes == {RULES: 266} and found.parts == {}
    assert found.changed == ("rules",)
    assert found.changed_rules == {"new": ["keeps"], "gone": [], "edited": ["asks", "says_thanks"]}
    first, second = found.examples
    assert first == {
        "id": "m001",
        "text": TEXTS[1].format(i=1),
        "before": "complaint",
        "after": "(tie)",
        "cause": "grumbles (weight), says_thanks (vote)",
    }
    assert (second["id"], second["cause"]) == ("m002", "says_thanks (weight), keeps (vote)")
    assert found.gold.gold_rows == 400 and set(found.gold.slices) == {"short"}
    figures = found.figures()
    assert figures["flips"].rows == found.flips and figures["flips"].share == found.flips / 400
    assert found.holds("flips > 1%") and not found.holds("flips > 400")
    assert json.loads(json.dumps(found.to_dict()))["flips"] == found.flips
    # the other way round the accuracy changes its sign, and nothing else
    back = diff(config, project, two, one)
    assert back.flips == found.flips
    # a vote that goes leaves the other one alone: one rule is enough
    assert back.sets.rows() == [(["keeps"], 133, 133), (["says_thanks"], 133, 133)]
    assert back.rules["alone"].to_list() == [133, 133]
    assert back.gold.difference.value == -found.gold.difference.value
    assert back.changed_rules["gone"] == ["keeps"]


def test_the_same_run_differs_in_nothing(desk):
    project, config, (one, _, _) = desk
    found = diff(config, project, one, one)
    assert found.same and found.causes == {} and found.pairs.height == found.rules.height == 0
    assert not found.holds("flips > 0")


def test_a_threshold_flips_statuses(desk, tmp_path):
    project, config, (_, two, three) = desk
    project = shutil.copytree(project, tmp_path / "desk")
    runs = project / HOME / "runs"
    without = shutil.copytree(runs / three, runs / "20000101-000000-000000")
    told = without / "config.yaml"
    told.write_text(told.read_text().replace("threshold: 0.97", "threshold: null"))
    names = pl.Series(["question", "complaint", "thanks"])
    table = pl.read_parquet(without / "labels.parquet")
    best = names.gather(table["probabilities"].list.arg_max())
    below = table["status"] == "below_threshold"
    assert below.sum() > 0
    table.with_columns(
        label=pl.when(below).then(best).otherwise("label"),
        status=pl.when(below).then(pl.lit("labeled")).otherwise("status"),
    ).write_parquet(without / "labels.parquet")
    found = diff(config, project, without.name, three)
    assert found.flips == below.sum()
    assert found.causes == {SETTINGS: found.flips} and found.parts == {"threshold": found.flips}
    assert found.statuses.rows() == [("labeled", "below_threshold", found.flips)]
    assert found.rules.height == 0 and found.changed == ()
    assert {one["cause"] for one in found.examples} == {"threshold"}
    # statuses that were changed by hand are not the model's doing
    tied = table.with_columns(label=pl.lit(None, pl.String), status=pl.lit("tie"))
    tied.write_parquet(without / "labels.parquet")
    assert diff(config, project, without.name, three).causes == {ELSE: 400}
    # models of two kinds have no rules in common
    found = diff(config, project, two, three)
    assert found.causes == {UNSEARCHED: found.flips}
    assert any("of two kinds, weighted_vote and event_bayes" in note for note in found.notes)


def test_rows_of_one_side_only_and_a_model_that_is_gone(desk, tmp_path):
    project, config, (one, two, _) = desk
    project = shutil.copytree(project, tmp_path / "desk")
    labels = project / HOME / "runs" / two / "labels.parquet"
    table = pl.read_parquet(labels)
    extra = table.head(1).with_columns(id=pl.lit("new"))
    pl.concat([table.filter(pl.col("id") != "m000"), extra]).write_parquet(labels)
    found = diff(config, project, one, two)
    assert (found.rows, found.only_before, found.only_after) == (399, 1, 1)
    assert any("1 of 400 gold rows are not on both sides" in note for note in found.notes)
    shutil.rmtree(project / HOME / "runs" / two / "model" / "model")
    found = diff(config, project, one, two)
    assert found.causes == {UNSEARCHED: found.flips}
    assert any(f"the label model of run {two} is not there" in note for note in found.notes)
    with pytest.raises(ModelError, match="can be compared, but not explained"):
        _ = open_side(config, project, two).model


def test_without_gold_accuracy_is_not_measured_and_conditions_say_so(desk):
    project, _, (one, two, _) = desk
    config = load(project, ["tracking=none", "task.gold.path=null"])
    found = diff(config, project, one, two)
    assert found.gold is None and found.figures()["accuracy_drop"].share is None
    with pytest.raises(ConfigError, match="accuracy_drop_upper can't be measured: accuracy was not compared"):
        found.holds("accuracy_drop_upper > 1pt")


def test_sides_that_are_not_there(desk):
    project, config, (one, _, three) = desk
    assert open_side(config, project, "last").name == three == open_standing(config, project).name
    with pytest.raises(GoldError, match="no run '2020' of task 'first'") as caught:
        open_side(config, project, "2020")
    assert one in caught.value.available
    with pytest.raises(GoldError, match="there is no label table of task 'first'") as caught:
        open_side(config, project, "v3")
    assert caught.value.hint == "weaklabel relabel task=first"
    config = load(project, ["task.name=other", "tracking=none"])
    with pytest.raises(GoldError, match="there is no run of task 'other'"):
        open_side(config, project, "last")
    with pytest.raises(GoldError, match=f"run {one} is of task 'first', not 'other'"):
        open_side(config, project, one)


def test_versions_of_the_label_table_differ_as_the_runs_they_are_made_of(desk, tmp_path):
    project, config, (one, two, _) = desk
    project = shutil.copytree(project, tmp_path / "desk")
    assert [commit_run(project, name) for name in (one, two)] == [0, 1]
    assert open_standing(config, project).name == "v1" == open_side(config, project, "latest").name
    by_run = diff(config, project, one, two)
    for before, after in (("v0", "latest"), (one, "v1"), ("v0", two)):
        found = diff(config, project, before, after)
        for name in ("rows", "flips", "causes", "changed_rules", "examples", "gold"):
            assert getattr(found, name) == getattr(by_run, name), name
        for name in ("pairs", "statuses", "rules", "sets"):
            assert getattr(found, name).equals(getattr(by_run, name)), name
    assert diff(config, project, "v0", "v1").changed == ("rules", "model")
    assert diff(config, project, one, "v1").changed == ()
    # a certificate takes labels away: nothing that votes and weights could tell
    some = pl.DataFrame({"id": ["m000", "m003"], "status": "below_threshold", "label": [None, None]})
    some = some.cast({"label": pl.String})
    LabelTable(project / HOME / "labels" / "first").change_status(
        some, expected=1, metadata={"run_id": "audit"}
    )
    found = diff(config, project, "v1", "v2")
    assert found.causes == {ELSE: 2} and found.pairs.rows() == [("question", None, 2)]
    with pytest.raises(WeakLabelError, match="version 7"):
        open_side(config, project, "v7")
    shutil.rmtree(project / HOME / "patterns")
    found = diff(config, project, "v0", "v1")
    assert found.causes == {UNSEARCHED: 266}
    assert any("the votes of 2 vote patterns are not kept" in note for note in found.notes)


def test_votes_behind_pattern_keys_are_those_of_the_rows(desk):
    project, config, (one, _, _) = desk
    side = open_side(config, project, one)
    rows = side.labels.select("id", "pattern").collect()
    votes = LabelMatrix.scan(side.folder / "votes")
    frame = pl.concat([pl.read_parquet(f) for f in sorted((side.folder / "votes").glob("*.parquet"))])
    whole = rows.join(frame, on="id", how="left", maintain_order="left")
    expected = whole.select(f"lf:{rule}" for rule in side.model.labelers_).to_numpy()
    assert side.votes(rows["pattern"].to_numpy()).tolist() == expected.tolist()
    assert set(side.model.labelers_) == set(votes.labelers)
    with pytest.raises(ModelError, match="1 vote patterns of its labels are not among its votes: 12345"):
        side.votes([12345])
