"""What README shows is what the main job prints."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
VOLATILE = (
    (re.compile(r"\d{8}-\d{6}-[0-9a-f]{6}"), "RUN"),
    (re.compile(r"\d+\.\d s\b"), "SECONDS"),
    (re.compile(r"\S*weaklabel (?=ui|run)"), "weaklabel "),
)


def masked(text):
    """Return a summary without what differs from run to run: ids, seconds, where the program lies."""
    for pattern, word in VOLATILE:
        text = pattern.sub(word, text)
    return [
        line.replace("`weaklabel", "weaklabel").replace("ui`", "ui") for line in text.strip().splitlines()
    ]


@pytest.mark.snorkel
def test_readme_shows_what_the_main_job_prints(tmp_path):
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    shutil.copytree(ROOT / "labeling_functions" / "support", tmp_path / "labeling_functions" / "support")
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environment["PATH"]])
    done = subprocess.run(
        [sys.executable, "-m", "weaklabel", "run"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = re.search(r"<!-- summary -->\n```\n(.*?)```", readme, re.DOTALL)
    assert shown is not None
    assert masked(shown[1]) == masked(done.stdout)
    assert (tmp_path / ".weaklabel" / "mlflow.db").is_file()
