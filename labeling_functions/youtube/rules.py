"""Rules that need more than a pattern: repetition, length, symbols, and a count of cues."""

from collections import Counter

import weaklabel as wl

from ._text import plain, words

ERRANDS = frozenset(
    [
        "subscribe",
        "channel",
        "videos",
        "check",
        "visit",
        "follow",
        "share",
        "click",
        "join",
        "help",
        "free",
        "link",
        "please",
    ]
)
FIRST_PERSON = frozenset(["i", "i'm", "im", "my", "me", "we", "our", "us"])
TALK = frozenset(
    ["song", "songs", "video", "music", "lyrics", "singer", "rap", "dance", "voice", "beat", "chorus", "clip"]
)


@wl.labeling_function(
    label="SPAM",
    description="Three words in a row come back three times or more: pasted, not written.",
    fires_on=["come to us now come to us now come to us now"],
    abstains_on=["la la la la la la la", "once is enough for anybody"],
    tags=["form"],
    owner="experiments",
)
def says_it_again(row):
    tokens = words(row["text"])
    runs = Counter(zip(tokens, tokens[1:], tokens[2:], strict=False))
    return any(count >= 3 and len(set(run)) == 3 and 8 * count >= len(tokens) for run, count in runs.items())


@wl.labeling_function(
    label="SPAM",
    description="Forty words or more, mostly about the writer and hardly about the song.",
    fires_on=[
        "i moved here when i was nine and i began to paint what i saw from my window every day and then my "
        "teacher told me that i should show my work to other people so i did and i hope you come and see it"
    ],
    abstains_on=["i moved here when i was nine", "the song " * 25],
    tags=["form", "self"],
    owner="experiments",
)
def long_story_of_oneself(row):
    tokens = words(row["text"])
    own = sum(token in FIRST_PERSON for token in tokens)
    return len(tokens) >= 40 and own >= 3 and own > 2 * sum(token in TALK for token in tokens)


@wl.labeling_function(
    label="HAM",
    description="Nothing but emoticons, emoji, signs or one number: a reaction.",
    fires_on=["<3 <3", ":D", "\U0001f602\U0001f602"],
    abstains_on=["ok then", "http://a.example"],
    tags=["short"],
    owner="experiments",
)
def only_signs(row):
    text = plain(row["text"])
    return 0 < len(text) <= 80 and sum(character.isalpha() for character in text) <= 2


@wl.labeling_function(
    description="Counts words of errands against words about music; the clear majority decides.",
    fires_on=["please help and share the link", "the song, the voice, the lyrics: all of it"],
    abstains_on=["share the song", "good evening"],
    tags=["count"],
    owner="experiments",
)
def errand_or_music(row):
    tokens = set(words(row["text"]))
    errands, talk = len(tokens & ERRANDS), len(tokens & TALK)
    if errands >= talk + 2:
        return "SPAM"
    if talk >= errands + 2:
        return "HAM"
    return None
