"""The contract of tools: what every pair of `write` and `read` keeps, on texts and names that break things.

Each tool has a simulator here: it takes the files that we wrote, does what the tool does with them, and writes the
answers of people as the tool exports them.
"""

import csv
import datetime
import json
import zipfile

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weaklabel.errors import GoldError, OutputError, Problems
from weaklabel.gold.ledger.answers import ANSWERS, check_answers
from weaklabel.gold.ledger.ledger import Ledger
from weaklabel.gold.tools import TOOLS, from_tool, to_tool
from weaklabel.gold.tools.names import NONE, OURS, UNSURE
from weaklabel.redact import redact_column, restore_column
from weaklabel.schema import Label, LabelSchema

SCHEMA = LabelSchema(["ham", Label("spam & co", "An advert.", aliases=("junk",)), "c#", "a|b"], name="mail")
MULTI = LabelSchema(["ham", "spam & co", "c#", "a|b"], exclusive=False)
NAMES = sorted(TOOLS)
WHEN = datetime.datetime(2026, 11, 21, 10, 0, tzinfo=datetime.UTC)
HOSTILE = [
    "👍🏽 ok",
    "line\r\nbreak",
    "\u202bשלום\u202c",
    "tab\tbell\x07\x1b",
    '"quoted", it',
    "a\u2028b\u0085c",
    "=1+1",
    " padded ",
    "é e\u0301",
]


# ---- simulators: exports of each tool ----


def export_label_studio(written, folder, answers, people):
    """One JSON list for all projects, each task with the annotations of its people."""
    tasks, number = [], 100
    for name in written.files:
        if not name.endswith(".json"):
            continue
        who = people[name]
        for task in json.loads((written.folder / name).read_text(encoding="utf-8")):
            number += 1
            data, shown = task["data"], task.get("predictions", [])
            out = {
                "id": number,
                "data": data,
                "meta": {},
                "drafts": [],
                "predictions": shown,
                "annotations": [],
            }
            said = answers.get((who, data["weaklabel_id"]))
            if said is not None:
                kind, labels, comment = said
                result = []
                chosen = labels if kind == "label" else [UNSURE] if kind == "unsure" else []
                if chosen:
                    value = {"choices": list(chosen)}
                    result.append(
                        {
                            "id": "x",
                            "from_name": "label",
                            "to_name": "text",
                            "type": "choices",
                            "value": value,
                        }
                    )
                if comment:
                    result.append(
                        {
                            "from_name": "comment",
                            "to_name": "text",
                            "type": "textarea",
                            "value": {"text": [comment]},
                        }
                    )
                out["annotations"].append(
                    {"id": number * 10, "completed_by": {"id": 3, "email": who}, "was_cancelled": kind == "skip",
                     "result": result, "lead_time": 4.5, "created_at": "2026-11-21T09:00:00Z",
                     "updated_at": "2026-11-21T10:00:00Z", "parent_prediction": None}
                )  # fmt: skip
            tasks.append(out)
    path = folder / "export.json"
    path.write_text(json.dumps(tasks, ensure_ascii=False), encoding="utf-8")
    return path


def export_doccano(written, folder, answers, people):
    """A ZIP with a file for each annotator; meta may overwrite id and text, as it does in doccano."""
    path = folder / "export.zip"
    with zipfile.ZipFile(path, "w") as archive:
        number = 500
        for name in written.files:
            if not name.endswith(".jsonl"):
                continue
            who, lines = people[name], []
            for line in (written.folder / name).read_text(encoding="utf-8").split("\n"):
                if not line:
                    continue
                number += 1
                meta = json.loads(line)
                data = {"id": number, "data": meta.pop("text")}
                meta.pop("label")
                data.update(meta)
                kind, labels, comment = answers.get((who, meta["weaklabel_id"]), ("", [], None))
                data["label"] = sorted(labels if kind == "label" else [UNSURE] if kind == "unsure" else [])
                data["Comments"] = [comment] if comment else []
                data["text"] = data.pop("data")
                lines.append(json.dumps(data, ensure_ascii=False).replace("/", "\\/"))
            archive.writestr(f"{who}.jsonl", "\n".join(lines) + "\n")
    return path


