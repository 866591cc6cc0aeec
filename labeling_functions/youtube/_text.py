"""The comment as a reader sees it: entities resolved, tags dropped, invisible marks gone."""

import html
import re


def plain(text):
    text = html.unescape(re.sub(r"<[^>]*>", " ", text))
    return re.sub(r"\s+", " ", text.replace("\ufeff", "")).strip()


def words(text):
    return re.findall(r"[a-z']+", plain(text).lower())
