"""Votes for several classes, or against some, in all label models; without them nothing is what it was not before."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weaklabel.errors import ModelError, VotesError
from weaklabel.label_matrix import LabelMatrix, VotePatterns, as_patterns
from weaklabel.label_model import create, load, names
from weaklabel.label_model.widened import widened

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "label_models.json").read_text())
FEW_STEPS = {"snorkel": {"n_epochs": 40}}
K = 4
OUTCOMES = {
    "r1": ((0, 1), (1, 2, 3)),
    "r3": ((0, 1, 2, 3), (2, 3), (1, 2, 3)),
    "r5": ((3,), (0, 1, 2)),
    "r6": ((0, 2, 3),),
}
"""r1: a or b, not a. r3: any class, c or d, not a. r5: d, not d. r6: not b."""


def make(name, n_classes=K, **options):
    return create(name, n_classes=n_classes, **FEW_STEPS.get(name, {}), **options)


def models(keeps=None):
    out = []
    for name in names():
        marks = [pytest.mark.snorkel] if name == "snorkel" else []
        reason = type(create(name, n_classes=2)).BREAKS.get(keeps)
        if reason:
            marks.append(pytest.mark.xfail(reason=reason, strict=True, raises=AssertionError))
        out.append(pytest.param(name, marks=marks))
    return pytest.mark.parametrize("name", out)


def classes_only(n, m, k, seed):
    """Votes as those behind the golden numbers were made."""
    rng = np.random.default_rng(seed)
    truth = rng.choice(k, n, p=np.arange(k, 0, -1) / np.arange(k, 0, -1).sum())
    votes = np.full((n, m), -1, np.int8)
    for j in range(m):
        right = rng.random(n) < 0.5 + 0.4 * j / m
        said = np.where(right, truth, (truth + rng.integers(1, k, n)) % k)
        fires = (said == j % k) if j < 2 else rng.random(n) < 0.6
        votes[fires, j] = said[fires]
    votes[rng.random((n, m)) < 0.05] = -2
    votes[:3] = -1
    return votes, truth


def stands_for(labeler, code, outcomes=OUTCOMES, k=K):
    return {code} if 0 <= code < k else set() if code < 0 else set(outcomes[labeler][code - k])


def sample(n=160, m=7, seed=0, outcomes=OUTCOMES, k=K):
    """Rules that are right on 60 to 85 % of their votes, and the true classes; those of OUTCOMES say all they may."""
    rng = np.random.default_rng(seed)
    truth = rng.choice(k, n, p=np.arange(k + 1, 1, -1) / np.arange(k + 1, 1, -1).sum())
    votes = np.full((n, m), -1, np.int8)
    for j in range(m):
        codes = range(k + len(outcomes.get(f"r{j}", ())))
        for i in np.flatnonzero(rng.random(n) < 0.5):
            good = rng.random() < 0.6 + 0.05 * (j % 6)
            may = [c for c in codes if (truth[i] in stands_for(f"r{j}", c, outcomes, k)) is good]
            votes[i, j] = rng.choice(may) if may else -1
    votes[:3] = -1
    return votes, truth


def matrix(votes, silence=-1, labelers=None):
    labelers = [f"r{j}" for j in range(votes.shape[1])] if labelers is None else labelers
    return LabelMatrix.from_numpy(votes, labelers=labelers, silence=silence)


VOTES, TRUTH = sample()


def same_model(a, b):
    for attribute in (*a.STATE, "labelers_", "silence_"):
        assert np.array_equal(getattr(a, attribute), getattr(b, attribute)), attribute


# ---- tasks without outcomes ----


@pytest.mark.parametrize("key", sorted(GOLDEN))
def test_tasks_without_outcomes_are_what_they_were(key):
    """The numbers were written down before models read outcomes."""
    name, k, n, people, gold = key.split()
    k, n, g = int(k[1:]), int(n[1:]), int(gold[4:])
    m = 9 if n == 300 else 6
    votes, truth = classes_only(n, m, k, k)
    silence = [-1, -2] * (m // 2) + [-1] * (m % 2) if people == "people" else -1
    rows = LabelMatrix.from_numpy(votes, silence=silence)
    known = {rows.ids[i]: int(truth[i]) for i in range(3, g)} if g else None
    for options in ({}, {"outcomes": None}, {"outcomes": {}}, {"outcomes": {"nobody": ()}}):
        model = create(name, n_classes=k, **options).fit(rows, gold=known)
        assert np.abs(model.predict_proba(rows)[4:7] - GOLDEN[key]).max() < 1e-13


@models()
def test_outcomes_that_nobody_votes_change_no_bit(name):
    votes = np.where(VOTES >= K, -1, VOTES)
    plain = make(name).fit(matrix(votes))
    model = make(name, outcomes={"r2": [[0]], "stranger": [[0, 1]]}).fit(matrix(votes))
    assert (plain.predict_proba(matrix(votes)) == model.predict_proba(matrix(votes))).all()


# ---- what an outcome is ----


@models()
@pytest.mark.parametrize("form", ["matrix", "array", "patterns", "people"])
def test_a_set_of_one_is_its_class_and_a_set_of_all_is_an_abstention_bit_for_bit(name, form):
    outcomes = {"0": [[0], [0, 1, 2, 3]], "4": [[0, 1, 2, 3], [2], [3]]}
    votes = np.where(VOTES >= K, -1, VOTES)
    written = votes.copy()
    written[np.flatnonzero(votes[:, 0] == 0)[::2], 0] = K
    written[np.flatnonzero(votes[:, 0] == -1)[::2], 0] = K + 1
    written[votes[:, 4] == 3, 4] = K + 2
    written[np.flatnonzero(votes[:, 4] == 2)[1::2], 4] = K + 1
    written[np.flatnonzero(votes[:, 4] == -1)[::3], 4] = K
    silence = [-2, -1, -1, -1, -2, -1, -1] if form == "people" else -1
    wrap = {"array": lambda v: v, "patterns": as_patterns}.get(
        form, lambda v: LabelMatrix.from_numpy(v, silence=silence)
    )
    gold = TRUTH[:20]
    known = np.where(np.arange(len(votes)) < 20, TRUTH, -1)
    a, b = wrap(votes), wrap(written)
    known = {a.ids[i]: int(y) for i, y in enumerate(gold)} if isinstance(a, LabelMatrix) else known
    for given_gold in (None, known):
        plain, read = (
            make(name).fit(a, gold=given_gold),
            make(name, outcomes=outcomes).fit(b, gold=given_gold),
        )
        same_model(plain, read)
        for answer in ("predict_proba", "predict"):
            expected, found = getattr(plain, answer)(a), getattr(read, answer)(b)
            if form == "patterns":
                expected, found = expected[a.inverse], found[b.inverse]
            assert (expected == found).all()
    assert (
        make(name).partial_fit(a).class_balance_
        == make(name, outcomes=outcomes).partial_fit(b).class_balance_
    ).all()


def test_two_codes_of_one_set_are_one():
    outcomes = {"r0": [[1, 2], [2, 1], [1, 2, 2]]}
    votes = np.array([[4, 0], [5, 1], [6, -1], [5, 2]] * 5, np.int8)
    once = np.where(votes >= K, K, votes)
    for name in ("event_bayes", "dawid_skene", "majority_vote"):
        a = make(name, outcomes=outcomes).fit(matrix(votes)).predict_proba(matrix(votes))
        b = make(name, outcomes={"r0": [[1, 2]]}).fit(matrix(once)).predict_proba(matrix(once))
        assert (a == b).all()


@models("sets")
def test_a_set_lifts_its_classes_and_a_negation_lowers_its_class(name):
    model = make(name, outcomes=OUTCOMES).fit(matrix(VOTES))
    row = np.full((4, 7), -1, np.int8)
    row[0, 1], row[1, 1], row[2, 3], row[3, 6] = K, K + 1, K + 1, K
    p, start = model.predict_proba(matrix(row)), model.predict_proba(matrix(np.full((1, 7), -1, np.int8)))[0]
    assert p[0, :2].sum() > start[:2].sum()  # a or b
    assert p[1, 0] < start[0]  # not a
    assert p[2, 2:].sum() > start[2:].sum()  # c or d
    assert p[3, 1] < start[1]  # not b


@models()
def test_it_learns_from_sets(name):
    model = make(name, outcomes=OUTCOMES).fit(matrix(VOTES))
    proba, labels = model.predict_proba(matrix(VOTES)), model.predict(matrix(VOTES))
    assert proba.shape == (len(VOTES), K)
    assert np.abs(proba.sum(axis=1) - 1).max() < 1e-12
    sure = labels >= 0
    assert (labels[sure] == TRUTH[sure]).mean() > 0.6


def test_majority_vote_by_hand():
    """r1's 5 is not a: a third to each other class; r3's 5 is c or d: half to each."""
    model = make("majority_vote", outcomes=OUTCOMES).fit(matrix(VOTES))
    row = np.array([[2, 5, -1, 5, -1, -1, -1]], np.int8)
    assert np.allclose(
        model.predict_proba(matrix(row)), [[0, 1 / 9, 1 / 3 * (1 + 1 / 3 + 1 / 2), 1 / 9 + 1 / 6]]
    )
    assert model.predict(matrix(row)).tolist() == [2]


def test_weighted_vote_by_hand():
    model = make("weighted_vote", outcomes=OUTCOMES, weights={"r0": 1, "r1": 3}).fit(matrix(VOTES))
    row = np.array([[2, 4, -1, -1, -1, -1, -1]], np.int8)
    assert np.allclose(model.predict_proba(matrix(row)), [[3 / 8, 3 / 8, 2 / 8, 0]])


def test_one_coin_by_hand():
    """Two classes of four left: right on 1 - (1 - a) 2 / 3, shared by two; each of the others gets (1 - a) / 3."""
    model = make("one_coin", outcomes=OUTCOMES, keep_unanimous=False).fit(matrix(VOTES))
    a, pi = model.accuracy_[1], model.class_balance_
    row = np.array([[-1, 4, -1, -1, -1, -1, -1]], np.int8)
    each = np.array([1 - (1 - a) * 2 / 3, 1 - (1 - a) * 2 / 3, (1 - a) * 2 / 3, (1 - a) * 2 / 3]) / 2
    assert np.allclose(model.predict_proba(matrix(row))[0], pi * each / (pi * each).sum())


# ---- properties ----


@models("row_order")
def test_order_of_rows_bit_for_bit(name):
    order = np.random.default_rng(1).permutation(len(VOTES))
    a = make(name, outcomes=OUTCOMES).fit(matrix(VOTES)).predict_proba(matrix(VOTES))
    turned = matrix(VOTES[order])
    assert (a[order] == make(name, outcomes=OUTCOMES).fit(turned).predict_proba(turned)).all()


@models("rule_order")
def test_order_of_rules(name):
    order = np.random.default_rng(1).permutation(VOTES.shape[1])
    a = matrix(VOTES)
    b = matrix(VOTES[:, order], labelers=[f"r{j}" for j in order])
    model = make(name, outcomes=OUTCOMES).fit(a)
    other = make(name, outcomes=OUTCOMES).fit(b)
    assert np.abs(model.predict_proba(a) - other.predict_proba(b)).max() < 1e-12
    assert np.abs(model.predict_proba(a) - model.predict_proba(b)).max() < 1e-12


@models("class_order")
def test_order_of_classes(name):
    turn = np.array([2, 0, 3, 1])
    votes = np.where((VOTES >= 0) & (VOTES < K), turn[np.clip(VOTES, 0, K - 1)], VOTES).astype(np.int8)
    turned = {rule: [sorted(turn[list(one)].tolist()) for one in sets] for rule, sets in OUTCOMES.items()}
    a = make(name, outcomes=OUTCOMES).fit(matrix(VOTES)).predict_proba(matrix(VOTES))
    b = make(name, outcomes=turned).fit(matrix(votes)).predict_proba(matrix(votes))
    assert np.abs(a - b[:, turn]).max() < 1e-12


@models("shards")
def test_shards_and_parts_are_the_whole(name, tmp_path):
    parts = [matrix(part).patterns() for part in np.array_split(VOTES, 5)]
    merged = VotePatterns.merge([part.without_rows() for part in parts[::-1]])
    whole = matrix(VOTES)
    model = make(name, outcomes=OUTCOMES).fit(whole)
    same_model(model, make(name, outcomes=OUTCOMES).fit(merged))
    answers = np.concatenate([model.predict_proba(part)[part.inverse] for part in parts])
    assert (answers == model.predict_proba(whole)).all()
    grown = make(name, outcomes=OUTCOMES)
    for i in (3, 0, 4, 1, 2):
        grown.partial_fit(parts[i])
        grown = load(grown.save(tmp_path / str(i)))
    same_model(model, grown)


@models()
def test_gold_of_patterns_is_gold_of_rows(name):
    rows = matrix(VOTES)
    patterns = rows.patterns()
    known = {rows.ids[i]: int(TRUTH[i]) for i in range(60)}
    table = patterns.gold_table(np.where(np.arange(len(VOTES)) < 60, TRUTH, -1), n_classes=K)
    same_model(
        make(name, outcomes=OUTCOMES).fit(rows, gold=known),
        make(name, outcomes=OUTCOMES).fit(patterns.without_rows(), gold=table),
    )


@models()
def test_saved_and_loaded_is_the_same_to_the_last_bit(name, tmp_path):
    rows = matrix(VOTES)
    gold = {rows.ids[i]: int(TRUTH[i]) for i in range(40)}
    model = make(name, outcomes=OUTCOMES).fit(rows, gold=gold)
    back = load(model.save(tmp_path / "m"))
    assert back.outcomes == model.outcomes == OUTCOMES
    assert (back.predict_proba(rows) == model.predict_proba(rows)).all()
    assert (
        back.predict_proba(VOTES) == model.predict_proba(rows)
    ).all()  # by place, with the codes of the fit
    assert (
        "outcomes"
        not in json.loads(
            (make(name).fit(classes_only(80, 6, 3, 3)[0]).save(tmp_path / "n") / "model.json").read_text()
        )["options"]
    )


@models("likelihood")
@pytest.mark.parametrize("seed", range(3))
def test_the_likelihood_never_falls(name, seed):
    votes, truth = sample(seed=seed)
    for gold in (None, np.where(np.arange(len(votes)) < 25, truth, -1)):
        rows = matrix(votes)
        known = None if gold is None else {rows.ids[i]: int(y) for i, y in enumerate(gold) if y >= 0}
        model = make(name, outcomes=OUTCOMES).fit(rows, gold=known)
        history = getattr(model, "log_likelihood_", np.zeros(1))
        assert (np.diff(history) >= -1e-9 * np.abs(history[1:])).all()


@models("uncovered")
def test_rows_without_votes(name):
    model = make(name, outcomes=OUTCOMES).fit(matrix(VOTES))
    silent = ~(VOTES >= 0).any(axis=1)
    assert silent.sum() >= 3
    assert (model.predict_proba(matrix(VOTES))[silent] == model.class_balance_).all()
    assert (model.predict(matrix(VOTES))[silent] == -1).all()
    said_nothing = np.full((1, 7), -1, np.int8)
    said_nothing[0, 3] = K  # any class at all
    assert model.predict(matrix(said_nothing)).tolist() == [-1]


@models("duplicated_rule")
@pytest.mark.parametrize("copies", [1, 3])
def test_a_duplicated_rule_does_not_raise_confidence(name, copies):
    """The copies number their sets in another order."""
    turned = np.array([0, 1, 2, 3, 5, 4, 6], np.int8)
    again = np.where(VOTES[:, [3]] >= 0, turned[np.clip(VOTES[:, [3]], 0, 6)], VOTES[:, [3]]).astype(np.int8)
    copied = np.hstack([VOTES] + [again] * copies)
    outcomes = dict(OUTCOMES)
    for i in range(copies):
        a, b, c = OUTCOMES["r3"]
        outcomes[f"r{7 + i}"] = (b, a, c)
    one = make(name, outcomes=OUTCOMES).fit(matrix(VOTES)).predict_proba(matrix(VOTES))
    more = make(name, outcomes=outcomes).fit(matrix(copied)).predict_proba(matrix(copied))
    assert np.abs(one - more).max() < 1e-9


def raised(model, votes, outcomes=OUTCOMES):
    """By how much negative votes raise what they speak against in rows that have votes, at most."""
    worst = 0.0
    k = model.n_classes
    before = model.predict_proba(matrix(votes))
    for rule, sets in outcomes.items():
        for i, named in enumerate(sets):
            against = [y for y in range(k) if y not in named]
            if against:
                j = int(rule[1:])
                silent = (votes[:, j] == -1) & (votes >= 0).any(axis=1)
                more = votes.copy()
                more[:, j] = k + i
                after = model.predict_proba(matrix(more))[silent][:, against].sum(axis=1)
                worst = max(worst, (after - before[silent][:, against].sum(axis=1)).max(initial=0.0))
    return worst


@models("against")
def test_a_vote_against_classes_never_raises_them(name):
    for seed in range(6):
        votes, _ = sample(seed=seed)
        if seed % 2:  # rules that are wrong more often than not
            votes = np.where(np.arange(7) % 3 == 1, np.roll(votes, 7, axis=0), votes)
        model = make(name, outcomes=OUTCOMES).fit(matrix(votes))
        assert raised(model, votes) < 1e-12
    rng = np.random.default_rng(0)  # good rules, and r5, which says "not d" where it is d
    truth = rng.choice(K, 600, p=[0.4, 0.35, 0.2, 0.05])
    votes = np.where(rng.random((600, 7)) < 0.8, truth[:, None], -1).astype(np.int8)
    votes = np.where((rng.random((600, 7)) < 0.05) & (votes >= 0), rng.integers(0, K, (600, 7)), votes)
    votes[:, 5] = np.where(truth == 3, 5, -1)
    assert raised(make(name, outcomes=OUTCOMES).fit(matrix(votes)), votes) < 1e-12


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.integers(3, 5), st.integers(3, 60), st.sampled_from([None, 0.0, 0.5, 1.0]))
def test_the_default_never_lets_a_vote_raise_what_it_speaks_against(seed, k, n, trust):
    """Whatever votes it is fitted on; copies are heard each for themselves, since one may speak in place of another."""
    rng = np.random.default_rng(seed)
    m = 5
    outcomes = {}
    for j in rng.permutation(m)[:3]:
        size = rng.integers(2, k)
        outcomes[f"r{j}"] = [sorted(rng.permutation(k)[:size].tolist())]
    votes = np.full((n, m), -1, np.int8)
    for j in range(m):
        top = k + len(outcomes.get(f"r{j}", ()))
        heard = rng.random(n) < rng.random()
        votes[heard, j] = rng.integers(0, top, heard.sum()) if rng.random() < 0.7 else top - 1
    model = create("default", n_classes=k, outcomes=outcomes, trust=trust, merge_copies=False).fit(
        matrix(votes)
    )
    assert raised(model, votes, outcomes) < 1e-12


# ---- other answers ----


@models()
def test_explained_in_the_rules_own_codes(name):
    model = make(name, outcomes=OUTCOMES).fit(matrix(VOTES))
    row = np.array([2, 5, -1, 6, -1, 4, -1], np.int8)
    told = model.explain(matrix(row[None]))
    answer = dict(zip(told.labelers, zip(told.votes, told.classes, strict=True), strict=True))
    assert np.allclose(told.posterior, model.predict_proba(row[None])[0])
    assert answer["r0"] == (2, (2,))
    assert answer["r5"] == (3, (3,))  # a set of one is its class
    if name != "snorkel":
        assert answer["r1"] == (5, (1, 2, 3))
        assert answer["r3"] == (6, (1, 2, 3))
        shown = dict(told.table(["a", "b", "c", "d"]).select("labeler", "vote").rows())
        assert (shown["r1"], shown["r0"], shown["r2"]) == ("not a", "c", "abstained")
    if told.scale == "log odds":
        total = told.prior + told.contributions.sum(axis=0)
        k = K / (K - 1)
        logs = np.log(told.posterior)
        assert np.allclose(total, (logs - logs.mean()) * k)
    if told.scale == "share":
        assert np.allclose(told.contributions.sum(axis=0), told.posterior)


@models()
def test_calibrated_and_corrected(name):
    rows = matrix(VOTES)
    gold = {rows.ids[i]: int(TRUTH[i]) for i in range(3, 100)}
    model = make(name, outcomes=OUTCOMES).fit(rows, gold=gold)
    assert (model.correction_ is not None) is (name == "event_bayes")
    rest = {rows.ids[i]: int(TRUTH[i]) for i in range(100, 160)}
    before = model.predict_proba(rows)
    model.calibrate(rows, rest)
    after = model.predict_proba(rows)
    assert (before != after).any()
    assert np.abs(after.sum(axis=1) - 1).max() < 1e-12


def test_gold_teaches_that_a_set_is_not_what_it_says():
    """The rule's `c or d` (code 5) stands on rows of class a."""
    votes, truth = sample(n=400, seed=3)
    votes[:, 3] = np.where(truth == 0, 5, -1)
    rows = matrix(votes)
    lone = np.full((1, 7), -1, np.int8)
    lone[0, 3] = 5
    gold = {rows.ids[i]: int(truth[i]) for i in range(3, 250)}
    without = make("default", outcomes=OUTCOMES).fit(rows).predict_proba(matrix(lone))[0]
    taught = make("default", outcomes=OUTCOMES).fit(rows, gold=gold).predict_proba(matrix(lone))[0]
    assert taught[0] > 0.5 > without[0]


