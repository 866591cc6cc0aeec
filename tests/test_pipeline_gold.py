"""The gold of a run: the gold room's calibrate items, their weights, and what they may not decide."""

from dataclasses import replace

import polars as pl
import pytest

from weaklabel import config, label_model, pipeline
from weaklabel.errors import ConfigError, GoldError, Problems
from weaklabel.fingerprint import fingerprint
from weaklabel.gold import load_gold
from weaklabel.gold.ledger.ledger import Ledger
from weaklabel.gold.room import Room
from weaklabel.label_matrix import LabelMatrix
from weaklabel.pipeline.gold import Calibration, fit_known, open_gold_parts
from weaklabel.schema import LabelSchema

SCHEMA = LabelSchema(["ham", "spam"])
LABELS = ["spam", "spam", "ham", "ham", "spam", "ham", "spam", "ham"]
TEXTS = ["see http://x", "BUY NOW", "ok", "hello there all", "HTTP://Y", "fine", "see https://z ok", "NO"]
RULES = """
rules:
  - {name: link, kind: regex, label: spam, pattern: 'https?://'}
  - {name: shouts, kind: regex, label: spam, pattern: '^[^a-z]+$'}
  - {name: short, kind: where, label: ham, sql: "length(text) < 9"}
"""


@pytest.fixture
def project(tmp_path):
    (tmp_path / "conf" / "task").mkdir(parents=True)
    (tmp_path / "conf" / "config.yaml").write_text(
        "defaults:\n  - base\n  - task: tiny\n  - label_model: default\n  - engine: local\n  - tracking: none\n"
        "  - experiment: null\n  - _self_\nplots: false\nevaluation: {classifier: false}\n"
    )
    (tmp_path / "conf" / "task" / "tiny.yaml").write_text(
        "name: tiny\nrules: rules\ncorpus: {path: data.csv, id: id}\ngold: {path: gold.csv}\n"
    )
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "schema.yaml").write_text("labels: [ham, spam]\n")
    (tmp_path / "rules" / "rules.yaml").write_text(RULES)
    ids = [f"r{i}" for i in range(8)]
    pl.DataFrame({"id": ids, "text": TEXTS}).write_csv(tmp_path / "data.csv")
    pl.DataFrame({"id": ids, "label": LABELS}).write_csv(tmp_path / "gold.csv")
    return tmp_path


def room(project):
    place = project / ".weaklabel" / "gold" / "ledger.db"
    place.parent.mkdir(parents=True, exist_ok=True)
    return Room(Ledger.open(place), "tiny", SCHEMA)


def gold(ids, *, role="calibrate", origin="random", inclusion=0.5, labels=None):
    known = dict(zip([f"r{i}" for i in range(8)], LABELS, strict=True))
    return pl.DataFrame(
        {
            "item": ids,
            "labels": [[label] for label in labels or [known[i] for i in ids]],
            "role": role,
            "origin": origin,
            "inclusion": pl.Series([inclusion] * len(ids), dtype=pl.Float64),
        }
    )


def parts(project, *words):
    return open_gold_parts(pipeline.open_task(config.load(project, words), project))


def run(project, *words):
    return pipeline.run(config.load(project, words), project=project)


WORD = "task.gold.calibrate=ledger"


def test_gold_of_role_calibrate_fits_the_model_and_never_scores_it(project):
    mine = room(project)
    mine.add_gold(gold(["r0", "r2"]))
    mine.add_gold(gold(["r1"], role="check", origin="expert", inclusion=None))
    mine.add_gold(gold(["r4"], role="audit"))
    mine.add_gold(gold(["r5"], role="training", origin="expert", inclusion=None))
    scoring, fitting = parts(project, WORD)
    assert fitting.gold.frame.rows() == [("r0", "spam"), ("r2", "ham")]
    assert scoring.frame["id"].to_list() == ["r1", "r3", "r4", "r5", "r6", "r7"]
    result = run(project, WORD)
    assert (result.manifest["counts"]["calibration"], result.manifest["counts"]["gold"]) == (2, 6)
    version = f"4-{mine.gold().fingerprint}"
    prints = result.manifest["fingerprints"]
    assert (prints["gold_set"], prints["calibration"]) == (version, fitting.fingerprint)
    assert "2 gold rows went into the label model; 6 score it (task.gold.calibrate)" in result.notes
    before = run(project).manifest["fingerprints"]
    assert "gold_set" not in before and "calibration" not in before


