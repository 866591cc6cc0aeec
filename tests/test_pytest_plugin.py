"""Rules as tests: one test per rule, one failing test per problem of the folder."""

import pytest

pytest_plugins = ["pytester"]

PACK = """rules:
- {name: asks, kind: keywords, label: ham, terms: [please], fires_on: [Please!], abstains_on: [pleased]}
- {name: thanks, kind: keywords, label: ham, terms: [thanks], fires_on: [thank you], abstains_on: [no thanks]}
- {name: bare, kind: regex, label: spam, pattern: 'https?://'}
"""


def run(pytester, *words):
    return pytester.runpytest_subprocess("-p", "weaklabel.pytest_plugin", "-p", "no:cacheprovider", *words)


@pytest.fixture
def rules(pytester):
    folder = pytester.mkdir("rules")
    (folder / "schema.yaml").write_text("labels: [ham, spam]\n")
    (folder / "pack.yaml").write_text(PACK)
    return folder


def test_one_test_per_rule(pytester, rules):
    result = run(pytester, "-v", "-rs", "rules")
    result.assert_outcomes(passed=1, failed=1, skipped=1)
    out = result.stdout.str()
    assert "rules/schema.yaml::asks PASSED" in out
    assert "rule 'thanks' abstains on an example that it should fire on: 'thank you'" in out
    assert "rule 'thanks' votes 'ham' on an example that it should abstain on: 'no thanks'" in out
    assert "pack.yaml:3" in out and "the rule has no examples" in out
    assert "Traceback" not in out and "check_examples" not in out


def test_every_problem_of_a_folder_is_a_failing_test(pytester, rules):
    (rules / "pack.yaml").write_text(
        PACK + "- {name: typo, kind: keywrds, label: ham}\n- {name: two, kind: regex}\n"
    )
    result = run(pytester, "rules")
    result.assert_outcomes(failed=2)
    out = result.stdout.str()
    assert "unknown kind 'keywrds'" in out and "did you mean 'keywords'?" in out and "pack.yaml:5:" in out
    assert "rule 'two' has no `" in out and "pack.yaml:6:" in out


def test_a_folder_without_rules_fails(pytester, rules):
    (rules / "pack.yaml").unlink()
    result = run(pytester, "rules")
    result.assert_outcomes(failed=1)
    assert "no rules in" in result.stdout.str()


def test_a_rule_is_chosen_by_its_id(pytester, rules):
    run(pytester, "rules/schema.yaml::asks").assert_outcomes(passed=1)
    run(pytester, "-k", "thanks", "rules").assert_outcomes(failed=1, deselected=2)


def test_nothing_is_collected_without_the_plugin(pytester, rules):
    pytester.runpytest_subprocess("-p", "no:cacheprovider", "rules").assert_outcomes()
