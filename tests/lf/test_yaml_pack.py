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
     available: name, kind, label, id, description, owner, version, tags, fires_on, abstains_on, on_error, """
        f"""state, valid_from, valid_until, muted, terms, field, case, accents, near, not_after, not_before, first_words, """
        f"""last_words, at_least, times
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
        ("defaults: {ownr: a}\nrules: [{kind: regex, name: r, pattern: a, label: x}]", "unknown key 'ownr' in `defaults`", "1:12", "did you mean 'owner'?"),
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


# ---- hints in YAML ----


@pytest.mark.parametrize(
    ("keys", "what", "hint"),
    [
        ("name: ☃", "'' is no id: ", "id: my_rule"),
        ("name: r, id: 'a b'", "'a b' is no id: ", "id: a_b"),
        ("name: r, fires_on: BUY", "`fires_on` is a list, not 'BUY'", "fires_on: [BUY]"),
        ("name: r, fires_on: '[a, b]'", "`fires_on` is a list, not '[a, b]'", "leave the quotes out: fires_on: [a, b]"),
        ("name: r, fires_on: 3", "`fires_on` is a list, not 3", "fires_on: ['3']"),
        ("name: r, tags: ", "`tags` is a list, not None", "tags: […], or leave it out"),
        ("name: r, fires_on: [3]", "`fires_on`: an example is a text", "fires_on: ['3']"),
        ("name: r, fires_on: [[a, b]]", "`fires_on`: an example is a text", "fires_on: [a, b]"),
        ("name: r, fires_on: {text: a}", "`fires_on` is a list, not {'text': 'a'}", "fires_on: [{text: a}]"),
        ("name: r, fires_on: {x: [a, b]}", "`fires_on` is a list, not {'x': ['a', 'b']}", "this rule chooses no label, leave it out: fires_on: [a, b]"),
    ],
)  # fmt: skip
def test_hints_are_yaml(folder, keys, what, hint):
    found = problem(folder, f"rules:\n- {{kind: regex, label: x, pattern: a, {keys}}}")
    assert found.what.startswith(what)
    assert found.hint == hint
    assert f"{folder}/pack.yaml:2:" in found.where


def test_a_name_that_gives_no_id_is_named_with_its_place(folder):
    found = problem(folder, "rules:\n- {kind: regex, label: x, pattern: a, name: ☃}")
    assert (
        found.what == "'' is no id: letters, digits, `_`, `-` and `.` only (the name '☃' holds none of them)"
    )
    assert found.where == f"rule '☃' at {folder}/pack.yaml:2:45"
    given = problem(folder, "rules:\n- {kind: regex, label: x, pattern: a, name: r, id: a/b}")
    assert given.what == "'a/b' is no id: letters, digits, `_`, `-` and `.` only"
    assert given.where == f"rule 'r' at {folder}/pack.yaml:2:52"


def test_other_hints_are_yaml_too(folder):
    backspace = problem(folder, 'rules:\n- {kind: regex, name: r, label: x, pattern: "\\bpaid"}')
    assert backspace.hint == r"put the pattern in single quotes: then \b is a word boundary"
    terms = problem(folder, "rules:\n- {kind: keywords, name: r, label: x, terms: thanks}")
    assert terms.hint == "terms: [thanks]"
    columnless = problem(folder, 'rules:\n- {kind: where, name: r, label: x, sql: "1 = 1"}')
    assert columnless.hint == "compare a column with something: length(text) < 20"
    labelless = problem(folder, "rules:\n- {kind: lookup, name: r, entries: {a: }}")
    assert labelless.hint == "give the rule a `label`, or each term its own in a table"


def test_a_flat_spacy_pattern_shows_what_to_write(folder):
    one = problem(folder, "rules:\n- {kind: spacy, name: r, label: x, patterns: [{LOWER: thanks}]}")
    assert one.what == "`patterns` is a list of patterns, each a list of tokens, not a list of tokens"
    assert one.hint == "patterns: [[{LOWER: thanks}]]"
    assert one.where == f"rule 'r' at {folder}/pack.yaml:2:46"
    two = problem(
        folder, "rules:\n- {kind: spacy, name: r, label: x, patterns: [{LOWER: thank}, {LOWER: you}]}"
    )
    assert two.hint == (
        "patterns: [[{LOWER: thank}, {LOWER: you}]] (in a row), "
        "or patterns: [[{LOWER: thank}], [{LOWER: you}]] (any of them)"
    )
    upper = problem(folder, "rules:\n- {kind: spacy, name: r, label: x, patterns: [[{LOWER: Thanks}]]}")
    assert upper.hint == "LOWER: thanks for any case, or TEXT: Thanks for exactly that"


def test_examples_by_label_in_yaml_are_those_of_python(folder):
    [rule], problems = read(
        folder,
        "rules:\n- name: plans\n  kind: lookup\n  entries: {gold: vip, silver: regular}\n"
        "  fires_on:\n    vip: [gold, {text: GOLD}]\n    regular: [silver]\n",
    )
    assert problems == []
    assert rule == wl.lookup(
        "plans",
        {"gold": "vip", "silver": "regular"},
        fires_on={"vip": ["gold", {"text": "GOLD"}], "regular": ["silver"]},
    )
    assert rule.expected == ("vip", "vip", "regular")
    broken = problem(
        folder, "rules:\n- {name: plans, kind: lookup, entries: {gold: vip}, fires_on: {text: gold}}"
    )
    assert broken.what == "`fires_on` of 'text' is a list, not 'gold'"
    assert broken.hint == (
        "examples by label: fires_on: {delivery: […], returns: […]}; "
        "an example by field stands in a list: fires_on: [{text: …}]"
    )


