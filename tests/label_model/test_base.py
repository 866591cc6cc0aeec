import json

import numpy as np
import pytest

from weaklabel.errors import ModelError
from weaklabel.label_model import create, load, names


def test_unknown_models_are_named():
    with pytest.raises(ModelError) as error:
        create("dawid_skeen", n_classes=2)
    assert str(error.value) == (
        "unknown label model 'dawid_skeen'\n"
        "  available: default, majority_vote, dawid_skene, snorkel\n"
        "  hint: did you mean 'dawid_skene'?"
    )
    assert set(names()) == {"majority_vote", "dawid_skene", "snorkel"}


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
