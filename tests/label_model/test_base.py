import json

import numpy as np
import pytest

from weaklabel.errors import ModelError
from weaklabel.label_matrix import LabelMatrix
from weaklabel.label_model import create, load, names
from weaklabel.lf import LFRegistry, keywords
from weaklabel.schema import Label, LabelSchema


def test_unknown_models_are_named():
    with pytest.raises(ModelError) as error:
        create("dawid_skeen", n_classes=2)
    assert str(error.value) == (
        "unknown label model 'dawid_skeen'\n"
        f"  available: default, {', '.join(names())}\n"
        "  hint: did you mean 'dawid_skene'?"
    )
    assert {"majority_vote", "weighted_vote", "dawid_skene", "one_coin", "triplet", "snorkel"} <= set(names())


@pytest.fixture
def saved(tmp_path):
    return create("default", n_classes=2).fit([[0, 1], [1, 1]]).save(tmp_path / "m")


def head(folder):
    return json.loads((folder / "model.json").read_text())


def test_nothing_to_load(tmp_path):
    with pytest.raises(ModelError) as error:
        load(tmp_path / "none")
    assert "no saved label model" in str(error.value)
    assert f"where: {tmp_path / 'none'}" in str(error.value)


def test_damaged_json(saved):
    (saved / "model.json").write_text("{")
    with pytest.raises(ModelError, match="the saved model is damaged"):
        load(saved)


def test_a_missing_or_truncated_array_file(saved):
    path = saved / head(saved)["arrays"]
    path.write_bytes(path.read_bytes()[:30])
    with pytest.raises(ModelError, match="damaged"):
        load(saved)
    path.unlink()
    with pytest.raises(ModelError, match="no saved label model"):
        load(saved)


def test_pickled_arrays_are_not_executed(saved):
    class Trap:
        def __reduce__(self):
            return (open, (str(saved / "sprung"), "w"))

    np.savez(saved / head(saved)["arrays"], class_balance_=np.array([Trap()], object))
    with pytest.raises(ModelError, match="damaged"):
        load(saved)
    assert not (saved / "sprung").exists()


def test_a_missing_attribute_or_another_version(saved):
    data = head(saved)
    (saved / "model.json").write_text(json.dumps({**data, "learned": {}}))
    with pytest.raises(ModelError, match="damaged"):
        load(saved)
    (saved / "model.json").write_text(json.dumps({**data, "format": 99}))
    with pytest.raises(ModelError, match="format 99; this version reads 1"):
        load(saved)
    (saved / "model.json").write_text(json.dumps({**data, "model": "oracle"}))
    with pytest.raises(ModelError, match="unknown label model 'oracle'"):
        load(saved)


def test_killed_while_saving_leaves_the_old_model(saved, monkeypatch):
    from weaklabel.errors import OutputError

    votes = [[0, 1], [1, 1]]
    before = load(saved).predict_proba(votes)

    def full(*args):
        raise OSError("No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OutputError, match="No space left"):
        create("default", n_classes=2).fit([[1, 0], [1, 1]]).save(saved)
    assert (load(saved).predict_proba(votes) == before).all()


# ---- whose model it is ----

SCHEMA = LabelSchema(["ham", "spam"])
NAMED = LabelMatrix.from_numpy(
    [[0, 1, -1], [1, 1, 0]], labelers=["free", "link", "ann"], silence=[-1, -1, -2]
)


def rule(ident, *terms, **options):
    return keywords(ident, terms or (ident,), label="spam", **options)


def registry(*rules, schema=SCHEMA):
    return LFRegistry(rules, schema=schema)


@pytest.fixture
def marked(tmp_path):
    rules = registry(rule("free"), rule("link"), rule("quiet", muted=True))
    return create("default", n_classes=2).fit(NAMED).save(tmp_path / "m", schema=SCHEMA, rules=rules)


def problem(folder, **wanted):
    with pytest.raises(ModelError) as error:
        load(folder, **wanted)
    return str(error.value)


def test_a_model_loads_for_its_own_labels_and_rules(marked):
    same = registry(
        rule("link"), rule("free"), rule("other", muted=True)
    )  # order and muted rules don't matter
    proba = create("default", n_classes=2).fit(NAMED).predict_proba(NAMED)
    for wanted in (
        {},
        {"schema": SCHEMA},
        {"rules": same},
        {"schema": SCHEMA, "rules": same},
        {"rules": {r.id: r.fingerprint for r in same if not r.muted}},
        {"rules": list(same)},
        {
            "schema": LabelSchema(["ham", Label("spam", "Advertises.", aliases=("junk",))])
        },  # the codes are the same
    ):
        assert (load(marked, **wanted).predict_proba(NAMED) == proba).all()
    kept = head(marked)
    assert kept["schema"]["labels"] == ["ham", "spam"]
    assert kept["rules"] == {r.id: r.fingerprint for r in same if not r.muted}


def test_other_rules_are_named(marked):
    other = registry(rule("free", "free", "gratis"), rule("cash"), rule("win"))
    assert problem(marked, rules=other) == (
        "the model was fitted on other rules (new: cash, win; gone: link; changed: free)\n"
        f"  where: {marked}\n"
        "  available: free, link\n"
        "  hint: vote and fit again, or load it with the rules of its fit"
    )
    assert "(gone: link)" in problem(marked, rules=registry(rule("free"), rule("link", muted=True)))
    assert "(changed: link)" in problem(marked, rules=registry(rule("free"), rule("link", "url")))


@pytest.mark.parametrize(
    ("schema", "difference"),
    [
        (LabelSchema(["ham", "junk"]), "new: junk; gone: spam"),
        (LabelSchema(["ham", "spam", "news"]), "new: news"),
        (LabelSchema(["spam", "ham"]), "another order"),
        (LabelSchema(["ham", "spam"], version="2"), "version 2 instead of 1"),
        (LabelSchema(["ham", "spam"], exclusive=False), "any number of labels a row"),
    ],
)
def test_other_labels_are_named(marked, schema, difference):
    assert problem(marked, schema=schema) == (
        f"the model was fitted for other labels ({difference})\n"
        f"  where: {marked}\n"
        "  available: ham, spam\n"
        "  hint: fit it again, or load it with the schema of its fit"
    )


def test_a_model_that_does_not_say_whose_it_is(saved):
    expected = {"format", "model", "n_classes", "options", "arrays", "learned", "calibrator"}
    assert set(head(saved)) == expected
    assert problem(saved, schema=SCHEMA) == (
        "the saved model doesn't say which labels it was fitted for\n"
        f"  where: {saved}\n"
        "  hint: save it with schema=, or load it without schema="
    )
    assert "doesn't say which rules it was fitted for" in problem(saved, rules={"free": "1"})


def test_marks_that_do_not_belong_to_the_model(tmp_path):
    model = create("default", n_classes=2).fit(NAMED)
    for wanted, message in (
        ({"schema": LabelSchema(["a", "b", "c"])}, "the schema has 3 labels, and the model 2 classes"),
        ({"rules": {"free": "1", "cash": "2"}}, "the model was not fitted on these rules: cash"),
        ({"rules": 3}, "rules are an LFRegistry or a mapping id: fingerprint, not 3"),
        ({"rules": ["free"]}, "rules are an LFRegistry or a mapping id: fingerprint, not ['free']"),
        ({"schema": ["ham", "spam"]}, "schema is a LabelSchema, not ['ham', 'spam']"),
    ):
        with pytest.raises(ModelError) as error:
            model.save(tmp_path / "m", **wanted)
        assert message in str(error.value)
    assert not (tmp_path / "m").exists()
