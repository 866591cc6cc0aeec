"""Rule packs: equal to what Python makes, and every problem with file, line and column."""

import pytest

import weaklabel as wl
from weaklabel.errors import Problems
from weaklabel.lf.yaml_pack import read_pack

PACK = """\
defaults: {owner: support, field: body, tags: [pack]}
rules:
  - name: asks_refund
    kind: keywords
    label: returns
    terms: [refund, money back]
    fires_on: ["I want my money back", {body: refund, x: 1}]
    abstains_on: ["refundable"]
    version: 1.10
  - {name: has_link, kind: regex, label: spam, pattern: 'https?://', case: ignore, owner: ann}
  - {name: very_short, kind: where, label: ham, sql: "length(body) < 20", id: short}
  - {name: money, kind: spacy, label: returns, patterns: [[{LOWER: money}, {LOWER: back}]], pipeline: 'blank:de'}
  - {name: brands, kind: lookup, label: tech, words: words/brands.txt}
  - {name: cities, kind: lookup, table: words/cities.csv, term: city, labels: topic, match: words}
  - {name: plans, kind: lookup, match: exact, field: plan, entries: {gold: vip, silver: regular}, on_error: abstain}
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "words").mkdir()
    (tmp_path / "words/brands.txt").write_text("Acme\nZoë\n")
    (tmp_path / "words/cities.csv").write_text("city,topic\nKyiv,europe\n")
    return tmp_path


def read(folder, text, name="pack.yaml"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return read_pack(path)


def problem(folder, text):
    _, [found] = read(folder, text)
    return found


def test_a_pack_gives_the_same_frozen_objects_as_python(folder):
    rules, problems = read(folder, PACK)
    assert problems == []
    shared = {"owner": "support", "tags": ["pack"]}
    same = [
        wl.keywords(
            "asks_refund",
            ["refund", "money back"],
            label="returns",
            field="body",
            fires_on=["I want my money back", {"body": "refund", "x": 1}],
            abstains_on=["refundable"],
            version="1.10",
            **shared,
        ),
        wl.regex(
            "has_link", "https?://", label="spam", case="ignore", field="body", owner="ann", tags=["pack"]
        ),
        wl.where("very_short", "length(body) < 20", label="ham", id="short", **shared),
        wl.spacy_pattern(
            "money",
            [{"LOWER": "money"}, {"LOWER": "back"}],
            label="returns",
            field="body",
            pipeline="blank:de",
            **shared,
        ),
        wl.lookup("brands", ["Acme", "Zoë"], label="tech", field="body", **shared),
        wl.lookup("cities", {"Kyiv": "europe"}, field="body", **shared),
        wl.lookup(
            "plans",
            {"gold": "vip", "silver": "regular"},
            field="plan",
            match="exact",
            on_error="abstain",
            **shared,
        ),
    ]
    assert rules == same
    assert [r.fingerprint for r in rules] == [r.fingerprint for r in same]
    assert [r.source.line for r in rules] == [3, 10, 11, 12, 13, 14, 15]
    assert rules[0].source.column == 5


def test_load_pack_raises_all_problems(folder):
    path = folder / "pack.yaml"
    path.write_text(
        PACK.replace("terms:", "term:").replace("'https?://'", "'(a'").replace("length(body)", "length(")
    )
    with pytest.raises(Problems) as caught:
        wl.load_pack(path)
    assert str(caught.value) == (
        f"""3 problems in {path}
  1. unknown key 'term' in a keywords rule
     where: {path}:6:5
     available: name, kind, label, id, description, owner, version, tags, fires_on, abstains_on, on_error, terms, """
        f"""field, case, accents
     hint: did you mean 'terms'?
  2. broken regex '(a': missing ), unterminated subpattern at position 0, before '(a'
     where: rule 'has_link' at {path}:10:57
  3. broken SQL 'length( < 20': unable to parse 'length( < 20' as Expr
     where: rule 'very_short' at {path}:11:54
     hint: an expression that is true or false for each row, such as "length(text) < 20\""""
    )


