"""Each tool's own forms and traps, written by hand as the tools write them."""

import datetime
import json
import shlex
import zipfile
import zlib
from xml.etree import ElementTree

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weaklabel.errors import GoldError, Problems
from weaklabel.gold.tools import doccano, from_tool, label_studio, prodigy, tables, to_tool
from weaklabel.gold.tools.files import File, csv_records, json_records, jsonl_records
from weaklabel.gold.tools.values import joined
from weaklabel.schema import Label, LabelSchema

SCHEMA = LabelSchema(["ham", Label("spam", "An advert.", aliases=("junk",)), "other"])
MULTI = LabelSchema(["ham", "spam", "other"], exclusive=False)
ITEMS = pl.DataFrame({"id": ["a", "b", "c"], "text": ["one", "two", "three"]})
UTC = datetime.UTC


@pytest.fixture
def save(tmp_path):
    """Write a file, JSON where it is not text; give its path."""

    def write(name, data):
        path = tmp_path / name
        lines = name.endswith(".jsonl") and isinstance(data, list)
        text = (
            data if isinstance(data, str) else "\n".join(map(json.dumps, data)) if lines else json.dumps(data)
        )
        path.write_text(text, encoding="utf-8", newline="")
        return path

    return write


def kinds(back):
    return back.frame.select("item", "annotator", "kind", "labels").rows()


def problems(error):
    return [(p.what, p.where) for p in error.value.problems]


# ---- Label Studio ----


def choice(*labels, name="label"):
    return {
        "id": "Dx",
        "from_name": name,
        "to_name": "text",
        "type": "choices",
        "value": {"choices": list(labels)},
        "origin": "manual",
    }


def annotation(number, *result, by=10, **more):
    return {
        "id": number, "completed_by": by, "result": list(result), "was_cancelled": False, "ground_truth": False,
        "created_at": "2026-11-21T10:00:00.123456Z", "updated_at": "2026-11-21T10:05:00Z", "lead_time": 4.288, "prediction": {},
        "parent_prediction": None, "parent_annotation": None, **more,
    }  # fmt: skip


def task(item, *annotations, **more):
    return {
        "id": 7, "annotations": list(annotations), "drafts": [], "predictions": [], "meta": {},
        "data": {"text": "one", "weaklabel_id": item}, "total_predictions": 0, **more,
    }  # fmt: skip


def test_label_studio_one_annotation_in_full(save):
    back = label_studio.read(save("e.json", [task("a", annotation(1001, choice("junk")))]), schema=SCHEMA)
    assert back.frame.row(0, named=True) == {
        "key": "label_studio:1001", "item": "a", "annotator": "10", "kind": "label", "labels": ["spam"],
        "at": datetime.datetime(2026, 11, 21, 10, 5, tzinfo=UTC), "seconds": 4.288, "guideline": None, "batch": None,
        "tool": "label_studio", "suggested": False, "suggestion": None, "comment": None,
    }  # fmt: skip
    assert back.notes == () and back.counts == {"answers": 1}


def test_label_studio_skips_and_none_are_not_the_same(save):
    path = save(
        "e.json",
        [
            task(
                "a",
                annotation(1, was_cancelled=True),
                annotation(2, by=11),
                annotation(3, choice("ham"), by=12, was_cancelled=True),
            )
        ],
    )
    assert kinds(label_studio.read(path, schema=SCHEMA)) == [
        ("a", "10", "skip", []),
        ("a", "11", "none", []),
        ("a", "12", "skip", []),
    ]


def test_label_studio_people_by_number_or_mail(save):
    path = save(
        "e.json",
        [
            task(
                "a",
                annotation(1, choice("ham")),
                annotation(2, choice("ham"), by={"id": 11, "email": "ann@x.org", "first_name": ""}),
            )
        ],
    )
    assert label_studio.read(path, schema=SCHEMA).frame["annotator"].to_list() == ["10", "ann@x.org"]
    people = {10: "bob", "11": "ann"}
    assert label_studio.read(path, schema=SCHEMA, people=people).frame["annotator"].to_list() == [
        "bob",
        "ann",
    ]


def test_label_studio_nobody_is_an_error_unless_named(save):
    path = save(
        "e.json", [task("a", annotation(1, choice("ham"), by=None), annotation(2, choice("ham"), by=None))]
    )
    with pytest.raises(Problems) as error:
        label_studio.read(path, schema=SCHEMA)
    assert problems(error) == [("nothing says who answered (2 times)", "e.json")]
    assert set(label_studio.read(path, schema=SCHEMA, annotator="ann").frame["annotator"]) == {"ann"}


def test_label_studio_suggestions(save):
    shown = {"id": 5, "model_version": "m", "result": [choice("junk")]}
    began = annotation(1, choice("ham"), parent_prediction=5)
    open_ = annotation(2, choice("ham"), by=11)
    snapshot = annotation(3, choice("ham"), by=12, prediction=shown)
    copied = annotation(4, choice("ham"), by=13, parent_annotation=2)
    path = save(
        "e.json",
        [
            task("a", began, open_, snapshot, copied, predictions=[shown]),
            task("b", annotation(9, choice("ham"))),
        ],
    )
    back = label_studio.read(path, schema=SCHEMA)
    assert back.frame.select("suggested", "suggestion").rows() == [
        (True, ["spam"]), (None, None), (True, ["spam"]), (True, ["ham"]), (False, None),
    ]  # fmt: skip


