"""What has changed since a reference and over the parts of a run, and which rules to mend: from the command line."""

import datetime
import json
import shutil
import tempfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_project import make_project, through_people, truth
from weaklabel import cli, tracking
from weaklabel.audit.drift import drift
from weaklabel.audit.vote_counts import PatternTable, count_votes
from weaklabel.cli import drift as verbs
from weaklabel.cli import main
from weaklabel.config import load
from weaklabel.errors import GoldError
from weaklabel.fingerprint import event_hash
from weaklabel.pipeline.audits.drift_files import RunFiles, counted_votes, open_run, reference_place, texts_of
from weaklabel.pipeline.audits.drift_parts import windows

RULES = Path("labeling_functions/first/rules.yaml")


@pytest.fixture(scope="module")
def labeled(tmp_path_factory):
    """A project with a run."""
    project = make_project(tmp_path_factory.mktemp("drift") / "desk")
    assert main(["run", "plots=false", "--project", str(project)]) == 0
    return project


@pytest.fixture
def project(labeled, tmp_path, monkeypatch):
    folder = tmp_path / "desk"
    shutil.copytree(labeled, folder)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def call(capsys, monkeypatch):
    """Run a verb; give its exit code, what it prints, and what it says."""
    for name, verb in verbs.VERBS.items():
        monkeypatch.setitem(cli.VERBS, name, verb)

    def run(*words):
        code = main([str(word) for word in words])
        out, err = capsys.readouterr()
        return code, out, err

    return run


SAMPLE = Path("labeling_functions/first/sample")
RUN = ("run", "plots=false", "task.gold.path=null", "evaluation.classifier=false")


def notes(change=lambda note: note, *, start=0):
    """Write a new corpus of the notes of the old one, each changed, and return the setting that names it."""
    rows = [json.loads(line) for line in (SAMPLE / "notes.jsonl").read_text().splitlines()]
    made = [{**change(note), "id": f"x{start + i:03}"} for i, note in enumerate(rows)]
    (SAMPLE / "new.jsonl").write_text("".join(json.dumps(note) + "\n" for note in made))
    return f"task.corpus.path={SAMPLE / 'new.jsonl'}"


def without_thanks(note):
    return {**note, "text": note["text"].replace("Thanks for", "Cheers for")}


def runs(project):
    return sorted((project / ".weaklabel" / "runs").glob("2*"))


def test_drift_against_a_reference(project, call):
    code, out, _ = call("audit", "drift")
    assert code == 3 and "no reference of task 'first' yet: weaklabel audit reference" in out
    code, out, _ = call("audit", "drift", "--json")
    assert code == 3 and json.loads(out) == {"reference": None, "next": "weaklabel audit reference"}
    code, out, _ = call("audit", "reference")
    assert code == 0 and "with 400 rows is the reference from now on" in out
    kept = json.loads(reference_place(project, "first").read_text())
    assert kept["votes"]["rows"] == 400 and kept["facts"]["text_rows"] == 400
    assert kept["words"]["says_thanks"] == {"thanks": 133}
    assert "m001" not in json.dumps(kept)  # no ids
    code, out, _ = call("audit", "drift")
    assert code == 0 and "nothing seen to change" in out and "seen from" in out
    # like rows, other ids: nothing changes, and votes are seen to belong to their texts
    assert call(*RUN, notes(start=500))[0] == 0
    code, out, _ = call("audit", "drift")
    assert code == 0 and "the votes of 400 rows belong to their texts" in out
    # the third rule's word leaves the text
    assert call(*RUN, notes(without_thanks))[0] == 0
    code, out, _ = call("audit", "drift")
    assert code == 4
    assert (
        "rule 'says_thanks' stopped matching: 'thanks' gone from the text (in 33.2 % of 400 rows before, in none "
        "of 400 since)" in out
    )
    assert "by the label model's own probabilities, class 'question' is about" in out
    code, out, _ = call("audit", "drift", "--json")
    data = json.loads(out)
    assert code == 4 and data["alarm"] and data["against"].startswith("the reference, run 2")
    assert {c["name"] for c in data["changes"] if c["alarm"] and c["kind"] == "fires"} == {"says_thanks"}
    assert [[w["word"] for w in r["words"]] for r in data["reasons"]] == [["thanks"]]
    assert any(c["kind"] == "votes and texts" for c in data["changes"])
    # the rules' health knows of it
    code, out, _ = call("audit", "rules", "task.gold.path=null")
    assert code == 0 and "mend rule 'says_thanks': rule 'says_thanks' stopped matching: 'thanks' gone" in out
    assert "no gold that was drawn by chance" in out
    assert call("audit", "rules", "--check", "task.gold.path=null")[0] == 4
    # the new run becomes the reference: quiet again
    code, out, _ = call("audit", "reference")
    assert code == 0 and "in place of run" in out
    assert call("audit", "drift")[0] == 0
    code, _, err = call("audit", "drift", "--run", "nope")
    assert code == 1 and "no run 'nope' of task 'first'" in err