def export_prodigy(written, folder, answers, people):
    """What db-out writes: the task with its answer and the session's name."""
    lines = []
    for name in written.files:
        if not name.endswith(".jsonl"):
            continue
        for line in (written.folder / name).read_text(encoding="utf-8").split("\n"):
            task = json.loads(line) if line else None
            said = task and answers.get((people[name], task["meta"]["weaklabel_id"]))
            if not said:
                continue
            kind, labels, comment = said
            task |= {"accept": list(labels) if kind == "label" else [UNSURE] if kind == "unsure" else [],
                     "answer": "ignore" if kind == "skip" else "accept", "_view_id": "choice",
                     "_timestamp": 1795255200, "_annotator_id": f"mail-{people[name]}", "_session_id": f"mail-{people[name]}"}  # fmt: skip
            lines.append(json.dumps({**task, "user_input": comment} if comment else task))
    path = folder / "out.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def export_table(written, folder, answers, people):
    """The CSV that we wrote, with the column `label` filled in by a spreadsheet."""
    back = folder / "back"
    back.mkdir()
    for name in written.files:
        if not name.endswith(".csv"):
            continue
        with (written.folder / name).open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        for row in rows:
            kind, labels, comment = answers.get((people[name], row["weaklabel_id"]), ("", [], None))
            words = {"skip": "skip", "unsure": UNSURE, "none": NONE}
            row["label"] = "|".join(labels) if kind == "label" else words.get(kind, "")
            row["comment"] = comment or ""
        with (back / name).open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, rows[0], quoting=csv.QUOTE_ALL)
            writer.writeheader()
            writer.writerows(rows)
    return back


EXPORTS = {
    "label_studio": export_label_studio,
    "doccano": export_doccano,
    "prodigy": export_prodigy,
    "table": export_table,
}
OPTIONS = {"prodigy": {"dataset": "mail"}}
# What a tool's export cannot tell: doccano has neither a skip nor, unless all texts were approved, a "none".
KINDS = {"doccano": ("label", "unsure")}


def round_trip(name, folder, items, answers, schema=SCHEMA, **options):
    """Write items, let people answer in the tool, read what it exports."""
    annotators = sorted({who for who, _ in answers})
    assignment = pl.DataFrame(
        [(who, item) for who in annotators for item in items["id"]],
        schema=["annotator", "item"],
        orient="row",
    )
    written = to_tool(name, items, schema=schema, folder=folder / "out", assignment=assignment, **options)
    files = [f for f in written.files if not f.startswith(("README", "label", "prodigy.json"))]
    people = dict(zip(files, annotators, strict=True))
    path = EXPORTS[name](written, folder, answers, people)
    return from_tool(name, path, schema=schema, **OPTIONS.get(name, {}))


def said(back):
    """Answers as a dict by annotator and item."""
    columns = ("annotator", "item", "kind", "labels", "comment")
    return {
        (who, item): (kind, labels, comment)
        for who, item, kind, labels, comment in back.frame.select(columns).rows()
    }


@pytest.fixture
def items():
    ids = [f"dir/m.jsonl:{i}" for i in range(len(HOSTILE))]
    return pl.DataFrame(
        {"id": ids, "text": HOSTILE, "channel": ["chat"] * len(ids), "secret": ["top-secret"] * len(ids)}
    )


# ---- the contract ----


def test_every_tool_has_a_simulator():
    assert sorted(EXPORTS) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_answers_come_back(name, items, tmp_path):
    kinds = KINDS.get(name, ("label", "unsure", "none", "skip"))
    answers = {}
    for i, item in enumerate(items["id"]):
        kind = kinds[i % len(kinds)]
        answers["ann", item] = (kind, [SCHEMA.names[i % 4]] if kind == "label" else [], None)
        if i % 2:
            answers["bob", item] = ("label", ["ham"], f"why? {HOSTILE[i]}")
    back = round_trip(name, tmp_path, items, answers, batch="b1", guideline="3", fields=["channel"])
    assert said(back) == answers
    assert set(back.frame["batch"]) == {"b1"} and set(back.frame["guideline"]) == {"3"}
    assert set(back.frame["tool"]) == {name}
    assert set(back.frame["suggested"]) == {False}
    assert dict(back.frame.schema) == {k: v() if isinstance(v, type) else v for k, v in ANSWERS.items()}
    assert back.counts["answers"] == back.frame.height == len(answers)
    check_answers(back.frame, task="mail")


