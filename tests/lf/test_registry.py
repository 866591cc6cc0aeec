"""The registry: checks, look-ups, and gathering a folder."""

import sys
from pathlib import Path

import pytest

import weaklabel as wl
from weaklabel.errors import Problems, RuleError
from weaklabel.lf import Regex

SCHEMA = wl.LabelSchema(["ham", wl.Label("spam", aliases=("junk",))])


def some_rules():
    return [
        wl.keywords("asks", ["please"], label="ham"),
        wl.regex("has link", "https?://", label="junk", id="link"),
        wl.lookup("brands", {"acme": "spam", "zoë": "ham"}),
    ]


def test_order_lookup_and_codes():
    registry = wl.LFRegistry(some_rules(), schema=SCHEMA)
    assert registry.ids == ("asks", "link", "brands")
    assert [r.id for r in registry] == list(registry.ids)
    assert len(registry) == 3
    assert registry["link"] is registry["has link"] is registry.rules[1]
    assert "link" in registry
    assert "lnk" not in registry
    assert [registry.label_code(r) for r in registry] == [0, 1, None]
    assert repr(registry) == "LFRegistry(3 rules, labels ham, spam)"
    with pytest.raises(RuleError, match="no rule 'lnk'") as caught:
        registry["lnk"]
    assert caught.value.hint == "did you mean 'link'?"


def test_subset_keeps_the_order():
    registry = wl.LFRegistry(some_rules(), schema=SCHEMA)
    assert registry.subset(["brands", "asks"]).ids == ("asks", "brands")
    with pytest.raises(RuleError, match="no rule 'x'"):
        registry.subset(["x"])


def test_the_fingerprint_follows_rules_and_labels_not_their_order():
    rules = some_rules()
    one = wl.LFRegistry(rules, schema=SCHEMA).fingerprint
    assert one == wl.LFRegistry(rules[::-1], schema=SCHEMA).fingerprint
    assert one != wl.LFRegistry(rules[:2], schema=SCHEMA).fingerprint
    swapped = wl.LabelSchema([wl.Label("spam", aliases=("junk",)), "ham"])
    assert one != wl.LFRegistry(rules, schema=swapped).fingerprint


def test_all_problems_are_reported_together():
    def plain(row):
        return True

    rules = [
        wl.keywords("asks", ["please"], label="hma"),
        wl.regex("asks", "a", label="spam"),
        wl.regex("twin", "a", label="spam", id="other"),
        wl.regex("twin", "b", label="spam"),
        wl.lookup("brands", {"a": "ham", "b": "hamm", "c": "spam"}),
        wl.regex("gold", "a", label="spam"),
        wl.labeling_function(plain, label="spma"),
        Regex(name="bare", pattern="a"),
        plain,
        3,
    ]
    with pytest.raises(Problems) as caught:
        wl.LFRegistry(rules, schema=SCHEMA)
    whats = [p.what for p in caught.value.problems]
    assert whats == [
        "unknown label 'hma'",
        "two rules have the id 'asks'",
        "two rules have the name 'twin'",
        "unknown label 'hamm'",
        "'gold' is a reserved id",
        "unknown label 'spma'",
        "the rule has no label",
        f"item 9 is no rule: {plain!r}",
        "item 10 is no rule: 3",
    ]
    assert caught.value.problems[0].hint == "did you mean 'ham'?"
    both = caught.value.problems[1].where
    assert both == f"{rules[0].source} and {rules[1].source}"
    assert caught.value.problems[7].hint == "decorate it with @labeling_function"


# ---- folders ----


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