def test_label_studio_what_it_does_not_say_stays_unknown(save):
    bare = {
        "data": {"text": "one", "weaklabel_id": "a"},
        "annotations": [{"result": [choice("ham")], "completed_by": 1}],
    }
    foreign = {"data": {"text": "two"}, "annotations": [{"result": [choice("ham")], "completed_by": 1}]}
    back = label_studio.read(save("e.json", [bare, foreign]), schema=SCHEMA, by_text=ITEMS)
    assert back.frame.select("key", "item", "at", "seconds", "suggested").rows() == [
        (None, "a", None, None, False), (None, "b", None, None, None),
    ]  # fmt: skip


def test_label_studio_several_choices_and_taxonomy(save):
    tree = {
        "from_name": "label",
        "to_name": "text",
        "type": "taxonomy",
        "value": {"taxonomy": [["post", "spam"], ["ham"]]},
    }
    back = label_studio.read(
        save("e.json", [task("a", annotation(1, choice("other", "ham")), annotation(2, tree, by=11))]),
        schema=MULTI,
    )
    assert back.frame["labels"].to_list() == [["ham", "other"], ["ham", "spam"]]
    assert back.notes == ()


def test_label_studio_several_labels_for_an_exclusive_schema_are_kept_and_told(save):
    back = label_studio.read(
        save("e.json", [task("a", annotation(1, choice("other", "ham")))]), schema=SCHEMA
    )
    assert back.frame["labels"].to_list() == [["ham", "other"]]
    assert back.notes == (
        "answers that name several labels, where the schema takes one (kept, but no votes): 1",
    )


def test_label_studio_extra_choices(save):
    path = save("e.json", [task("a", annotation(1, choice("none of these")), annotation(2, choice("unsure"), by=11),
                                annotation(3, choice("unsure", "ham"), by=12), annotation(4, choice("none of these", "ham"), by=13))])  # fmt: skip
    back = label_studio.read(path, schema=MULTI)
    assert [row[2:] for row in kinds(back)] == [("none", []), ("unsure", []), ("unsure", []), ("unsure", [])]
    assert back.notes == ("answers that name a label and its opposite (read as unsure): 2",)
    named = LabelSchema(["ham", "unsure"])
    only = save("f.json", [task("a", annotation(2, choice("unsure")))])
    assert kinds(label_studio.read(only, schema=named)) == [("a", "10", "label", ["unsure"])]


def test_label_studio_spans_drafts_and_other_questions_are_counted(save):
    span = {
        "from_name": "ner",
        "to_name": "text",
        "type": "labels",
        "value": {"start": 0, "end": 2, "text": "on", "labels": ["X"]},
    }
    stars = {"from_name": "stars", "to_name": "text", "type": "rating", "value": {"rating": 4}}
    words = {"from_name": "comment", "to_name": "text", "type": "textarea", "value": {"text": ["why", "so?"]}}
    path = save("e.json", [
        task("a", annotation(1, span), annotation(2, span, choice("ham"), stars, words, by=11), drafts=[{"id": 3}]),
        task("b"), task("c", annotation(5, choice("x", name="mood"), choice("ham"))),
    ])  # fmt: skip
    back = label_studio.read(path, schema=SCHEMA)
    assert back.frame.select("item", "labels", "comment").rows() == [
        ("a", ["ham"], "why\nso?"),
        ("c", ["ham"], None),
    ]
    assert dict(back.counts) == {
        "answers": 2,
        "drafts that were not submitted, left out": 1,
        "spans, left out (only labels of whole texts are read)": 2,
        "annotations with spans and no label, left out": 1,
        "answers to other questions of the project, left out": 2,
        "tasks without an answer, left out": 1,
    }
    assert "tasks without an answer, left out: 1" in back.notes


def test_label_studio_which_control(save):
    one = save("one.json", [task("a", annotation(1, choice("ham", name="sentiment")))])
    assert kinds(label_studio.read(one, schema=SCHEMA)) == [("a", "10", "label", ["ham"])]
    two = save("two.json", [task("a", annotation(1, choice("ham", name="x"), choice("spam", name="y")))])
    with pytest.raises(GoldError) as error:
        label_studio.read(two, schema=SCHEMA)
    assert str(error.value).splitlines() == [
        "there are several controls with choices",
        "  available: x, y",
        "  hint: say which one holds the labels: control=",
    ]
    assert kinds(label_studio.read(two, schema=SCHEMA, control="y")) == [("a", "10", "label", ["spam"])]
    with pytest.raises(GoldError, match="no control 'z' in the answers"):
        label_studio.read(two, schema=SCHEMA, control="z")