@pytest.mark.parametrize("name", NAMES)
def test_several_labels_come_back(name, items, tmp_path):
    answers = {
        ("ann", items["id"][0]): ("label", ["ham", "c#", "a|b"], None),
        ("ann", items["id"][1]): ("label", ["a|b"], None),
    }
    assert said(round_trip(name, tmp_path, items, answers, schema=MULTI)) == answers


@pytest.mark.parametrize("name", NAMES)
def test_reading_twice_gives_the_same(name, items, tmp_path):
    answers = {("ann", item): ("label", ["ham"], None) for item in items["id"]}
    first = round_trip(name, tmp_path, items, answers)
    path = EXPORTS[name] and next(p for p in sorted(tmp_path.iterdir()) if p.name != "out")
    again = from_tool(name, path, schema=SCHEMA, **OPTIONS.get(name, {}))
    assert again.frame.equals(first.frame, null_equal=True)
    twice = from_tool(name, [path, path], schema=SCHEMA, **OPTIONS.get(name, {}))
    assert twice.frame.equals(first.frame, null_equal=True)
    assert twice.counts["answers that stand twice, read once"] == len(answers)


@pytest.mark.parametrize("name", NAMES)
def test_a_partial_import_and_then_the_whole_change_nothing_twice(name, items, tmp_path):
    answers = {(who, item): ("label", ["ham"], None) for who in ("ann", "bob") for item in items["id"]}
    early = dict(list(answers.items())[:5] + list(answers.items())[9:11])
    ledger = Ledger.open(tmp_path / "ledger.db")
    for trip, (part, new) in enumerate(((early, 7), (answers, 11), (answers, 0), (early, 0))):
        folder = tmp_path / f"trip {trip}"
        folder.mkdir()
        assert ledger.add(round_trip(name, folder, items, part).frame, task="mail").new == new
    kept = ledger.answers(task="mail")
    assert kept.height == len(answers)
    assert {(who, item) for who, item in kept.select("annotator", "item").rows()} == set(answers)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_redacted_does_not_leave_and_comes_back(name, tmp_path):
    texts = pl.Series("text", ["mail ann@example.org", "call +49 30 1234567"])
    hidden = redact_column(texts, secret="s")
    items = pl.DataFrame({"id": ["a", "b"], "text": hidden.column})
    answers = {("ann", "a"): ("label", ["ham"], f"is {hidden.column[0][5:]} a person?")}
    back = round_trip(name, tmp_path, items, answers)
    left = b"".join(path.read_bytes() for path in (tmp_path / "out").iterdir())
    assert b"ann@example" not in left and b"1234567" not in left
    assert restore_column(back.frame["comment"], hidden.found).to_list() == ["is ann@example.org a person?"]


@pytest.mark.parametrize("name", NAMES)
def test_suggestions_are_kept_and_the_blind_known(name, items, tmp_path):
    ids = items["id"]
    suggestions = pl.DataFrame(
        {
            "item": [ids[0], ids[1], ids[1]],
            "suggestion": ["junk", "ham", "c#"],
            "annotator": [None, "ann", "bob"],
        }
    )
    answers = {(who, item): ("label", ["ham"], None) for who in ("ann", "bob") for item in ids[:3]}
    back = round_trip(name, tmp_path, items, answers, suggestions=suggestions)
    shown = {
        (a, i): (s, g)
        for a, i, s, g in back.frame.select("annotator", "item", "suggested", "suggestion").rows()
    }
    assert shown == {
        ("ann", ids[0]): (True, ["spam & co"]), ("bob", ids[0]): (True, ["spam & co"]), ("ann", ids[1]): (True, ["ham"]),
        ("bob", ids[1]): (True, ["c#"]), ("ann", ids[2]): (False, None), ("bob", ids[2]): (False, None),
    }  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_only_what_is_allowed_leaves(name, items, tmp_path):
    out = to_tool(name, items, schema=SCHEMA, folder=tmp_path / "out", fields=["channel"])
    everything = "".join(path.read_text(encoding="utf-8") for path in out.paths)
    assert "top-secret" not in everything and "secret" not in everything
    assert "chat" in everything
    assert sorted(p.name for p in out.folder.iterdir()) == sorted(out.files)


