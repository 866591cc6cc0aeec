"""Labeling functions written for Snorkel. The first two are used as they are.

The codes are positions in schema.yaml. Snorkel hands each function a row as a pandas Series.
"""

from snorkel.labeling import LabelingFunction, labeling_function
from snorkel.preprocess import preprocessor

import weaklabel as wl

from ._codes import ABSTAIN, DELIVERY, RETURNS, TECHNICAL
from ._helpers import newest_part, read_words, sentences, words

ORDER = frozenset(
    ("order", "ordered", "parcel", "package", "delivery", "deliver", "delivered", "courier", "driver", "van")
)


@preprocessor()
def without_quotes(x):
    x["newest"] = newest_part(x["text"])
    return x


@labeling_function(
    resources={"days": read_words("waiting.txt"), "order": ORDER},
    pre=[without_quotes],
)
def counts_the_days(x, days, order):
    """An order or a parcel and a word of waiting in one sentence."""
    for sentence in sentences(x.newest):
        said = set(words(sentence))
        if said & days and said & order:
            return DELIVERY
    return ABSTAIN


@labeling_function(
    resources={"goods": read_words("goods.txt"), "damage": read_words("damage.txt")},
    pre=[without_quotes],
)
def goods_with_damage(x, goods, damage):
    """A thing from the catalogue and a word for damage in one sentence."""
    for sentence in sentences(x.newest):
        said = set(words(sentence))
        if said & goods and said & damage:
            return RETURNS
    return ABSTAIN


def any_phrase(x, phrases, label):
    """One of the phrases stands in the text."""
    text = x.text.lower().replace("’", "'")
    return label if any(phrase in text for phrase in phrases) else ABSTAIN


def make_phrase_lf(name, phrases, label):
    return LabelingFunction(name=name, f=any_phrase, resources={"phrases": phrases, "label": label})


PHRASES = (
    "reinstall", "restarted", "tried two", "tried another", "other browser", "every browser", "turned it off and on",
    "factory reset", "a reset", "newest version", "latest version", "cleared the cache", "on my laptop",
    "on the laptop", "new phone", "old phone", "both phones", "two phones",
)  # fmt: skip

# What Snorkel has no place for, an owner, tags and examples, can be put around one of its functions.
tried_everything = wl.from_snorkel(
    make_phrase_lf("tried_everything", PHRASES, TECHNICAL),
    description="The writer has reinstalled, restarted or tried another phone already.",
    owner="app-team",
    tags=["software"],
    fires_on=["I restarted it and cleared the cache"],
    abstains_on=["I tried the soup"],
)
