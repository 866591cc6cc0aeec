"""Hints on broken YAML: one by kind of mistake, none where the kind is not known."""

import pytest
import yaml

from weaklabel.lf.yaml_hints import syntax_hint
from weaklabel.lf.yaml_pack import read_pack

RULE = "rules:\n- name: a\n  kind: regex\n  label: x\n"
COLUMN = "what belongs together starts in the same column"
COMMA = "put a text that holds , # [ ] { or } in quotes; a comma stands between two values"


@pytest.mark.parametrize(
    ("text", "place", "hint"),
    [
        ("rules:\n\t- name: a\n", "2:1", "indent with spaces: YAML takes no tabs"),
        (RULE + "\tpattern: a\n", "5:1", "indent with spaces: YAML takes no tabs"),
        (RULE + "  pattern: price: low\n", "5:17", "put a text that holds `: ` in quotes: pattern: 'price: low'"),
        (RULE + "  pattern: it's: low\n", "5:16", "put a text that holds `: ` in quotes: pattern: 'it''s: low'"),
        (RULE + "  pattern: {2,3}a\n", "5:17", "put a text that starts with { in quotes"),
        (RULE + "  pattern: [a-z]+\n", "5:17", "put a text that starts with [ in quotes"),
        (RULE + "  pattern: *free*\n", "5:17", "put a text that starts with * in quotes"),
        (RULE + "  pattern: *free\n", "5:12", "put a text that starts with * in quotes"),
        (RULE + "  pattern: & co\n", "5:13", "put a text that starts with & in quotes"),
        (RULE + "  pattern: %off\n", "5:12", "put a text that starts with % in quotes"),
        (RULE + "  pattern: @home\n", "5:12", "put a text that starts with @ in quotes"),
        (RULE + "  pattern: `a`\n", "5:12", "put a text that starts with a backquote in quotes"),
        (RULE + "  pattern: !buy now\n", "5:12", "put a text that starts with ! in quotes"),
        (RULE + "  pattern: |a|b\n", "5:13", "put a text that starts with | or > in quotes"),
        ("rules:\n-name: a\n kind: regex\n", "3:6", "write a space after the -: - name: a"),
        (RULE + "  pattern:a\n", "6:1", "write a space after the colon: pattern: a"),
        (RULE + "  pattern:a\n  owner: b\n", "6:3", "write a space after the colon: pattern: a"),
        ("rules:\n- name:a\n  kind: regex\n", "3:7", "write a space after the colon: name: a"),
        (RULE + "  some text\n", "6:1", "each line is `key: value`"),
        (RULE + "  pattern: 'a\n  owner: b\n", "7:1", "close the quote that opens in line 5"),
        (RULE + '  pattern: "a\n', "6:1", "close the quote that opens in line 5"),
        (RULE + "  pattern: 'it's'\n", "5:16", "the quote closes before the text ends: put a text that holds ' in double quotes"),
        (RULE + '  pattern: "\\d+"\n', "5:14", r"use single quotes: in double quotes a \ must be written \\"),
        (RULE + "  fires_on: ['don't']\n", "5:19", "put a comma between two values, and a text that holds a quote in quotes of the other kind"),
        ("rules:\n- name: a\n   kind: regex\n", "3:8", "keys of one rule start in the same column"),
        ("rules:\n- name: a\n kind: regex\n", "3:2", COLUMN),
        ("rules:\n  - name: a\n - name: b\n", "3:2", COLUMN),
        ("rules: [{name: a, kind: regex\n", "2:1", "close the { of line 1 with }, or put the text in quotes"),
        (RULE + "  fires_on: [a, b\n  owner: c\n", "6:8", "close the [ of line 5 with ], or put the text in quotes"),
        (RULE + "  terms: [a,, b]\n", "5:13", COMMA),
        (RULE + "  fires_on: [#a, b]\n", "6:1", COMMA),
        (RULE + "  pattern: a\u0001\n", "5:13", r"leave the control character out, or write it as \x01 in double quotes"),
        ("rules: []\n---\nrules: []\n", "2:1", None),
        (RULE + "  ? a\n  : - ]\n", "6:7", None),
    ],
)  # fmt: skip
def test_each_kind_of_mistake_has_its_hint(tmp_path, text, place, hint):
    path = tmp_path / "pack.yaml"
    path.write_text(text, encoding="utf-8")
    _, [problem] = read_pack(path)
    assert problem.what.startswith("not valid YAML: ")
    assert problem.where == f"{path}:{place}"
    assert problem.hint == hint


def test_an_error_without_a_place_has_no_hint():
    assert syntax_hint("a", yaml.YAMLError("strange")) is None


def test_a_key_that_begins_with_a_dash_lacks_a_space(tmp_path):
    path = tmp_path / "pack.yaml"
    path.write_text("rules:\n-name: a\n", encoding="utf-8")
    _, problems = read_pack(path)
    assert (problems[0].what, problems[0].hint) == (
        "unknown key '-name' in a rule pack",
        "write a space after the -: - name",
    )