GOOD = {
    "schema.yaml": "labels: [ham, spam]\n",
    "pack.yaml": "rules: [{name: link, kind: regex, label: spam, pattern: 'https?://'}]\n",
    "python_rules.py": """\
import weaklabel as wl
from ._helpers import LIMIT
from . import _helpers as helpers

@wl.labeling_function(label="spam")
def shouts(row):
    return len(row["text"]) > LIMIT and helpers.is_loud(row["text"])

MANY = [wl.keywords(f"k{i}", [word], label="ham") for i, word in enumerate(["a", "b"])]
_draft = wl.keywords("draft", ["c"], label="ham")
again = shouts
""",
    "_helpers.py": "LIMIT = 3\n\ndef is_loud(text):\n    return text.isupper()\n",
    "deeper/more.py": "import weaklabel as wl\nfrom .._helpers import LIMIT\nfrom . import _own\nr = wl.where('long', f'length(text) > {LIMIT}', label='ham', owner=_own.ME)\n",
    "deeper/_own.py": "ME = 'ann'\n",
    "words/list.txt": "not read",
    "sample/data.yaml": "not: a pack",
    "_later.yaml": "not: a pack",
    ".hidden/x.py": "raise RuntimeError",
    "notes.md": "not read",
}


def test_a_folder_is_gathered_and_nothing_stays_behind(tmp_path):
    write(tmp_path, GOOD)
    modules, path, finders = set(sys.modules), list(sys.path), list(sys.meta_path)
    registry = wl.LFRegistry.from_folder(tmp_path)
    assert registry.ids == ("long", "link", "shouts", "k0", "k1")
    assert registry.schema.names == ("ham", "spam")
    assert registry["long"].owner == "ann"
    assert registry["shouts"]({"text": "HELLO"}) is True
    assert str(registry["shouts"].source) == f"{tmp_path}/python_rules.py:5"
    assert str(registry["k1"].source) == f"{tmp_path}/python_rules.py:9"
    assert not {m for m in set(sys.modules) - modules if "weaklabel_rules" in m}
    assert (sys.path, sys.meta_path) == (path, finders)
    assert not list(tmp_path.rglob("__pycache__"))


def test_a_helpers_change_changes_the_fingerprint_at_once(tmp_path):
    write(tmp_path, GOOD)
    before = wl.LFRegistry.from_folder(tmp_path)
    write(tmp_path, {"_helpers.py": GOOD["_helpers.py"].replace("3", "4")})
    after = wl.LFRegistry.from_folder(tmp_path)
    assert before["shouts"].fingerprint != after["shouts"].fingerprint
    assert before["k0"].fingerprint == after["k0"].fingerprint
    write(tmp_path, {"_helpers.py": GOOD["_helpers.py"]})
    again = wl.LFRegistry.from_folder(str(tmp_path))
    assert again.fingerprint == before.fingerprint


def test_the_place_of_a_folder_does_not_count(tmp_path):
    one = wl.LFRegistry.from_folder(write(tmp_path / "one", GOOD))
    two = wl.LFRegistry.from_folder(write(tmp_path / "two", GOOD))
    assert one.fingerprint == two.fingerprint


def test_two_folders_with_the_same_module_names_do_not_collide(tmp_path):
    module = "import weaklabel as wl\nfrom ._h import WORD\nr = wl.keywords('r', [WORD], label='ham')\n"
    one = write(
        tmp_path / "one", {"schema.yaml": "labels: [ham, spam]", "m.py": module, "_h.py": "WORD = 'one'"}
    )
    two = write(
        tmp_path / "two", {"schema.yaml": "labels: [ham, spam]", "m.py": module, "_h.py": "WORD = 'two'"}
    )
    assert wl.LFRegistry.from_folder(one)["r"].terms == ("one",)
    assert wl.LFRegistry.from_folder(two)["r"].terms == ("two",)