@pytest.mark.parametrize("name", ["label_studio", "doccano", "prodigy"])
def test_no_line_is_broken_for_a_tool_that_cuts_at_every_line_separator(name, tmp_path):
    texts = [f"one{separator}two" for separator in "\u2028\u2029\x85\x0b\x0c\x1c\x1d\x1e\r\n"]
    items = pl.DataFrame({"id": [str(i) for i in range(len(texts))], "text": texts})
    out = to_tool(name, items, schema=SCHEMA, folder=tmp_path / "out")
    raw = out.paths[0].read_bytes().decode()
    assert raw.splitlines() == raw.rstrip("\n").split("\n")


@pytest.mark.parametrize("name", NAMES)
def test_each_annotator_gets_their_items_in_their_order(name, items, tmp_path):
    ids = items["id"].to_list()
    pairs = [("a/b@x.org", ids[2]), ("Ann", ids[1]), ("ann", ids[0]), ("Ann", ids[0]), ("Ann", ids[2])]
    assignment = pl.DataFrame(pairs, schema=["annotator", "item"], orient="row")
    out = to_tool(name, items, schema=SCHEMA, folder=tmp_path / "out", assignment=assignment)
    stems = [
        file.partition(".")[0] for file in out.files if not file.startswith(("README", "label", "prodigy"))
    ]
    assert stems == ["a-b-x", "Ann", "ann-2"]
    text = out.paths[1].read_text(encoding="utf-8")
    assert [text.index(ids[i]) for i in (1, 0, 2)] == sorted(text.index(ids[i]) for i in (1, 0, 2))
    assert f"items assigned to nobody, left out: {len(ids) - 3}" in out.notes


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_written_over_and_nothing_half(name, items, tmp_path):
    folder = tmp_path / "out"
    to_tool(name, items, schema=SCHEMA, folder=folder)
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    with pytest.raises(OutputError, match="the folder for the tool's files is not empty"):
        to_tool(name, items, schema=SCHEMA, folder=folder)
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="a file is in the way"):
        to_tool(name, items, schema=SCHEMA, folder=tmp_path / "file")
    with pytest.raises(OutputError, match="can't write"):
        to_tool(name, items, schema=SCHEMA, folder=tmp_path / "file" / "out")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "out"]


@pytest.mark.parametrize("name", NAMES)
def test_the_tool_fails_halfway_and_nothing_is_left(name, items, tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("weaklabel.gold.tools.writing.os.fsync", full)
    with pytest.raises(OutputError, match="can't write: No space left on device"):
        to_tool(name, items, schema=SCHEMA, folder=tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", NAMES)
def test_mistakes_in_items_are_told_together(name, tmp_path):
    items = pl.DataFrame({"id": ["a", "a", None, "b"], "text": ["x", "y", "z", None]})
    with pytest.raises(Problems) as error:
        to_tool(name, items, schema=SCHEMA, folder=tmp_path / "out")
    assert [p.what for p in error.value.problems] == [
        "items without an id: 1",
        "ids that stand twice: 'a'",
        "items without a text: 'b'",
    ]
    with pytest.raises(Problems, match=r"no column 'txt', which text= names") as error:
        to_tool(name, items, schema=SCHEMA, folder=tmp_path / "out", text="txt", fields=["chanel"])
    assert "no column 'chanel', which fields= names" in str(error.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"fields": ["text"]}, "fields= names 'text', which leaves anyway"),
        ({"fields": ["n", "n"]}, "fields= names 'n' twice"),
        ({"fields": ["weaklabel_id"]}, "field 'weaklabel_id' has a name that our own data travels under"),
        ({"text": "n"}, "column 'n' holds Int64, not text"),
        ({"extras": ["unsrue"]}, "no extra choice 'unsrue'"),
        ({"schema": LabelSchema(["ham", UNSURE])}, "the choice 'unsure' is a label of the schema too"),
        ({"assignment": pl.DataFrame({"annotator": ["x"], "item": ["q"]})}, "assignment= names unknown items: 'q'"),
        ({"assignment": pl.DataFrame({"annotator": ["x", "x"], "item": ["a", "a"]})}, "assignment= gives item 'a' to 'x' twice"),
        ({"assignment": pl.DataFrame({"who": ["x"], "item": ["a"]})}, "assignment= has no column 'annotator'"),
        ({"suggestions": pl.DataFrame({"item": ["a"], "suggestion": ["hma"]})}, "the suggestion for item 'a' has an unknown label: 'hma'"),
        ({"suggestions": pl.DataFrame({"item": ["q"], "suggestion": ["ham"]})}, "suggestions= names an unknown item: 'q'"),
        ({"suggestions": pl.DataFrame({"item": ["a"]})}, "suggestions= has no column 'suggestion'"),
    ],
)  # fmt: skip
def test_mistakes_in_what_is_asked(name, options, what, tmp_path):
    items = pl.DataFrame({"id": ["a"], "text": ["x"], "n": [1], "weaklabel_id": ["z"]})
    with pytest.raises(Problems) as error:
        to_tool(name, items, **{"schema": SCHEMA, "folder": tmp_path / "out", **options})
    assert [p.what for p in error.value.problems] == [what]