def test_long_matrices_are_read_as_they_lie():
    """More rows than are probed, nearly all different: the same bits as from patterns."""
    rng = np.random.default_rng(0)
    votes = np.where(rng.random((50_000, 14)) < 0.6, rng.integers(0, K, (50_000, 14)), -1).astype(np.int8)
    votes[rng.random(50_000) < 0.3, 1] = 5
    votes[rng.random(50_000) < 0.3, 5] = 4
    outcomes = {"1": OUTCOMES["r1"], "5": OUTCOMES["r5"]}
    model = create("default", n_classes=K, outcomes=outcomes).fit(votes)
    patterns = as_patterns(votes)
    other = create("default", n_classes=K, outcomes=outcomes).fit(patterns)
    same_model(model, other)
    assert (model.predict_proba(votes) == other.predict_proba(patterns)[patterns.inverse]).all()


def test_more_sets_than_a_vote_column_has_codes():
    """Of seven classes there are 119 sets of two to six classes; of eight there are 246."""
    sets = [[y for y in range(8) if i >> y & 1] for i in range(1, 255)]
    sets = [one for one in sets if len(one) > 1]
    model = create("default", n_classes=8, outcomes={f"r{i}": [one] for i, one in enumerate(sets[:119])})
    assert len(model.alphabet) == 127
    with pytest.raises(ModelError) as error:
        create("default", n_classes=8, outcomes={f"r{i}": [one] for i, one in enumerate(sets)})
    assert str(error.value) == (
        "246 different sets of labels beside 8 labels; 119 can be read\n"
        "  hint: let rules share their sets, or vote for single labels"
    )


