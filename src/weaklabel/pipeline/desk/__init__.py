"""The gold room by verbs: batches, answers, guidelines, reports, tools."""
