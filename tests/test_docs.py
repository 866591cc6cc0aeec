"""Every Python block of README and docs/ runs; every make target they show exists; links lead somewhere."""

import re
from pathlib import Path

import polars as pl
import pytest

import weaklabel as wl

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("labeling_functions/**/*.md"),
        *ROOT.glob("experiments/**/*.md"),
    ]
)
PYTHON = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
YAML = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?://|mailto:|#)([^)#\s]+)")
TARGET = re.compile(r"`make ([a-z][a-z-]*)|^(?:\$ )?make ([a-z][a-z-]*)", re.MULTILINE)


def blocks(page):
    return PYTHON.findall(page.read_text(encoding="utf-8"))


def name(page):
    return page.relative_to(ROOT).as_posix()


def runnable():
    """Pages with Python blocks; those that import Snorkel are marked so."""
    for page in PAGES:
        code = "".join(blocks(page))
        if code:
            marks = [pytest.mark.snorkel] if "from snorkel" in code else []
            yield pytest.param(page, id=name(page), marks=marks)


@pytest.mark.parametrize("page", list(runnable()))
def test_python_blocks_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pl.DataFrame(
        {
            "comment_id": ["a", "b", "c", "d"],
            "text": ["Please subscribe!", "BUY NOW", "great song", "see https://x.test"],
        }
    ).write_parquet("comments.parquet")
    scope: dict[str, object] = {"__name__": "docs"}
    for number, block in enumerate(blocks(page), 1):
        exec(compile(block, f"{name(page)} block {number}", "exec"), scope)  # our own documents


@pytest.mark.parametrize("number", range(3))
def test_the_rule_packs_of_the_page_on_rules_are_rule_packs(number, tmp_path):
    packs = YAML.findall((ROOT / "docs" / "rules.md").read_text(encoding="utf-8"))
    assert len(packs) == 3
    path = tmp_path / "pack.yaml"
    path.write_text(packs[number], encoding="utf-8")
    names = (
        ["question", "complaint", "thanks"] if number == 0 else ["billing", "delivery", "feedback", "returns"]
    )
    schema = wl.LabelSchema(names)
    registry = wl.LFRegistry(wl.load_pack(path), schema=schema)
    assert wl.check_examples(registry) == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page):
    missing = [
        link for link in LINK.findall(page.read_text(encoding="utf-8")) if not (page.parent / link).exists()
    ]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_make_targets_exist(page):
    known = set(
        re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    )
    shown = TARGET.findall(page.read_text(encoding="utf-8"))
    assert {a or b for a, b in shown} <= known
