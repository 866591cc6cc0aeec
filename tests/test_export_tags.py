"""Tables of tags out, each form read back; weights of classes."""

import json
from collections import Counter
from xml.etree import ElementTree

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from weaklabel import export
from weaklabel.errors import ConfigError, CorpusError, OutputError, Problems, SchemaError
from weaklabel.export.tags import NEED_TEXT
from weaklabel.gold import tools
from weaklabel.schema import LABEL_COLUMNS, TAG_COLUMNS, Label, LabelSchema

SCHEMA = LabelSchema(
    [
        "ai",
        Label("vision", "Images & film.", parents=("ai",)),
        Label("faces", parents=("vision", "people")),
        "people",
        "C++ | <Qt>",
    ],
    exclusive=False,
)
NAMES = SCHEMA.names
TABLE = pl.DataFrame(
    [
        ("a 🐻", ["ai", "vision"], "labeled", ["ai", "vision", "people"], [0.875, 0.75, 0.25], 3, 7, "r"),
        ('b,\r\n"c"', [], "below_threshold", ["C++ | <Qt>"], [0.125], 1, -(2**62), "r"),
        ("c", [], "uncovered", [], [], 0, 0, "r"),
        ("d", ["ai", "vision", "faces", "people"], "labeled", ["faces"], [0.5], 1, 9, "r"),
    ],
    schema=TAG_COLUMNS,
    orient="row",
)
TEXTS = ["bears 🐻\r\nsecond line", 'a\u2028b "q" <x> & y', "", "who\tis that"]
ROWS = pl.DataFrame(
    {"id": ["d", "c", "x", "a 🐻", 'b,\r\n"c"'], "body": ["who\tis that", None, "other", *TEXTS[:2]]}
)


def write(tmp_path, *formats, labels=TABLE, rows=ROWS, **options):
    files = export.write_tags(
        labels, tmp_path, schema=SCHEMA, formats=formats, rows=rows, text="body", **options
    )
    return {path.name: path for path in files}


# ---- forms, each read back ----


def test_the_list_of_tags_is_the_table_itself(tmp_path):
    files = write(tmp_path, "jsonl", rows=None)
    assert list(files) == ["labels.parquet", "labels.jsonl"]
    assert_frame_equal(pl.read_parquet(files["labels.parquet"]), TABLE)
    assert_frame_equal(pl.read_ndjson(files["labels.jsonl"], schema=TAG_COLUMNS), TABLE)


def test_multi_hot(tmp_path):
    files = write(tmp_path, "csv", "multi_hot", "csv")
    assert list(files) == ["labels.parquet", "labels.csv", "labels.multi_hot.parquet"]
    hot = pl.read_parquet(files["labels.multi_hot.parquet"])
    assert hot.columns == ["id", "status", "n_votes", "pattern", "run_id", *export.tag_columns(SCHEMA)]
    assert hot.select(export.tag_columns(SCHEMA)).rows() == [
        (1, 1, 0, 0, 0),
        (0, 0, 0, 0, 0),
        (None,) * 5,
        (1, 1, 1, 1, 0),
    ]
    assert hot["tag_ai"].dtype == pl.Int8
    assert_frame_equal(pl.read_csv(files["labels.csv"]).cast(hot.schema), hot)


def test_multi_hot_tells_what_nothing_spoke_for():
    hot = export.multi_hot(TABLE, SCHEMA, unknown=None)
    assert hot.select(export.tag_columns(SCHEMA)).rows() == [
        (1, 1, None, 0, None),
        (None, None, None, None, 0),
        (None,) * 5,
        (1, 1, 1, 1, None),
    ]


@given(st.lists(st.sets(st.sampled_from(NAMES)), max_size=8))
@settings(deadline=None, max_examples=30)
def test_multi_hot_holds_every_list(lists):
    labels = pl.DataFrame(
        {
            "id": [str(i) for i in range(len(lists))],
            "labels": [sorted(s) for s in lists],
            "status": ["labeled"] * len(lists),
        },
        schema_overrides={"id": pl.String, "labels": pl.List(pl.String), "status": pl.String},
    )
    hot = export.multi_hot(labels, SCHEMA)
    back = [{name for name, one in zip(NAMES, row[2:]) if one} for row in hot.iter_rows()]
    assert back == lists


