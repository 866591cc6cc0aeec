"""Rules out of a taxonomy: what they find, how an expert overrides them, in Python and in YAML."""

import polars as pl
import pytest

import weaklabel as wl
from weaklabel.apply import check_examples
from weaklabel.errors import Problems, RuleError, SchemaError
from weaklabel.lf.taxonomy import rule_ids
from weaklabel.lf.yaml_pack import read_pack

TAGS = [
    {"tag": "computer-vision", "aliases": ["vision"], "parents": []},
    {"tag": "generative-adversarial-networks", "aliases": ["gan"], "parents": ["computer-vision"]},
    {"tag": "go", "aliases": []},
    {"tag": "c++", "aliases": ["cpp"]},
]


def schema(tags=TAGS):
    return wl.LabelSchema([tag["tag"] for tag in tags], exclusive=False)


def test_one_rule_per_label_with_its_id_label_and_examples():
    rules = wl.rules_from_taxonomy(TAGS, owner="ann")
    assert [(rule.id, rule.label, rule.kind) for rule in rules] == [
        ("tag.computer-vision", "computer-vision", "keywords"),
        ("tag.generative-adversarial-networks", "generative-adversarial-networks", "regex"),
        ("tag.go", "go", "regex"),
        ("tag.cplusplus", "c++", "keywords"),
    ]
    assert {rule.owner for rule in rules} == {"ann"}
    assert rules[1].fires_on == ("generative adversarial networks", "GAN")
    assert rules[1].abstains_on == ("gan",)
    assert {str(rule.source) for rule in rules} == {f"{__file__}:{rules[0].source.line}"}
    assert check_examples(wl.LFRegistry(rules, schema=schema())) == []


def test_votes_of_the_fast_scan_are_those_of_the_rules_themselves():
    rules = wl.rules_from_taxonomy(TAGS)
    texts = ["Computer Vision with GANs", "a gan", "Go, c++ and CPP!", "go on", "computer-visions", "", None]
    frame = pl.DataFrame({"id": [str(i) for i in range(len(texts))], "text": texts})
    votes = wl.LFApplier(wl.LFRegistry(rules, schema=schema())).apply(frame).to_numpy()
    own = [[text is not None and rule.matches(text) for rule in rules] for text in texts]
    assert (votes >= 0).tolist() == own
    assert own[0] == [True, True, False, False]
    assert own[1:4] == [[False] * 4, [False, False, True, True], [False] * 4]


def test_a_taxonomy_is_a_schema_its_file_or_a_list(tmp_path):
    path = tmp_path / "schema.yaml"
    path.write_text("exclusive: false\nlabels: [{name: late, aliases: [delayed]}, lost]\n")
    labels = [wl.Label("late", aliases=("delayed",)), "lost"]
    same = [path, str(path), wl.LabelSchema(labels, exclusive=False), labels]
    made = [[rule.fingerprint for rule in wl.rules_from_taxonomy(one)] for one in same]
    assert made[0] == made[1] == made[2] == made[3]
    assert len(made[0]) == 2


def test_overrides_one_by_one():
    own = wl.regex("golang", "golang|Go [0-9]", label="go")
    rules = wl.rules_from_taxonomy(
        TAGS, overrides={"go": own, "c++": ["cpp", "C plus plus"], "computer-vision": []}, leave_out=["gan"]
    )
    assert [rule.id for rule in rules] == ["tag.generative-adversarial-networks", "golang", "tag.cplusplus"]
    assert rules[1] is own
    assert rules[2].matches("c plus plus")
    assert not rules[2].matches("c++")
    assert not rules[0].matches("a GAN")


def test_leaving_out_a_label_leaves_out_its_rule():
    assert [rule.label for rule in wl.rules_from_taxonomy(["a b", "c d"], leave_out=["a b"])] == ["c d"]


def test_a_stated_name_beats_a_plural_that_was_made():
    rules = {rule.label: rule for rule in wl.rules_from_taxonomy(["transformers", "transformer"])}
    assert not rules["transformers"].matches("a transformer")
    assert rules["transformer"].matches("a transformer")
    assert not rules["transformer"].matches("two transformers")


def test_ids_that_would_be_equal_differ_and_do_not_depend_on_order():
    names = ["a b", "a/b", "x", "★", "☆"]
    ids = rule_ids(names)
    assert len(set(ids.values())) == 5
    assert ids["x"] == "tag.x"
    assert rule_ids(reversed(names)) == dict(reversed(ids.items()))


