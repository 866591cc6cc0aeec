"""What changed between two schemas: every kind of change, and what a map may say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weaklabel.errors import Problems, SchemaError
from weaklabel.schema import Label, LabelSchema
from weaklabel.taxonomy import LabelMap, read_map, schema_diff


def made(*labels, exclusive=False, version="1"):
    return LabelSchema(labels, exclusive=exclusive, version=version)


def kinds(found):
    return [(change.kind, change.old, change.new, change.why) for change in found.changes]


def test_every_kind_of_change_at_once():
    old = made(
        Label("nlp", "Text."),
        "vision",
        Label("gan", parents=("vision",)),
        "pca",
        "svd",
        "fax",
        "telex",
        "ocr",
        Label("pager", status="retired"),
    )
    new = made(
        "ocr",
        Label("language", "Language.", aliases=("nlp",)),
        "image",
        "video",
        Label("gan", aliases=("adversarial",), parents=("image",)),
        Label("decomposition", aliases=("pca", "svd")),
        "pager",
        "audio",
        Label("fax", status="retired"),
        exclusive=True,
        version="2",
    )
    found = schema_diff(old, new, {"split": {"vision": ["image", "video"]}})
    assert kinds(found) == [
        ("renamed", ("nlp",), ("language",), "alias"),
        ("merged", ("pca", "svd"), ("decomposition",), "alias"),
        ("split", ("vision",), ("image", "video"), "map"),
        ("retired", ("fax",), (), ""),
        ("gone", ("telex",), (), ""),
        ("returned", (), ("pager",), ""),
        ("added", (), ("audio",), ""),
        ("moved", ("gan",), ("gan",), ""),
        ("described", ("nlp",), ("language",), ""),
        ("aliases", ("gan",), ("gan",), ""),
        ("order", (), (), ""),
        ("exclusive", (), (), ""),
    ]
    assert [change.sentence for change in found.changes][2:5] == [
        "vision is split into image and video (by map)",
        "fax is retired",
        "telex is gone, and nothing says what became of it",
    ]
    assert found.changes[7].sentence == "gan has other parents: now image"
    assert found.changes[9].sentence == "gan has other aliases: with adversarial"
    assert found.changes[11].sentence == "exactly one label a row, was any number of labels a row"
    assert found.gone == ("telex",)
    assert found.versions == "schema 1 to 2"
    assert found.counts() == dict.fromkeys([change.kind for change in found.changes], 1)
    assert found.becomes["vision"] == ("image", "video")
    assert [found.exact(name) for name in ("nlp", "svd", "vision", "fax", "pager")] == [
        "language", "decomposition", None, None, None,
    ]  # fmt: skip
    assert found.to_dict()["changes"][0]["sentence"] == "nlp is renamed language (by alias)"


def test_no_difference():
    schema = made("a", Label("b", parents=("a",)))
    found = schema_diff(schema, schema)
    assert (found.changes, found.becomes, found.gone) == ((), {"a": ("a",), "b": ("b",)}, ())


def test_a_parent_that_was_renamed_does_not_move_its_children():
    old = made("vision", Label("gan", parents=("vision",)))
    new = made(Label("sight", aliases=("vision",)), Label("gan", parents=("sight",)))
    assert kinds(schema_diff(old, new)) == [("renamed", ("vision",), ("sight",), "alias")]


def test_a_label_merged_into_one_that_stays():
    found = schema_diff(made("a", "b", "c"), made(Label("a", aliases=("b",)), "c"))
    assert kinds(found) == [("merged", ("a", "b"), ("a",), "alias")]
    assert found.changes[0].sentence == "a and b are merged into a (by alias)"


def test_a_rename_by_map_wants_an_alias():
    found = schema_diff(made("a", "b"), made("x", "b"), {"rename": {"a": "x"}})
    assert kinds(found) == [("renamed", ("a",), ("x",), "map")]
    assert found.unaliased == (("a", "x"),)
    aliased = schema_diff(made("a", "b"), made(Label("x", aliases=("a",)), "b"))
    assert aliased.unaliased == ()


def test_a_label_that_splits_and_stays():
    found = schema_diff(made("a", "b"), made("a", "b", "c"), {"split": {"a": ["a", "c"]}})
    assert kinds(found) == [("split", ("a",), ("a", "c"), "map")]
    assert found.exact("a") is None


def test_without_a_map_a_new_label_is_only_new():
    assert kinds(schema_diff(made("a", "b"), made("a", "b", "c"))) == [("added", (), ("c",), "")]


@pytest.mark.parametrize(
    ("mapping", "what"),
    [
        ({"rename": {"z": "x"}}, "the map names label 'z', which the old schema has not"),
        ({"rename": {"a": "z"}}, "the map names label 'z', which the new schema has not"),
        ({"merge": {"x": ["a", "z"]}}, "the map names label 'z', which the old schema has not"),
        ({"split": {"a": ["x", "z"]}}, "the map names label 'z', which the new schema has not"),
        ({"retire": ["b"]}, "the map retires label 'b', which the new schema has"),
    ],
)
def test_a_map_that_does_not_fit(mapping, what):
    with pytest.raises(Problems) as caught:
        schema_diff(made("a", "b"), made("x", "b"), mapping)
    assert what in [problem.what for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("mapping", "what"),
    [
        ({"renames": {}}, "unknown key 'renames' in a map of labels"),
        ({"rename": ["a"]}, "`rename` is a mapping, not ['a']"),
        ({"rename": {"a": True}}, "`rename`: a label's name is text, not True"),
        ({"merge": {"x": "a"}}, "`merge`: a list of labels, not 'a'"),
        ({"merge": {"x": ["a"]}}, "`merge`: 2 labels or more, not ['a']"),
        ({"split": {"a": ["x", "x"]}}, "`split`: 2 labels or more, not ['x', 'x']"),
        ({"retire": "a"}, "`retire`: a list of labels, not 'a'"),
        ({"rename": {"a": "x"}, "retire": ["a"]}, "the map says two things of label 'a'"),
    ],
)
def test_a_map_of_another_form(mapping, what):
    with pytest.raises(SchemaError) as caught:
        read_map(mapping)
    assert caught.value.what == what


def test_maps_in_files(tmp_path):
    path = tmp_path / "map.yaml"
    path.write_text("rename: {a: x}\nmerge: {y: [b, c]}\nsplit: {d: [d, e]}\nretire: [f]\n")
    assert read_map(path) == LabelMap({"a": "x"}, {"y": ("b", "c")}, {"d": ("d", "e")}, ("f",), str(path))
    assert [read_map(path).said(name) for name in "abdfz"] == [
        ("rename", ("x",)), ("merge", ("y",)), ("split", ("d", "e")), ("retire", ()), None,
    ]  # fmt: skip
    path.write_text("")
    assert read_map(path).said("a") is None
    path.write_text("a: [")
    with pytest.raises(SchemaError) as caught:
        read_map(path)
    assert caught.value.what.startswith("the map of labels is not valid YAML")
    assert caught.value.where.startswith(f"{path}:")
    path.write_text("- a")
    with pytest.raises(SchemaError, match="a map of labels is a mapping"):
        read_map(path)
    with pytest.raises(SchemaError, match="can't read the map of labels"):
        read_map(tmp_path / "none.yaml")


NAMES = st.lists(st.sampled_from("abcdefgh"), min_size=2, max_size=6, unique=True)


@given(NAMES, st.randoms(use_true_random=False))
def test_renames_and_their_way_back(names, random):
    news = [f"{name}{name}" for name in names]
    random.shuffle(news)
    old, new = made(*names), made(*news)
    there = schema_diff(old, new, {"rename": {name: f"{name}{name}" for name in names}})
    back = schema_diff(new, old, {"rename": {f"{name}{name}": name for name in names}})
    assert all(back.exact(there.exact(name)) == name for name in names)
    assert there.counts()["renamed"] == len(names)


@given(NAMES, NAMES)
def test_every_label_is_told_of_once(before, after):
    found = schema_diff(made(*before), made(*after))
    fates = [
        name for change in found.changes if change.kind in ("gone", "retired", "split") for name in change.old
    ]
    added = [name for change in found.changes if change.kind == "added" for name in change.new]
    assert sorted(fates) == sorted(set(before) - set(after))
    assert sorted(added) == sorted(set(after) - set(before))
    assert set(found.becomes) == set(before)