def test_spacy_takes_candidates_and_knows_what_is_unknown(tmp_path):
    import spacy
    from spacy.tokens import DocBin
    from spacy.training import Example

    files = write(tmp_path, "spacy")
    nlp = spacy.blank("xx")
    docs = list(DocBin().from_disk(files["labels.spacy"]).get_docs(nlp.vocab))
    assert [doc.user_data["weaklabel_id"] for doc in docs] == [TABLE["id"][i] for i in (0, 1, 3)]
    assert [doc.text for doc in docs] == [TEXTS[i] for i in (0, 1, 3)]
    assert [doc.cats for doc in docs] == [
        {"ai": 1.0, "vision": 1.0, "people": 0.0},
        {"C++ | <Qt>": 0.0},
        {"ai": 1.0, "vision": 1.0, "faces": 1.0, "people": 1.0},
    ]
    pipe = nlp.add_pipe("textcat_multilabel")
    examples = [Example(nlp.make_doc(doc.text), doc) for doc in docs]
    for name in NAMES:
        pipe.add_label(name)
    truths, known = pipe._examples_to_truth(examples)
    at = {label: j for j, label in enumerate(pipe.labels)}
    assert (truths[0, at["ai"]], known[0, at["ai"]]) == (1.0, 1.0)
    assert (truths[0, at["people"]], known[0, at["people"]]) == (0.0, 1.0)
    assert known[0, at["faces"]] == 0.0 and known[1].sum() == 1.0