def test_slipped_votes_are_seen_without_and_with_the_rules(project, call):
    assert call("audit", "reference")[0] == 0
    assert call(*RUN, notes(start=500))[0] == 0
    code, out, _ = call("audit", "drift", "--again", "100")
    assert code == 0 and "run again on 100 rows, every rule votes as stored" in out
    (part,) = (runs(project)[-1] / "votes").glob("*.parquet")
    votes = pl.read_parquet(part)
    rules = pl.selectors.starts_with("lf:")
    slipped = votes.with_columns(
        votes.select(pl.concat([votes.tail(1), votes.head(-1)]).select(rules).get_columns())
    )
    assert slipped.select(rules).sum().equals(votes.select(rules).sum())
    slipped.write_parquet(part)
    code, out, _ = call("audit", "drift", "--json")
    data = json.loads(out)
    assert code == 4 and [c["kind"] for c in data["changes"] if c["alarm"]] == ["votes and texts"]
    assert any("do not belong to their texts" in note for note in data["notes"])
    code, out, _ = call("audit", "drift", "--again", "100", "--json")
    assert code == 4 and json.loads(out)["again"]["differ"] > 90
    code, _, err = call("audit", "drift", "--again", "5", "--by", "channel")
    assert code == 2 and "goes without --by" in err


def test_what_is_not_at_hand_is_said(project, call):
    assert call("audit", "reference")[0] == 0
    assert call(*RUN, notes(start=500))[0] == 0
    (SAMPLE / "notes.jsonl").write_text("")
    code, out, _ = call("audit", "drift")
    assert code == 0 and "not tested: the reference's texts are not at hand" in out
    shutil.rmtree(runs(project)[0])
    code, out, _ = call("audit", "drift")
    assert code == 0 and "not tested: the reference's run is not there any more" in out
    (SAMPLE / "new.jsonl").write_text((SAMPLE / "new.jsonl").read_text().replace("shelf", "cellar"))
    code, out, _ = call("audit", "drift")
    assert code == 0 and "were not looked at: the corpus has been changed since run" in out
    code, _, err = call("audit", "drift", "--by", "channel")
    assert code == 1 and "the corpus has been changed since run" in err
    RULES.write_text(RULES.read_text().replace("lovely", "delightful"))
    code, out, _ = call("audit", "drift")
    assert code == 0 and "which of their words moved is not said" in out
    code, _, err = call("audit", "drift", "--again", "5")
    assert code == 1 and "they can't be run again" in err


def test_a_reference_of_other_labels_or_no_json_is_refused(project, call):
    assert call("audit", "reference")[0] == 0
    place = reference_place(project, "first")
    data = json.loads(place.read_text())
    data["votes"]["labels"] = ["question", "complaint", "praise"]
    place.write_text(json.dumps(data))
    code, _, err = call("audit", "drift")
    assert code == 1 and "the reference has the classes" in err and "make a new reference" in err
    place.write_text("{")
    code, _, err = call("audit", "drift")
    assert code == 1 and "this is no reference for drift" in err
    assert call("audit", "reference")[0] == 1  # what stands there is not written over unseen
    place.unlink()
    assert call("audit", "reference")[0] == 0