def test_windows_counts_days_and_states_of_a_pack(folder):
    path = folder / "more.yaml"
    path.write_text(
        """rules:
- name: near
  kind: keywords
  label: ham
  terms: [refund, money back]
  near: {terms: [order], within: 5}
  not_after: {terms: ["not"], within: 2}
  not_before: {terms: [policy], within: 1}
  first_words: 20
  last_words: 30
  at_least: 2
  times: 3
  state: draft
  valid_from: 2026-01-01
  valid_until: "2026-12-31"
  muted: true
- {name: sure, kind: score, field: p, bins: [{label: spam, from: 0.9}, {label: ham, to: 0.1}]}
"""
    )
    near, sure = wl.load_pack(path)
    assert near == wl.keywords(
        "near",
        ["refund", "money back"],
        label="ham",
        near={"terms": ["order"], "within": 5},
        not_after={"terms": ["not"], "within": 2},
        not_before={"terms": ["policy"], "within": 1},
        first_words=20,
        last_words=30,
        at_least=2,
        times=3,
        state="draft",
        valid_from="2026-01-01",
        valid_until="2026-12-31",
        muted=True,
    )
    assert sure == wl.score("sure", [{"label": "spam", "from": 0.9}, {"label": "ham", "to": 0.1}], field="p")


@pytest.mark.parametrize(
    ("extra", "what"),
    [
        ("near: [order]", "`near` is a mapping with terms and within, not ['order']"),
        ("near: {terms: [order], withn: 5}", "unknown key 'withn' in `near`"),
        ("near: {terms: [], within: 5}", "no terms"),
        ("times: many", "`times` is a whole number, not 'many'"),
        ("times: 0", "`times` is a whole number from 1, not 0"),
        ("at_least: 3", "`at_least` is 3, and there are 2 terms: the rule could never fire"),
        ("valid_from: soon", "`valid_from` is a day, not 'soon'"),
        ("muted: 1", "`muted` is true or false, not 1"),
        ("state: old", "unknown state 'old'"),
    ],
)
def test_windows_counts_days_and_states_that_are_none(folder, extra, what):
    path = folder / "more.yaml"
    path.write_text(f"rules:\n- {{name: a, kind: keywords, label: ham, terms: [x, y], {extra}}}\n")
    with pytest.raises(Problems) as caught:
        wl.load_pack(path)
    assert what in str(caught.value) and "more.yaml:2:" in str(caught.value)


def test_phrases_of_a_spacy_rule(folder):
    path = folder / "pack.yaml"
    path.write_text(
        "rules:\n- {name: r, kind: spacy, label: x, phrases: [Money  back, pay], attr: lemma, pipeline: 'blank:de'}\n",
        encoding="utf-8",
    )
    [rule] = wl.load_pack(path)
    made = wl.spacy_pattern("r", phrases=["Money  back", "pay"], attr="LEMMA", label="x", pipeline="blank:de")
    assert rule == made and rule.patterns == ()


@pytest.mark.parametrize(
    ("keys", "message", "place"),
    [
        ("", "the rule has neither", "2:3"),
        ("phrases: money back", "`phrases` is a list, not 'money back'", "2:45"),
        ("phrases: [money, [a, b]]", "`phrases`: ['a', 'b'] is no phrase", "2:45"),
        ("phrases: [no]", "`phrases`: False is no phrase", "2:45"),
        ("phrases: ['  ']", "`phrases`: '  ' is no phrase", "2:45"),
        ("phrases: [a], attr: STEM", "unknown attr 'STEM'", "2:56"),
        ("phrasess: [a]", "unknown key 'phrasess' in a spacy rule", "2:36"),
    ],
)
def test_phrases_that_are_none(folder, keys, message, place):
    one = problem(folder, f"rules:\n- {{name: r, kind: spacy, label: x, {keys}}}")
    assert message in one.what and place in one.where


def test_what_yaml_reads_as_true_and_false_is_to_be_quoted(folder):
    wrong = problem(folder, "rules:\n- {name: r, kind: keywords, label: x, terms: [a], fires_on: [no]}")
    assert wrong.hint == "quote it: YAML reads yes, no, on and off as true and false"
    wrong = problem(folder, "rules:\n- {name: r, kind: spacy, label: x, phrases: [no]}")
    assert wrong.hint.startswith("quote it: YAML reads yes, no")


def test_messages_of_a_rule_name_its_column(folder):
    rules, _ = read(folder, "rules:\n  - {name: r, kind: keywords, label: x, terms: [a], fires_on: [b]}")
    assert rules[0].where.endswith("pack.yaml:2:5")
    [failure] = wl.check_examples(wl.LFRegistry(rules, schema=wl.LabelSchema(["x", "y"])))
    assert "pack.yaml:2:5" in failure.where
    with pytest.raises(Problems) as caught:
        wl.LFRegistry(rules, schema=wl.LabelSchema(["z", "y"]))
    assert "unknown label 'x'" in str(caught.value) and "pack.yaml:2:5" in str(caught.value)