def test_label_studio_one_annotation_a_file(save, tmp_path):
    for number in (1, 2):
        stored = annotation(number, choice("ham"), by={"id": number, "email": f"p{number}@x.org"})
        save(f"{number}.json", {**stored, "task": {"id": 7, "data": {"text": "one", "weaklabel_id": "a"}}})
    assert kinds(label_studio.read(tmp_path, schema=SCHEMA)) == [
        ("a", "p1@x.org", "label", ["ham"]),
        ("a", "p2@x.org", "label", ["ham"]),
    ]


def test_label_studio_json_min_is_refused(save):
    path = save(
        "min.json",
        [{"text": "one", "id": 7, "label": "ham", "annotator": 1, "annotation_id": 4, "lead_time": 2}],
    )
    with pytest.raises(Problems) as error:
        label_studio.read(path, schema=SCHEMA)
    assert problems(error) == [
        ("this is JSON-MIN, which loses who answered and what was skipped", "min.json: entry 1")
    ]


def test_label_studio_a_correction_has_the_same_key_and_another_time(save):
    first = label_studio.read(save("1.json", [task("a", annotation(1, choice("ham")))]), schema=SCHEMA).frame
    later = annotation(1, choice("spam"), updated_at="2026-11-22T08:00:00+01:00")
    second = label_studio.read(save("2.json", [task("a", later)]), schema=SCHEMA).frame
    assert first["key"].to_list() == second["key"].to_list()
    assert second["at"].to_list() == [datetime.datetime(2026, 11, 22, 7, 0, tzinfo=UTC)]


def test_label_studio_odd_values(save):
    path = save("e.json", [task("a", annotation(1, choice("ham"), updated_at="yesterday")), task("b", {"id": 2, "completed_by": 1}),
                           task("c", annotation(3, choice("ham"), lead_time=-2, updated_at=None))])  # fmt: skip
    with pytest.raises(Problems) as error:
        label_studio.read(path, schema=SCHEMA)
    assert problems(error) == [
        ("not a time: 'yesterday'", "e.json: task 7"),
        ("an annotation without a result", "e.json: task 7"),
    ]
    path = save("f.json", [task("c", annotation(3, choice("ham"), lead_time=-2, updated_at=None))])
    assert label_studio.read(path, schema=SCHEMA).frame.select("seconds", pl.col("at").dt.microsecond()).row(
        0
    ) == (None, 123456)
    with pytest.raises(Problems, match="annotations are no list of objects"):
        label_studio.read(save("g.json", [{"id": 1, "annotations": [4, 5]}]), schema=SCHEMA)


def test_label_studio_labeling_config():
    schema = LabelSchema([Label('a "b" <&>', "One\nline & more"), "é\t👍"])
    view = ElementTree.fromstring(label_studio.labeling_config(schema, about=True))
    choices = view.find("Choices")
    assert choices.attrib == {"name": "label", "toName": "text", "choice": "single", "required": "true"}
    assert [c.attrib for c in choices] == [
        {"value": 'a "b" <&>', "hint": "One line & more"}, {"value": "é\t👍"}, {"value": "none of these"}, {"value": "unsure"},
    ]  # fmt: skip
    assert [t.attrib["value"] for t in view.findall("Text")] == ["$text", "$weaklabel_about"]
    many = ElementTree.fromstring(label_studio.labeling_config(MULTI, extras=[])).find("Choices")
    some = ElementTree.fromstring(label_studio.labeling_config(SCHEMA, extras=["unsure"])).find("Choices")
    assert some.attrib["required"] == "false"  # nothing chosen is how to say "none"
    assert many.attrib["choice"] == "multiple" and many.attrib["required"] == "false"
    with pytest.raises(Problems, match="can't hold"):
        label_studio.labeling_config(LabelSchema(["a\x07", "b"]))


def test_label_studio_tasks(tmp_path):
    items = ITEMS.head(1).with_columns(
        n=pl.lit(2.0), when=pl.lit(datetime.date(2026, 1, 2)), none=pl.lit(None)
    )
    suggestions = pl.DataFrame({"item": ["a"], "suggestion": [["spam"]]})
    out = to_tool(
        "label_studio",
        items,
        schema=SCHEMA,
        folder=tmp_path / "o",
        fields=["n", "when", "none"],
        batch="b1",
        suggestions=suggestions,
    )
    (written,) = json.loads(out.paths[0].read_text())
    assert written == {
        "data": {"text": "one", "n": 2.0, "when": "2026-01-02", "none": None, "weaklabel_id": "a", "weaklabel_batch": "b1",
                 "weaklabel_suggestion": '["spam"]', "weaklabel_about": "n: 2.0\nwhen: 2026-01-02\nnone: "},
        "predictions": [{"model_version": "weaklabel", "result": [
            {"from_name": "label", "to_name": "text", "type": "choices", "value": {"choices": ["spam"]}}]}],
    }  # fmt: skip


# ---- doccano ----