def test_unknown_tools_are_named():
    with pytest.raises(GoldError) as error:
        to_tool("prodgy", pl.DataFrame(), schema=SCHEMA, folder="out")
    assert str(error.value).splitlines()[2] == "  hint: did you mean 'prodigy'?"


# ---- files that are broken ----


SUFFIX = {"label_studio": ".json", "doccano": ".jsonl", "prodigy": ".jsonl", "table": ".csv"}


@pytest.mark.parametrize("name", NAMES)
def test_files_that_can_not_be_read(name, tmp_path):
    with pytest.raises(GoldError, match="there is no such file of answers"):
        from_tool(name, tmp_path / "nowhere.json", schema=SCHEMA)
    with pytest.raises(GoldError, match="the folder holds no file of answers"):
        from_tool(name, tmp_path, schema=SCHEMA)
    (tmp_path / "a.docx").write_text("x")
    with pytest.raises(GoldError, match=r"answers of this tool can't be read from '.docx' files"):
        from_tool(name, tmp_path / "a.docx", schema=SCHEMA)
    path = tmp_path / f"a{SUFFIX[name]}"
    path.write_bytes(b'id,label\nx,"\xff"' if name == "table" else b'[\n{"a": "\xff"}]')
    with pytest.raises((GoldError, Problems)) as error:
        from_tool(name, path, schema=SCHEMA)
    assert "not UTF-8: byte 0xff" in str(error.value) and f"{path.name}:2" in str(error.value)