@pytest.mark.parametrize("length", [0, 31, 32, 255, 256, 65535, 65536])
def test_spacy_keeps_ids_of_any_length(length, tmp_path):
    import spacy
    from spacy.tokens import DocBin

    name = "é" * (length // 2) + "x" * (length % 2)
    labels = TABLE.head(1).with_columns(id=pl.lit(name))
    path = write(tmp_path, "spacy", labels=labels, rows=pl.DataFrame({"id": [name], "body": ["a b"]}))[
        "labels.spacy"
    ]
    (doc,) = DocBin().from_disk(path).get_docs(spacy.blank("xx").vocab)
    assert doc.user_data == {"weaklabel_id": name} and doc.text == "a b"


def test_hugging_face_finds_its_features_in_the_file(tmp_path):
    import pyarrow.parquet

    path = write(tmp_path, "huggingface")["labels.huggingface.parquet"]
    told = json.loads(pyarrow.parquet.read_schema(path).metadata[b"huggingface"])
    tags = {"feature": {"names": list(NAMES), "_type": "ClassLabel"}, "_type": "Sequence"}
    assert told["info"]["features"] == {
        "id": {"dtype": "large_string", "_type": "Value"},
        "text": {"dtype": "large_string", "_type": "Value"},
        "labels": tags,
        "candidates": tags,
        "probabilities": {"feature": {"dtype": "float32", "_type": "Value"}, "_type": "Sequence"},
    }
    # a column whose type is not that of its feature would be read without the feature
    types = {field.name: str(field.type) for field in pyarrow.parquet.read_schema(path)}
    assert types["id"] == types["text"] == "large_string"
    assert types["labels"].startswith("list<") and types["labels"].endswith(": int64>")
    assert types["probabilities"].startswith("list<") and types["probabilities"].endswith(": float>")
    back = pl.read_parquet(path)
    assert back["labels"].to_list() == [[0, 1], [], None, [0, 1, 2, 3]]
    assert back["candidates"].to_list() == [[0, 1, 3], [4], [], [2]]
    assert (back["id"].to_list(), back["text"].to_list()) == (TABLE["id"].to_list(), TEXTS)
    without = write(tmp_path, "huggingface", rows=None)["labels.huggingface.parquet"]
    assert pl.read_parquet(without).columns == ["id", "labels", "candidates", "probabilities"]


def test_hugging_face_reads_it(tmp_path):
    datasets = pytest.importorskip("datasets", reason="the library datasets is not installed")
    path = write(tmp_path, "huggingface")["labels.huggingface.parquet"]
    found = datasets.Dataset.from_parquet(str(path), cache_dir=str(tmp_path / "cache"))
    names = found.features["labels"].feature
    assert names.names == list(NAMES)
    assert [names.int2str(row) if row is not None else None for row in found["labels"]] == [
        ["ai", "vision"],
        [],
        None,
        ["ai", "vision", "faces", "people"],
    ]


def test_label_studio_holds_the_taxonomy_and_predictions(tmp_path):
    files = write(tmp_path, "label_studio")
    view = ElementTree.parse(files["labels.label_studio.xml"]).getroot()
    tree = view.find("Taxonomy")
    assert (tree.get("name"), tree.get("toName"), view.find("Text").get("name")) == ("label", "text", "text")

    def paths(element, above=()):
        for child in element:
            path = (*above, child.get("value"))
            yield path
            yield from paths(child, path)

    assert set(paths(tree)) == {
        ("ai",),
        ("ai", "vision"),
        ("ai", "vision", "faces"),
        ("people",),
        ("people", "faces"),
        ("C++ | <Qt>",),
    }
    tasks = json.loads(files["labels.label_studio.json"].read_text(encoding="utf-8"))
    assert [task["data"]["weaklabel_id"] for task in tasks] == TABLE["id"].to_list()
    assert [task["data"]["text"] for task in tasks] == TEXTS
    assert "predictions" not in tasks[2] and tasks[1]["predictions"][0]["result"] == []
    (first,) = tasks[0]["predictions"]
    assert first["result"][0]["value"] == {"taxonomy": [["ai"], ["ai", "vision"]]}
    assert (first["score"], first["model_version"]) == (0.75, "weaklabel")
    for task in tasks:
        for prediction in task.get("predictions", ()):
            assert {tuple(p) for r in prediction["result"] for p in r["value"]["taxonomy"]} <= set(
                paths(tree)
            )


def test_label_studio_gives_accepted_predictions_back(tmp_path):
    files = write(tmp_path, "label_studio")
    tasks = json.loads(files["labels.label_studio.json"].read_text(encoding="utf-8"))
    for number, task in enumerate(tasks):
        found = task.pop("predictions", [{"result": []}])
        task["annotations"] = [
            {"id": number, "completed_by": {"email": "ann@x.org"}, "result": found[0]["result"]}
        ]
    out = tmp_path / "export.json"
    out.write_text(json.dumps(tasks), encoding="utf-8")
    back = tools.from_tool("label_studio", out, schema=SCHEMA).frame.sort("item")
    assert dict(back.select("item", "labels").iter_rows()) == dict(
        TABLE.select("id", "labels").with_columns(pl.col("labels").fill_null([])).iter_rows()
    )


def test_doccano_reads_what_it_would_give_back(tmp_path):
    files = write(tmp_path, "doccano")
    assert [entry["text"] for entry in json.loads(files["labels.doccano.json"].read_text())] == list(NAMES)
    lines = files["labels.doccano.jsonl"].read_text(encoding="utf-8").split("\n")[:-1]
    assert [json.loads(line)["text"] for line in lines] == TEXTS
    back = tools.from_tool("doccano", files["labels.doccano.jsonl"], schema=SCHEMA, empty="none").frame
    assert dict(back.select("item", "labels").iter_rows()) == dict(TABLE.select("id", "labels").iter_rows())


def test_prodigy_reads_what_it_would_give_back(tmp_path):
    files = write(tmp_path, "prodigy")
    lines = files["labels.prodigy.jsonl"].read_text(encoding="utf-8").split("\n")[:-1]
    tasks = [json.loads(line) for line in lines]
    assert [task["text"] for task in tasks] == [TEXTS[i] for i in (0, 1, 3)]
    assert [[option["id"] for option in task["options"]] for task in tasks] == [
        ["ai", "vision", "people"],
        ["C++ | <Qt>"],
        ["faces", "ai", "vision", "people"],
    ]
    assert {(task["answer"], task["_view_id"]) for task in tasks} == {("accept", "choice")}
    assert len({task["_task_hash"] for task in tasks}) == 3
    back = tools.from_tool("prodigy", files["labels.prodigy.jsonl"], schema=SCHEMA, annotator="model").frame
    want = TABLE.filter(pl.col("status") != "uncovered").select("id", "labels")
    assert dict(back.select("item", "labels").iter_rows()) == dict(want.iter_rows())


def test_all_forms_at_once_and_none_without_rows(tmp_path):
    files = write(tmp_path, *export.TAG_FORMATS)
    assert len(files) == 11 and all(path.stat().st_size for path in files.values())
    empty = TABLE.clear()
    for name, path in write(tmp_path, *export.TAG_FORMATS, labels=empty).items():
        assert path.exists(), name
    assert json.loads(files["labels.label_studio.json"].read_text()) == []
    assert pl.read_parquet(files["labels.multi_hot.parquet"]).height == 0


# ---- what is refused ----


def test_what_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="no export format 'multihot'") as caught:
        write(tmp_path, "multihot")
    assert caught.value.hint == "did you mean 'multi_hot'?"
    for name in NEED_TEXT:
        with pytest.raises(ConfigError, match=f"the export format '{name}' needs the texts"):
            write(tmp_path, name, rows=None)
    with pytest.raises(ConfigError, match="no column 'bodi'") as caught:
        export.write_tags(TABLE, tmp_path, schema=SCHEMA, formats=["spacy"], rows=ROWS, text="bodi")
    assert caught.value.hint == "did you mean 'body'?"
    with pytest.raises(CorpusError, match="ids of the label table that have no text: 'd'"):
        write(tmp_path, "doccano", rows=ROWS.filter(pl.col("id") != "d"))
    with pytest.raises(CorpusError, match="ids that stand twice in the rows to export: 'c'"):
        write(tmp_path, "doccano", rows=pl.concat([ROWS, ROWS.filter(pl.col("id") == "c")]))
    with pytest.raises(SchemaError, match="for a multi-label schema"):
        export.write_tags(TABLE, tmp_path, schema=LabelSchema(["a", "b"]))
    odd = LabelSchema(["a\x01"], exclusive=False)
    with pytest.raises(Problems, match="1 problem in the labeling configuration"):
        export.write_tags(
            TABLE.clear(), tmp_path, schema=odd, formats=["label_studio"], rows=ROWS, text="body"
        )
    (tmp_path / "labels.csv").mkdir()
    with pytest.raises(OutputError, match="can't write"):
        write(tmp_path, "csv")


