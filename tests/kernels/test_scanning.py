"""The kernels of the scan, on small inputs and without the compiler."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from weaklabel.apply.characters import FORMS, REGEX, characters
from weaklabel.kernels import scanning, tables

VOTE = """
import polars as pl
import weaklabel as wl
rules = [
    wl.keywords("k", ["free", "money back", "é"], label="x"),
    wl.keywords("s", ["Free"], label="y", case="sensitive", accents="ignore"),
    wl.lookup("l", {"free": "x", "call": "y", "now": "y"}),
    wl.regex("later", r"\\bfree\\b.*\\bcall\\b", label="y", case="ignore"),
    wl.regex("reads", r"\\b[ac]\\w{2}[l!]\\b", label="x"),
    wl.regex("whole", r"\\w\\w+ll$", label="x"),
    wl.regex("asked", r"(call).*\\1", label="y"),
    wl.regex("front", r"(?:^|\\W)(now|call)[^\\w]*( |$)", label="y"),
    wl.regex("near", r"free.{2,9}call", label="x"),
    wl.regex("waits", r"\\bfree\\w*[ !x].*(call|now)\\W", label="x"),
]
texts = ["free now, call", "Free – call\\n", "money \\t back", "É ſ call call", "", None, "xfree call!", "now\\u3000é free"]
frame = pl.DataFrame({"id": range(len(texts)), "text": texts})
registry = wl.LFRegistry(rules, schema=wl.LabelSchema(["x", "y"]))
print(wl.LFApplier(registry).apply(frame).to_numpy().tolist())
"""


def run(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
        timeout=300,
    )


def test_votes_are_the_same_without_the_compiler():
    plain, compiled = run(VOTE, NUMBA_DISABLE_JIT="1"), run(VOTE)
    assert plain.stdout == compiled.stdout, plain.stderr + compiled.stderr
    assert json.loads(compiled.stdout) == [
        [0, -1, 1, 1, 0, 0, -1, 1, 0, 0],
        [0, 1, -1, 1, 0, 0, -1, 1, -1, -1],
        [0, -1, -1, -1, -1, -1, -1, -1, -1, -1],
        [0, -1, 1, -1, 0, 0, 1, 1, -1, -1],
        [-1] * 10,
        [-1] * 10,
        [-1, -1, 1, -1, 0, -1, -1, 1, -1, -1],
        [0, -1, -1, -1, -1, -1, -1, -1, -1, -1],
    ]


@pytest.mark.parametrize(
    ("text", "hard"),
    [
        ("plain", []),
        ("é", [("ignore", "ignore"), ("sensitive", "ignore")]),
        ("É", [("ignore", "keep"), ("ignore", "ignore"), ("sensitive", "ignore")]),
        ("中 👍", []),
        ("", []),
    ],
)
def test_marks_worked_by_hand(text, hard):
    data = np.frombuffer(f"ſ{text}ſ".encode(), np.uint8)
    offsets = np.array([0, 2, len(data) - 2, len(data)], np.int64)
    offsets.setflags(write=False)  # as the buffers of a column are, so that the kernel is compiled once
    found = scanning.marks(tables.Text(data, offsets), characters()).tolist()
    assert found[1] == sum(FORMS[form] for form in hard)
    assert found[0] == found[2] and found[0] & REGEX
