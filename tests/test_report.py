"""Plots: that they show what they should, survive odd input, and are written whole or not at all."""

import warnings

import matplotlib
import numpy as np
import polars as pl
import pytest
from matplotlib.image import imread

from weaklabel import report
from weaklabel.corpus import Corpus
from weaklabel.errors import OutputError, WeakLabelError
from weaklabel.evaluate import evaluate
from weaklabel.profile import profile
from weaklabel.report import labels as label_plots
from weaklabel.report import style
from weaklabel.schema import LabelSchema

SCHEMA = LabelSchema(["ham", "spam"])


def label_table(n=200, schema=SCHEMA, seed=0):
    generator = np.random.default_rng(seed)
    p = generator.dirichlet(np.ones(len(schema)), size=n)
    kind = generator.choice(
        ["labeled", "tie", "uncovered", "below_threshold"], p=[0.7, 0.1, 0.1, 0.1], size=n
    )
    best = [schema.names[c] if s == "labeled" else None for c, s in zip(p.argmax(axis=1), kind)]
    return pl.DataFrame(
        {
            "id": [str(i) for i in range(n)],
            "label": pl.Series(best, dtype=pl.String),
            "status": kind.tolist(),
            "probabilities": pl.Series(
                [None if s == "uncovered" else line for line, s in zip(p.tolist(), kind)],
                dtype=pl.List(pl.Float32),
            ),
        }
    )


def evaluated(n=200, schema=SCHEMA, gold=None):
    table = label_table(n, schema)
    names = np.random.default_rng(1).choice(np.array(schema.names), size=n)
    truth = pl.DataFrame({"id": table["id"], "label": names.tolist()})
    return evaluate(table, truth if gold is None else truth[:gold], schema=schema, resamples=20)


def rules(m=12, *, gold=True, label=True, names=None):
    generator = np.random.default_rng(0)
    coverage = generator.random(m) ** 3
    accuracy = generator.random(m)
    table = pl.DataFrame(
        {
            "labeler": names or [f"rule_{j}" for j in range(m)],
            "Coverage": coverage,
            "Conflicts": coverage / 3,
        }
    )
    if label:
        table = table.with_columns(
            label=pl.Series([["ham", "spam", None][j % 3] for j in range(m)], dtype=pl.String)
        )
    if gold:
        measured = pl.DataFrame(
            {"Emp. Acc.": accuracy, "Acc. Low": accuracy * 0.9, "Acc. High": accuracy**0.9}
        )
        table = pl.concat([table, measured], how="horizontal")
    return table


def size(path):
    height, width, _ = imread(path).shape
    return width, height


@pytest.fixture
def drawn(monkeypatch):
    """The figures that are made, instead of files: turning them into pixels takes most of the time."""
    figures = []
    monkeypatch.setattr(style, "_write", lambda figure, path: figures.append(figure))
    return figures


@pytest.fixture
def rendered(monkeypatch):
    """The figures that are written, looked at before they are gone."""
    figures = []
    write = style._write
    monkeypatch.setattr(style, "_write", lambda figure, path: (figures.append(figure), write(figure, path)))
    return figures


def words(figure):
    from matplotlib.text import Text

    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


# ---- what is shown ----


def test_a_run_draws_everything_it_can(tmp_path):
    made = report.plot_run(
        tmp_path / "plots", labels=label_table(), rules=rules(), evaluation=evaluated(), schema=SCHEMA
    )
    assert [path.name for path in made] == [
        "rules.png",
        "probabilities.png",
        "reliability.png",
        "confusion.png",
    ]
    assert sorted(p.name for p in (tmp_path / "plots").iterdir()) == sorted(path.name for path in made)
    assert all(path.read_bytes().startswith(b"\x89PNG") and min(size(path)) > 300 for path in made)


def test_a_label_has_one_colour_in_all_plots(tmp_path, drawn):
    schema = LabelSchema(["spam", "ham"])
    report.plot_run(
        tmp_path, labels=label_table(schema=schema), rules=rules(), evaluation=None, schema=schema
    )
    colours = []
    for figure in drawn:
        legend = (figure.legends or [axes.get_legend() for axes in figure.axes])[0]
        texts = [text.get_text() for text in legend.get_texts()]
        colours.append(dict(zip(texts, [h.get_facecolor()[:3] for h in legend.legend_handles])))
    assert list(colours[0]) == ["spam", "ham", "several labels"]
    assert list(colours[1]) == ["spam", "ham", "tied"]
    assert {name: colours[0][name] for name in schema.names} == {
        name: colours[1][name] for name in schema.names
    }


