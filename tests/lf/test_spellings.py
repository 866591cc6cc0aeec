"""Spellings of names and aliases: hyphens, joins, plurals, acronyms."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weaklabel.lf.spellings import acronym_forms, spellings, variants


def finds(names, text, **more):
    return any(re.search(one.pattern, text) for one in spellings(names, **more))


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("computer-vision", "Computer  Vision", True),
        ("computer-vision", "COMPUTER-VISION", True),
        ("computer-vision", "#ComputerVision", True),
        ("computer-vision", "computer visions", True),
        ("computer-vision", "microcomputer vision", False),
        ("computer vision", "computer-vision", True),
        ("unit_tests", "a unit-test", True),
        ("library", "two libraries", True),
        ("libraries", "one library", True),
        ("box", "boxes", True),
        ("boxes", "a box", True),
        ("class", "classes", True),
        ("autoencoders", "an autoencoder", True),
        ("deep-q-networks", "deep q-network", True),
        ("deep-q-networks", "deep-q networks", True),
        ("ci-cd", "CI/CD", True),
        ("node-js", "Node.js", True),
        ("c++", "C++11 or c++ ", True),
        ("c++", "cpp", False),
        ("passage-re-ranking-by-hand", "passage re-ranking by hand", True),
        ("passage-re-ranking-by-hand", "passage-re-ranking-by-hand", True),
        ("straße", "Straßen", False),
        ("naïve-bayes", "NAÏVE BAYES", True),
        # what ends in s and is no plural
        ("news", "new", False),
        ("keras", "kera", False),
        ("robotics", "robotic", False),
        ("analysis", "analysi", False),
        ("status", "statu", False),
        ("time-series", "time sery", False),
        ("css", "cs", False),
        ("go", "gos", False),
    ],
)
def test_what_a_name_finds(name, text, found):
    assert finds([name], text) is found


@pytest.mark.parametrize(
    ("names", "text", "found"),
    [
        (["generative-adversarial-networks", "gan"], "two GANs", True),
        (["generative-adversarial-networks", "gan"], "a GAN", True),
        (["generative-adversarial-networks", "gan"], "gan", False),
        (["generative-adversarial-networks", "gan"], "Gan", False),
        (["information-technology", "it"], "is it so", False),
        (["information-technology", "it"], "IT", True),
        (["part-of-speech-tagging", "pos"], "POS tags", True),
        (["part-of-speech-tagging", "pos"], "pos", False),
        # without a vowel no word of its own: any case
        (["natural-language-processing", "nlp"], "Nlp", True),
        (["natural-language-processing", "nlp"], "nlp", True),
        # as the taxonomy writes it
        (["RL"], "rl", False),
        (["RL"], "RL", True),
        (["iOS"], "iOS and IOS", True),
        (["iOS"], "ios", False),
        (["SPAM"], "spam", False),
        (["TRUMP"], "trump", True),  # five letters: a word in capitals
        (["go"], "Go", True),
        (["go"], "GO", True),
        (["go"], "go", False),
        # single letters
        (["r"], "R, the language", True),
        (["r"], "r", False),
        (["r"], "R-CNN", False),
        (["r"], "R&D", False),
        (["c"], "C++", False),
        (["c"], "C/C++", True),
        (["c"], "vitamin-C", False),
    ],
)
def test_case_counts_where_the_lower_case_form_could_be_a_word(names, text, found):
    assert finds(names, text) is found


def test_a_form_that_is_the_name_of_another_label_is_left_to_it():
    assert finds(["transformers"], "a transformer")
    assert not finds(["transformers"], "a transformer", taken={"transformer"})
    assert finds(["transformers"], "transformers", taken={"transformer", "transformers"})
    assert finds(["transformers"], "a transformer", taken={"transformer"}, own=["Transformer"])


def test_a_form_of_two_spellings_belongs_to_the_first():
    one, *others = spellings(["fine-tuning", "finetuning", "fine tuning"])
    assert one.text == "fine-tuning"
    assert "finetuning" in one.forms
    assert all(set(one.forms).isdisjoint(other.forms) for other in others)


def test_plurals_of_acronyms_need_three_letters_and_no_s():
    assert acronym_forms("AWS", ["AWS"]) == ("AWS",)
    assert acronym_forms("RL", ["RL"]) == ("RL",)
    assert acronym_forms("GAN", ["GAN"]) == ("GAN", "GANs")


def test_names_of_other_scripts_have_no_case():
    assert acronym_forms("机器", ["机器"]) is None
    assert finds(["机器"], "机器")


@given(st.lists(st.text(alphabet="abc -_/+é", min_size=1, max_size=12), min_size=1, max_size=3))
def test_forms_are_distinct_and_each_finds_itself(names):
    kept = [name for name in names if name.strip()]
    made = spellings(kept)
    forms = [form for one in made for form in one.forms]
    assert len(set(forms)) == len(forms)
    for one in made:
        for form in one.forms:
            assert re.search(one.pattern, form)


@given(st.lists(st.text(alphabet="abcxyz", min_size=2, max_size=6), min_size=1, max_size=6))
def test_a_name_with_hyphens_and_one_with_spaces_find_the_same_texts(words):
    joined, spaced = set(variants("-".join(words))), set(variants(" ".join(words)))
    assert joined - {"-".join(words)} == spaced - {"-".join(words)} or len(words) > 4
    assert " ".join(words) in joined
    assert "-".join(words) in spaced
