"""Tags of projects by rules: the model of tags against alias match, majority vote and Snorkel. See README.md."""

from __future__ import annotations

import argparse
import time

from scoring import Scores, figure
from snorkel_tags import snorkel_a_tag
from systems import cast, fired, given, majority, model
from task import MADE, RULES, alias_rules, draw, in_taxonomy, prepare

import weaklabel as wl

SIZES = (0, 100, 300)
OURS = "model of tags"
COMMON = 0.4
"""Tags that a larger share of the read projects have are given to every project by one more baseline."""


def main(draws: int, of_snorkel: int) -> None:
    """Print the tables of README.md."""
    projects, schema, tags = prepare()
    listed = in_taxonomy(schema, tags)
    groups = {f"the {len(tags)} tags": tags, f"the {len(listed)} in the taxonomy": listed}
    groups |= {f"the {len(tags) - len(listed)} that are not": [tag for tag in tags if tag not in listed]}
    start = time.perf_counter()
    rules = wl.LFRegistry.from_folder(RULES, schema=schema)
    votes = cast(rules, projects)
    alone = wl.LFRegistry([rule for rule in rules.rules if rule.id.startswith("tag.")], schema=schema)
    fixed = {
        "alias match": fired(cast(wl.LFRegistry(alias_rules(schema), schema=schema), projects), tags),
        "rules out of the taxonomy": fired(cast(alone, projects), tags),
        "majority vote": given(majority(votes, schema), tags),
    }
    read = projects["read"].to_numpy()
    common = given(projects, tags)[read].mean(axis=0) > COMMON
    fixed["majority vote, and what is common to all"] = fixed["majority vote"] | common
    own = len(rules.rules) - len(alone.rules)
    print(f"{len(projects)} projects, {own} rules by hand, {len(alone.rules)} out of the taxonomy")
    print(f"votes after {time.perf_counter() - start:.0f} s", flush=True)
    print(f"common: {', '.join(tag for tag, much in zip(tags, common, strict=True) if much)}\n")
    free = ~read
    board, few = Scores(given(projects, tags)[free]), []
    for size in SIZES:
        for seed in range(draws if size else 1):
            told = draw(projects, size, seed) if size else None
            used = [] if told is None else told["id"].to_list()
            board.draw(size, projects["id"].is_in(used).to_numpy()[free])
            board.add(OURS, size, given(model(votes, schema, told), tags)[free])
            for name, found in fixed.items():
                board.add(name, size, found[free])
            if seed < of_snorkel:
                found, few = snorkel_a_tag(votes, tags, fixed["majority vote"], told, MADE)
                board.add("Snorkel a tag", size, found[free])
    if of_snorkel:
        print(
            f"Snorkel: {len(tags) - len(few)} tags; by majority vote, for want of rules: {', '.join(few)}\n"
        )
    for group, names in groups.items():
        table(group, board, [tags.index(name) for name in names])


def table(group: str, board: Scores, columns: list[int]) -> None:
    """Print F1 of every system at each gold size, and the model's difference from it."""
    print(
        f"**{group}**\n\n| gold | system | micro F1 | macro F1 | model minus it, micro | model minus it, macro |"
    )
    print("|---" * 6 + "|")
    for name, size in sorted(board.answers, key=lambda one: one[1]):
        theirs = board.f1(name, size, columns)
        ours = board.f1(OURS, size, columns, draws=len(board.answers[name, size]))
        cells = ["", ""] if name == OURS else [str(figure(a - b)) for a, b in zip(ours, theirs, strict=True)]
        print(f"| {size} | {name} | {theirs[0][0]:.3f} | {theirs[1][0]:.3f} | {cells[0]} | {cells[1]} |")
    print(flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=5, help="draws of gold at each size")
    parser.add_argument(
        "--snorkel", type=int, default=1, help="of these, draws that Snorkel is fitted on; 0 leaves it out"
    )
    chosen = parser.parse_args()
    main(chosen.draws, chosen.snorkel)