def test_without_ties_none_are_in_the_legend(tmp_path, drawn):
    table = label_table().filter(pl.col("status") != "tie")
    report.plot_probabilities(table, SCHEMA, tmp_path / "a.png")
    assert "tied" not in words(drawn[0])


def test_without_gold_there_is_neither_calibration_nor_confusion(tmp_path):
    made = report.plot_run(
        tmp_path, labels=label_table(), rules=rules(gold=False), evaluation=None, schema=SCHEMA
    )
    assert [path.name for path in made] == ["rules.png", "probabilities.png"]


def test_rules_are_sorted_and_coloured_by_label(tmp_path, drawn):
    table = rules(3).with_columns(Coverage=pl.Series([0.1, 0.3, 0.2]))
    report.plot_rules(table, tmp_path / "rules.png")
    left, right = drawn[0].axes
    assert [t.get_text() for t in left.get_yticklabels()] == ["rule_1", "rule_2", "rule_0"]
    assert left.patches[0].get_width() == 0.3 and left.patches[3].get_width() == pytest.approx(
        table["Conflicts"][1]
    )
    dots = right.collections[-1].get_offsets()
    assert dots[:, 0].tolist() == pytest.approx([table["Emp. Acc."][j] for j in (1, 2, 0)])
    segments = right.collections[0].get_segments()
    assert segments[0][:, 0].tolist() == pytest.approx([table["Acc. Low"][1], table["Acc. High"][1]])
    assert {"ham", "spam", "several labels"} <= set(words(drawn[0]))
    assert len({patch.get_facecolor() for patch in left.patches[:3]}) == 3


def test_rules_without_gold_have_one_panel_and_rules_without_votes_on_gold_say_so(tmp_path, drawn):
    report.plot_rules(rules(gold=False), tmp_path / "a.png")
    assert len(drawn[0].axes) == 1
    some = rules().with_columns(pl.when(pl.int_range(pl.len()) > 2).then(pl.col("Emp. Acc.")))
    report.plot_rules(some, tmp_path / "b.png")
    assert words(drawn[1]).count("no vote on a gold row") == 3


def test_many_rules_grow_the_plot_and_too_many_are_cut(tmp_path, drawn):
    report.plot_rules(rules(10), tmp_path / "few.png")
    report.plot_rules(rules(80), tmp_path / "many.png")
    report.plot_rules(rules(300), tmp_path / "most.png")
    few, many, most = (figure.get_size_inches()[1] for figure in drawn)
    assert few < many == most
    assert "How much each rule votes (the 80 of 300 that vote most)" in words(drawn[2])
    assert len(drawn[2].axes[0].get_yticklabels()) == 80


def test_the_reliability_diagram_holds_the_bins(tmp_path, drawn):
    result = evaluated()
    report.plot_reliability(result, tmp_path / "a.png")
    bins = result.reliability.filter(pl.col("n") > 0)
    top, below = drawn[0].axes
    points = top.collections[-1].get_offsets()
    assert points[:, 0].tolist() == pytest.approx(bins["confidence"].to_list())
    assert points[:, 1].tolist() == pytest.approx(bins["accuracy"].to_list())
    assert [bar.get_height() for bar in below.patches] == bins["n"].to_list()
    assert f"calibration error (ECE) {result.metrics['ece']}" in words(drawn[0])


def test_the_confusion_matrix_holds_the_counts(tmp_path, drawn):
    result = evaluated()
    report.plot_confusion(result, tmp_path / "a.png")
    counts = result.confusion.drop("gold").to_numpy()
    assert [text.get_text() for text in drawn[0].axes[0].texts] == [f"{c:,}" for c in counts.ravel() if c]
    shades = drawn[0].axes[0].images[0].get_array()
    assert shades.sum(axis=1).tolist() == pytest.approx([1, 1])
    assert [t.get_text() for t in drawn[0].axes[0].get_xticklabels()] == ["ham", "spam", "no label"]


def test_many_labels_have_no_numbers_but_still_fit(tmp_path, drawn):
    schema = LabelSchema([f"label number {c}" for c in range(30)])
    result = evaluated(schema=schema)
    report.plot_confusion(result, tmp_path / "a.png")
    report.plot_probabilities(label_table(schema=schema), schema, tmp_path / "b.png")
    assert not drawn[0].axes[0].texts and len(drawn[0].axes[0].get_yticklabels()) == 30
    assert drawn[1].axes[0].get_legend() is None


def test_the_histogram_counts_every_row_with_votes(tmp_path, drawn):
    table = label_table()
    report.plot_probabilities(table, SCHEMA, tmp_path / "a.png")
    left, right = drawn[0].axes
    tops = {}
    for bar in left.patches:
        tops[round(bar.get_x(), 3)] = max(tops.get(round(bar.get_x(), 3), 0), bar.get_y() + bar.get_height())
    assert sum(tops.values()) == (table["status"] != "uncovered").sum()
    assert [t.get_text() for t in right.get_yticklabels()] == [
        "labeled",
        "tie",
        "uncovered",
        "below threshold",
    ]
    assert "What became of 200 rows" in words(drawn[0])