def test_every_mistake_is_told_at_once():
    with pytest.raises(Problems) as caught:
        wl.rules_from_taxonomy(
            ["late", "lost", "late"], overrides={"lots": [], "late": "x"}, leave_out=["los"]
        )
    assert [problem.what for problem in caught.value.problems] == [
        "label 'late' stands twice in the taxonomy",
        "`overrides`: unknown label 'lots'",
        "`overrides`: a rule or a list of spellings for 'late'",
        "`leave_out`: 'los' is no label and no alias",
    ]
    assert caught.value.problems[1].hint == "did you mean 'lost' or 'late'?"
    assert caught.value.problems[0].where.startswith(__file__)


@pytest.mark.parametrize("entry", [3, {"aliases": ["x"]}, {"tag": " "}, {"tag": "x", "aliases": "y"}])
def test_an_entry_that_is_no_label(entry):
    with pytest.raises(RuleError, match="entry 2 of the taxonomy is no label"):
        wl.rules_from_taxonomy(["late", entry])


def test_a_file_that_is_missing_is_told_with_its_place(tmp_path):
    with pytest.raises(SchemaError) as caught:
        wl.rules_from_taxonomy(tmp_path / "none.yaml")
    assert caught.value.where == str(tmp_path / "none.yaml")


# ---- in a folder of rules ----


@pytest.fixture
def folder(tmp_path):
    lines = "exclusive: false\nlabels: [{name: late, aliases: [delayed]}, lost, go]\n"
    (tmp_path / "schema.yaml").write_text(lines)
    return tmp_path


def test_a_module_names_the_schema_beside_it(folder, monkeypatch):
    monkeypatch.chdir("/")
    (folder / "rules.py").write_text(
        "from weaklabel import rules_from_taxonomy\nrules = rules_from_taxonomy('schema.yaml')\n"
    )
    registry = wl.LFRegistry.from_folder(folder)
    assert registry.ids == ("tag.late", "tag.lost", "tag.go")
    assert str(registry["tag.late"].source) == f"{folder / 'rules.py'}:2"


def test_a_rule_of_the_same_id_takes_the_place_wherever_it_stands(folder):
    (folder / "rules.py").write_text(
        "from weaklabel import rules_from_taxonomy\nrules = rules_from_taxonomy('schema.yaml')\n"
    )
    (folder / "own.yaml").write_text(
        "rules: [{name: Go the language, id: tag.go, kind: keywords, label: go, terms: [golang]}]"
    )
    registry = wl.LFRegistry.from_folder(folder)
    assert sorted(registry.ids) == ["tag.go", "tag.late", "tag.lost"]
    assert registry["tag.go"].name == "Go the language"


def test_two_rules_of_ones_own_with_one_id_are_still_a_mistake(folder):
    rule = "{name: NAME, id: tag.go, kind: keywords, label: go, terms: [golang]}"
    (folder / "own.yaml").write_text(f"rules: [{rule.replace('NAME', 'a')}, {rule.replace('NAME', 'b')}]")
    with pytest.raises(Problems, match=r"two rules have the id 'tag\.go'"):
        wl.LFRegistry.from_folder(folder)


def test_a_pack_has_the_taxonomy_in_one_line(folder):
    (folder / "pack.yaml").write_text(
        "defaults: {owner: ann}\n"
        "taxonomy: {leave_out: [delayed], spellings: {go: [golang]}, field: body}\n"
        "rules: [{name: gone, id: tag.lost, kind: keywords, label: lost, terms: [gone]}]\n"
    )
    rules, problems = read_pack(folder / "pack.yaml")
    assert problems == []
    assert [rule.id for rule in rules] == ["tag.lost", "tag.late", "tag.go"]
    late, go = rules[1:]
    assert (late.field, late.owner, late.matches("delayed"), go.matches("golang")) == (
        "body",
        "ann",
        False,
        True,
    )
    assert str(late.source) == f"{folder / 'pack.yaml'}:2"


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("taxonomy: schema.yaml", "`taxonomy` is a mapping with schema, spellings, leave_out, field, owner"),
        ("taxonomy: {shcema: x}", "unknown key 'shcema' in `taxonomy`"),
        ("taxonomy: {leave_out: late}", "`leave_out` is a list, not 'late'"),
        ("taxonomy: {spellings: {go: golang}}", "`spellings` is a mapping from label to a list of spellings"),
        ("taxonomy: {spellings: {og: [golang]}}", "`overrides`: unknown label 'og'"),
        ("taxonomy: {schema: none.yaml}", "can't read the label schema"),
    ],
)
def test_mistakes_in_a_pack_have_their_line(folder, line, what):
    (folder / "pack.yaml").write_text(f"{line}\n")
    _, problems = read_pack(folder / "pack.yaml")
    assert problems[0].what.startswith(what)
    assert ":1" in problems[0].where or "none.yaml" in problems[0].where