def test_as_many_sets_as_there_are_codes_are_read():
    rng = np.random.default_rng(0)
    k, m, n = 7, 24, 300
    every = [[y for y in range(k) if i >> y & 1] for i in range(1, 127)]
    every = [one for one in every if len(one) > 1]
    outcomes = {f"r{j}": every[5 * j : 5 * j + 5] for j in range(m)}
    truth = rng.integers(0, k, n)
    votes = np.full((n, m), -1, np.int8)
    for j in range(m):
        for i in np.flatnonzero(rng.random(n) < 0.8):
            fits = [c for c, one in enumerate(outcomes[f"r{j}"]) if truth[i] in one]
            votes[i, j] = k + rng.choice(fits) if fits else -1
    for name in ("event_bayes", "dawid_skene", "one_coin", "triplet", "weighted_vote", "majority_vote"):
        model = create(name, n_classes=k, outcomes=outcomes)
        assert len(model.alphabet) == 126
        labels = model.fit(matrix(votes)).predict(matrix(votes))
        assert (labels == truth).mean() > 0.9, name
        assert (model.predict(votes) == labels).all()


@pytest.mark.snorkel
def test_snorkel_says_that_it_reads_no_sets(caplog):
    with caplog.at_level("WARNING", logger="weaklabel.label_model"):
        make("snorkel", outcomes=OUTCOMES).fit(matrix(VOTES))
        assert [r.message for r in caplog.records] == [
            "snorkel reads votes for several classes, or against some, as abstentions"
        ]
        caplog.clear()
        make("snorkel", outcomes={"r3": [[0]]}).fit(matrix(np.where(VOTES >= K, -1, VOTES)))
        assert not caplog.records