def in_time(note):
    number = int(note["id"][1:])
    changed = without_thanks(note) if number >= 200 else note
    return {**changed, "sent_at": f"2026-0{1 + number // 100}-{1 + number % 28:02}"}


def test_windows_say_since_when(project, call):
    assert call(*RUN, notes(in_time))[0] == 0
    code, out, _ = call("audit", "drift", "--by", "sent_at")
    assert code == 4 and "parts by sent_at, each with all before it" in out
    assert "rule 'says_thanks' stopped matching since 2026-03: 'thanks' gone from the text" in out
    code, out, _ = call("audit", "drift", "--by", "sent_at", "--every", "year")
    assert code == 1
    code, out, _ = call("audit", "drift", "--by", "channel", "--json")
    assert code == 0 and json.loads(out)["against"] == "parts by channel, each with all others"
    code, _, err = call("audit", "drift", "--by", "chanel")
    assert code == 1 and "no column 'chanel'" in err and "did you mean 'channel'" in err
    code, _, err = call("audit", "drift", "--by", "shard")
    assert code == 1 and "names fewer than two parts" in err
    code, out, _ = call("audit", "rules", "--by", "sent_at", "--json", "task.gold.path=null")
    over = pl.DataFrame(json.loads(out)["over"]).filter(rule="says_thanks", label="thanks")
    assert code == 0 and over["part"].to_list() == ["2026-01", "2026-02", "2026-03", "2026-04"]
    assert over["votes"].to_list() == [33, 33, 0, 0] or over["votes"].sum() in (66, 67)
    assert over["votes"].to_list()[2:] == [0, 0]


@pytest.mark.parametrize(
    ("values", "every", "expected", "ordered"),
    [
        (["2026-03-31 10:00", None], "month", ["2026-03", None], True),
        (["2026-03-31", "2026-01-01"], "week", ["2026-W14", "2026-W01"], True),
        (["2026-13-31", "2026-01-01"], "month", ["2026-13-31", "2026-01-01"], False),
        (["2026-Q1", "2026-Q2"], "day", ["2026-Q1", "2026-Q2"], True),
        (["web", "mail"], "day", ["web", "mail"], False),
        ([3, 1], "day", [3, 1], True),
        ([None, None], "day", [None, None], False),
    ],
)
def test_windows(values, every, expected, ordered):
    dtype = pl.Int64 if isinstance(values[0], int) else pl.String
    found = windows(pl.Series(values, dtype=dtype), every)
    assert (found[0].to_list(), found[1]) == (expected, ordered)


def test_windows_of_times():
    times = pl.Series([datetime.datetime(2026, 3, 31, 10), None])
    assert windows(times, "day")[0].to_list() == ["2026-03-31", None]
    assert windows(times.dt.date(), "year")[1]
    with pytest.raises(GoldError, match="no window 'hour'"):
        windows(times, "hour")


def folder_of(tmp_path, votes, labels, cuts):
    """Write votes in parts as a run does, and return the run's files and the votes as one frame."""
    ids = [f"d{i}" for i in range(len(votes))]
    names = [f"lf:r{j}" for j in range(votes.shape[1])]
    frame = pl.DataFrame({"id": ids, **{n: votes[:, j] for j, n in enumerate(names)}})
    (tmp_path / "votes").mkdir(parents=True)
    edges = [0, *sorted(cuts), len(ids)]
    for number, (start, stop) in enumerate(pairwise(edges)):
        frame[start:stop].write_parquet(tmp_path / "votes" / f"part-{number:05}.parquet")
    given = [None if code < 0 else "abc"[code] for code in labels]
    table = pl.DataFrame({"id": ids, "label": pl.Series(given, dtype=pl.String)})
    table.sample(fraction=1, shuffle=True, seed=1).write_parquet(tmp_path / "labels.parquet")
    files = RunFiles(tmp_path, tuple("abc"), tuple(n.removeprefix("lf:") for n in names))
    return files, frame.join(table, on="id")


