"""Rows of a rule: on which it voted, what they would be without it, over versions, and as files."""

import shutil

import polars as pl
import pytest

from label_versions import WORDS, commit_run, two_runs
from weaklabel.config import load
from weaklabel.errors import ConfigError, GoldError, OutputError, RuleError
from weaklabel.pipeline.diffing.recall import ENDINGS, recall
from weaklabel.pipeline.diffing.versions import label_table
from weaklabel.runs import HOME


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """A project with two runs, which are two versions of its label table as well."""
    project, names = two_runs(tmp_path_factory.mktemp("recall") / "desk")
    for name in names:
        commit_run(project, name)
    return project, load(project, WORDS), names


def rows_of(kind):
    return [f"m{i:03}" for i in range(400) if i % 3 == kind]


def test_rows_by_hand(desk, tmp_path):
    project, config, _ = desk
    out = tmp_path / "rows.parquet"
    found = recall(config, project, "says_thanks", out=out)
    # it votes on "broken", where a complaint would be left, and on "Thanks for keeping", where a question would
    assert (found.side, found.rows, found.standing, found.changes) == ("version 1", 266, 266, 266)
    assert found.table.rows() == [("(tie)", "complaint", 133), ("(tie)", "question", 133)]
    table = pl.read_parquet(out).sort("id")
    assert table.columns == [
        "id",
        "vote",
        "version",
        "label",
        "status",
        "label_without",
        "status_without",
        "changes",
    ]
    assert sorted(table["id"]) == sorted(rows_of(1) + rows_of(2))
    assert set(table["vote"]) == {"thanks"} and set(table["version"]) == {1} and table["changes"].all()
    broken = table.filter(pl.col("id").is_in(rows_of(1)))
    assert set(broken["label_without"]) == {"complaint"} and set(broken["status_without"]) == {"labeled"}
    assert any("stays as it is fitted" in note for note in found.notes)


def test_a_vote_without_which_nothing_changes_and_one_without_which_nothing_is_left(desk, tmp_path):
    project, config, (one, _) = desk
    found = recall(config, project, "grumbles")
    assert found.table.rows() == [("(tie)", "thanks", 133)]
    older = shutil.copytree(project, tmp_path / "desk")
    shutil.rmtree(older / HOME / "labels")
    shutil.rmtree(older / HOME / "runs" / desk[2][1])
    found = recall(config, older, "asks")
    assert found.side == f"run {one}"
    assert found.table.rows() == [("question", "(uncovered)", 134)] and found.changes == 134


def test_since_a_version(desk, tmp_path):
    project, config, _ = desk
    project = shutil.copytree(project, tmp_path / "desk")
    # in version 0 asks saw question marks, in version 1 it sees "open": the same rows; says_thanks voted on fewer
    found = recall(config, project, "says_thanks", since="v0")
    assert (found.rows, found.standing) == (266, 266)
    commit_run_again(project, desk[2][0])
    out = tmp_path / "rows.csv"
    found = recall(config, project, "keeps", since="v1", out=out)
    assert (found.side, found.rows, found.standing, found.changes) == ("version 2", 133, 0, 0)
    assert found.table.rows() == [("thanks", "thanks", 133)]
    table = pl.read_csv(out)
    assert (
        sorted(table["id"]) == rows_of(2)
        and set(table["version"]) == {1}
        and set(table["vote"]) == {"question"}
    )
    found = recall(config, project, "says_thanks", since="v1")
    assert (found.rows, found.standing) == (266, 133)
    assert recall(config, project, "says_thanks").rows == 133
    with pytest.raises(RuleError, match="no rule 'keeps' in the labels of version 2") as caught:
        recall(config, project, "keeps")
    assert "had no part in these labels" in caught.value.hint
    with pytest.raises(GoldError, match="--since v9: there is no such version"):
        recall(config, project, "keeps", since="v9")


def test_a_label_that_was_taken_away_counts_only_where_the_model_would_change(desk, tmp_path):
    """As after a certificate: what the model says with the vote is compared with what it says without."""
    project, config, _ = desk
    project = shutil.copytree(project, tmp_path / "desk")
    gone, tied = rows_of(0)[0], rows_of(1)[0]
    changes = pl.DataFrame(
        {"id": [gone, tied], "status": "below_threshold", "label": pl.Series([None, None], dtype=pl.String)}
    )
    label_table(config, project).change_status(changes, expected=1, metadata={})
    found = recall(config, project, "asks")
    assert (found.side, found.rows, found.changes) == ("version 2", 134, 134)
    assert found.table.rows() == [("question", "(uncovered)", 133), ("(below_threshold)", "(uncovered)", 1)]
    assert "1 of the rows have another label or status now than the model gives them" in found.notes[-1]
    found = recall(config, project, "says_thanks")
    assert ("(below_threshold)", "complaint", 1) in found.table.rows() and found.changes == 266


def commit_run_again(project, run_id):
    copy = f"{run_id[:-1]}{'0' if run_id[-1] != '0' else '1'}"
    shutil.copytree(project / HOME / "runs" / run_id, project / HOME / "runs" / copy)
    return commit_run(project, copy)


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_format_holds_the_same(desk, tmp_path, ending):
    project, config, _ = desk
    out = tmp_path / "new" / f"rows{ending}"
    recall(config, project, "keeps", out=out)
    read = {".parquet": pl.read_parquet, ".csv": pl.read_csv, ".jsonl": pl.read_ndjson}[ending]
    table = read(out)
    assert sorted(table["id"]) == rows_of(2)
    assert set(table["label_without"]) == {"thanks"} and table["label"].null_count() == 133
    assert [path.name for path in out.parent.iterdir()] == [out.name]


def test_what_is_wrong_is_said(desk, tmp_path):
    project, config, _ = desk
    with pytest.raises(RuleError, match="no rule 'say_thanks'") as caught:
        recall(config, project, "say_thanks")
    assert caught.value.hint == "did you mean 'says_thanks'?"
    with pytest.raises(ConfigError, match=r"rows.xlsx: its ending says no format"):
        recall(config, project, "keeps", out=tmp_path / "rows.xlsx")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="can't write"):
        recall(config, project, "keeps", out=tmp_path / "file" / "rows.csv")
    shutil.copytree(project, tmp_path / "desk")
    shutil.rmtree(tmp_path / "desk" / HOME / "labels")
    with pytest.raises(GoldError, match="there is no label table of task 'first'"):
        recall(config, tmp_path / "desk", "keeps", since="v1")