# ---- errors ----


def test_codes_that_stand_for_nothing_are_named():
    with pytest.raises(VotesError) as error:
        make("default", outcomes=OUTCOMES).fit(matrix(np.array([[0, 6], [1, 2]], np.int8)))
    assert str(error.value) == (
        "labeler 'r1' votes 6, and there are 4 classes: 0 to 3, and 2 outcomes of its own: 4 to 5\n"
        "  hint: n_classes is the number of labels in the schema; what rules vote for beside single labels (any_of, "
        "none_of) is told by outcomes=registry.outcome_codes()"
    )
    with pytest.raises(VotesError, match="labeler '0' votes 4, and there are 4 classes: 0 to 3\n"):
        make("default", outcomes=OUTCOMES).fit(np.array([[4, 0], [1, 2]], np.int8))
    with pytest.raises(VotesError, match="labeler '0' votes 4, and there are 4 classes: 0 to 3\n"):
        make("majority_vote").fit([[4, 0], [1, 2]])


@pytest.mark.parametrize(
    ("outcomes", "told"),
    [
        ([[0, 1]], "outcomes are a mapping labeler: sets of classes, not [[0, 1]]"),
        ({"a": "01"}, "the outcomes of 'a' are a list of sets of classes, not '01'"),
        ({"a": [[]]}, "an outcome of 'a' stands for []"),
        ({"a": [[0, 4]]}, "an outcome of 'a' stands for [0, 4]"),
        ({"a": [[0, True]]}, "an outcome of 'a' stands for [0, True]"),
        ({"a": [0]}, "an outcome of 'a' stands for 0"),
    ],
)
def test_outcomes_of_another_form(outcomes, told):
    with pytest.raises(ModelError) as error:
        create("default", n_classes=4, outcomes=outcomes)
    assert error.value.what == told
    assert error.value.hint == "registry.outcome_codes()"


# ---- a model under more outcomes ----


@models()
@pytest.mark.parametrize("with_gold", [False, True])
def test_a_widened_model_answers_the_same_bits(name, with_gold):
    rows = matrix(VOTES)
    gold = {rows.ids[i]: int(TRUTH[i]) for i in range(3, 60)} if with_gold else None
    model = make(name, outcomes=OUTCOMES).fit(rows, gold=gold)
    more = {"other": ((0, 1, 3), (0, 3)), **OUTCOMES}
    wide = widened(model, more)
    assert (wide.predict_proba(rows) == model.predict_proba(rows)).all()
    assert model.outcomes == OUTCOMES
    assert wide.outcomes == more
    told, before = wide.explain(matrix(VOTES[9:10])), model.explain(matrix(VOTES[9:10]))
    assert (told.votes, told.classes) == (before.votes, before.classes)
    assert np.allclose(told.contributions, before.contributions)


def test_a_widened_model_needs_the_sets_of_its_fit():
    model = make("default", outcomes=OUTCOMES).fit(matrix(VOTES))
    with pytest.raises(
        ModelError, match=r"fitted with the set of classes \(0, 1\), which these outcomes lack"
    ):
        widened(model, {"r1": [[1, 2, 3]]})
