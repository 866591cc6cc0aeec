"""Corpora: many files of one format read as one table with ids, whole, lazily, or shard by shard."""

from weaklabel.corpus.base import Corpus, Shard
from weaklabel.corpus.files import SourceFile

__all__ = ["Corpus", "Shard", "SourceFile"]
