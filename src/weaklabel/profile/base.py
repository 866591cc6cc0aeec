"""What a corpus looks like, so that one knows one's data before writing a rule.

Everything is counted on all rows, except near duplicates and languages, which are looked for in samples chosen by
a seeded hash of the id; the result says how large they were. No text appears in it: only counts and ids.

The corpus is read once, shard by shard, and once more where texts stand twice. Of a row no more is kept than hashes
and lengths, and its text when it is in the sample.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from weaklabel.corpus import Corpus
from weaklabel.errors import CorpusError, did_you_mean
from weaklabel.profile.counting import COLUMN_SCHEMA, ColumnCount, TextCount
from weaklabel.profile.languages import languages_of
from weaklabel.profile.near import LONGEST, MOST_CHARACTERS, near_duplicates

Progress = Callable[[str, int, int], None]
"""Called with the name of a step, how much of it is done, and how much there is."""

QUANTILES = {"min": 0.0, "p05": 0.05, "median": 0.5, "p95": 0.95, "max": 1.0}

_BINS = 30
_GROUPS_SHOWN = 20
_IDS_SHOWN = 5
_STEPS = ("columns", "lengths", "exact duplicates", "near duplicates", "languages")


@dataclass(frozen=True, eq=False)
class TextProfile:
    """What the texts of a corpus look like.

    Parameters
    ----------
    column
        The column that was read.
    null, empty
        Rows whose text is null; rows whose text is empty or only white space.
    lengths
        One row per measure ("characters", "words"), with min, p05, median, p95, max; null texts are left out.
    histograms
        measure, start, stop, rows: how many texts have a length from start to below stop (in the last bin, to
        stop itself).
    duplicate_rows, duplicate_groups
        Rows whose text another row has too, letter by letter, and how many different texts those are; empty
        texts are left out.
    duplicates
        The biggest such groups: rows, and their first ids.
    near_sample
        How many different texts, of at most 20,000 characters each, were compared for near duplicates.
    near_threshold
        Least Jaccard index of the sets of 5-character shingles (upper and lower case and runs of white space
        alike) of two near duplicates.
    near_rows
        How many of the compared texts have a near duplicate among them.
    near_duplicates
        The pairs: id, other, jaccard; the most alike first.
    language_sample
        How many texts were looked at for their language.
    languages
        language, rows, share; "unknown" where a text is too short or the guess too unsure.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> path = Path(tempfile.mkdtemp()) / "mail.csv"
    >>> _ = path.write_text("id,text\\na,thanks\\nb,thanks\\nc,\\n")
    >>> texts = profile(Corpus.open(path)).text
    >>> texts.column, texts.null, texts.duplicates["rows"].to_list()
    ('text', 1, [2])
    """

    column: str
    null: int
    empty: int
    lengths: pl.DataFrame
    histograms: pl.DataFrame
    duplicate_rows: int
    duplicate_groups: int
    duplicates: pl.DataFrame
    near_sample: int
    near_threshold: float
    near_rows: int
    near_duplicates: pl.DataFrame
    language_sample: int
    languages: pl.DataFrame


@dataclass(frozen=True, eq=False)
class CorpusProfile:
    """What a corpus looks like; made by `profile`.

    Parameters
    ----------
    rows
        Number of rows.
    files
        Number of files that hold rows.
    format
        Their format.
    fingerprint
        The corpus' fingerprint.
    seed
        Seed of the samples.
    columns
        One row per column: column, dtype, nulls, nans, distinct (values other than null), and for numbers min,
        mean and max (NaN left out).
    text
        What the texts look like; None when the corpus was profiled without texts.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> path = Path(tempfile.mkdtemp()) / "mail.csv"
    >>> _ = path.write_text("id,stars\\na,5\\nb,\\n")
    >>> seen = profile(Corpus.open(path), text=None)
    >>> seen.columns.select("column", "dtype", "nulls", "mean").rows()
    [('id', 'String', 0, None), ('stars', 'Int64', 1, 5.0)]
    """

    rows: int
    files: int
    format: str
    fingerprint: str
    seed: int
    columns: pl.DataFrame
    text: TextProfile | None

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON: frames as lists of rows, numbers that are not finite as null."""
        made = _plain(self)
        assert isinstance(made, dict)
        return made