@pytest.mark.parametrize(
    ("text", "what", "place", "hint"),
    [
        ("", "the file holds no rules", "1", "rules:"),
        ("rules: []", "the file holds no rules", "1:1", None),
        ("- a", "a rule pack is a mapping with defaults, rules, regex_tables", "1:1", None),
        ("rule: []", "unknown key 'rule' in a rule pack", "1:1", "did you mean 'rules'?"),
        ("rules: {name: a}", "`rules` is a list", "1:8", "rules:"),
        ("rules: [a]", "a rule is a mapping", "1:9", "- {name"),
        ("rules: [{name: a}]", "a rule has no `kind`", "1:9", None),
        ("rules:\n- {kind: keyword}", "unknown kind 'keyword'", "2:10", "did you mean 'keywords'?"),
        ("rules: [{kind: regex, pattern: a, label: x}]", "rule has no `name`", "1:9", None),
        ("rules: [{kind: regex, name: r, label: x}]", "rule 'r' has no `pattern`", "1:9", None),
        ("rules: [{kind: regex, name: r, pattern: a}]", "rule 'r' has no `label`", "1:9", None),
        ("rules: [{kind: regex, name: r, pattern: a, label: no}]", "`label` is text, not False", "1:51", 'label: "no"'),
        ("rules: [{kind: regex, name: r, pattern: 3, label: x}]", "`pattern` is text, not 3", "1:41", 'pattern: "3"'),
        ("rules: [{kind: keywords, name: r, terms: a, label: x}]", "`terms` is a list, not 'a'", "1:42", None),
        (
            "rules:\n- {kind: keywords, name: r, label: x,\n   terms: [yes, on]}",
            "term 1 is text, not True",
            "rule 'r' at 3:11",
            None,
        ),
        ("rules: [{kind: spacy, name: r, label: x, patterns: [[{LOWER: off}]]}]", "`patterns`: LOWER is text, not False", "rule 'r' at 1:52", "quote it: "),
        ("rules: [{kind: regex, name: r, pattern: a, label: x, case: lowr}]", "unknown case 'lowr'", "rule 'r' at 1:60", "did you mean 'lower'?"),
        ("rules: [{kind: regex, name: r, name: s, pattern: a, label: x}]", "key 'name' stands twice", "1:32", None),
        ("rules: [{kind: lookup, name: r, label: x}]", "a lookup takes one of words, table, entries, not none", "rule 'r' at 1:9", "words:"),
        ("rules: [{kind: lookup, name: r, words: nofile.txt, label: x}]", "can't read ", "rule 'r' at 1:40", None),
        ("rules: [{kind: regex, name: r, pattern: a\nlabel: x", "not valid YAML: ", "2:6", "quote"),
        ("rules: [{kind: regex, name: r, pattern: a, label: x, fires_on: yes}]", "`fires_on` is a list, not True", "1:64", None),
        ("defaults: {ownr: a}\nrules: [{kind: regex, name: r, pattern: a, label: x}]", "unknown key 'ownr' in `defaults`", "1:12", "did you mean 'owner' or "),
        ("rules:\n- kind: regex\n  name: r\n  label: x\n  pattern: \u0001", "not valid YAML: ", None, "quote"),
    ],
)  # fmt: skip
def test_every_problem_has_its_place(folder, text, what, place, hint):
    found = problem(folder, text)
    assert found.what.startswith(what)
    if place is not None:
        assert found.where.replace(f"{folder}/pack.yaml:", "") == place
    if hint is not None:
        assert hint in found.hint