def test_another_version_of_the_gold_set_is_another_fingerprint(project):
    mine = room(project)
    mine.add_gold(gold(["r0", "r2"]))
    first = run(project, WORD).manifest["fingerprints"]
    assert run(project, WORD).manifest["fingerprints"] == first
    mine.add_gold(gold(["r1"], role="check", origin="expert", inclusion=None))
    other = run(project, WORD).manifest["fingerprints"]
    assert other["gold_set"] != first["gold_set"] and other["calibration"] == first["calibration"]
    mine.add_gold(gold(["r3"]))
    assert run(project, WORD).manifest["fingerprints"]["calibration"] != first["calibration"]


def test_the_chances_of_drawing_are_part_of_the_fingerprint():
    table = pl.DataFrame({"id": ["a", "b"], "label": ["ham", "spam"]})
    known = load_gold(table, schema=SCHEMA)
    plain = Calibration(known, "x")
    assert plain.fingerprint == known.fingerprint
    prints = {
        plain.fingerprint,
        Calibration(known, "x", inclusion={"a": 0.5}).fingerprint,
        Calibration(known, "x", inclusion={"a": 0.25}).fingerprint,
        Calibration(known, "x", unknown=frozenset("a")).fingerprint,
    }
    assert len(prints) == 4
    assert fingerprint([known.fingerprint, [("a", 0.5)], []]) in prints


def test_an_id_that_is_not_in_the_votes_is_named(project):
    room(project).add_gold(gold(["r0"]))
    room(project).add_gold(gold(["gone"], labels=["ham"]))
    with pytest.raises(GoldError) as error:
        run(project, WORD)
    message = str(error.value)
    assert "1 of 2 gold ids are not among the 8 rows at hand: 'gone'" in message
    assert "the gold room's items of role calibrate" in message
    assert not list((project / ".weaklabel" / "runs").glob("2*"))


@pytest.mark.parametrize("made", [False, True])
def test_without_calibrate_gold_the_run_goes_on_and_says_so(project, made):
    if made:
        room(project).add_gold(gold(["r1"], role="check", origin="expert", inclusion=None))
    result = run(project, WORD)
    assert result.manifest["counts"]["calibration"] == 0
    assert any("no item of role calibrate" in n or "no gold of role calibrate" in n for n in result.notes)
    assert (project / ".weaklabel" / "gold" / "ledger.db").exists() == made


def test_the_ledger_and_a_part_of_the_table(project):
    room(project).add_gold(gold(["r0", "r2"]))
    scoring, fitting = parts(project, "task.gold.calibrate=[ledger,\"id IN ('r1', 'r2')\"]")
    assert fitting.gold.frame["id"].to_list() == ["r0", "r1", "r2"]
    assert fitting.inclusion == {"r0": 0.5, "r2": 0.5}
    assert scoring.frame["id"].to_list() == ["r3", "r4", "r5", "r6", "r7"]
    room(project).add_gold(gold(["r1"], labels=["ham"]))
    with pytest.raises(GoldError) as error:
        parts(project, "task.gold.calibrate=[ledger,\"id IN ('r1', 'r2')\"]")
    assert "1 gold row has two labels: 'r1' is 'ham' in the gold room and 'spam' in the table" in str(
        error.value
    )
    assert "gold.csv" in str(error.value)


@pytest.mark.parametrize("value", ["[ledger,ledger]", "[0.5,ledger]", "[ledger,0.5,x]", "[ledger,[a]]"])
def test_a_list_that_makes_no_sense(project, value):
    with pytest.raises((ConfigError, Problems)) as error:
        config.load(project, [f"task.gold.calibrate={value}"])
    assert "task.gold.calibrate is a SQL condition or a share of the gold rows, or ledger" in str(error.value)


def test_a_share_beside_the_ledger_is_checked(project):
    with pytest.raises(ConfigError, match=r"task.gold.calibrate is 2; it lies between 0 and 1"):
        config.load(project, ["task.gold.calibrate=[ledger,2]"])


# ---- gold that was not drawn ----


def votes():
    rows = [[1, 1, -1], [1, -1, 1], [0, 0, -1], [0, -1, 0], [1, 0, 0], [0, 1, 1], [-1, 0, 0], [1, 1, 1]] * 4
    return LabelMatrix.from_numpy(rows, ids=[f"v{i:02}" for i in range(32)])


def known(n_unknown, *, inclusion=0.25):
    table = pl.DataFrame({"id": [f"v{i:02}" for i in range(12)], "label": [LABELS[i % 8] for i in range(12)]})
    found = load_gold(table, schema=SCHEMA)
    strange = frozenset(f"v{i:02}" for i in range(n_unknown))
    chance = {id: inclusion for id in table["id"] if id not in strange}
    return Calibration(found, "the gold room", "1-x", chance, strange)