def profile(
    corpus: Corpus,
    *,
    text: str | None = "text",
    sample: int = 5_000,
    seed: int = 0,
    near_threshold: float = 0.7,
    progress: Progress | None = None,
) -> CorpusProfile:
    """Look through a corpus.

    Parameters
    ----------
    corpus
        The corpus.
    text
        The column of texts; None for a corpus without texts.
    sample
        Largest number of rows that are looked at for near duplicates (and no more than two million characters)
        and for languages (of each its first 300 characters).
    seed
        Chooses the sample, together with the ids; the order of the rows does not matter.
    near_threshold
        From which Jaccard index on, above 0 and up to 1, two texts are near duplicates.
    progress
        Called as the work goes on.

    Returns
    -------
    CorpusProfile
        Counts, lengths, duplicates, languages.

    Raises
    ------
    CorpusError
        The text column is missing or holds no text; sample or threshold make no sense.

    Notes
    -----
    Candidates for near duplicates come from MinHash with banding (Broder 1997; Leskovec, Rajaraman and Ullman,
    Mining of Massive Datasets, section 3.4), tuned to miss few; each is then verified by its exact Jaccard index.
    So every pair shown is one, and now and then a pair just above the threshold is missed.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> path = Path(tempfile.mkdtemp()) / "mail.csv"
    >>> _ = path.write_text(
    ...     "id,text\\n"
    ...     "a,where is the parcel that I ordered last week?\\n"
    ...     "b,Where is the  parcel that I ordered last week\\n"
    ...     "c,thanks\\n"
    ...     "d,thanks\\n"
    ...     "e,\\n"
    ... )
    >>> seen = profile(Corpus.open(path))
    >>> seen.rows, seen.text.null, seen.text.duplicate_rows
    (5, 1, 2)
    >>> seen.text.near_duplicates.select("id", "other").rows()
    [('a', 'b')]
    >>> seen.text.lengths.select("measure", "min", "median", "max").rows()
    [('characters', 6.0, 25.5, 45.0), ('words', 1.0, 5.0, 9.0)]
    """
    _check(corpus, text, sample, near_threshold)
    step = _Steps(progress, len(_STEPS) if text is not None else 1)
    gathered = {name: ColumnCount(name, dtype) for name, dtype in corpus.schema.items()}
    texts = TextCount(sample, seed)
    for frame in _frames(corpus):
        for column in gathered.values():
            column.add(frame[column.name])
        if text is not None:
            texts.add(frame["id"], frame[text])
    columns = pl.DataFrame([column.row() for column in gathered.values()], schema=COLUMN_SCHEMA)
    step("columns")
    return CorpusProfile(
        rows=corpus.count(),
        files=len(corpus.files),
        format=corpus.format,
        fingerprint=corpus.fingerprint,
        seed=seed,
        columns=columns,
        text=None if text is None else _text_profile(corpus, text, texts, near_threshold, step),
    )


