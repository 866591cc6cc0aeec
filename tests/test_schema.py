"""Label schemas: codes, aliases, and what a broken one says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weaklabel.errors import Problems, SchemaError
from weaklabel.lf import LFRegistry, keywords
from weaklabel.schema import Label, LabelSchema, Outcome, any_of, none_of

YAML = """
name: pets
version: 3
labels:
  - name: animal
  - name: cat
    description: A cat, however it is spelled.
    aliases: [kitty, "Café-cat"]
    parents: [animal]
  - dog
"""


def write(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "schema.yaml"
    path.write_bytes(text.encode(encoding))
    return path


def test_yaml_gives_names_aliases_parents_and_version(tmp_path):
    schema = LabelSchema.from_yaml(write(tmp_path, YAML))
    assert schema.names == ("animal", "cat", "dog")
    assert schema.code("kitty") == schema.code("cat") == 1
    assert schema.labels[1].parents == ("animal",)
    assert (schema.version, schema.exclusive, schema.name) == ("3", True, "pets")
    assert LabelSchema.from_dict(schema.to_dict()) == schema


def test_names_are_compared_in_one_unicode_form():
    schema = LabelSchema(["cafe\u0301", "tea"])
    assert schema.code("caf\u00e9") == 0
    assert "cafe\u0301" in schema


def test_unknown_label_names_the_nearest():
    with pytest.raises(SchemaError) as caught:
        LabelSchema(["refund", "delivery"]).code("delivry", where="gold.csv:7")
    assert str(caught.value) == (
        "unknown label 'delivry'\n  where: gold.csv:7\n  available: refund, delivery\n"
        "  hint: did you mean 'delivery'?"
    )


@given(st.lists(st.text(min_size=1).filter(str.strip), min_size=2, max_size=8, unique_by=lambda s: s.strip()))
def test_codes_are_positions(names):
    try:
        schema = LabelSchema(names)
    except Problems:  # two spellings of one name in NFC
        return
    assert [schema.code(n) for n in names] == list(range(len(names)))
    assert [schema.label(i) for i in range(len(names))] == list(schema.names)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["a"], "1 label; at least 2 are needed"),
        (["a", "a"], "'a' stands twice"),
        (["a", Label("b", aliases=("a",))], "'a' names both label 'a' and label 'b'"),
        (["a", " "], "an empty name or alias at label ' '"),
        (["a", Label("b", parents=("c",))], "unknown parent 'c' of label 'b'"),
        ([Label("a", parents=("b",)), Label("b", parents=("a",))], "label 'a' is its own ancestor"),
        ([], "0 labels; at least 2 are needed"),
        ([str(i) for i in range(127)], "127 labels; at most 126 fit into one vote column"),
    ],
)
def test_contradictions_are_named(labels, expected):
    with pytest.raises(Problems) as caught:
        LabelSchema(labels)
    assert expected in str(caught.value)


def test_all_contradictions_are_reported_together():
    with pytest.raises(Problems) as caught:
        LabelSchema(["a", "a", Label("b", parents=("nope",))])
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("labels: [a, yes]", "a label's name is text, not True"),
        ("labels: [a, b]\nexclusiv: true", "unknown key 'exclusiv' in a label schema"),
        ("labels: [a, {name: b, alias: [c]}]", "unknown key 'alias' in a label"),
        ("labels: [a, {description: c}]", "a label without a name"),
        ("labels: a", "`labels` is a list"),
        ("labels: [a, b]\nexclusive: maybe", "`exclusive` is true or false, not 'maybe'"),
        ("- a\n- b", "a label schema is a mapping"),
        ("labels: [a, {name: b, aliases: c}]", "`aliases` of label 'b' is a list"),
        ("labels: [a\nb: c", "not valid YAML"),
        ("", "a label schema is a mapping"),
    ],
)
def test_broken_files_say_what_and_where(tmp_path, text, expected):
    path = write(tmp_path, text)
    with pytest.raises(SchemaError) as caught:
        LabelSchema.from_yaml(path)
    assert expected in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_schema_that_is_missing_or_not_utf8(tmp_path):
    with pytest.raises(SchemaError, match="can't read the label schema"):
        LabelSchema.from_yaml(tmp_path / "none.yaml")
    with pytest.raises(SchemaError, match="not UTF-8"):
        LabelSchema.from_yaml(write(tmp_path, "labels: [café, tea]", "latin-1"))


def test_code_of_no_class():
    with pytest.raises(SchemaError, match="code 2 is no class; classes are 0 to 1"):
        LabelSchema(["a", "b"]).label(2)


def test_multi_label_schema_may_have_one_label():
    assert not LabelSchema(["a"], exclusive=False).exclusive


def test_label_objects_are_brought_to_one_unicode_form_too():
    schema = LabelSchema([Label("re\u0301clame", aliases=("pu\u0308b",)), "b"])
    assert schema.names == ("r\u00e9clame", "b")
    assert schema.code("re\u0301clame") == schema.code("r\u00e9clame") == schema.code("p\u00fcb") == 0
    with pytest.raises(SchemaError, match="a label's name is text, not 3"):
        LabelSchema([Label(3), "b"])


def test_each_problem_of_a_file_names_file_and_line(tmp_path):
    text = """\