@pytest.mark.parametrize("name", ["label_studio", "doccano", "prodigy"])
def test_a_file_that_was_cut_off_is_never_read_half(name, items, tmp_path):
    """Cut at every place of its last tenth; whole lines may end a JSON Lines file, nothing else may."""
    answers = {("ann", item): ("label", ["ham"], None) for item in items["id"]}
    back = round_trip(name, tmp_path, items, answers)
    path = next(p for p in sorted(tmp_path.iterdir()) if p.name != "out")
    raw = path.read_bytes()
    for end in range(len(raw) * 9 // 10, len(raw.rstrip()) - 1):
        path.write_bytes(raw[:end])
        try:
            cut = from_tool(name, path, schema=SCHEMA, **OPTIONS.get(name, {}))
        except (GoldError, Problems) as error:
            assert path.name in str(error)
        else:
            assert raw[:end].endswith(b"}") or raw[end - 1 : end] == b"\n"
            assert cut.frame.equals(back.frame.head(cut.frame.height), null_equal=True)


@pytest.mark.parametrize("name", NAMES)
def test_faults_name_file_place_and_item_and_nothing_is_read(name, items, tmp_path):
    answers = {("ann", item): ("label", ["ham"], None) for item in items["id"]}
    answers["ann", items["id"][3]] = ("label", ["spma & co"], None)
    with pytest.raises(Problems) as error:
        round_trip(name, tmp_path, items, answers)
    (problem,) = error.value.problems
    assert problem.what == "unknown label 'spma & co'"
    assert problem.available == SCHEMA.names
    assert problem.hint == "did you mean 'spam & co'?"
    place = {
        "label_studio": "export.json: task 104",
        "doccano": "export.zip/ann.jsonl:4",
        "prodigy": "out.jsonl:4",
        "table": "ann.csv:6",
    }
    assert problem.where == f"{place[name]} (item {items['id'][3]!r})"


def strip_ids(path):
    """Take our ids out of an export, as a person does who thinks they are of no use."""
    if path.is_dir():
        path = next(path.iterdir())
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            members = {m: archive.read(m).replace(b"weaklabel_id", b"x") for m in archive.namelist()}
        with zipfile.ZipFile(path, "w") as archive:
            for member, raw in members.items():
                archive.writestr(member, raw)
    else:
        path.write_bytes(path.read_bytes().replace(b"weaklabel_id", b"x"))


@pytest.mark.parametrize("name", NAMES)
def test_answers_without_our_id_are_matched_by_text_if_asked(name, items, tmp_path):
    answers = {("ann", item): ("label", ["ham"], None) for item in items["id"]}
    back = round_trip(name, tmp_path, items, answers)
    path = next(p for p in sorted(tmp_path.iterdir()) if p.name != "out")
    strip_ids(path)
    options = OPTIONS.get(name, {})
    with pytest.raises((GoldError, Problems)) as error:
        from_tool(name, path, schema=SCHEMA, **options)
    assert "weaklabel_id" in str(error.value)
    found = from_tool(name, path, schema=SCHEMA, by_text=items.select("id", "text"), **options)
    assert said(found) == said(back)
    assert f"answers without our id, matched by their text: {len(answers)}" in found.notes
    twins = pl.concat(
        [items.select("id", "text"), pl.DataFrame({"id": ["twin"], "text": [HOSTILE[1].replace("\r", "")]})]
    )
    with pytest.raises(Problems, match="the text is that of 2 items"):
        from_tool(name, path, schema=SCHEMA, by_text=twins, **options)
    with pytest.raises(Problems, match="the text is that of no item"):
        from_tool(name, path, schema=SCHEMA, by_text=items.select("id", "text").tail(-1), **options)


@pytest.mark.parametrize("name", NAMES)
def test_people_are_renamed(name, items, tmp_path):
    answers = {("ann", item): ("label", ["ham"], None) for item in items["id"]}
    round_trip(name, tmp_path, items, answers)
    path = next(p for p in sorted(tmp_path.iterdir()) if p.name != "out")
    back = from_tool(name, path, schema=SCHEMA, people={"ann": "Ann Lee"}, **OPTIONS.get(name, {}))
    assert set(back.frame["annotator"]) == {"Ann Lee"}


# ---- any text, any field ----

CELLS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12
) | st.sampled_from(HOSTILE)
COLLIDING = ["id", "label", "Comments", "meta", "data", "options", "answer", "accept", "weaklabel_about", "text_", "kind", "at",
             "annotator", "comment", "_task_hash", "entities", "item", "é", "a b", "{x}", "spans"]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=40)
@given(data=st.data())
def test_round_trips_of_any_text_and_any_field(name, data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trip")
    texts = data.draw(st.lists(CELLS.filter(bool), min_size=1, max_size=4))
    ids = data.draw(st.lists(CELLS.filter(bool), min_size=len(texts), max_size=len(texts), unique=True))
    columns = data.draw(st.lists(st.sampled_from(COLLIDING), unique=True, max_size=5))
    column = st.lists(st.none() | CELLS, min_size=len(texts), max_size=len(texts))
    fields = {f"{column_name}": data.draw(column) for column_name in columns}
    items = pl.DataFrame(
        {"our id": ids, "body": texts, **fields}, schema_overrides=dict.fromkeys(fields, pl.String)
    )
    kinds = KINDS.get(name, ("label", "skip", "unsure"))
    answers = {}
    for item in ids:
        kind = data.draw(st.sampled_from(kinds))
        comment = data.draw(st.none() | CELLS.filter(lambda text: text.strip()))
        answers["ann", item] = (
            kind,
            [data.draw(st.sampled_from(SCHEMA.names))] if kind == "label" else [],
            comment,
        )
    assignment = pl.DataFrame({"annotator": ["ann"] * len(ids), "item": ids})
    written = to_tool(
        name,
        items,
        schema=SCHEMA,
        folder=folder / "out",
        id="our id",
        text="body",
        fields=columns,
        assignment=assignment,
    )
    people = {written.files[0]: "ann"}
    path = EXPORTS[name](written, folder, answers, people | dict.fromkeys(written.files[1:], "nobody"))
    back = from_tool(name, path, schema=SCHEMA, **OPTIONS.get(name, {}))
    assert said(back) == answers


def test_our_names_are_these():
    """They are in files that people keep; a change needs a reader for the old ones."""
    assert OURS == (
        "weaklabel_id",
        "weaklabel_batch",
        "weaklabel_guideline",
        "weaklabel_annotator",
        "weaklabel_suggestion",
    )
    assert (NONE, UNSURE) == ("none of these", "unsure")
