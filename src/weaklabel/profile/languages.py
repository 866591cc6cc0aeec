"""Languages of texts, guessed by py3langid, whose model comes with it: no network."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

UNKNOWN = "unknown"

_FEWEST_LETTERS = 12
_LEAST_CONFIDENCE = 0.3
_CHARACTERS = 300


def languages_of(texts: pl.Series) -> pl.DataFrame:
    """Return language, rows and share; "unknown" where there are few letters or the guess is unsure.

    Examples
    --------
    >>> languages_of(pl.Series(["I would like to know where my parcel is", "ok"])).rows()
    [('en', 1, 0.5), ('unknown', 1, 0.5)]
    """
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    guess = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True).classify
    found = pl.Series("language", [_language(text, guess) for text in texts], dtype=pl.String)
    counts = found.value_counts(name="rows").with_columns(pl.col("rows").cast(pl.Int64))
    return counts.with_columns(share=pl.col("rows") / max(1, len(found))).sort(-pl.col("rows"), "language")


def _language(text: str, guess: Callable[[str], tuple[str, float]]) -> str:
    if sum(map(str.isalpha, text)) < _FEWEST_LETTERS:
        return UNKNOWN
    language, confidence = guess(text[:_CHARACTERS])
    return language if confidence >= _LEAST_CONFIDENCE and language not in ("zxx", "und") else UNKNOWN
