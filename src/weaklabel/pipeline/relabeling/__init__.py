"""Bulk relabeling: the job, its shards, the fit, the commit."""