# ---- weights ----


def exclusive(counts, others=0):
    names = [name for name, n in counts.items() for _ in range(n)]
    n = len(names)
    return pl.DataFrame(
        {
            "id": [f"row {i}" for i in range(n + others)],
            "label": names + [None] * others,
            "status": ["labeled"] * n + ["uncovered"] * others,
        },
        schema_overrides={"label": pl.String},
    )


def test_weights_worked_by_hand():
    found = export.with_weights(exclusive({"ham": 6, "spam": 2, "odd": 1}, others=2), cap=4)
    # factors 1, 3, 6 -> 4; mean (6 + 6 + 4) / 9
    by_label = dict(found.drop_nulls("label").select("label", "class_weight").unique().iter_rows())
    assert by_label == pytest.approx({"ham": 9 / 16, "spam": 27 / 16, "odd": 36 / 16})
    assert found["resampling"].to_list() == [1] * 6 + [3] * 2 + [4] + [None] * 2
    assert found["class_weight"].to_list()[-2:] == [None, None]
    assert (found["class_weight"].dtype, found["resampling"].dtype) == (pl.Float32, pl.Int32)
    assert found["class_weight"].mean() == pytest.approx(1.0)


def test_a_label_below_the_threshold_has_no_weight():
    labels = exclusive({"ham": 2, "spam": 2}).with_columns(
        status=pl.Series(["labeled"] * 3 + ["below_threshold"])
    )
    found = export.with_weights(labels)
    assert found["resampling"].to_list() == [1, 1, 2, None]


def test_resampling_balances_by_whole_rows_and_goes_by_the_id():
    counts = {"a": 1000, "b": 300, "c": 130}
    labels = exclusive(counts)
    found = export.with_weights(labels, seed=3)
    taken = Counter()
    for label, times in found.select("label", "resampling").iter_rows():
        taken[label] += times
    assert all(n == pytest.approx(1000, rel=0.05) for n in taken.values()), taken
    assert set(found.filter(pl.col("label") == "b")["resampling"]) == {3, 4}
    turned = export.with_weights(labels.reverse(), seed=3).reverse()
    assert_frame_equal(turned, found)
    assert not export.with_weights(labels, seed=4).equals(found)


def test_weights_of_tags_are_those_of_the_rarest():
    found = export.with_weights(TABLE, cap=10)
    # ai 2, vision 2, faces 1, people 1: factors 1, 1, 2, 2, mean (2 + 2 + 2 + 2) / 6
    w = 6 / 8
    assert found["class_weight"].to_list()[0] == pytest.approx([w, w])
    assert found["class_weight"].to_list()[3] == pytest.approx([w, w, 2 * w, 2 * w])
    assert found["resampling"].to_list() == [1, 1, None, 2]