def settings(name, calibrator=None):
    made = label_model.create(name, n_classes=2)
    return config.Config(label_model={"name": made.name}, calibrator=calibrator)


def fitted(name, given, calibrator=None):
    table = votes()
    return fit_known(settings(name, calibrator), table.patterns(), table.ids, n_classes=2, known=given)


def test_gold_of_one_chance_weighs_as_it_always_did():
    table = votes()
    one = fitted("event_bayes", known(0))
    codes = known(0).gold.codes(table.ids)
    other = label_model.create("event_bayes", n_classes=2).fit(table.patterns(), gold=codes)
    assert one.predict_proba(table).tolist() == other.predict_proba(table).tolist()


def test_gold_of_unknown_chance_weighs_as_the_drawn_rows_do_on_average():
    table = votes()
    alike = known(4)
    codes = alike.gold.codes(table.ids)
    other = label_model.create("event_bayes", n_classes=2).fit(table.patterns(), gold=codes)
    found = fitted("event_bayes", alike)
    assert found.predict_proba(table).tolist() == other.predict_proba(table).tolist()
    # half of the drawn rows have the chance 1/2, half 1/8: they weigh 2 and 8, on average 5
    ids = [f"v{i:02}" for i in range(12)]
    mixed = {id: 0.5 if i % 2 else 0.125 for i, id in enumerate(ids) if i >= 4}
    given = replace(alike, inclusion=mixed)
    assert given.chances(ids) == pytest.approx([0.2] * 4 + [0.125, 0.5] * 4)
    other = label_model.create("event_bayes", n_classes=2).fit(
        table.patterns(), gold=codes, inclusion=[0.2] * 4 + [0.125, 0.5] * 4 + [1.0] * 20
    )
    found = fitted("event_bayes", given)
    assert found.predict_proba(table) == pytest.approx(other.predict_proba(table), abs=1e-9)


def test_the_class_balance_is_that_of_the_rows_that_were_drawn():
    given = known(4)
    found, drawn = fitted("event_bayes", given), fitted("event_bayes", given.drawn)
    codes = given.gold.codes(votes().ids)
    whole = label_model.create("event_bayes", n_classes=2).fit(votes().patterns(), gold=codes)
    assert found.class_balance_.tolist() == drawn.class_balance_.tolist()
    assert found.class_balance_.tolist() != whole.class_balance_.tolist()


def test_where_nothing_was_drawn_the_class_balance_is_that_without_gold():
    given = known(12)
    found, bare = fitted("event_bayes", given), fitted("event_bayes", None)
    assert found.class_balance_.tolist() == bare.class_balance_.tolist()
    assert found.predict_proba(votes()).tolist() != bare.predict_proba(votes()).tolist()


@pytest.mark.parametrize("name", ["triplet", "dawid_skene"])
def test_a_model_that_reads_the_class_balance_from_gold_gets_a_sample_only(name):
    given = known(4)
    same = fitted(name, given).class_balance_.tolist() == fitted(name, given.drawn).class_balance_.tolist()
    assert same == (name == "triplet")


def test_a_calibrator_gets_a_sample_only(project):
    given = known(4)
    one, other = (fitted("event_bayes", g, "temperature") for g in (given, given.drawn))
    assert one.predict_proba(votes()).tolist() == other.predict_proba(votes()).tolist()
    with pytest.raises(GoldError) as error:
        fitted("event_bayes", known(12), "temperature")
    assert "a calibrator learns from gold that was drawn, and none of these 12 rows was" in str(error.value)
    room(project).add_gold(gold(["r0", "r1", "r2", "r3"]))
    room(project).add_gold(gold(["r5"], origin="adjudicated", inclusion=None))
    notes = run(project, WORD, "calibrator=temperature").notes
    assert "4 gold rows went into the calibrator (temperature); 3 score it (task.gold.calibrate)" in notes
    assert (
        "1 gold row was not drawn at random, and the calibrator (temperature) gets a random sample only"
        in notes
    )
    notes = run(project, WORD).notes
    assert "1 of them was not drawn at random: class balance is not learned from them" in notes


def test_items_of_no_label_are_left_out_with_a_note(project):
    room(project).add_gold(gold(["r0", "r2"]))
    none = gold(["r3"]).with_columns(labels=pl.lit([], dtype=pl.List(pl.String)))
    room(project).add_gold(none)
    result = run(project, WORD)
    assert result.manifest["counts"]["calibration"] == 2
    assert any("1 gold item is none of the labels and left out" in note for note in result.notes)