def test_doccano_zip_with_one_file_for_each_person(tmp_path):
    path = tmp_path / "export.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(
            "ann.jsonl",
            '{"id":1,"text":"one","label":["junk"],"Comments":["sure?","yes"],"weaklabel_id":"a"}\n',
        )
        archive.writestr("bob.jsonl", '{"id":1,"text":"one","label":[],"Comments":[],"weaklabel_id":"a"}\n\n')
        archive.writestr("__MACOSX/._ann.jsonl", "junk")
    back = doccano.read(path, schema=SCHEMA, batch="b1", guideline="2")
    assert back.frame.row(0, named=True) == {
        "key": None, "item": "a", "annotator": "ann", "kind": "label", "labels": ["spam"], "at": None, "seconds": None,
        "guideline": "2", "batch": "b1", "tool": "doccano", "suggested": False, "suggestion": None, "comment": "sure?\nyes",
    }  # fmt: skip
    assert back.notes == ("rows without a label, left out (nobody may have looked at them; see empty=): 1",)
    none = doccano.read(path, schema=SCHEMA, empty="none")
    assert kinds(none) == [("a", "ann", "label", ["spam"]), ("a", "bob", "none", [])]
    with pytest.raises(GoldError, match="no meaning of a row without a label 'nothing'"):
        doccano.read(path, schema=SCHEMA, empty="nothing")


def test_doccano_all_says_nobody(save):
    path = save("all.jsonl", [{"id": 1, "text": "one", "label": ["ham"], "weaklabel_id": "a"}])
    with pytest.raises(Problems) as error:
        doccano.read(path, schema=SCHEMA)
    assert problems(error) == [("nothing says who answered", "all.jsonl")]
    assert kinds(doccano.read(path, schema=SCHEMA, annotator="ann"))[0][1] == "ann"
    meant = save(
        "all.jsonl", [{"id": 1, "label": ["ham"], "weaklabel_id": "a", "weaklabel_annotator": "bob"}]
    )
    assert kinds(doccano.read(meant, schema=SCHEMA, annotator="ann"))[0][1] == "bob"


def test_doccano_meta_that_overwrites_id_and_text(save):
    """A field called id replaces doccano's; ours comes back under its own name."""
    path = save("ann.jsonl", [{"id": "7", "text": "overwritten", "label": ["ham"], "weaklabel_id": "a"}])
    assert kinds(doccano.read(path, schema=SCHEMA)) == [("a", "ann", "label", ["ham"])]


def test_doccano_csv(save):
    text = 'id,text,label,Comments,weaklabel_id\r\n1,"one, two\r\n""x""",ham#other,,a\r\n2,two,,,b\r\n3,,junk,why#so,c\r\n'
    back = doccano.read(save("ann.csv", text), schema=MULTI.__class__([*SCHEMA.labels], exclusive=False))
    assert back.frame.select("item", "labels", "comment").rows() == [
        ("a", ["ham", "other"], None),
        ("c", ["spam"], "why#so"),
    ]


def test_doccano_csv_with_labels_that_hold_the_joint(save):
    schema = LabelSchema(["a", "a#b", "b#c", "c", "c#"], exclusive=False)
    one = save("ann.csv", "label,weaklabel_id\na#b#c#,x\n")
    assert kinds(doccano.read(one, schema=schema)) == [("x", "ann", "label", ["a#b", "c#"])]
    two = save("ann.csv", "label,weaklabel_id\na#b#c,x\n")
    with pytest.raises(Problems) as error:
        doccano.read(two, schema=schema)
    assert problems(error) == [
        ("labels that can be read in two ways: 'a' + 'b#c' or 'a#b' + 'c'", "ann.csv:2")
    ]


def test_doccano_spans_are_counted(save):
    path = save("ann.jsonl", [
        {"id": 1, "text": "one", "label": [[0, 2, "X"], [0, 1, "Y"]], "weaklabel_id": "a"},
        {"id": 2, "text": "two", "cats": ["ham"], "entities": [[0, 1, "Z"]], "weaklabel_id": "b"},
    ])  # fmt: skip
    back = doccano.read(path, schema=SCHEMA)
    assert kinds(back) == [("b", "ann", "label", ["ham"])]
    assert back.notes == ("spans, left out (only labels of whole texts are read): 3",)


def test_doccano_a_json_list_and_an_old_form(save):
    path = save("ann.json", [{"id": 1, "text": "one", "label": "ham", "weaklabel_id": "a"}])
    assert kinds(doccano.read(path, schema=SCHEMA)) == [("a", "ann", "label", ["ham"])]
    old = save("old.json", [{"id": 1, "text": "one", "annotations": [{"label": 44, "user": 1}]}])
    with pytest.raises(Problems, match="the form of an old doccano"):
        doccano.read(old, schema=SCHEMA)


def test_doccano_a_comment_alone_is_a_question(save):
    path = save("ann.jsonl", [{"id": 1, "label": [], "Comments": ["what is this?"], "weaklabel_id": "a"}])
    back = doccano.read(path, schema=SCHEMA)
    assert back.frame.select("kind", "comment").row(0) == ("unsure", "what is this?")


