"""The audit: how good labels are, from a small sample that people labeled, said so that it holds."""
