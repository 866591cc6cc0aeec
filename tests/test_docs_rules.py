"""The walk through docs/rules.md: what it says that commands print is what they print in a new project."""

import re
import shlex
from pathlib import Path

import pytest

import weaklabel as wl
from weaklabel import cli

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "rules.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(console|yaml)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def steps():
    """Yield what is typed and what is printed then, and the file that is written on the way."""
    walk = PAGE.split("## Kinds")[0]
    for kind, text in BLOCK.findall(walk):
        if kind == "yaml":
            yield "write", text
            continue
        for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
            command, _, printed = part.partition("\n")
            yield command, printed


def as_pattern(printed):
    """Return what is printed as a pattern: a line with nothing but an ellipsis stands for any lines."""
    lines = printed.rstrip("\n").split("\n")
    parts = [r"(?:.*\n)*?" if line == "…" else re.escape(line) + r" *\n" for line in lines]
    return re.compile("".join(parts))


def test_every_command_prints_what_the_page_shows(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COLUMNS", raising=False)
    pack = Path("labeling_functions/first/mine.yaml")
    ran = 0
    for command, printed in steps():
        words = shlex.split(command)
        if command == "write":
            pack.write_text(printed, encoding="utf-8")
        elif words[0] == "cd":
            monkeypatch.chdir(words[1])
        else:
            assert words[0] == "weaklabel"
            if "5 of 30 rows" in printed:  # the text before asks for this change
                pack.write_text(pack.read_text().replace("what time]", "what time, would like to know]"))
            assert cli.main(words[1:]) == cli.DONE
            out = capsys.readouterr().out
            assert as_pattern(printed).fullmatch(out if out.endswith("\n") else out + "\n"), (command, out)
            ran += 1
    assert ran == 5


def test_the_rules_in_python_pass_their_own_examples(tmp_path):
    (tmp_path / "schema.yaml").write_text(
        "name: desk\nversion: '1'\nlabels: [billing, delivery, feedback, returns]\n", encoding="utf-8"
    )
    for number, block in enumerate(re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)):
        (tmp_path / f"rules_{number}.py").write_text(block, encoding="utf-8")
    registry = wl.LFRegistry.from_folder(tmp_path)
    assert wl.check_examples(registry) == []
    assert set(registry.ids) == {"wrong_item", "where_is", "short_praise"}
    assert registry["short_praise"].vectorized and registry["short_praise"].fires_on


def test_an_ellipsis_stands_for_whole_lines_only():
    assert as_pattern("a\n…\nd").fullmatch("a\nb\nc\nd\n")
    assert not as_pattern("a\nd").fullmatch("a\nb\nd\n")


@pytest.mark.parametrize(
    "verb", sorted(set(re.findall(r"(?:`|^\$ |^)weaklabel (lf \w+|\w+)", PAGE, re.MULTILINE)))
)
def test_every_verb_of_the_page_is_there(verb):
    assert verb in cli.VERBS
