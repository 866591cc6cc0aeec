"""Plot of a corpus: lengths, languages, holes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from weaklabel.profile import CorpusProfile, TextProfile
from weaklabel.report.style import GREY, OKABE_ITO, bars, figure_to, nothing

MOST_LANGUAGES = 12
"""More languages, or columns with holes, than this are not drawn one by one."""


def plot_corpus(profile: CorpusProfile, path: str | Path) -> Path:
    """Draw how long texts are, which languages they are in, and which columns have holes.

    Parameters
    ----------
    profile
        What `profile` gives; without texts only the columns are drawn.
    path
        PNG file to write.

    Raises
    ------
    OutputError
        The file can't be written.

    Examples
    --------
    >>> import tempfile
    >>> from weaklabel.corpus import Corpus
    >>> from weaklabel.profile import profile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "mail.csv").write_text("id,text\\na,where is my parcel?\\nb,thanks\\n")
    >>> plot_corpus(profile(Corpus.open(folder / "mail.csv")), folder / "corpus.png").name
    'corpus.png'
    """
    text = profile.text
    holes = _holes(profile)
    longest = max(len(holes), 3 if text is None else min(text.languages.height, MOST_LANGUAGES + 1))
    with figure_to(
        path, 9.5 if text else 6.5, (3.1 if text else 1.0) + 0.6 + 0.27 * max(longest, 4)
    ) as figure:
        if text is None:
            _hole_bars(figure.subplots(), holes, profile.rows)
            return Path(path)
        parts: Any = figure.subplots(2, 2, height_ratios=[3.1, 0.6 + 0.27 * max(longest, 4)])
        for axes, measure in zip(parts[0], ("characters", "words"), strict=True):
            _length_bars(axes, text, measure)
        _language_bars(parts[1, 0], text, room=longest)
        _hole_bars(parts[1, 1], holes, profile.rows, room=longest)
        figure.suptitle(_counted(profile, text), x=0.01, ha="left", fontsize=9.5)
    return Path(path)


def _counted(profile: CorpusProfile, text: TextProfile) -> str:
    return (
        f"{profile.rows:,} rows: {text.null + text.empty:,} without text, {text.duplicate_rows:,} whose text another "
        f"row has too; of {text.near_sample:,} different texts looked at, {text.near_rows:,} have a near duplicate"
    )


def _length_bars(axes: Any, text: TextProfile, measure: str) -> None:
    table = text.histograms.filter(pl.col("measure") == measure)
    axes.set_title(f"How long texts are, in {measure}")
    if not table.height:
        return nothing(axes, "no texts")
    start, stop = table["start"].to_numpy(), table["stop"].to_numpy()
    axes.bar(start, table["rows"].to_numpy(), width=stop - start, align="edge", color=OKABE_ITO[0], edgecolor="white",
             linewidth=0.4)  # fmt: skip
    line = text.lengths.row(by_predicate=pl.col("measure") == measure, named=True)
    for name, colour in (("median", OKABE_ITO[5]), ("p95", OKABE_ITO[1])):
        said = "median" if name == "median" else "19 of 20 are shorter"
        axes.axvline(line[name], color=colour, linewidth=1.6, label=f"{said}: {line[name]:,.0f}")
    axes.legend(loc="upper right", fontsize=8.5)
    axes.set_xlim(left=min(0, start[0]) if start[0] < 0.3 * stop[-1] else start[0])
    axes.set_ylabel("rows")
    return None


def _language_bars(axes: Any, text: TextProfile, *, room: int) -> None:
    axes.set_title("Languages, as guessed")
    if not text.languages.height:
        return nothing(axes, "no texts")
    shown = text.languages.head(MOST_LANGUAGES)
    counts = dict(zip(shown["language"], shown["rows"], strict=True))
    others = text.languages.height - shown.height
    if others:
        counts[f"{others} others"] = sum(text.languages["rows"][shown.height :].to_list())
    colours = [GREY if name == "unknown" or name.endswith("others") else OKABE_ITO[2] for name in counts]
    bars(axes, counts, colours, text.language_sample, room=room)
    axes.set_xlabel(f"of {text.language_sample:,} texts looked at", loc="left", fontsize=8.5)
    return None


def _holes(profile: CorpusProfile) -> dict[str, int]:
    holes = profile.columns.select("column", missing=pl.col("nulls") + pl.col("nans")).filter(
        pl.col("missing") > 0
    )
    found = holes.sort("missing", "column", descending=[True, False]).head(MOST_LANGUAGES)
    return dict(found.iter_rows())


def _hole_bars(axes: Any, holes: dict[str, int], rows: int, *, room: int = 3) -> None:
    axes.set_title("Columns with missing values (null or NaN)")
    if not holes:
        axes.set_xticks([])
        axes.set_yticks([])
        return nothing(axes, "none")
    return bars(axes, holes, [OKABE_ITO[1]] * len(holes), rows, room=room)