def test_all_problems_of_a_folder_are_reported_at_once(tmp_path):
    write(
        tmp_path,
        {
            "schema.yaml": "labels: [ham, spam]\n",
            "a_syntax.py": "import weaklabel as wl\nx = = 1\n",
            "b_raises.py": "import weaklabel as wl\n\ndef make():\n    return 1 / 0\n\nmake()\n",
            "c_many.py": (
                "import weaklabel as wl\n"
                "one = wl.regex('one', '(', label='spam')\n"
                "two = wl.keywords('two', [], label='spam')\n"
                "uses_lost = one\n"
                "three = wl.regex('three', 'a', label='spma')\n"
                "link = wl.regex('link', 'a', label='spam')\n"
            ),
            "d_pack.yaml": "rules:\n- {name: link, kind: regex, label: spam, pattern: a}\n- {name: x, kind: regx}\n",
            "e_import.py": "import _helper_of_mine\n",
            "_helper_of_mine.py": "",
            "f_source.py": "import weaklabel as wl\nexec('def f(row): return 1')\nf = wl.labeling_function(f, label='ham')\n",
            "g-dash.py": "",
            "h_exits.py": "import sys\nsys.exit(3)\n",
            "i_helper_raises.py": "from . import _broken\n",
            "_broken.py": "\n\nraise ValueError('half done')\n",
        },
    )
    with pytest.raises(Problems) as caught:
        wl.LFRegistry.from_folder(tmp_path)
    found = {(p.what, str(p.where).replace(f"{tmp_path}/", "")) for p in caught.value.problems}
    assert found == {
        ("broken Python: invalid syntax", "a_syntax.py:2"),
        ("the module raised ZeroDivisionError: division by zero", "b_raises.py:4"),
        (
            "broken regex '(': missing ), unterminated subpattern at position 0, before '('",
            "rule 'one' at c_many.py:2",
        ),
        ("no terms: the rule could never fire", "rule 'two' at c_many.py:3"),
        ("unknown label 'spma'", "rule 'three' at c_many.py:5"),
        ("two rules have the id 'link'", "c_many.py:6 and d_pack.yaml:2"),
        ("unknown kind 'regx'", "d_pack.yaml:3:19"),
        ("the module raised ModuleNotFoundError: No module named '_helper_of_mine'", "e_import.py:1"),
        ("can't fingerprint 'f': its source is not available", "rule 'f' at <string>:1"),
        ("'g-dash.py' can't be imported under that name", "g-dash.py"),
        ("the module raised SystemExit: 3", "h_exits.py:2"),
        ("the module raised ValueError: half done", "_broken.py:3"),
    }
    hints = {p.what: p.hint for p in caught.value.problems}
    assert hints["the module raised ModuleNotFoundError: No module named '_helper_of_mine'"] == (
        "write `from . import _helper_of_mine`"
    )
    assert str(caught.value).startswith(f"12 problems in {tmp_path}\n")


def test_schema_problems_come_with_the_rules_problems(tmp_path):
    write(tmp_path, {"pack.yaml": "rules: [{name: x, kind: regx}]"})
    with pytest.raises(Problems) as caught:
        wl.LFRegistry.from_folder(tmp_path)
    assert [p.what for p in caught.value.problems] == [
        "can't read the label schema: No such file or directory",
        "unknown kind 'regx'",
    ]
    write(tmp_path, {"pack.yaml": GOOD["pack.yaml"], "schema.yaml": "labels: [a, a]"})
    with pytest.raises(Problems, match="'a' stands twice"):
        wl.LFRegistry.from_folder(tmp_path)
    assert wl.LFRegistry.from_folder(tmp_path, schema=SCHEMA).ids == ("link",)


def test_a_package_that_is_not_installed_is_named_once_per_file(tmp_path):
    write(
        tmp_path,
        {
            **GOOD,
            "theirs.py": (
                "import weaklabel as wl\nfrom not_installed_here.labeling import labeling_function\n"
                "from not_installed_here.preprocess import preprocessor\n\n@preprocessor()\ndef low(x):\n    return x\n\n"
                "@labeling_function(pre=[low])\ndef short(x):\n    return 0\n\n"
                "ours = wl.from_snorkel(short, owner='ann')\n"
            ),
            "typo.py": "import python_rulse\n",
        },
    )
    with pytest.raises(Problems) as caught:
        wl.LFRegistry.from_folder(tmp_path)
    assert [(p.what, p.where, p.hint) for p in caught.value.problems] == [
        (
            "theirs.py needs the package 'not_installed_here', which is not installed",
            f"{tmp_path}/theirs.py:2",
            "install it where weaklabel is installed, or start the file's name with _ to leave it out",
        ),
        (
            "typo.py needs the package 'python_rulse', which is not installed",
            f"{tmp_path}/typo.py:1",
            "did you mean 'python_rules'?",
        ),
    ]