def test_doccano_broken_zips(tmp_path, save):
    path = tmp_path / "export.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("ann.jsonl", '{"label":["ham"],"weaklabel_id":"a"}\n' * 50)
    raw = path.read_bytes()
    for end in (0, 10, len(raw) // 2, len(raw) - 1):
        path.write_bytes(raw[:end])
        with pytest.raises(GoldError, match="the ZIP can't be read"):
            doccano.read(path, schema=SCHEMA)
    path.write_bytes(raw[:60] + bytes([raw[60] ^ 255]) + raw[61:])
    with pytest.raises((GoldError, Problems), match=r"export\.zip"):
        doccano.read(path, schema=SCHEMA)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("notes.txt", "x")
    with pytest.raises(GoldError, match="the ZIP holds no file of answers"):
        doccano.read(path, schema=SCHEMA)


def test_doccano_label_config():
    entries = json.loads(doccano.label_config(SCHEMA))
    assert [e["text"] for e in entries] == ["ham", "spam", "other", "none of these", "unsure"]
    assert set(entries[0]) == {"text", "prefix_key", "suffix_key", "background_color", "text_color"}
    many = json.loads(doccano.label_config(LabelSchema([f"l{i}" for i in range(50)])))
    keys = [e["suffix_key"] for e in many if e["suffix_key"]]
    assert len(keys) == len(set(keys)) == 35
    with pytest.raises(GoldError, match="has 101 characters; doccano takes 100"):
        doccano.label_config(LabelSchema(["a" * 101, "b"]))


def test_doccano_a_suggestion_is_no_label(tmp_path):
    """Doccano gives labels of the import back as answers, of texts that nobody has seen too."""
    suggestions = pl.DataFrame({"item": ["a"], "suggestion": ["spam"]})
    out = to_tool("doccano", ITEMS, schema=SCHEMA, folder=tmp_path / "o", suggestions=suggestions)
    first = json.loads(out.paths[0].read_text().split("\n")[0])
    assert first == {"text": "one", "label": [], "weaklabel_id": "a", "weaklabel_suggestion": '["spam"]'}


# ---- Prodigy ----


def binary(label, answer, *, item="a", who="mail-ann", at=1795255200, **more):
    return {"text": "one", "label": label, "answer": answer, "_input_hash": -9, "_task_hash": zlib.crc32(f"{item} {label}".encode()), "_is_binary": True,
            "_view_id": "classification", "_timestamp": at, "_annotator_id": who, "_session_id": who,
            "meta": {"weaklabel_id": item}, **more}  # fmt: skip


def chosen(*accept, answer="accept", **more):
    options = [{"id": name, "text": name} for name in SCHEMA.names]
    return {"text": "one", "options": options, "accept": list(accept), "answer": answer, "_view_id": "choice", "_timestamp": 1795255200,
            "_task_hash": 5, "_annotator_id": "mail-ann", "_session_id": "mail-ann", "meta": {"weaklabel_id": "a"}, **more}  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "kind", "labels"),
    [
        ([binary("spam", "accept")], "label", ["spam"]),
        ([binary("spam", "reject")], "not", ["spam"]),
        ([binary("spam", "ignore")], "skip", []),
        ([binary("spam", "reject"), binary("ham", "accept"), binary("other", "reject")], "label", ["ham"]),
        ([binary("ham", "accept"), binary("spam", "reject")], "label", ["ham"]),
        ([binary("other", "reject"), binary("ham", "reject")], "not", ["ham", "other"]),
        ([binary("spam", "reject"), binary("ham", "reject"), binary("other", "reject")], "none", []),
        ([binary("spam", "reject"), binary("ham", "ignore")], "not", ["spam"]),
        ([binary("spam", "accept", at=9), binary("spam", "reject", at=10)], "not", ["spam"]),
        ([binary("unsure", "accept")], "unsure", []),
        ([binary("unsure", "reject")], "skip", []),
        ([binary("spam", "reject", at=10), binary("spam", "accept", at=9)], "not", ["spam"]),
    ],
)
def test_prodigy_binary_answers_about_one_item_are_one(save, rows, kind, labels):
    back = prodigy.read(save("out.jsonl", rows), schema=SCHEMA, dataset="mail")
    assert kinds(back) == [("a", "ann", kind, labels)]
    together = "yes-or-no answers put together with others about the same item"
    assert back.counts.get(together, 0) == len(rows) - 1


def test_prodigy_binary_answers_without_our_id_are_grouped_by_the_input(save):
    rows = [binary(label, "reject", meta={}) for label in ("ham", "spam")] + [
        binary("ham", "accept", meta={}, _input_hash=3, text="two")
    ]
    back = prodigy.read(save("out.jsonl", rows), schema=SCHEMA, dataset="mail", by_text=ITEMS)
    assert kinds(back) == [("a", "ann", "not", ["ham", "spam"]), ("b", "ann", "label", ["ham"])]


