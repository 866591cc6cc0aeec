import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from weaklabel.kernels.jit import njit
from weaklabel.label_matrix import as_patterns
from weaklabel.label_model import create

FIT = """
import json, numpy as np
from weaklabel.label_matrix import LabelMatrix, VotePatterns, as_patterns
from weaklabel.label_model import create

votes = np.array([[0, 0, 1], [0, -1, 0], [1, 1, 0], [1, 1, -1], [-2, 0, 1], [-1, -1, -1], [1, 1, 0]], np.int8)
parts = [LabelMatrix.from_numpy(part, silence=-1) for part in (votes[:3], votes[3:])]
patterns = VotePatterns.merge([parts[0].patterns(), parts[1].as_events().patterns()])
model = create("dawid_skene", n_classes=2, max_iter=5).fit(patterns, gold=patterns.gold_table([0] + [-1] * 6, n_classes=2))
print(json.dumps({"keys": patterns.keys.tolist(), "proba": model.predict_proba(patterns).tolist()}))
"""

GROUP = """
import numpy as np
from weaklabel.kernels import em, patterns
print([x.tolist() for x in patterns.group(np.array([4, 7, 4]))])
"""
GROUPED = "[[0, 1], [0, 1, 0]]"


def run(code, **environment):
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def test_kernels_say_the_same_without_the_compiler():
    plain, compiled = run(FIT, NUMBA_DISABLE_JIT="1"), run(FIT)
    assert plain.returncode == 0, plain.stderr
    assert compiled.returncode == 0, compiled.stderr
    a, b = json.loads(plain.stdout), json.loads(compiled.stdout)
    assert a["keys"] == b["keys"]
    assert np.allclose(a["proba"], b["proba"], rtol=0, atol=1e-14)


def test_a_cache_that_can_not_be_written_is_one_warning_and_no_error():
    code = """
import logging, sys
logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
from numba.core import caching

def refuse(self, *args):
    raise OSError("read-only file system")

for name in dir(caching):
    if name.endswith("Locator") and hasattr(getattr(caching, name), "ensure_cache_path"):
        getattr(caching, name).ensure_cache_path = refuse
"""
    done = run(code + GROUP, NUMBA_CACHE_DIR="")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == GROUPED
    assert done.stderr.count("compiled kernels can't be kept on disk") == 1
    assert "NUMBA_CACHE_DIR" in done.stderr


def test_the_cache_is_used_where_it_can_be(tmp_path):
    done = run(GROUP, NUMBA_CACHE_DIR=str(tmp_path))
    assert done.stdout.strip() == GROUPED, done.stderr
    assert list(Path(tmp_path).rglob("*.nbi"))
    assert done.stderr == ""


def test_importing_the_package_does_not_load_numba():
    done = run("import sys, weaklabel; print('numba' in sys.modules)")
    assert done.stdout.strip() == "False", done.stderr


def test_models_load_nothing_heavy_before_they_are_used():
    code = "import sys, weaklabel.label_model as m; m.create('snorkel', n_classes=2); m.create('default', n_classes=2)"
    done = run(code + "; print([x for x in ('numba', 'torch', 'snorkel', 'pandas') if x in sys.modules])")
    assert done.stdout.strip() == "[]", done.stderr


def test_njit_compiles():
    @njit
    def total(values):
        out = 0.0
        for value in values:
            out += value
        return out

    assert total(np.array([1.0, 2.5])) == 3.5


def test_many_rows_grow_the_table_of_keys():
    votes = np.array([[i % 100, i // 100] for i in range(5000)], np.int8)
    patterns = as_patterns(np.repeat(votes, 2, axis=0))
    assert len(patterns) == 5000
    assert set(patterns.counts.tolist()) == {2}
    assert create("default", n_classes=100).fit(patterns).predict_proba(patterns).shape == (5000, 100)


def test_a_disk_that_fills_up_while_kernels_are_kept_is_one_warning_and_no_error(tmp_path):
    code = """
import logging, sys
logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
from numba.core import caching

def full(self, *args):
    raise OSError(28, "No space left on device")

caching.IndexDataCacheFile.save = full
"""
    done = run(code + GROUP, NUMBA_CACHE_DIR=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == GROUPED
    assert done.stderr.count("compiled kernels can't be kept on disk") == 1