class _Steps:
    """Reports each finished step."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0

    def __call__(self, name: str) -> None:
        self._done += 1
        if self._progress is not None:
            self._progress(name, self._done, self._total)


def _check(corpus: Corpus, text: str | None, sample: int, threshold: float) -> None:
    if text is not None and text not in corpus.schema:
        hint = did_you_mean(text, corpus.columns) or "give text=None for a corpus without texts"
        raise CorpusError(f"no column {text!r} to profile", available=corpus.columns, hint=hint)
    if text is not None and corpus.schema[text] != pl.String:
        raise CorpusError(
            f"column {text!r} holds {corpus.schema[text]}, not text", hint="choose another column"
        )
    if sample < 1:
        raise CorpusError(f"a sample has at least one row, not {sample}")
    if not 0 < threshold <= 1:
        raise CorpusError(f"a Jaccard index lies between 0 and 1: near_threshold={threshold}")


def _frames(corpus: Corpus, columns: tuple[str, ...] | None = None) -> Iterator[pl.DataFrame]:
    return (corpus.read(shard, columns=columns) for shard in corpus.shards())


# ---- texts ----


def _text_profile(
    corpus: Corpus, column: str, texts: TextCount, threshold: float, step: _Steps
) -> TextProfile:
    sizes = texts.sizes
    step("lengths")
    duplicates = _exact_duplicates(corpus, column, sizes.filter(~pl.col("null") & ~pl.col("empty"))["hash"])
    step("exact duplicates")
    chosen = texts.sample
    different = chosen.unique("text", keep="first", maintain_order=True)
    different = different.filter(pl.col("text").str.len_chars() <= LONGEST)
    different = different.filter(pl.col("text").str.len_chars().cum_sum() <= MOST_CHARACTERS)
    near = near_duplicates(different, threshold, texts.seed)
    step("near duplicates")
    languages = languages_of(chosen["text"])
    step("languages")
    return TextProfile(
        column=column,
        null=int(sizes["null"].sum()),
        empty=int(sizes["empty"].sum()),
        lengths=_lengths(sizes),
        histograms=_histograms(sizes),
        duplicate_rows=int(duplicates["rows"].sum()),
        duplicate_groups=duplicates.height,
        duplicates=duplicates.head(_GROUPS_SHOWN),
        near_sample=different.height,
        near_threshold=threshold,
        near_rows=pl.concat([near["id"], near["other"]]).n_unique(),
        near_duplicates=near,
        language_sample=chosen.height,
        languages=languages,
    )


def _lengths(sizes: pl.DataFrame) -> pl.DataFrame:
    rows = []
    for measure in ("characters", "words"):
        values = sizes[measure].drop_nulls()
        row = {name: values.quantile(q, interpolation="linear") for name, q in QUANTILES.items()}
        rows.append({"measure": measure, **row})
    return pl.DataFrame(rows, schema={"measure": pl.String, **dict.fromkeys(QUANTILES, pl.Float64)})


def _histograms(sizes: pl.DataFrame) -> pl.DataFrame:
    frames = []
    for measure in ("characters", "words"):
        values = sizes[measure].drop_nulls().to_numpy()
        if not len(values):
            continue
        low, high = int(values.min()), int(values.max())
        width = max(1, math.ceil((high - low) / _BINS))
        edges = low + width * np.arange(max(1, math.ceil((high - low) / width)) + 1)
        counts, _ = np.histogram(values, edges)
        frames.append(
            pl.DataFrame({"measure": measure, "start": edges[:-1], "stop": edges[1:], "rows": counts})
        )
    schema = pl.Schema({"measure": pl.String, "start": pl.Int64, "stop": pl.Int64, "rows": pl.Int64})
    return pl.concat(frames).cast(schema) if frames else pl.DataFrame(schema=schema)


def _exact_duplicates(corpus: Corpus, column: str, hashes: pl.Series) -> pl.DataFrame:
    """Group rows by their text; only those whose hash another has are read again."""
    suspects = hashes.filter(hashes.is_duplicated()).unique()
    empty = pl.DataFrame(schema={"rows": pl.Int64, "ids": pl.List(pl.String)})
    if not len(suspects):
        return empty
    text = pl.col(column)
    found = [
        frame.filter(text.hash().is_in(suspects.implode())).select("id", text=text)
        for frame in _frames(corpus, tuple(dict.fromkeys(("id", column))))
    ]
    groups = (
        pl.concat(found)
        .group_by("text")
        .agg(rows=pl.len().cast(pl.Int64), ids=pl.col("id").sort().head(_IDS_SHOWN))
        .filter(pl.col("rows") > 1)
        .select("rows", "ids")
    )
    return groups.sort(-pl.col("rows"), pl.col("ids").list.first())


def _plain(value: Any) -> Any:
    if isinstance(value, pl.DataFrame):
        return [_plain(row) for row in value.iter_rows(named=True)]
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, CorpusProfile | TextProfile):
        return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