name: pets
labels:
- cat
- name: dog
  aliases: [cat]

- name: "  "
- {name: bird, parents: [brid]}
- {name: a, parents: [b]}
- {name: b, parents: [a]}
"""
    path = write(tmp_path, text)
    with pytest.raises(Problems) as caught:
        LabelSchema.from_yaml(path)
    assert caught.value.what == f"5 problems in {path}"
    assert [(p.what, p.where) for p in caught.value.problems] == [
        ("'cat' names both label 'cat' and label 'dog'", f"{path}:4"),
        ("an empty name or alias at label '  '", f"{path}:7"),
        ("unknown parent 'brid' of label 'bird'", f"{path}:8"),
        ("label 'a' is its own ancestor", f"{path}:9"),
        ("label 'b' is its own ancestor", f"{path}:10"),
    ]


@pytest.mark.parametrize(
    ("text", "what", "line"),
    [
        ("labels: [a]", "1 label; at least 2 are needed", ":1"),
        ("exclusive: false\nlabels: []", "0 labels; at least 1 is needed", ""),
        ("labels:\n- a\n- yes", "a label's name is text, not True", ":3"),
        ("labels:\n- a\n- {name: b, alias: [c]}", "unknown key 'alias' in a label", ":3"),
        ("labels: &same\n- a\n- a\n", "'a' stands twice", ":3"),
        ("labels: [a, b]\nexclusive: maybe", "`exclusive` is true or false", ""),
    ],
)
def test_one_problem_of_a_file_names_it_too(tmp_path, text, what, line):
    path = write(tmp_path, text)
    with pytest.raises((Problems, SchemaError)) as caught:
        LabelSchema.from_yaml(path)
    [problem] = getattr(caught.value, "problems", [caught.value])
    assert problem.what.startswith(what)
    assert problem.where == f"{path}{line}"


def test_a_schema_made_in_python_names_no_file():
    with pytest.raises(Problems) as caught:
        LabelSchema(["a", "a"], name="pets")
    assert caught.value.what == "1 problem in label schema 'pets'"
    assert caught.value.problems[0].where is None


def test_outcomes_with_names_in_place_of_aliases():
    schema = LabelSchema(["cat", Label("dog", aliases=("hound",)), "bird"])
    assert schema.outcome(any_of("hound", "cat")) == Outcome(("cat", "dog"))
    assert schema.outcome(none_of("hound")).name == "not dog"
    with pytest.raises(SchemaError, match="unknown label 'dgo'") as caught:
        schema.outcome(none_of("dgo"), where="rules.py:3")
    assert (caught.value.where, caught.value.hint) == ("rules.py:3", "did you mean 'dog'?")


# ---- retired labels, aliases as parents ----


def test_a_retired_label_is_known_and_is_no_class():
    schema = LabelSchema(["ham", Label("fax", aliases=("telefax",), status="retired"), "spam"])
    assert schema.names == ("ham", "spam")
    assert [label.name for label in schema.retired] == ["fax"]
    assert (schema.code("spam"), "fax" in schema, schema.was("telefax"), schema.was("ham")) == (
        1,
        False,
        "fax",
        None,
    )
    with pytest.raises(SchemaError, match="label 'telefax' is retired: it is no class any more"):
        schema.code("telefax")


def test_a_rule_that_votes_for_a_retired_label_is_told_so():
    schema = LabelSchema(["ham", "spam", Label("fax", status="retired")])
    with pytest.raises(Problems, match="label 'fax' is retired: nothing may vote for it"):
        LFRegistry([keywords("f", ["fax"], label="fax")], schema=schema)


def test_schemas_without_retired_labels_are_written_as_ever():
    schema = LabelSchema([Label("a", "d", ("x",)), "b"], version="3", name="t")
    assert list(schema.to_dict()) == ["name", "version", "exclusive", "labels"]
    assert schema.to_dict()["labels"][0] == {"name": "a", "description": "d", "aliases": ["x"], "parents": []}


def test_retired_labels_survive_the_round_trip(tmp_path):
    text = """