def test_a_pack_that_is_not_utf8_or_not_there(folder):
    (folder / "latin.yaml").write_bytes(b"rules:\n- name: caf\xe9\n")
    _, [found] = read_pack(folder / "latin.yaml")
    assert "is not UTF-8 (byte 18)" in found.what
    assert found.where == f"{folder}/latin.yaml:2"
    _, [missing] = read_pack(folder / "latim.yaml")
    assert missing.hint == "did you mean 'latin.yaml'?"


def test_merge_keys_share_settings(folder):
    text = (
        "rules:\n- &base {kind: keywords, name: a, label: x, terms: [a], owner: ann}\n"
        "- {<<: *base, name: b, terms: [b]}\n"
    )
    rules, problems = read(folder, text)
    assert problems == []
    assert rules[1] == wl.keywords("b", ["b"], label="x", owner="ann")


# ---- tables of regexes ----

TABLE = 'label\tregex\nham\t"thanks"\nspam\t(call|ring).*free\n'
TABLES = (
    "regex_tables:\n"
    '- {path: sms.tsv, within: RULES_HERE, name: "sms_{row:02d}", case: lower, label: label, pattern: regex, owner: ann}\n'
)


def test_a_table_gives_a_rule_per_line(folder, monkeypatch):
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "sms.tsv").write_text(TABLE)
    monkeypatch.setenv("RULES_HERE", str(elsewhere))
    rules, problems = read(folder, TABLES)
    assert problems == []
    assert rules == [
        wl.regex("sms_00", '"thanks"', label="ham", case="lower", owner="ann"),
        wl.regex("sms_01", "(call|ring).*free", label="spam", case="lower", owner="ann"),
    ]
    assert [str(r.source) for r in rules] == [f"{elsewhere}/sms.tsv:2", f"{elsewhere}/sms.tsv:3"]


def test_a_table_beside_the_pack_needs_no_variable(folder):
    (folder / "sms.tsv").write_text(TABLE)
    rules, problems = read(folder, TABLES.replace("within: RULES_HERE, ", ""))
    assert (len(rules), problems) == (2, [])


def test_what_is_wrong_with_a_table_is_said(folder, monkeypatch):
    monkeypatch.delenv("RULES_HERE", raising=False)
    unset = problem(folder, TABLES)
    assert (
        unset.what == "the environment variable RULES_HERE is not set: it names the folder that holds sms.tsv"
    )
    assert unset.where == f"{folder}/pack.yaml:2:27"
    monkeypatch.setenv("RULES_HERE", str(folder))
    assert "can't read" in problem(folder, TABLES).what
    (folder / "sms.tsv").write_text(TABLE)
    absent = problem(folder, TABLES.replace("pattern: regex", "pattern: regexp"))
    assert absent.what == f"no column 'regexp' in {folder}/sms.tsv"
    assert absent.hint == "did you mean 'regex'?"
    assert "broken name template" in problem(folder, TABLES.replace("{row:02d}", "{line_number}")).what
    assert problem(folder, TABLES.replace("pattern: regex, ", "")).what == "a regex table has no `pattern`"
    (folder / "sms.tsv").write_text(TABLE + "spam\t(free\nspam\t[free\n")
    rules, problems = read(folder, TABLES)
    assert len(rules) == 2
    assert [p.where for p in problems] == [
        f"rule 'sms_02' at {folder}/sms.tsv:4",
        f"rule 'sms_03' at {folder}/sms.tsv:5",
    ]


@pytest.mark.data
@pytest.mark.parametrize(("name", "count"), [("sms", 73), ("trec", 68)])
def test_published_rule_sets_load_as_packs(folder, data_dir, monkeypatch, name, count):
    monkeypatch.setenv("WEAKLABEL_DATA", str(data_dir))
    text = (
        f"regex_tables: [{{path: rules/{name}.tsv, within: WEAKLABEL_DATA, name: '{name}_{{row:02d}}', "
        "case: lower, label: label, pattern: regex}]"
    )
    rules, problems = read(folder, text)
    assert problems == []
    assert len(rules) == count
