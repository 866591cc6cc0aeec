"""The rules for tags of projects, and the study on them."""

import importlib.util
import shutil
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import weaklabel as wl
from weaklabel.lf.yaml_pack import load_pack
from weaklabel.schema import Outcome

ROOT = Path(__file__).parents[1]
PACKS = ROOT / "labeling_functions" / "madewithml"
STUDY = ROOT / "experiments" / "madewithml"
BY_HAND = sorted(path for path in PACKS.glob("*.yaml") if path.name not in ("schema.yaml", "taxonomy.yaml"))


def by_hand() -> list[wl.LabelingFunction]:
    return [rule for path in BY_HAND for rule in load_pack(path)]


def module(name: str):
    """Import a file of the study under a name that nothing else has."""
    private = f"_study_of_tags_{name}"
    if private not in sys.modules:
        spec = importlib.util.spec_from_file_location(private, STUDY / f"{name}.py")
        sys.modules[private] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[private])
    return sys.modules[private]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory, data_dir: Path):
    """The study's modules, and its task made in a folder of the test's own."""
    task, systems, scoring = module("task"), module("systems"), module("scoring")
    folder = tmp_path_factory.mktemp("madewithml")
    rules = folder / "rules"
    shutil.copytree(PACKS, rules)
    projects, schema, tags = task.prepare(rules, folder / "made")
    return {"task": task, "systems": systems, "scoring": scoring, "folder": folder, "rules": rules,
            "projects": projects, "schema": schema, "tags": tags}  # fmt: skip


def test_rules_by_hand_speak_for_against_and_for_one_of_several() -> None:
    rules = by_hand()
    kinds = [
        "set" if not one.against else "denial"
        for rule in rules
        for one in rule.outcomes
        if isinstance(one, Outcome)
    ]
    assert len(rules) > 90
    assert kinds.count("set") >= 10
    assert kinds.count("denial") >= 10
    assert len([rule for rule in rules if rule.labels and not rule.outcomes]) >= 60
    assert len({rule.id for rule in rules}) == len(rules)


@pytest.mark.parametrize("path", BY_HAND, ids=lambda path: path.stem)
def test_examples_of_the_rules_hold(path: Path) -> None:
    wrong = [
        (rule.name, text)
        for rule in load_pack(path)
        if hasattr(rule, "matches")
        for texts, fires in ((rule.fires_on, True), (rule.abstains_on, False))
        for text in texts
        if rule.matches(text) is not fires
    ]
    assert wrong == []
    assert all(rule.description and rule.fires_on and rule.abstains_on for rule in load_pack(path))


@pytest.mark.data
def test_the_task_is_what_its_files_say(study) -> None:
    projects, schema, tags = study["projects"], study["schema"], study["tags"]
    assert (projects.height, len(tags), len(study["task"].in_taxonomy(schema, tags))) == (2032, 53, 41)
    assert len(schema) == 414
    assert schema.ancestors("gpt") == ("natural-language-processing", "transformers")
    assert schema.ancestors("random-forests") == ("decision-trees",)
    gold = pl.read_csv(study["folder"] / "made" / "gold.csv", schema_overrides={"id": pl.String})
    read = set(projects.filter("read")["id"])
    assert len(read) == 300
    assert not read & set(gold["id"])
    assert len(gold) == 1732


@pytest.mark.data
def test_who_was_read_does_not_hang_on_the_order_of_projects(study) -> None:
    projects = study["projects"]
    drawn = study["task"].drawn_to_read
    assert drawn(projects) == drawn(projects.reverse()) == set(projects.filter("read")["id"])


@pytest.mark.data
def test_alias_match_stands_where_it_stood(study) -> None:
    """The figures that the task came with: micro F1 .46, precision .69, recall .34 on the 41 tags of the taxonomy."""
    schema, projects = study["schema"], study["projects"]
    tags = study["task"].in_taxonomy(schema, study["tags"])
    rules = wl.LFRegistry(study["task"].alias_rules(schema), schema=schema)
    found = study["systems"].fired(study["systems"].cast(rules, projects), tags)
    gold = study["systems"].given(projects, tags)
    right = (found & gold).sum()
    assert 2 * right / (found.sum() + gold.sum()) == pytest.approx(0.46, abs=0.005)
    assert right / found.sum() == pytest.approx(0.69, abs=0.005)
    assert right / gold.sum() == pytest.approx(0.345, abs=0.005)


@pytest.mark.data
def test_the_model_is_above_majority_vote_without_gold_and_with(study) -> None:
    schema, projects, tags = study["schema"], study["projects"], study["tags"]
    systems, scoring = study["systems"], study["scoring"]
    votes = systems.cast(wl.LFRegistry.from_folder(study["rules"], schema=schema), projects)
    free = ~projects["read"].to_numpy()
    board = scoring.Scores(systems.given(projects, tags)[free])
    gold = study["task"].draw(projects, 300, 0)
    for size, told in ((0, None), (300, gold)):
        used = [] if told is None else told["id"].to_list()
        board.draw(size, projects["id"].is_in(used).to_numpy()[free])
        board.add("model", size, systems.given(systems.model(votes, schema, told), tags)[free])
        board.add("majority", size, systems.given(systems.majority(votes, schema), tags)[free])
        columns = list(range(len(tags)))
        micro, macro = (
            a - b
            for a, b in zip(
                board.f1("model", size, columns), board.f1("majority", size, columns), strict=True
            )
        )
        assert scoring.figure(micro).low > 0.01
        assert scoring.figure(macro).value > 0


def test_f1_by_hand() -> None:
    scoring = module("scoring")
    given = np.array([[True, True], [True, False], [False, False]])
    gold = np.array([[True, False], [True, True], [True, False]])
    board = scoring.Scores(gold)
    board.draw(0, np.zeros(3, bool))
    board.add("all", 0, given)
    board.draw(1, np.array([True, False, False]))  # the first is gold: not scored
    board.add("all", 1, given)
    micro, macro = board.f1("all", 0, [0, 1])
    assert (micro[0], macro[0]) == pytest.approx((4 / 7, (4 / 5 + 0) / 2))
    assert board.f1("all", 1, [0])[0][0] == pytest.approx(2 / 3)
    assert len(micro) == 1 + scoring.RESAMPLES