@given(seed=st.integers(0, 10**6), cuts=st.lists(st.integers(0, 60), max_size=3))
def test_votes_counted_by_parts_are_those_of_the_whole(seed, cuts):
    generator = np.random.default_rng(seed)
    votes = generator.choice([-2, -1, 0, 1, 2, 3], (60, 4), p=[0.05, 0.5, 0.2, 0.1, 0.1, 0.05]).astype(
        np.int8
    )
    labels = generator.integers(-1, 3, 60)
    with tempfile.TemporaryDirectory() as folder:
        files, frame = folder_of(Path(folder) / "run", votes, labels, cuts)
        found, whole = counted_votes(files), count_votes(frame, "abc")
        choose = pl.Series([bool(event_hash(f"pattern {name}", 0) & 1) for name in frame["id"]])
        counted = every_row(frame.filter(~choose), found)
        assert found.patterns == counted.patterns and found.pattern_rows == counted.rows == (~choose).sum()
        said = every_row(frame.filter(choose), found)
        assert min(said.patterns.values()) > 0 and sum(said.patterns.values()) == said.rows
        again = counted_votes(files, like=found)
        assert again.to_dict() == found.to_dict() == whole.to_dict()
        assert again.to_dict() == count_votes(frame, "abc", like=whole).to_dict()


def every_row(frame, like):
    """Count votes with patterns on every row, whichever of them chose the patterns."""
    votes = frame.select(pl.selectors.starts_with("lf:")).to_numpy()
    table = PatternTable.of(like.rules, like.labels, votes)
    return table.counted(table.of_rows(np.arange(frame.height)), patterns=tuple(like.patterns))


def test_rows_that_are_in_both_runs_change_nothing(tmp_path):
    votes = np.random.default_rng(5).choice([-1, 0, 1], (600, 8), p=[0.6, 0.2, 0.2]).astype(np.int8)
    files, frame = folder_of(tmp_path / "run", votes, votes[:, 0], [200])
    kept = counted_votes(files)
    assert not drift(kept, counted_votes(files, like=kept)).alarm
    # patterns that are counted on the rows that chose them, too, seem to get more frequent
    assert not drift(kept, count_votes(frame, "abc", like=kept)).alarm
    assert [c.kind for c in drift(kept, every_row(frame, kept)).alarms] == ["patterns"]


def test_a_sample_stands_for_many_rows(project):
    config = load(project)
    files = open_run(project, "first")
    whole = texts_of(files, config, project)
    assert whole.whole and whole.note == "" and whole.frame.height == 400
    some = texts_of(files, config, project, columns=["channel", "nowhere"], most=50)
    assert not some.whole and some.note == "texts are those of 50 of 400 rows, drawn at random"
    assert some.frame.height == 50 and "channel" in some.frame.columns
    assert some.frame.join(whole.frame, on=["id", "text", "label", "lf:asks"]).height == 50
    again = texts_of(files, config, project, most=50)
    assert again.frame["id"].equals(some.frame["id"])


def test_only_figures_are_logged(project, call, monkeypatch):
    logged = []
    monkeypatch.setattr(tracking, "log_run", lambda store, record: logged.append(record) or "r")
    assert call("audit", "reference", "tracking=mlflow")[0] == 0
    assert call(*RUN, "tracking=none", notes(without_thanks))[0] == 0
    assert call("audit", "drift", "tracking=mlflow")[0] == 4
    assert call("audit", "rules", "tracking=mlflow", "task.gold.path=null")[0] == 0
    drifted, rules = logged
    assert drifted.metrics["drift/alarms"] > 3 and rules.tables["rules/health.json"].height == 3
    table = drifted.tables["drift/changes.json"]
    assert table.filter(pl.col("alarm"))["kind"].to_list()[0]
    for record in logged:
        said = str(record) + "".join(str(t.to_dicts()) for t in record.tables.values())
        assert "'thanks'" not in said.replace("'name': 'thanks'", "") and "x001" not in said

    def fails(store, record):
        raise tracking.TrackingError("no server")

    monkeypatch.setattr(tracking, "log_run", fails)
    code, _, err = call("audit", "rules", "tracking=mlflow", "task.gold.path=null")
    assert code == 5 and "not logged: no server" in err


