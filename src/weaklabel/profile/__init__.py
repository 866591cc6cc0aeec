"""What a corpus looks like: columns, lengths, duplicates, languages."""

from weaklabel.profile.base import CorpusProfile, Progress, TextProfile, profile
from weaklabel.profile.languages import UNKNOWN
from weaklabel.profile.near import jaccard, near_duplicates, shingles

__all__ = [
    "UNKNOWN",
    "CorpusProfile",
    "Progress",
    "TextProfile",
    "jaccard",
    "near_duplicates",
    "profile",
    "shingles",
]