labels:
  - ham
  - {name: spam, parents: [ham]}
  - {name: telex, status: retired}
retired:
  - {name: fax, aliases: [telefax], parents: [telex]}
"""
    schema = LabelSchema.from_yaml(write(tmp_path, text))
    assert [(label.name, label.status) for label in schema.retired] == [
        ("telex", "retired"),
        ("fax", "retired"),
    ]
    again = LabelSchema.from_dict(schema.to_dict())
    assert again == schema
    assert again.to_dict()["retired"][1]["aliases"] == ["telefax"]


@pytest.mark.parametrize(
    ("labels", "what"),
    [
        (["a", Label("b", status="retired")], "1 label; at least 2 are needed"),
        (["a", "b", Label("c", aliases=("a",), status="retired")], "'a' names both label 'a' and label 'c'"),
        (
            ["a", Label("b", parents=("c",)), Label("c", status="retired")],
            "parent 'c' of label 'b' is retired",
        ),
    ],
)
def test_problems_of_retired_labels(labels, what):
    with pytest.raises(Problems) as caught:
        LabelSchema(labels)
    assert caught.value.problems[0].what == what


def test_an_unknown_status(tmp_path):
    with pytest.raises(SchemaError, match="unknown status 'retierd' of label 'a'") as caught:
        LabelSchema.from_yaml(write(tmp_path, "labels:\n  - {name: a, status: retierd}\n  - b\n"))
    assert caught.value.hint == "did you mean 'retired'?"
    assert caught.value.where.endswith(":2")


def test_problems_of_retired_labels_have_their_line(tmp_path):
    path = write(tmp_path, "labels: [a, b]\nretired:\n  - c\n  - {name: a}\n")
    with pytest.raises(Problems) as caught:
        LabelSchema.from_yaml(path)
    assert [(p.what, p.where) for p in caught.value.problems] == [("'a' stands twice", f"{path}:4")]


def test_a_parent_may_be_given_by_an_alias():
    labels = [Label("question-answering", aliases=("qa",)), Label("vqa", parents=("qa",))]
    schema = LabelSchema(labels, exclusive=False)
    assert schema.ancestors("vqa") == ("question-answering",)
    assert schema.to_dict()["labels"][1]["parents"] == ["question-answering"]


def test_a_circle_through_an_alias_is_refused():
    labels = [Label("a", aliases=("x",), parents=("b",)), Label("b", parents=("x",))]
    with pytest.raises(Problems, match="label 'a' is its own ancestor"):
        LabelSchema(labels, exclusive=False)