def test_a_missing_or_empty_folder(tmp_path):
    (tmp_path / "spam").mkdir()
    with pytest.raises(RuleError, match=r"no folder '.*/spma'") as caught:
        wl.LFRegistry.from_folder(tmp_path / "spma")
    assert caught.value.hint == "did you mean 'spam'?"
    with pytest.raises(RuleError, match="no rules in"):
        wl.LFRegistry.from_folder(tmp_path / "spam", schema=SCHEMA)


def test_modules_that_need_their_own_future_or_import_each_other(tmp_path):
    write(
        tmp_path,
        {
            "schema.yaml": "labels: [ham, spam]\n",
            "a.py": "from .b import shared\nimport weaklabel as wl\nmine = wl.regex('mine', 'm', label='ham')\n",
            "b.py": (
                "from __future__ import annotations\nimport weaklabel as wl\n"
                "def typed(x: NotDefined) -> None: ...\n"
                "shared = wl.regex('shared', 's', label='ham')\nbad = wl.regex('bad', '(', label='ham')\n"
            ),
        },
    )
    with pytest.raises(Problems) as caught:
        wl.LFRegistry.from_folder(tmp_path)
    assert [p.where for p in caught.value.problems] == [f"rule 'bad' at {tmp_path}/b.py:5"]
    write(tmp_path, {"b.py": (tmp_path / "b.py").read_text().replace("'('", "'c'")})
    assert wl.LFRegistry.from_folder(tmp_path).ids == ("shared", "mine", "bad")


def test_a_relative_path_is_the_same_folder(tmp_path, monkeypatch):
    write(tmp_path / "rules", GOOD)
    absolute = wl.LFRegistry.from_folder(tmp_path / "rules")
    monkeypatch.chdir(tmp_path)
    relative = wl.LFRegistry.from_folder("rules")
    assert relative.fingerprint == absolute.fingerprint
    assert str(relative["shouts"].source) == "rules/python_rules.py:5"
    write(tmp_path / "rules", {"python_rules.py": GOOD["python_rules.py"] + "\n1 / 0\n"})
    with pytest.raises(Problems) as caught:
        wl.LFRegistry.from_folder("rules")
    assert [p.where for p in caught.value.problems] == ["rules/python_rules.py:13"]


def test_a_module_that_fails_only_once_is_still_a_problem(tmp_path):
    flag = tmp_path / "flag.txt"
    write(
        tmp_path / "rules",
        {
            "schema.yaml": "labels: [ham, spam]\n",
            "a.py": (
                f"from pathlib import Path\nFLAG = Path({str(flag)!r})\n"
                "if not FLAG.exists():\n    FLAG.touch()\n    raise OSError('not there yet')\n"
            ),
        },
    )
    with pytest.raises(Problems, match="the module raised OSError: not there yet"):
        wl.LFRegistry.from_folder(tmp_path / "rules")


def test_the_schema_is_a_schema():
    with pytest.raises(RuleError, match="a LabelSchema is wanted"):
        wl.LFRegistry(some_rules(), schema=["ham", "spam"])


LATE = {
    "schema.yaml": "labels: [ham, spam]",
    "json.py": """
import json
from weaklabel import labeling_function

@labeling_function(label="spam")
def late(row):
    import json
    from . import _one
    from ._below.deep import LIMIT
    return json.dumps(row["text"]) and _one.two(row["text"], LIMIT)
""",
    "_one.py": "def two(text, limit):\n    from ._two import longer\n    return longer(text, limit)\n",
    "_two.py": "from . import _one\n\ndef longer(text, limit):\n    return len(text) > limit\n",
    "_below/deep.py": "LIMIT = 3\n",
}