def test_rules_are_judged_by_closed_audits_and_the_gold_table(project, call, tmp_path):
    code, out, _ = call("audit", "rules", "--json")
    data = json.loads(out)
    assert code == 0 and data["gold"] == {"0 labeling_functions/first/sample/gold.csv": 400}
    assert data["verdict"] == "nothing to mend: 3 rules are kept" and not data["alarm"]
    precision = {rule["rule"]: rule["precision"] for rule in data["rules"]}
    assert precision["asks"]["value"] == pytest.approx(127 / 134) and precision["asks"]["n"] == 134
    known = truth()
    asked = {i for i in known if int(i[1:]) % 3 == 0}
    assert sum(known[i] == "question" for i in asked) == 127
    assert call("audit", "draw", "may", "--size", "100", "task.gold.path=null")[0] == 0
    # in May people call questions complaints, and the other way round
    swapped = {"question": "complaint", "complaint": "question", "thanks": "thanks"}
    wrong = {i: swapped[label] for i, label in known.items()}
    through_people(lambda *words: call(*words)[0], "may", wrong, tmp_path / "out")
    code, out, _ = call("audit", "rules", "--json")
    assert json.loads(out)["gold"] == data["gold"]
    assert "answers of open audits are not looked at: may" in out.replace("'", "")
    code, out, _ = call("audit", "show", "may")
    assert "100 of 100 rows are decided" in out, out
    assert call("audit", "close", "may")[0] == 0
    code, out, _ = call("audit", "rules", "--json")
    data = json.loads(out)
    assert data["gold"] == {"0 labeling_functions/first/sample/gold.csv": 400, "1 may": 100}
    asks = next(rule for rule in data["rules"] if rule["rule"] == "asks")
    assert asks["verdict"] == "mend" and "batch '1 may': right on " in asks["sentence"]
    assert asks["batches"][1]["precision"]["value"] < 0.2
    assert asks["batches"][1]["precision"]["n"] == len(set(drawn(project)) & asked)
    assert [rule["verdict"] for rule in data["rules"]] == ["mend", "mend", "keep"]  # the worst ones first
    code, out, _ = call("audit", "rules", "--check", "--floor", "0.9")
    assert code == 4 and "mend" in out and "against adjudicated gold" in out
    code, out, _ = call("audit", "rules", "task.gold.path=null")
    assert code == 0 and "retire rule 'asks'" in out
    assert call("audit", "close", "may", "--hand-on", "calibrate")[0] == 0
    code, out, _ = call("audit", "rules", "task.gold.path=null")
    assert code == 0 and "100 rows of audit 'may' were handed on, and measure nothing any more" in out
    assert call("audit", "rules", "--floor", "1")[0] == 2


def drawn(project):
    return pl.read_parquet(project / ".weaklabel/audits/may/draw.parquet")["id"].to_list()


def test_gold_that_is_not_of_the_run_is_left_out(project, call):
    table = SAMPLE / "gold.csv"
    table.write_text("id,label\nm001,complaint\nelse,thanks\nm002,thanks\n")
    code, out, _ = call("audit", "rules", "--json")
    data = json.loads(out)
    assert code == 0 and data["gold"] == {"0 labeling_functions/first/sample/gold.csv": 2}
    assert any("1 gold rows are not among the rows of run" in note for note in data["notes"])
    assert any("are taken for a random sample of the corpus" in note for note in data["notes"])