def test_prodigy_binary_answers_of_others_stay_apart(save):
    rows = [
        binary("spam", "reject"),
        binary("spam", "accept", who="mail-bob"),
        binary("ham", "accept", item="b"),
    ]
    back = prodigy.read(save("out.jsonl", rows), schema=SCHEMA, dataset="mail")
    assert kinds(back) == [
        ("a", "ann", "not", ["spam"]),
        ("a", "bob", "label", ["spam"]),
        ("b", "ann", "label", ["ham"]),
    ]
    assert back.frame["key"].n_unique() == 3


@pytest.mark.parametrize(
    ("row", "kind", "labels"),
    [
        (chosen("spam"), "label", ["spam"]),
        (chosen(), "none", []),
        (chosen("spam", answer="ignore"), "skip", []),
        (chosen("spam", answer="reject"), "skip", []),
        (chosen("unsure"), "unsure", []),
        (chosen(2, options=[{"id": 1, "text": "ham"}, {"id": 2, "text": "other"}]), "label", ["other"]),
    ],
)
def test_prodigy_choices(save, row, kind, labels):
    back = prodigy.read(save("out.jsonl", [row]), schema=SCHEMA, dataset="mail")
    assert kinds(back) == [("a", "ann", kind, labels)]
    assert back.frame["at"].to_list() == [datetime.datetime(2026, 11, 21, 10, 0, tzinfo=UTC)]
    rejected = "choices rejected as a question, read as skips"
    assert (rejected in back.counts) == (row["answer"] == "reject")


def test_prodigy_who(save):
    session = {"_annotator_id": "2026-11-21_10-17-19", "_session_id": "mail-2026-11-21_10-17-19"}
    path = save("out.jsonl", [chosen("ham", **session)])
    with pytest.raises(Problems, match="nothing says who answered"):
        prodigy.read(path, schema=SCHEMA)
    assert kinds(prodigy.read(path, schema=SCHEMA, annotator="ann"))[0][1] == "ann"
    meant = {"weaklabel_id": "a", "weaklabel_annotator": "bob"}
    path = save(
        "out.jsonl",
        [chosen("ham", **session, meta=meant), chosen("ham", _annotator_id=None, _session_id="mail-eve")],
    )
    assert [row[1] for row in kinds(prodigy.read(path, schema=SCHEMA))] == ["bob", "mail-eve"]
    back = prodigy.read(path, schema=SCHEMA, people={"mail-eve": "Eve", "bob": "Robert"})
    assert [row[1] for row in kinds(back)] == ["Robert", "Eve"]
    assert [row[1] for row in kinds(prodigy.read(path, schema=SCHEMA, dataset="mail"))] == ["bob", "eve"]


def test_prodigy_what_is_left_out(save):
    span = {"start": 0, "end": 3, "token_start": 0, "token_end": 0, "label": "X"}
    rows = [
        {"text": "one", "spans": [span], "answer": "accept", "_view_id": "ner_manual"},
        chosen("ham", spans=[span]),
        {"text": "one", "label": "ham"},
    ]
    back = prodigy.read(save("out.jsonl", rows), schema=SCHEMA)
    assert dict(back.counts) == {
        "answers": 1,
        "spans, left out (only labels of whole texts are read)": 2,
        "answers to tasks without labels, left out": 1,
        "tasks without an answer, left out": 1,
    }


def test_prodigy_flags_and_comments_reach_the_experts(save):
    rows = [
        chosen("ham", flagged=True),
        chosen("ham", flagged=True, user_input="why?", _timestamp=1),
        chosen("ham", comment="so", _timestamp=2),
    ]
    assert prodigy.read(save("o.jsonl", rows), schema=SCHEMA).frame["comment"].to_list() == [
        "flagged in the tool",
        "why?",
        "so",
    ]


def test_prodigy_odd_values(save):
    path = save(
        "out.jsonl",
        [chosen("ham", answer="yes"), chosen("ham", _timestamp="soon"), chosen("ham", _timestamp=1e30)],
    )
    with pytest.raises(Problems) as error:
        prodigy.read(path, schema=SCHEMA)
    assert problems(error) == [
        ("unknown answer 'yes'", "out.jsonl:1"), ("not a time: 'soon'", "out.jsonl:2"), ("not a time: 1e+30", "out.jsonl:3"),
    ]  # fmt: skip


def test_prodigy_items_with_one_text_have_hashes_of_their_own(tmp_path):
    items = pl.DataFrame({"id": ["a", "b"], "text": ["same", "same"], "channel": ["chat", "mail"]})
    suggestions = pl.DataFrame({"item": ["b"], "suggestion": ["junk"]})
    out = to_tool("prodigy", items, schema=MULTI.__class__(SCHEMA.labels, exclusive=False), folder=tmp_path / "o", fields=["channel"],
                  suggestions=suggestions, batch="week 1")  # fmt: skip
    one, two = (json.loads(line) for line in out.paths[0].read_text().splitlines())
    assert one["_input_hash"] != two["_input_hash"] and one["_task_hash"] != two["_task_hash"]
    assert all(0 <= task[key] < 2**31 for task in (one, two) for key in ("_input_hash", "_task_hash"))
    assert "accept" not in one and two["accept"] == ["spam"]
    assert one["meta"] == {"channel": "chat", "weaklabel_id": "a", "weaklabel_batch": "week 1"}
    assert one["options"][0] == {"id": "ham", "text": "ham"}
    assert json.loads(out.paths[1].read_text()) == {"choice_style": "multiple", "choice_auto_accept": False}
    command = next(line for line in out.paths[2].read_text().splitlines() if line.startswith("    prodigy"))
    assert shlex.split(command) == ["prodigy", "mark", "week_1", "items.jsonl", "--view-id", "choice"]
    assert out.notes == ("items that share their text with another item: 2",)


