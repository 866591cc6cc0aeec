"""Corpora: many files of one format read as one table with ids, whole, lazily, or shard by shard."""

from weaklabel.corpus.base import Corpus, Shard, read_whole
from weaklabel.corpus.files import SourceFile
from weaklabel.corpus.tables import Reading

__all__ = ["Corpus", "Reading", "Shard", "SourceFile", "read_whole"]
