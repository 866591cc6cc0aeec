"""A small task whose every number is known, for the tests of what explores rules."""

import polars as pl

from weaklabel.explore import View
from weaklabel.gold import load_gold
from weaklabel.lf import LFRegistry, keywords, regex, where
from weaklabel.schema import LabelSchema

SCHEMA = LabelSchema(["ham", "spam"])
TEXTS = {
    "a": "Please help",
    "b": "please buy now",
    "c": "buy now",
    "d": "buy nwo, pleas",
    "e": "hello",
    "f": "PLEASE!",
}
GOLD = {"a": "ham", "b": "spam", "c": "spam", "e": "ham", "f": "spam"}


def gold_of(labels, schema=SCHEMA):
    return load_gold(pl.DataFrame({"id": list(labels), "label": list(labels.values())}), schema=schema)


def view_of(texts=TEXTS, gold=GOLD, schema=SCHEMA, **options):
    frame = pl.DataFrame({"id": list(texts), "text": list(texts.values())})
    return View.of(frame, gold=None if gold is None else gold_of(gold, schema), **options)


def registry():
    rules = [
        keywords("asks", ["please"], label="ham"),
        keywords("sells", ["buy", "buy now"], label="spam"),
        regex("shouts", "!$", label="spam"),
        where("short", "length(text) < 6", label="ham"),
    ]
    return LFRegistry(rules, schema=SCHEMA)