# ---- tables ----


def test_tables_with_columns_by_name(save):
    text = (
        "row;who;answer;sort;when;took;note\n007;ann;junk;;2026-11-21T10:00:00+01:00;2.5;hm\n8;bob;ham|other;not;;;\n"
        "9;bob;;none;;soon;\n10;bob;;;;;\n11;bob;skip;;;;\n"
    )
    names = {
        "item": "row",
        "annotator": "who",
        "label": "answer",
        "kind": "sort",
        "at": "when",
        "seconds": "took",
        "comment": "note",
    }
    back = tables.read(save("t.csv", text), schema=SCHEMA, columns=names)
    assert kinds(back) == [
        ("007", "ann", "label", ["spam"]), ("8", "bob", "not", ["ham", "other"]), ("9", "bob", "none", []), ("11", "bob", "skip", []),
    ]  # fmt: skip
    assert back.frame.select("at", "seconds", "comment").row(0) == (
        datetime.datetime(2026, 11, 21, 9, 0, tzinfo=UTC),
        2.5,
        "hm",
    )
    assert back.frame["seconds"].to_list()[1:] == [None, None, None]
    assert back.notes == ("rows without an answer, left out: 1",)


def test_tables_of_other_kinds(save, tmp_path):
    rows = [
        {"weaklabel_id": "a", "annotator": "ann", "label": ["ham", "junk"]},
        {"weaklabel_id": "b", "annotator": "ann", "label": None},
    ]
    expected = [("a", "ann", "label", ["ham", "spam"])]
    assert (
        kinds(tables.read(save("t.jsonl", rows), schema=MULTI.__class__(SCHEMA.labels, exclusive=False)))
        == expected
    )
    when = datetime.datetime(2026, 1, 2, 3, tzinfo=UTC)
    frame = pl.DataFrame(
        {"weaklabel_id": [7], "annotator": ["ann"], "label": ["ham"], "at": [when], "seconds": [1.5]}
    )
    frame.write_parquet(tmp_path / "t.parquet")
    back = tables.read(tmp_path / "t.parquet", schema=SCHEMA)
    assert back.frame.select("item", "at", "seconds").row(0) == ("7", when, 1.5)
    naive = frame.with_columns(pl.col("at").dt.replace_time_zone(None))
    naive.write_parquet(tmp_path / "t.parquet")
    assert tables.read(tmp_path / "t.parquet", schema=SCHEMA).frame.equals(back.frame, null_equal=True)
    tabs = save("t.tsv", "weaklabel_id\tannotator\tlabel\na\tann\tham\n")
    assert kinds(tables.read(tabs, schema=SCHEMA)) == [("a", "ann", "label", ["ham"])]
    (tmp_path / "u.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(GoldError, match="not a Parquet file that can be read"):
        tables.read(tmp_path / "u.parquet", schema=SCHEMA)


def test_tables_say_what_is_missing_or_wrong(save):
    with pytest.raises(GoldError) as error:
        tables.read(save("t.csv", "id,label\na,ham\n"), schema=SCHEMA)
    assert str(error.value).splitlines() == [
        "no column 'weaklabel_id' (item)", "  where: t.csv", "  available: id, label", '  hint: name it: columns={"item": …}',
    ]  # fmt: skip
    with pytest.raises(GoldError, match="no column 'anser'"):
        tables.read(save("t.csv", "weaklabel_id,answer\na,ham\n"), schema=SCHEMA, columns={"label": "anser"})
    with pytest.raises(GoldError, match="no column of answers called 'lable'"):
        tables.read(save("t.csv", "weaklabel_id,answer\na,ham\n"), schema=SCHEMA, columns={"lable": "answer"})
    rows = "weaklabel_id,annotator,label,kind,at\na,ann,ham,lbael,\nb,ann,ham,skip,\nc,ann,,not,\nd,ann,ham,,soon\n,ann,ham,,\ne,,ham,,\n"
    with pytest.raises(Problems) as error:
        tables.read(save("t.csv", rows), schema=SCHEMA)
    assert problems(error) == [
        ("unknown kind 'lbael'", "t.csv:2"), ("kind 'skip' with a label", "t.csv:3"), ("kind 'not' without a label", "t.csv:4"),
        ("not a time: 'soon'", "t.csv:5"), ("no 'weaklabel_id' says which item it is", "t.csv:6"),
        ("nothing says who answered", "t.csv"),
    ]  # fmt: skip


def test_tables_for_spreadsheets(tmp_path):
    items = pl.DataFrame(
        {"id": ["007", "x1", "3-4"], "text": ["=SUM(A1)", "-1", "fine"], "label": ["f1", "f2", "f3"]}
    )
    out = to_tool("table", items, schema=SCHEMA, folder=tmp_path / "o", fields=["label"])
    raw = out.paths[0].read_bytes()
    assert raw.startswith(b"\xef\xbb\xbftext,label_,label,comment,weaklabel_id\r\n=SUM(A1),f1,,,007\r\n")
    assert out.notes == (
        "texts that begin like a formula (open the table with all columns as text): 2",
        "ids that a spreadsheet may rewrite as numbers or dates (open all columns as text): 2",
    )
    with pytest.raises(GoldError, match="no format of tables 'xlsx'"):
        tables.write(ITEMS, schema=SCHEMA, folder=tmp_path / "p", format="xlsx")


# ---- files ----


def test_json_that_is_broken_names_the_line():
    for raw, what, where in (
        (b'[{"a": 1},\n {"a": ', "not JSON: Expecting value, column 8", "f.json:2"),
        (b'[{"a": 1},\n {"a": "x', "not JSON: Unterminated string starting at, column 8", "f.json:2"),
        (b"", "not JSON: Expecting value, column 1", "f.json:1"),
        (b"7", "not a list of objects", "f.json"),
        (b"[7]", "entry 1 is no object: 7", "f.json"),
        (b'["' + b"x" * 99 + b'"]', "entry 1 is no object: '" + "x" * 59 + "…", "f.json"),
        (b'[{"a": "\\ud83d"}]', "half of a character (a lone \\ud800 to \\udfff)", "f.json:1"),
        (b"[" * 100_000, "not JSON that can be read: a number or a nesting too large", "f.json:1"),
        (
            b'{"a": ' + b"9" * 5000 + b"}",
            "not JSON that can be read: a number or a nesting too large",
            "f.json:1",
        ),
    ):
        with pytest.raises(GoldError) as error:
            json_records(File("f.json", raw))
        assert (error.value.what, error.value.where) == (what, where)
    assert json_records(File("f.json", '\ufeff[{"a": "\\ud83d\\ude00"}]'.encode()))[0].data == {"a": "😀"}
    assert json_records(File("f.json", '[{"a": "é"}]'.encode("utf-16")))[0].data == {"a": "é"}


def test_json_lines_that_are_broken_are_all_named():
    raw = '{"a": "x\u2028y"}\r\n\r\n{"a": \n7\n{"a": 1}'.encode()
    with pytest.raises(Problems) as error:
        jsonl_records(File("f.jsonl", raw))
    assert problems(error) == [
        ("not JSON: Expecting value, column 7", "f.jsonl:3"),
        ("not an object: 7", "f.jsonl:4"),
    ]
    with pytest.raises(Problems) as error:
        jsonl_records(File("f.jsonl", b"x\n" * 100))
    assert len(error.value.problems) == 21 and error.value.problems[-1].what == "and 80 more"


def test_csv_that_is_broken_names_the_line():
    for raw, what, where in (
        (b"", "the file is empty", "f.csv"),
        (b"a,a\n", "column 'a' stands twice", "f.csv:1"),
        (b'a,b\n1,"x\ny\n2,3\n', "a quote is not closed", "f.csv:2"),
        (b'a,b\n1,"x"y\n', "text after a closing quote", "f.csv:2"),
        (b'a,b\n"1\n2",3\n4\n', "1 cells where the first line names 2 columns", "f.csv:4"),
    ):
        with pytest.raises(GoldError) as error:
            csv_records(File("f.csv", raw))
        assert (error.value.what, error.value.where) == (what, where)


CELL = st.text(st.sampled_from(list('ab,;"\r\n\t é')) | st.characters(exclude_categories=["Cs"]), max_size=6)


@given(st.lists(st.lists(CELL, min_size=2, max_size=2), max_size=5), st.booleans())
def test_csv_is_read_as_pythons_own_writer_writes_it(rows, quoted):
    import csv
    import io

    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL)
    writer.writerows([["x", "y"], *rows])
    assert [list(r.data.values()) for r in csv_records(File("f.csv", out.getvalue().encode()))] == rows


@given(st.lists(st.sampled_from(["a", "b#", "#c", "d"]), max_size=4, unique=True))
def test_joined_labels_are_parted_or_refused(labels):
    schema = LabelSchema(["a", "b#", "#c", "d"])
    try:
        assert sorted(joined("#".join(labels), "#", schema)) == sorted(labels)
    except ValueError as error:
        assert "or" in str(error)


def test_folders_are_read_file_by_file(save, tmp_path):
    save("bob.jsonl", [{"label": ["ham"], "weaklabel_id": "a"}])
    save("ann.jsonl", [{"label": ["junk"], "weaklabel_id": "a"}])
    save("label_config.json", [{"text": "ham", "suffix_key": "h"}])
    save("README.md", "x")
    assert kinds(from_tool("doccano", tmp_path, schema=SCHEMA)) == [
        ("a", "ann", "label", ["spam"]),
        ("a", "bob", "label", ["ham"]),
    ]