def test_relative_imports_inside_functions_work_when_the_rule_is_called(tmp_path):
    write(tmp_path, LATE)
    modules, finders = set(sys.modules), list(sys.meta_path)
    registry = wl.LFRegistry.from_folder(tmp_path)
    assert registry["late"]({"text": "long"}) is True
    assert registry["late"]({"text": "no"}) is False
    assert not {m for m in set(sys.modules) - modules if "weaklabel_rules" in m}
    assert sys.meta_path == finders


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [("_one.py", "limit)\n", "limit) or 1\n"), ("_two.py", ">", "<"), ("_below/deep.py", "3", "4")],
)
def test_what_a_function_imports_counts_and_the_private_name_does_not(tmp_path, file, old, new):
    write(tmp_path, LATE)
    one = wl.LFRegistry.from_folder(tmp_path).fingerprint
    assert wl.LFRegistry.from_folder(tmp_path).fingerprint == one
    write(tmp_path, {file: LATE[file].replace(old, new)})
    assert wl.LFRegistry.from_folder(tmp_path).fingerprint != one


def test_a_module_without_rules_is_a_problem_that_names_it(tmp_path):
    write(
        tmp_path,
        {
            **GOOD,
            "forgot.py": "def shouts(row):\n    return row['text'].isupper()\n",
            "empty.py": "",
            "notes.py": '"""Rules will come."""\n# soon\n',
            "helps.py": "LIMIT = 3\n",
            "deeper/helps.py": "LIMIT = 3\n",
            "late_helper.py": "LIMIT = 3\n",
            "uses.py": (
                "import weaklabel as wl\nfrom .helps import LIMIT\nfrom .deeper import helps\n\n"
                "@wl.labeling_function(label='ham')\ndef used(row):\n"
                "    from . import late_helper\n    return len(row['text']) > late_helper.LIMIT + helps.LIMIT\n"
            ),
            "broken.py": "x = = 1\n",
            "deeper/__init__.py": "X = 1\n",
        },
    )
    with pytest.raises(Problems) as caught:
        wl.LFRegistry.from_folder(tmp_path)
    assert [(p.what, p.where) for p in caught.value.problems] == [
        ("broken Python: invalid syntax", f"{tmp_path}/broken.py:1"),
        ("the module holds no rules", f"{tmp_path}/forgot.py"),
    ]
    assert caught.value.problems[1].hint == (
        "decorate its functions with @labeling_function(label=…), or start its name with _ where it only helps others"
    )
    (tmp_path / "forgot.py").unlink()
    (tmp_path / "broken.py").unlink()
    assert "used" in wl.LFRegistry.from_folder(tmp_path)


def test_labels_of_examples_are_checked():
    rule = wl.lookup("l", {"a": "ham"}, fires_on={"hma": ["a"], "junk": ["b"]})
    with pytest.raises(Problems) as caught:
        wl.LFRegistry([rule], schema=SCHEMA)
    assert [(p.what, p.hint) for p in caught.value.problems] == [
        ("unknown label 'hma'", "did you mean 'ham'?")
    ]
    outcome = wl.lookup("l", {"a": "ham"}, fires_on={wl.none_of("junk"): ["a"]})
    with pytest.raises(Problems, match="`fires_on` expects 'not spam', which is no outcome of the rule"):
        wl.LFRegistry([outcome], schema=SCHEMA)


def test_hints_are_written_as_the_rule_is(tmp_path):
    write(
        tmp_path,
        {
            "schema.yaml": "labels: [ham, spam]\n",
            "pack.yaml": "rules: [{name: gold, kind: regex, label: spam, pattern: a}]\n",
            "rules.py": "import weaklabel as wl\nx = wl.regex('label', 'a', label='ham')\n",
        },
    )
    with pytest.raises(Problems) as caught:
        wl.LFRegistry.from_folder(tmp_path)
    assert [p.hint for p in caught.value.problems] == ["id: gold_rule", "id='label_rule'"]
    bare = Regex(name="bare", pattern="a")
    with pytest.raises(Problems) as caught:
        wl.LFRegistry([bare], schema=SCHEMA)
    assert caught.value.problems[0].hint == "label='ham'"