def test_weights_of_nothing(tmp_path):
    assert export.with_weights(exclusive({}, others=3))["resampling"].to_list() == [None] * 3
    assert export.with_weights(TABLE.clear()).height == 0
    with pytest.raises(ConfigError, match=r"a cap of weights is 1 or more, not 0\.5"):
        export.with_weights(TABLE, cap=0.5)


def test_weights_are_written_with_the_labels(tmp_path):
    schema = LabelSchema(["ham", "spam"])
    labels = exclusive({"ham": 3, "spam": 1}).with_columns(
        probabilities=pl.lit([0.5, 0.5]), n_votes=1, pattern=0, run_id=pl.lit("r")
    )
    labels = export.with_weights(labels.cast({k: v for k, v in LABEL_COLUMNS.items() if k in labels.columns}))
    files = export.write_labels(labels, tmp_path, schema=schema, formats=["csv", "jsonl"])
    assert pl.read_parquet(files[0])["resampling"].to_list() == [1, 1, 1, 3]
    assert pl.read_csv(files[1])["class_weight"].to_list() == pytest.approx([2 / 3] * 3 + [2.0])
    assert json.loads(files[2].read_text().splitlines()[3])["resampling"] == 3
    files = write(tmp_path, "csv", "jsonl", labels=export.with_weights(TABLE))
    assert "class_weight" not in pl.read_csv(files["labels.csv"]).columns
    assert pl.read_csv(files["labels.csv"])["resampling"].to_list() == [1, 1, None, 2]
    lines = files["labels.jsonl"].read_text(encoding="utf-8").splitlines()
    assert [len(json.loads(line)["class_weight"]) for line in lines] == [2, 0, 0, 4]


# ---- an item is taken out ----


def test_an_erased_item_is_in_no_form_any_more(tmp_path):
    from weaklabel.pipeline.erasing.files import holds, tables, without_row

    whole, without = tmp_path / "whole", tmp_path / "without"
    whole.mkdir()
    without.mkdir()
    write(whole, *export.TAG_FORMATS)
    write(without, *export.TAG_FORMATS, labels=TABLE.filter(pl.col("id") != "a 🐻"))
    paths = list(tables(whole))
    assert len(paths) == 11
    held = {path.name for path in paths if holds(path, "a 🐻")}
    assert held == {path.name for path in paths} - {"labels.label_studio.xml", "labels.doccano.json"}
    for path in paths:
        assert not holds(path, "nobody")
        if path.name in held:
            without_row(path, "a 🐻")
        want = without / path.name
        if path.name == "labels.huggingface.parquet":
            assert pl.read_parquet(path).equals(pl.read_parquet(want))
            assert (
                pl.read_parquet_metadata(path)["huggingface"] == pl.read_parquet_metadata(want)["huggingface"]
            )
        elif path.suffix == ".parquet":
            assert pl.read_parquet(path).equals(pl.read_parquet(want))
        elif path.suffix == ".jsonl":
            assert path.read_bytes() == want.read_bytes()
        elif path.suffix == ".spacy":
            assert spacy_content(path) == spacy_content(want)
            assert "bears" not in spacy_content(path)[0]
        else:
            assert path.read_bytes() == want.read_bytes(), path.name
    assert sorted(path.name for path in whole.iterdir()) == sorted(path.name for path in paths)


def spacy_content(path):
    import spacy
    from spacy.tokens import DocBin

    found = DocBin().from_disk(path)
    docs = found.get_docs(spacy.blank("xx").vocab)
    return found.strings, [(doc.text, doc.cats, doc.user_data) for doc in docs]


def test_the_last_item_may_go(tmp_path):
    from weaklabel.pipeline.erasing.files import tables, without_row

    write(tmp_path, *export.TAG_FORMATS, labels=TABLE.head(1))
    for path in tables(tmp_path):
        without_row(path, "a 🐻")
    assert json.loads((tmp_path / "labels.label_studio.json").read_text()) == []
    assert (tmp_path / "labels.prodigy.jsonl").read_text() == ""
    assert spacy_content(tmp_path / "labels.spacy")[1] == []