def test_the_corpus(tmp_path, drawn):
    path = tmp_path / "mail.csv"
    lines = [f"{i},where is my parcel number {i} that I ordered last week,{i % 2 or ''}" for i in range(60)]
    path.write_text("id,text,price\n" + "\n".join(lines) + "\nx,thanks,\ny,thanks,\n")
    seen = profile(Corpus.open(path))
    report.plot_corpus(seen, tmp_path / "a.png")
    report.plot_corpus(profile(Corpus.open(path), text=None), tmp_path / "b.png")
    text = words(drawn[0])
    assert text.count("62 rows: 0 without text, 2 whose text another row has too; of 61 different texts looked at, "
                      f"{seen.text.near_rows} have a near duplicate") == 1  # fmt: skip
    assert "  32 (52%)" in text and "price" in text and "en" in text
    lengths = seen.text.histograms.filter(pl.col("measure") == "characters")["rows"].to_list()
    assert [bar.get_height() for bar in drawn[0].axes[0].patches] == lengths
    assert len(drawn[0].axes) == 4 and len(drawn[1].axes) == 1


# ---- odd input ----


def test_nothing_to_draw_is_said(tmp_path, rendered):
    report.plot_reliability(evaluated(gold=0), tmp_path / "a.png")
    report.plot_confusion(evaluated(gold=0), tmp_path / "b.png")
    report.plot_probabilities(label_table(0), SCHEMA, tmp_path / "c.png")
    report.plot_rules(rules(0, gold=False), tmp_path / "d.png")
    report.plot_rules(rules(0), tmp_path / "e.png")
    assert "no gold rows with votes" in words(rendered[0]) and "no row has votes" in words(rendered[2])


def test_a_corpus_of_empty_texts(tmp_path):
    (tmp_path / "a.csv").write_text('id,text\n1,""\n2,""\n')
    report.plot_corpus(profile(Corpus.open(tmp_path / "a.csv")), tmp_path / "a.png")
    assert (tmp_path / "a.png").exists()


def test_names_with_dollars_emoji_lines_and_no_end(tmp_path, rendered):
    names = ["$x^", "💥 規則", "two\nlines", "a" * 300]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        report.plot_rules(rules(4, names=names), tmp_path / "a.png")
        schema = LabelSchema(["$x^", "💥 規則", "a" * 300])
        report.plot_confusion(evaluated(schema=schema), tmp_path / "b.png")
        report.plot_probabilities(label_table(schema=schema), schema, tmp_path / "c.png")
    assert {r"\$x^", "two lines", "a" * 33 + "…"} <= set(words(rendered[0]))


def test_a_table_that_is_no_summary(tmp_path):
    with pytest.raises(WeakLabelError, match="this is no table of rules"):
        report.plot_rules(pl.DataFrame({"x": [1]}), tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []


# ---- writing ----


def test_the_same_input_gives_the_same_bytes(tmp_path):
    one, two = (report.plot_rules(rules(), tmp_path / name).read_bytes() for name in ("a.png", "b.png"))
    assert one == two


def test_matplotlibs_own_state_is_left_alone(tmp_path, monkeypatch):
    import sys

    monkeypatch.delitem(sys.modules, "matplotlib.pyplot", raising=False)
    before = dict(matplotlib.rcParams)
    report.plot_rules(rules(), tmp_path / "a.png")
    assert dict(matplotlib.rcParams) == before
    assert "matplotlib.pyplot" not in sys.modules


def test_a_plot_that_fails_leaves_the_old_one_and_no_draft(tmp_path, monkeypatch):
    path = report.plot_rules(rules(), tmp_path / "a.png")
    old = path.read_bytes()

    def fail(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", fail)
    with pytest.raises(OutputError) as caught:
        report.plot_rules(rules(20), path)
    assert "can't write a plot: No space left on device" in str(caught.value) and str(path) in str(
        caught.value
    )
    assert path.read_bytes() == old and list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_a_file(tmp_path):
    (tmp_path / "plots").write_text("")
    with pytest.raises(OutputError, match="can't write a plot"):
        report.plot_rules(rules(), tmp_path / "plots" / "a.png")


def test_the_palette_has_no_colour_twice():
    assert len(set(style.OKABE_ITO)) == 7 and set(label_plots.STATUS_COLOURS.values()) <= {
        *style.OKABE_ITO,
        style.GREY,
    }
