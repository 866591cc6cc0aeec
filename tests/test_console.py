"""The end of a summary: lines that fit, and can be copied."""

import io
import shlex
import shutil
import sys
from pathlib import Path

import pytest

from weaklabel import console, pipeline
from weaklabel.config import load
from weaklabel.templates import write_project


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A run of a new project, and the project."""
    project = write_project(tmp_path_factory.mktemp("console") / "desk")
    config = load(project, ["tracking=none", "plots=false", "evaluation.classifier=false"])
    return pipeline.run(config, project=project), project


@pytest.fixture
def program(monkeypatch, tmp_path):
    """Make a program called `weaklabel` that is not on PATH, in a folder of this name; return its path."""
    monkeypatch.setattr(shutil, "which", lambda name: None)

    def make(folder):
        script = tmp_path / folder / "bin" / "weaklabel"
        script.parent.mkdir(parents=True)
        script.touch()
        monkeypatch.setattr(sys, "executable", str(script.with_name("python")))
        return script

    return make


def printed(result, project, width=console.WIDTH):
    stream = io.StringIO()
    out = console.console(stream)
    out.width = width
    console.print_summary(result, project, out)
    return stream.getvalue().splitlines()


def after(lines, name):
    return lines[next(i for i, line in enumerate(lines) if line.startswith(name)) :]


def test_a_program_on_path_is_a_word(done, monkeypatch, program):
    script = program("venv")
    monkeypatch.setattr(shutil, "which", lambda name: str(script))
    assert printed(*done)[-1] == (
        "            weaklabel run -m label_model=majority_vote,event_bayes,snorkel compares the label models"
    )


def test_a_long_path_breaks_the_line_behind_the_command(done, program, monkeypatch, tmp_path):
    monkeypatch.setattr(console, "command", lambda: "/srv/people/ann/venv/bin/weaklabel")
    lines = printed(*done)
    assert lines[-2:] == [
        "            /srv/people/ann/venv/bin/weaklabel run -m label_model=majority_vote,event_bayes,snorkel",
        "            compares the label models",
    ]
    assert max(map(len, after(lines, "next"))) <= console.WIDTH


def test_a_very_long_path_breaks_the_command_as_a_shell_reads_it(done, program):
    script = program("/".join(["a folder of a long name"] * 3))
    lines = printed(*done)
    assert lines[-3:] == [
        f"            '{script}' \\",
        "              run -m label_model=majority_vote,event_bayes,snorkel",
        "            compares the label models",
    ]
    command = lines[-3] + "\n" + lines[-2]
    assert shlex.split(command.replace("\\\n", "")) == [
        str(script),
        "run",
        "-m",
        "label_model=majority_vote,event_bayes,snorkel",
    ]


def test_a_run_far_away_has_its_folder_on_a_line_of_its_own(done):
    result, project = done
    lines = after(printed(result, project), "written to")
    assert lines[0] == f"written to  {result.folder}/"
    assert lines[1] == "            (labels.parquet, rules.parquet, evaluation.json …)"  # it drew no plots
    (result.folder / "plots").mkdir()
    drawn = after(printed(result, project), "written to")
    assert drawn[1] == "            (labels.parquet, rules.parquet, evaluation.json, plots/ …)"
    (result.folder / "plots").rmdir()


def test_a_run_in_this_folder_is_one_line(done, monkeypatch):
    result, project = done
    monkeypatch.chdir(project)
    line = after(printed(result, project), "written to")[0]
    assert line.startswith(f"written to  .weaklabel/runs/{result.run_id}/ (labels.parquet")
    assert len(line) <= console.WIDTH


def test_gold_without_rows_gives_a_sentence_and_no_table(tmp_path):
    project = write_project(tmp_path / "desk")
    (project / "labeling_functions/first/sample/gold.csv").write_text("id,label\n")
    config = load(project, ["tracking=none", "plots=false", "evaluation.classifier=false"])
    lines = printed(pipeline.run(config, project=project), project)
    assert "! the gold table has no rows" in lines
    assert not any(line.startswith("against gold") for line in lines)
    assert [line for line in lines if "can't be compared" in line] == []
    assert any("label 100 random rows by hand" in line for line in lines)


def test_the_program_is_told_from_here(program, monkeypatch, tmp_path):
    script = program("venv")
    assert console.command() == str(script)
    monkeypatch.chdir(tmp_path)
    assert console.command() == str(Path("venv/bin/weaklabel"))
