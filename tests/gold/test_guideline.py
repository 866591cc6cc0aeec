"""Guidelines: reading, versions and their changes, what these put in doubt, examples and cases."""

import datetime
import re
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weaklabel.errors import GoldError, Problems, SchemaError
from weaklabel.gold.guideline import (
    add_case,
    affected,
    build,
    diff,
    due,
    linked,
    load_guideline,
    parse,
)
from weaklabel.gold.guideline.text import code, code_names, quoted, scan
from weaklabel.lf import keywords, regex
from weaklabel.schema import Label, LabelSchema, any_of, none_of

SUPPORT = Path(__file__).resolve().parents[2] / "labeling_functions" / "support"
SCHEMA = LabelSchema(["ham", Label("spam", aliases=("junk",)), "news"])
TEXT = """# Mail

Version 1.

## Aim

One label a mail.

## The labels

### ham

All that is neither.

- "See you at noon"

Not ham: "Buy now" (`spam`).

### spam

It sells something.

### news

It tells something.

## Ambiguous cases

1. **Sells and tells** -> `spam`. Reason: the offer is what it is for.
2. **A greeting** -> `ham`.

If in doubt, ask.

## Change log

- 2026-01-05, version 1: first version
"""
DAY = datetime.date(2026, 11, 21)


def read(text=TEXT, schema=SCHEMA, name="guide.md"):
    return parse(text, schema=schema, name=name)


def complaint(text, schema=SCHEMA, kind=GoldError):
    with pytest.raises(kind) as caught:
        read(text, schema)
    return str(caught.value)


def anchors(guideline):
    return [section.anchor for section in guideline.sections]


def changed(new, old=TEXT):
    return {change.section: change for change in diff(read(old), read(new)).changes}


# ---- reading ----


def test_the_guideline_of_the_sample_is_read_as_it_stands():
    schema = LabelSchema.from_yaml(SUPPORT / "schema.yaml")
    guideline = load_guideline(SUPPORT / "sample" / "guideline.md", schema=schema)
    assert guideline.number == 1
    assert [s.anchor for s in guideline.sections if s.defines] == list(schema.names)
    assert {s.label for s in guideline.sections if s.defines} == set(schema.names)
    cases = guideline.section("ambiguous-cases-decisions")
    assert (cases.kind, cases.line) == ("cases", 99)
    assert len(cases.blocks) == 19
    assert cases.blocks[4].text.startswith("1. **Damaged in transit** -> `returns`.")
    assert guideline.section("delivery").line == 23
    assert guideline.section("shipping") == guideline.of_label("delivery")


def test_sections_with_anchors_labels_kinds_and_places():
    guideline = read()
    assert [(s.anchor, s.level, s.label, s.kind, s.parent, s.line) for s in guideline.sections] == [
        ("mail", 1, None, "general", None, 1),
        ("aim", 2, None, "general", "mail", 5),
        ("the-labels", 2, None, "general", "mail", 9),
        ("ham", 3, "ham", "label", "the-labels", 11),
        ("spam", 3, "spam", "label", "the-labels", 19),
        ("news", 3, "news", "label", "the-labels", 23),
        ("ambiguous-cases", 2, None, "cases", "mail", 27),
        ("change-log", 2, None, "log", "mail", 34),
    ]
    assert guideline.section("ham").text.splitlines() == [
        "All that is neither.",
        '- "See you at noon"',
        'Not ham: "Buy now" (`spam`).',
    ]
    assert [s.anchor for s in guideline.beneath("the-labels")] == ["the-labels", "ham", "spam", "news"]
    assert guideline.section("mail").text == ""  # the version is no text of the section
    assert [s.anchor for s in guideline.beneath("news")] == ["news"]
    assert len(guideline.beneath("mail")) == 8


def test_sections_are_found_by_anchor_label_alias_and_heading():
    guideline = read()
    for name in ("spam", "junk"):
        assert guideline.section(name).anchor == "spam"
    assert guideline.section("The Labels").anchor == "the-labels"
    with pytest.raises(GoldError) as caught:
        guideline.section("the-label")
    assert str(caught.value) == (
        "the guideline has no section 'the-label'\n  where: guide.md\n  available: mail, aim, the-labels, ham, spam, "
        "news, ambiguous-cases, change-log\n  hint: did you mean 'the-labels'?"
    )


@pytest.mark.parametrize(
    "heading",
    [
        "## ham",
        "## Ham ##",
        "## **ham**",
        "## `ham`",
        "## 1. ham",
        "## 2.1 ham",
        "## ham: all else",
        "## ham - all else",
        "## ham – all else",
        "## ham (all else)",
        "## The label `ham`",
        "## All else\n<!-- label: ham -->",
        "## All else <!-- label: ham -->",
        "## All else\n\n<!-- id: rest -->\n<!-- label: ham -->",
        "ham\n---",
        "ham\n===",
    ],
)
def test_headings_that_define_a_label(heading):
    other = "# spam" if "=" in heading else "## spam"
    guideline = parse(f"{heading}\n\nText.\n\n{other}\n", schema=LabelSchema(["ham", "spam"]))
    assert guideline.of_label("ham").text == "Text."
    assert guideline.sections[0].label == "ham"


def test_an_alias_counts_only_where_no_heading_has_the_name():
    assert read(TEXT.replace("### spam", "### Junk")).of_label("spam").title == "Junk"
    both = read(TEXT.replace("## Aim", "## Junk"))
    assert both.of_label("spam").line == 19
    assert both.section("junk").anchor == "junk"  # an anchor comes before an alias
    assert both.section("junk").label is None


def test_a_name_in_code_marks_counts_only_where_no_heading_is_the_name():
    schema = LabelSchema(["ham", "spam"])
    assert [
        s.label for s in parse("# Why `ham`?\n# ham: see `spam`\n# What `spam` is\n", schema=schema).sections
    ] == [
        None,
        "ham",
        "spam",
    ]


def test_sections_inside_a_labels_section_are_its_own():
    text = TEXT.replace("It sells something.", "It sells.\n\n#### Spam and ham\n\n#### ham\n\nIs mail.")
    guideline = read(text)
    assert [(s.anchor, s.label, s.defines) for s in guideline.beneath("spam")] == [
        ("spam", "spam", True),
        ("spam-and-ham", "spam", False),
        ("spam-ham", "spam", False),
    ]


def test_a_label_beneath_another_may_stand_in_its_section():
    schema = LabelSchema(["ham", "spam", Label("phishing", parents=("spam",))])
    guideline = parse("# ham\n# spam\n## phishing\n### Cases\n- x\n", schema=schema)
    assert [s.label for s in guideline.sections] == ["ham", "spam", "phishing", "phishing"]
    assert complaint("# ham\n## phishing\n# spam\n", schema) == (
        "label 'phishing' has no section\n  where: guide.md\n"
        "  hint: the heading at line 2 lies in the section of 'ham': move it, or write <!-- label: phishing --> beneath it"
    )


def test_the_title_of_the_document_defines_no_label_and_no_cases():
    guideline = parse(
        "# Spam: ambiguous cases\n## ham\n## spam\n## Rest\n", schema=LabelSchema(["ham", "spam"])
    )
    assert [(s.label, s.kind) for s in guideline.sections] == [
        (None, "general"),
        ("ham", "label"),
        ("spam", "label"),
        (None, "general"),
    ]


def test_headings_in_code_comments_and_examples_are_none():
    text = TEXT.replace(
        "One label a mail.",
        "```\n## spam\n```\n\n~~~text\n# ham\n```\n~~~\n\n<!--\n## news\n-->\n<!-- a\n## ham\n-->\n    # indented\n#tag\n\n"
        "<!-- examples: ham -->\n## ham\n<!-- end -->\n",
    )
    assert anchors(read(text)) == anchors(read())


def test_settings_above_the_text_are_no_heading():
    guideline = read("---\ntitle: x\n---\n" + TEXT)
    assert anchors(guideline) == anchors(read())
    assert guideline.fingerprint == read().fingerprint


def test_text_above_the_first_heading_is_a_section():
    guideline = parse("Version 4.\n\nHello.\n\n# ham\n# spam\n", schema=LabelSchema(["ham", "spam"]))
    assert [(s.anchor, s.level, s.line, s.text) for s in guideline.sections][:2] == [
        ("top", 0, 1, "Hello."),
        ("ham", 1, 5, ""),
    ]
    assert [s.anchor for s in guideline.beneath("top")] == ["top"]
    assert guideline.number == 4


def test_anchors_are_explicit_or_slugs_or_qualified_by_what_is_around():
    text = (
        "# Über: `ham` & co!\n<!-- id: ham -->\n# ham\n## Cases\n# spam\n## Cases\n## Cases\n# 💥\n"
        "# X\n<!-- id: cases -->\n"
    )
    guideline = parse(text, schema=LabelSchema(["ham", "spam"]))
    assert anchors(guideline) == ["ham", "ham-2", "ham-2-cases", "spam", "spam-cases", "spam-cases-2", "section", "cases"]  # fmt: skip
    assert parse("# Über die Labels\n## ham\n## spam\n", schema=guideline.schema).sections[0].anchor == (
        "über-die-labels"
    )


def test_kinds_by_id_where_headings_are_in_another_language():
    text = "# ham\n# spam\n# Grenzfälle\n<!-- id: grenz-cases -->\n# Verlauf\n<!-- id: change-log -->\n"
    assert [s.kind for s in parse(text, schema=LabelSchema(["ham", "spam"])).sections][2:] == ["cases", "log"]


@pytest.mark.parametrize(
    ("line", "number"),
    [
        ("Version 12.", 12),
        ("**Version 3**", 3),
        ("version: 7", 7),
        ("Version v2, 2026-11-21.", 2),
        ("Version 2 (2026-11-21).", 2),
        ("Version control is ours.", 0),
        ("This is version 2", 0),
        ("", 0),
    ],
)
def test_the_number(line, number):
    assert read(TEXT.replace("Version 1.", line)).number == number


def test_the_number_stands_above_the_labels():
    assert read(TEXT.replace("Version 1.\n", "").replace("It sells", "Version 3\n\nIt sells")).number == 0


def test_crlf_lone_cr_and_a_byte_order_mark_make_no_difference():
    for text in (TEXT.replace("\n", "\r\n"), TEXT.replace("\n", "\r"), "\ufeff" + TEXT):
        guideline = read(text)
        assert guideline.version == read().version
        assert [s.line for s in guideline.sections] == [s.line for s in read().sections]
        assert guideline.text == text


def test_unicode_line_separators_end_no_line():
    text = TEXT.replace("All that", "All\x0b\x0c\x85\u2028that")
    assert read(text).section("spam").line == 19


def test_entries_of_the_change_log():
    text = TEXT + (
        "- 2026-02-01, version 2, ham, `The labels`: what is ham: all mail\n  of friends\n"
        "- 2026-02-02, spam: typos (editorial)\n- 2026-02-03: no section\n- last year: nothing\nText.\n"
    )
    first, second, third, fourth = read(text).entries
    assert (first.date, first.version, first.sections) == (datetime.date(2026, 1, 5), 1, ())
    assert (second.sections, second.version, second.line) == (("ham", "The labels"), 2, 37)
    assert second.text == "what is ham: all mail of friends"
    assert (third.sections, third.editorial, third.version) == (("spam",), True, None)
    assert (fourth.sections, fourth.editorial) == ((), False)


# ---- complaints ----


def test_a_label_without_a_section():
    assert complaint(TEXT.replace("### news\n", "")) == (
        "label 'news' has no section\n  where: guide.md\n  hint: write a heading 'news' and what belongs to it"
    )


def test_two_sections_for_a_label():
    assert complaint(TEXT + "## Spam\n") == (
        "label 'spam' has a second section; the first is at line 19\n  where: guide.md:37\n"
        "  hint: make them one, or write <!-- general --> beneath the heading that defines nothing"
    )
    assert read(TEXT + "## Spam\n<!-- general -->\n").sections[-1].label is None


@pytest.mark.parametrize("heading", ["### spma", "### Spams", "## spma"])
def test_a_heading_near_a_label_that_has_none(heading):
    assert complaint(TEXT.replace("### spam", heading)) == (
        f"the heading {heading.lstrip('# ')!r} names no label\n  where: guide.md:19\n  available: ham, spam, news\n"
        "  hint: did you mean 'spam'? Is it none: write <!-- general --> beneath it"
    )


def test_a_heading_among_labels_and_one_in_code_marks_are_taken_for_labels():
    for text in (
        TEXT.replace("### news", "### scam\n\n### news"),
        TEXT.replace("### ham", "### `scam`\n### ham"),
    ):
        assert complaint(text).splitlines()[0] == "the heading 'scam' names no label"
    text = TEXT.replace("### news", "### scam\n<!-- general -->\n\n### news")
    assert read(text).section("scam").label is None


def test_all_complaints_come_at_once_in_the_order_of_the_lines():
    text = (
        "Version 1.2\n\n# ham\n<!-- id: a b -->\n# spam\n<!-- id: x -->\n# more\n<!-- id: x -->\n"
        "<!-- examples: spma -->\n<!-- end -->\n# Changes\n- 2026-02-30, ham: x\n<!-- label: y -->\n```\n"
        "# Z <!-- label: nwes -->\n"
    )
    problems = complaint(text, kind=Problems)
    assert (
        problems
        == """8 problems in guide.md
  1. label 'news' has no section
     where: guide.md
     hint: write a heading 'news' and what belongs to it
  2. a version is a whole number, not '1.2'
     where: guide.md:1
     hint: Version 2.
  3. 'a b' is no id: letters, digits, `_`, `-` and `.` only
     where: guide.md:3
     hint: <!-- id: a-b -->
  4. the id 'x' is taken by line 5
     where: guide.md:7
  5. examples of an unknown label 'spma'
     where: guide.md:9
     available: ham, spam, news
     hint: did you mean 'spam'?
  6. the change log: '2026-02-30' is no day
     where: guide.md:12
     hint: 2026-11-21
  7. a block of code is never closed
     where: guide.md:14
     hint: write a line of ``` where it ends
  8. unknown label 'nwes'
     where: guide.md:15
     available: ham, spam, news
     hint: did you mean 'news'?"""
    )


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("<!-- open\n", "a comment is never closed"),
        ("<!-- examples: ham -->\n", "a block of examples is never closed"),
        (
            "<!-- examples: ham -->\n<!-- examples: ham -->\n<!-- end -->\n",
            "a block of examples is never closed",
        ),
        ("<!-- end -->\n", "an end of examples that nothing opens"),
        ("~~~\n``\n", "a block of code is never closed"),
    ],
)
def test_what_is_never_closed(text, what):
    message = complaint(TEXT + text)
    assert message.splitlines()[:2] == [what, "  where: guide.md:37"]


def test_files_that_are_missing_or_broken(tmp_path):
    path = tmp_path / "guide.md"
    with pytest.raises(GoldError, match="can't read the guideline: No such file"):
        load_guideline(path, schema=SCHEMA)
    path.write_bytes(b"# h\xff")
    with pytest.raises(GoldError, match=r"the guideline is not UTF-8 \(byte 3\)"):
        load_guideline(path, schema=SCHEMA)
    path.write_bytes(TEXT.replace("\n", "\r\n").encode())
    assert load_guideline(path, schema=SCHEMA).text.count("\r\n") == TEXT.count("\n")


# ---- versions ----


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("One label a mail.", "One label\na   mail. "),
        ("1. **Sells", "7) **Sells"),
        ('- "See', '* "See'),
        ("Version 1.", "Version 2."),
        ("first version", "the first version"),
        ("One label", "<!-- note -->\nOne <!-- to us --> label"),
        ("One label a mail.\n", "One label a mail.\n\n---\n***\n* * *\n"),
    ],
)
def test_what_makes_no_other_text(before, after):
    new = read(TEXT.replace(before, after, 1))
    assert new.text != TEXT
    assert new.fingerprint == read().fingerprint
    assert diff(read(), new).changes == ()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("One label", "Some labels"),
        ("## Aim", "## Purpose"),
        ("2. **A greeting** -> `ham`.\n", ""),
        ("It sells something.", "It sells something.\n<!-- examples: spam -->\n- x\n<!-- end -->"),
        ("## Aim\n\nOne label a mail.\n", ""),
    ],
)
def test_what_makes_another_text(before, after):
    new = read(TEXT.replace(before, after, 1))
    assert new.fingerprint != read().fingerprint
    assert re.fullmatch(r"1-[0-9a-f]{8}", new.version)
    assert diff(read(), new).changes != ()


def test_a_changed_text_with_its_lines_and_the_labels_it_names():
    found = changed(TEXT.replace("It sells something.", "It sells something.\n\nNot spam: lists (`news`)."))
    assert list(found) == ["spam"]
    change = found["spam"]
    assert (change.kind, change.was, change.labels, change.editorial, change.line) == (
        "changed",
        "spam",
        ("spam", "news"),
        False,
        19,
    )
    assert change.text == ("+ Not spam: lists (`news`).",)
    assert change.sentence == "spam (line 19): changed; concerns 'spam' and 'news'"


def test_a_general_section_concerns_all_labels():
    change = changed(TEXT.replace("One label", "Just `ham`"))["aim"]
    assert (change.labels, change.queue) == (None, True)
    assert change.sentence == "aim (line 5): changed; concerns all labels"


def test_a_case_concerns_the_labels_it_names_and_without_any_all():
    one = changed(TEXT.replace("2. **A greeting**", "2. **Thanks** -> `junk`.\n3. **A greeting**"))
    assert one["ambiguous-cases"].text == ("+ 1. **Thanks** -> `junk`.",)
    assert one["ambiguous-cases"].labels == ("spam",)
    assert changed(TEXT.replace("ask.", "ask us."))["ambiguous-cases"].labels is None


def test_added_and_removed_sections():
    text = TEXT.replace("## Ambiguous cases", "## Tools\n\nUse the mouse.\n\n## Ambiguous cases")
    added = changed(text)
    assert [(c.section, c.kind, c.was, c.text) for c in added.values()] == [
        ("tools", "added", None, ("+ Use the mouse.",))
    ]
    removed = changed(TEXT, text)
    assert [(c.section, c.kind, c.was, c.text, c.line) for c in removed.values()] == [
        ("tools", "removed", "tools", ("- Use the mouse.",), 27)
    ]
    empty = changed(TEXT.replace("## Ambiguous", "## Tools\n\n## Ambiguous"))["tools"]
    assert (empty.kind, empty.of_meaning, empty.queue) == ("added", False, False)


def test_renamed_sections_are_known_by_their_label_or_their_text():
    change = changed(TEXT.replace("## Aim", "## What we want"))["what-we-want"]
    assert (change.kind, change.was, change.text, change.queue) == ("renamed", "aim", (), False)
    change = changed(TEXT.replace("### spam", "### junk"))["junk"]
    assert (change.kind, change.was) == ("renamed", "spam")
    text = TEXT.replace("### spam", "### junk").replace("It sells something.", "Quite another text.")
    assert (changed(text)["junk"].kind, changed(text)["junk"].was) == ("changed", "spam")
    long = "Take the newest mail of a thread and leave the rest of it alone, please."
    old = TEXT.replace("One label a mail.", long)
    text = old.replace("## Aim", "## Goal").replace("please", "always")
    assert [(c.section, c.kind, c.was) for c in changed(text, old).values()] == [("goal", "changed", "aim")]


def test_moved_sections():
    spam = "### spam\n\nIt sells something.\n\n"
    text = TEXT.replace(spam, "").replace("### ham", spam + "### ham")
    assert [(c.section, c.kind, c.queue) for c in changed(text).values()] == [("spam", "moved", False)]
    labels = TEXT[TEXT.index("## The labels") : TEXT.index("## Ambiguous")]
    text = TEXT.replace(labels, "").replace("## Change log", labels + "## Change log")
    assert [c.section for c in changed(text).values()] == ["ambiguous-cases"]  # the fewest that explain it
    nested = TEXT.replace("## Aim", "### Aim")
    assert [(c.section, c.kind) for c in changed(nested).values()] == [("aim", "moved")]


def test_sections_that_change_their_label_are_changed():
    text = TEXT.replace("## Ambiguous cases", "#### Ambiguous cases")
    change = changed(text)["ambiguous-cases"]
    assert (change.kind, change.labels, change.queue) == ("changed", ("ham", "spam", "news"), True)


def test_examples_pulled_from_gold_put_nothing_in_doubt():
    block = "It sells something.\n\n<!-- examples: spam -->\n- a\n<!-- end -->"
    new = TEXT.replace("It sells something.", block)
    change = changed(new)["spam"]
    assert (change.kind, change.text, change.of_meaning) == ("examples", ("+ - a",), False)
    assert changed(new.replace("- a", "- b"), new)["spam"].text == ("- - a", "+ - b")


def editorial(entry, before="sells something", after="sells anything"):
    new = TEXT.replace(before, after) + entry
    return diff(read(), read(new))


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("", False),
        ("- 2026-11-21, spam: typo (editorial)\n", True),
        ("- 2026-11-21, version 2, `spam`, aim: typos (Editorial, by ann)\n", True),
        ("- 2026-11-21, junk: by alias (editorial)\n", True),
        ("- 2026-11-21, all: wording (editorial)\n", True),
        ("- 2026-11-21, spam: typo\n", False),
        ("- 2026-11-21, spam: wider (editorial board)\n", False),
        ("- 2026-11-21, ham: typo (editorial)\n", False),
        ("- 2026-11-21: typo (editorial)\n", False),
        ("- 2026-11-21, the-labels: those in it are not meant (editorial)\n", False),
        ("- 2026-11-21, spam: typo (editorial)\n- 2026-11-22, spam: wider\n", False),
        ("- 2026-11-21, all: wording (editorial)\n- 2026-11-22, spam: wider\n", False),
    ],
)
def test_editorial_changes_are_declared_in_the_change_log(entry, expected):
    (change,) = editorial(entry).changes
    assert (change.editorial, change.queue) == (expected, not expected)
    assert ("(editorial)" in change.sentence) == expected


def test_an_entry_that_was_there_before_declares_nothing():
    old = TEXT + "- 2026-02-01, spam: typo (editorial)\n"
    (change,) = diff(read(old), read(old.replace("sells", "offers"))).changes
    assert change.queue


def test_a_renamed_section_may_be_declared_by_its_old_name():
    text = TEXT.replace("### spam", "### Junk").replace("sells", "offers")
    (change,) = diff(read(), read(text + "- 2026-11-21, spam: wording (editorial)\n")).changes
    assert (change.section, change.was, change.editorial) == ("junk", "spam", True)
    text = TEXT.replace("## Aim\n\nOne", "## Goal\n\nOne")
    (change,) = diff(read(), read(text + "- 2026-11-21, aim: heading (editorial)\n")).changes
    assert (change.kind, change.editorial) == ("renamed", True)


def test_notes_on_the_number_and_the_change_log():
    assert editorial("").notes == (
        "the text changed and the version is still 1: raise it",
        "the change log does not say why 'spam' changed",
    )
    found = editorial("- 2026-11-21, spma: x\n- 2026-11-21, spam: y\n").notes
    assert found[1:] == ("the change log, line 37: there is no section 'spma'",)
    back = diff(read(TEXT.replace("Version 1", "Version 3")), read())
    assert (back.changes, back.notes) == ((), ("the version went back from 3 to 1",))
    assert diff(read(), read()).notes == ()


PIECES = st.sampled_from(
    ["## Aim\n\nOne.\n", "## Aim\n\nTwo `spam`.\n", "## Tips\n\n- a\n- b\n", "## Tips\n\n- b\n- a\n",
     "## Cases\n\n1. `ham`\n", "### More\n\nText.\n", "## Tools\n", "## Purpose\n\nOne.\n"]
)  # fmt: skip
LABELS = ("## ham\n\nx\n", "## spam\n\ny\n", "## news\n\nz\n")
DOCUMENTS = st.tuples(
    st.permutations(LABELS), st.lists(PIECES, max_size=4), st.lists(PIECES, max_size=3)
).map(lambda parts: "# Mail\n\n" + "\n".join([*parts[1], *parts[0], *parts[2]]))


@settings(deadline=None, max_examples=200)
@given(DOCUMENTS, DOCUMENTS)
def test_there_are_changes_whenever_the_fingerprint_differs(old, new):
    old, new = read(old), read(new)
    found = diff(old, new)
    if old.fingerprint != new.fingerprint:
        assert found.changes
    elif anchors(old) == anchors(new):
        assert found.changes == ()
    assert diff(new, new).changes == ()
    was = [pair[0].anchor for pair in found.pairs if pair[0]]
    now = [pair[1].anchor for pair in found.pairs if pair[1]]
    assert (sorted(was), now) == (sorted(anchors(old)), anchors(new))  # every section once
    back = diff(new, old)
    swap = {"added": "removed", "removed": "added"}
    count = sorted(swap.get(c.kind, c.kind) for c in back.changes if c.kind in swap)
    assert count == sorted(c.kind for c in found.changes if c.kind in swap)


# ---- what is in doubt ----


def answers(*rows, guideline):
    """Rows of item, kind, labels."""
    return pl.DataFrame(
        {
            "item": [row[0] for row in rows],
            "kind": [row[1] for row in rows],
            "labels": [list(row[2:]) for row in rows],
            "guideline": [guideline] * len(rows) if isinstance(guideline, str | None) else guideline,
        },
        schema={"item": pl.String, "kind": pl.String, "labels": pl.List(pl.String), "guideline": pl.String},
    )


ROWS = (
    ("a", "label", "ham"),
    ("b", "label", "spam"),
    ("c", "label", "ham", "news"),
    ("d", "not", "spam"),
    ("e", "none"),
    ("f", "skip"),
    ("g", "unsure"),
)
SPAM = TEXT.replace("Version 1", "Version 2").replace("sells something", "sells anything")
GENERAL = TEXT.replace("Version 1", "Version 2").replace("One label", "Just one label")


def items(found):
    return "".join(found["item"])


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        (SPAM, "bdeg"),
        (GENERAL, "abcdeg"),
        (TEXT.replace("`ham`.", "`news`."), "acdeg".replace("d", "")),
        (TEXT.replace("## Aim", "## Goal"), ""),
        (TEXT, ""),
    ],
)
def test_answers_follow_the_sections_of_their_labels_and_the_general_ones(new, expected):
    old = read()
    found = affected(diff(old, read(new)), answers(*ROWS, guideline=old.version))
    assert items(found.answers) == expected
    assert found.answers["queue"].all()
    assert found.answers.columns == ["item", "kind", "labels", "guideline", "sections", "queue"]


def test_only_answers_of_old_texts_are_in_doubt():
    old, new = read(), read(SPAM)
    versions = [old.version, new.version, "1", "2", None, "something else"]
    frame = answers(*[(str(i), "label", "spam") for i in range(6)], guideline=versions)
    assert items(affected(diff(old, new), frame).answers) == "0245"


def test_versions_between_are_told_apart_by_the_text_of_the_section():
    first = read()
    second = read(SPAM)
    third = read(SPAM.replace("Version 2", "Version 3").replace("tells something", "tells anything"))
    versions = [first.version, second.version, third.version]
    frame = answers(
        *[(f"{label[0]}{i} ", "label", label) for label in ("spam", "news") for i in range(3)],
        guideline=versions * 2,
    )
    changes = diff(first, third)
    assert items(affected(changes, frame, known=[second]).answers) == "s0 n0 n1 "
    assert items(affected(changes, frame).answers) == "s0 s1 n0 n1 "
    gone = read(TEXT.replace("## Aim\n\nOne label a mail.\n", ""))
    later = read(SPAM.replace("## Aim\n\nOne label a mail.\n", ""))
    frame = answers(("x", "label", "ham"), ("y", "label", "ham"), guideline=[first.version, gone.version])
    assert items(affected(diff(first, later), frame, known=[gone]).answers) == "x"


def test_editorial_changes_are_listed_and_not_queued():
    old = read()
    text = SPAM.replace("tells something", "tells anything") + "- 2026-11-21, spam: typo (editorial)\n"
    frame = answers(*ROWS, ("h", "label", "spam", "news"), guideline=old.version)
    found = affected(diff(old, read(text)), frame).answers
    assert found.select("item", "sections", "queue").rows() == [
        ("b", ["spam"], False),
        ("c", ["news"], True),
        ("d", ["spam"], False),
        ("e", ["spam", "news"], True),
        ("g", ["spam", "news"], True),
        ("h", ["spam", "news"], True),
    ]


def test_gold_with_a_label_or_labels_with_or_without_versions():
    old, new = read(), read(SPAM)
    gold = pl.DataFrame({"item": ["a", "b", "c"], "label": ["ham", "spam", None], "role": ["check"] * 3})
    found = affected(diff(old, new), gold=gold).gold
    assert items(found) == "bc"
    assert found.columns == ["item", "label", "role", "sections", "queue"]
    versions = pl.Series("guideline", [old.version, new.version, new.version])
    assert items(affected(diff(old, new), gold=gold.with_columns(versions)).gold) == ""
    many = pl.DataFrame({"item": ["a", "b", "c", "d"], "labels": [["ham"], ["ham", "spam"], [], None]})
    assert items(affected(diff(old, new), gold=many).gold) == "bcd"


def test_the_order_of_answers_is_kept_and_nothing_else_is_needed():
    old, new = read(), read(GENERAL)
    frame = answers(*[(str(i), "label", "ham") for i in (5, 3, 9, 1)], guideline=None)
    assert items(affected(diff(old, new), frame).answers) == "5391"
    nothing = affected(diff(old, new))
    assert (nothing.answers.height, nothing.gold.height, nothing.rules.height) == (0, 0, 0)
    assert affected(diff(old, new), frame.clear()).answers.schema["sections"] == pl.List(pl.String)


def test_frames_without_the_columns():
    changes = diff(read(), read(SPAM))
    with pytest.raises(GoldError) as caught:
        affected(changes, pl.DataFrame({"kind": ["label"], "label": ["ham"]}))
    assert str(caught.value) == (
        "the answers have no column 'labels'\n  available: kind, label\n  hint: did you mean 'label'?"
    )
    with pytest.raises(GoldError, match="the gold set has no column 'label'"):
        affected(changes, gold=pl.DataFrame({"item": ["a"]}))


RULES = (
    keywords("buys", ["buy"], label="spam", owner="ann"),
    keywords("tells", ["today"], label="news"),
    regex("either", "x", label=any_of("spam", "news")),
    regex("not spam", "y", label=none_of("spam")),
    keywords("linked", ["z"], label="ham", tags=["guideline:spam"]),
    keywords("to cases", ["w"], label="spam", tags=["team:a", "guideline: Ambiguous cases"]),
)


def test_rules_follow_their_labels_or_the_sections_they_name():
    found = affected(diff(read(), read(SPAM)), rules=RULES).rules
    assert found["rule"].to_list() == ["buys", "either", "not_spam", "linked"]
    assert found.row(0)[:3] == ("buys", "buys", "ann")
    assert re.fullmatch(r".*test_guideline\.py:\d+", found["where"][0])
    assert found.select("sections", "queue").row(0) == (["spam"], True)
    cases = TEXT.replace("the offer", "an offer")
    assert affected(diff(read(), read(cases)), rules=RULES).rules["rule"].to_list() == [
        "buys",
        "either",
        "not_spam",
        "to_cases",
    ]
    assert affected(diff(read(), read(GENERAL)), rules=RULES).rules.height == len(RULES)


def test_a_link_covers_the_sections_inside_and_survives_a_removed_or_renamed_section():
    inner = TEXT.replace("It sells something.", "It sells something.\n\n#### Cases\n\n- Old.")
    rule = keywords("linked", ["z"], label="ham", tags=["guideline:spam"])
    other = keywords("inner", ["z"], label="ham", tags=["guideline:cases"])
    found = affected(diff(read(inner), read(inner.replace("Old", "New"))), rules=[rule, other]).rules
    assert found["sections"].to_list() == [["cases"], ["cases"]]
    assert affected(diff(read(inner), read()), rules=[other]).rules["sections"].to_list() == [["cases"]]


def test_links_of_rules():
    assert linked(read(), RULES) == {
        "buys": ("spam",),
        "tells": ("news",),
        "either": ("news", "spam"),
        "not_spam": ("spam",),
        "linked": ("spam",),
        "to_cases": ("ambiguous-cases",),
    }
    wrong = [keywords(name, ["z"], label="ham", tags=[f"guideline:{name}"]) for name in ("spma", "aims")]
    with pytest.raises(Problems) as caught:
        linked(read(), wrong)
    assert "2 problems in the rules' links to the guideline" in str(caught.value)
    assert "tag 'guideline:spma' names no section of guide.md" in str(caught.value)
    assert "hint: did you mean 'spam' or 'mail'?" in str(caught.value)
    with pytest.raises(GoldError, match="tag 'guideline:aims' names no section"):
        affected(diff(read(), read(SPAM)), rules=wrong[1:])


def naive_affected(changes, frame):
    """Row by row, of answers that were all made under the old version."""
    kept = []
    for row in frame.iter_rows(named=True):
        sections = []
        for change in changes.changes:
            if change.kind not in ("added", "removed", "changed") or not (
                change.text or change.kind == "changed"
            ):
                continue
            mine = row["kind"] in ("none", "unsure") or (row["kind"] != "skip" and change.labels is None)
            if row["kind"] in ("label", "not"):
                mine = change.labels is None or bool(set(row["labels"]) & set(change.labels))
            if mine:
                sections.append(change.section)
        if sections:
            kept.append((row["item"], sections))
    return kept


@settings(deadline=None, max_examples=100)
@given(DOCUMENTS, DOCUMENTS)
def test_answers_in_doubt_are_those_of_a_plain_loop(old, new):
    old, new = read(old), read(new)
    if old.version == new.version:
        return
    frame = answers(*ROWS, guideline=old.version)
    changes = diff(old, new)
    found = affected(changes, frame).answers
    assert found.select("item", "sections").rows() == naive_affected(changes, frame)


# ---- examples ----


def shown(**columns):
    return pl.DataFrame(columns)


SHOWN = shown(
    item=["1", "2", "3"],
    text=["Buy *now*", "By now", "I sell news"],
    label=["spam", "ham", "junk"],
    reason=["an offer", None, None],
    counter=[None, "spam", "news"],
)
MARKED = TEXT.replace(
    "It sells something.",
    "It sells something.\n\n<!-- examples: spam -->\nold\n# stuff\n<!-- end -->\n\nMore.",
)


def block(text, label):
    return text.split(f"<!-- examples: {label} -->\n")[1].split("<!-- end -->")[0]


def test_a_marked_block_is_filled_and_nothing_else_is_touched():
    built = build(read(MARKED), SHOWN, add=False)
    content = (
        '- "I sell news", not `news`\n- "Buy \\*now\\*": an offer\n\nNot `spam`:\n\n- "By now" is `ham`\n'
    )
    assert sorted(block(built, "spam").split("\n\n")[0].splitlines()) == sorted(
        content.split("\n\n")[0].splitlines()
    )
    assert block(built, "spam").split("\n\n", 1)[1] == content.split("\n\n", 1)[1]
    assert built.replace(block(built, "spam"), "old\n# stuff\n") == MARKED


def test_blocks_are_added_where_gold_has_examples_and_the_document_none():
    built = build(read(MARKED), SHOWN)
    assert [re.findall(r"(?m)^<!-- examples: (.*) -->$", built)] == [["ham", "spam", "news"]]
    guideline = read(built)
    assert guideline.section("news").examples[-1].text == '- "I sell news" is `spam`'
    assert guideline.section("news").text == read().section("news").text
    assert [(c.section, c.kind) for c in diff(read(MARKED), guideline).changes] == [
        (label, "examples") for label in ("ham", "spam", "news")
    ]


def test_building_again_changes_nothing_and_less_gold_empties_blocks():
    once = build(read(MARKED), SHOWN)
    assert build(read(once), SHOWN) == once
    assert build(read(once), SHOWN.reverse()) == once
    emptied = build(read(once), SHOWN.clear())
    assert "sell news" not in emptied
    assert block(emptied, "spam") == ""
    assert build(read(emptied), SHOWN) == once


def test_several_counters_and_a_limit():
    many = shown(
        item=[str(i) for i in range(9)],
        text=[f"t{i}" for i in range(9)],
        label=["ham"] * 9,
        counter=[["spam", "news", "spam", "ham"]] * 9,
    )
    built = build(read(), many, limit=4)
    assert len(re.findall("(?m)^- ", block(built, "ham"))) == 4
    assert '", not `spam`, not `news`' in block(built, "ham")
    assert block(built, "spam").startswith("Not `spam`:\n\n- ")
    assert build(read(), many.sample(fraction=1, shuffle=True, seed=1), limit=4) == built


def test_crlf_emoji_and_indented_blocks():
    text = MARKED.replace("<!-- examples: spam -->", "  <!-- examples: spam -->").replace("\n", "\r\n")
    rows = shown(item=["1"], text=["💥 שלום\r\nnext\rlast\nx"], label=["spam"])
    built = build(read(text), rows)
    assert block(built.replace("\r\n", "\n"), "spam") == '  - "💥 שלום<br>next<br>last<br>x"\n'
    assert built.count("\r\n") == built.count("\n")


def test_texts_that_look_like_marks_end_no_block():
    nasty = [
        "<!-- end -->",
        "\n<!-- end -->\n",
        "```",
        "\n# ham\n",
        "-->",
        "\\",
        '"',
        "<!-- examples: ham -->",
    ]
    rows = shown(
        item=[str(i) for i in range(len(nasty))],
        text=nasty,
        label=["spam"] * len(nasty),
        reason=nasty,
        counter=["ham"] * len(nasty),
    )
    built = build(read(), rows)
    assert anchors(read(built)) == anchors(read())
    assert build(read(built), rows) == built
    assert len(read(built).section("spam").examples) == len(nasty)


def test_shown_gold_that_is_wrong():
    def complaint_of(frame):
        with pytest.raises((GoldError, SchemaError, Problems)) as caught:
            build(read(), frame)
        return str(caught.value)

    assert complaint_of(shown(item=["1"], txt=["a"], label=["ham"])) == (
        "shown gold has no column 'text'\n  available: item, txt, label\n  hint: did you mean 'txt'?"
    )
    bad = shown(
        item=["1", "2", "2", None, "5"],
        text=["a", None, "c", "d", "e"],
        label=["spma", "ham", "ham", "ham", "ham"],
        counter=[None, None, None, None, "scam"],
    )
    message = complaint_of(bad)
    assert message.splitlines()[0] == "4 problems in shown gold"
    assert "unknown label 'spma'\n     where: shown gold, item '1'" in message
    assert "there is no text\n     where: shown gold, item '2'" in message
    assert "shown gold without an item\n     where: row 4" in message
    assert "unknown label 'scam'\n     where: shown gold, item '5'" in message
    twice = shown(item=["1", "1"], text=["a", "b"], label=["ham", "ham"])
    assert complaint_of(twice) == "item '1' stands twice in shown gold\n  where: row 2"


SPECIAL = r"""\`*_[]()<>&#!|~$"':-+.={}""" + "\n\r "
TEXTS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0") | st.sampled_from(SPECIAL), max_size=40
)


def as_shown(markdown):
    """Return what a reader sees of one line of Markdown."""
    markdown_it = pytest.importorskip("markdown_it")
    (inline,) = (t for t in markdown_it.MarkdownIt("gfm-like", {"linkify": False}).parse(markdown) if t.type == "inline")  # fmt: skip
    parts = []
    for token in inline.children:
        assert token.type in ("text", "html_inline", "text_special"), token
        assert token.type != "html_inline" or token.content == "<br>", token
        parts.append("\n" if token.type == "html_inline" else token.content)
    return "".join(parts)


@settings(deadline=None, max_examples=300)
@given(TEXTS)
def test_a_quoted_text_is_one_line_and_is_shown_as_it_is(text):
    line = quoted(text)
    assert not re.search(r"[\r\n]", line)
    expected = re.sub(r"\r\n|\r", "\n", text)
    assert as_shown(f"- {line}") == f'"{expected}"'


@given(st.text(st.sampled_from("a`` b"), min_size=1, max_size=8).filter(str.strip))
def test_a_name_in_code_marks_can_be_read_back(name):
    assert code_names(f"x {code(name)} y") == (name.strip(),)


@settings(deadline=None, max_examples=100)
@given(
    st.lists(st.tuples(TEXTS, st.sampled_from(SCHEMA.names), TEXTS, st.sampled_from([None, *SCHEMA.names]))),
    st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_any_gold_is_built_once_for_all(rows, newline):
    frame = pl.DataFrame(
        [(str(i), *row) for i, row in enumerate(rows)],
        schema=dict.fromkeys(["item", "text", "label", "reason", "counter"], pl.String),
        orient="row",
    )
    guideline = read(MARKED.replace("\n", newline))
    built = build(guideline, frame)
    again = read(built)
    assert build(again, frame.reverse()) == built
    assert [(s.anchor, s.fingerprint) for s in again.sections] == [
        (s.anchor, s.fingerprint) for s in guideline.sections
    ]
    assert sum(len(s.examples) for s in again.sections) == sum(
        1 + (row[3] not in (None, row[1])) for row in rows
    ) + len({row[3] for row in rows if row[3] not in (None, row[1])})


# ---- cases ----


def test_a_case_goes_to_the_list_of_a_section_of_cases():
    text = add_case(
        read(), "Free *hugs*", "ham", "nothing\nis sold", section="ambiguous-cases", date=DAY, by="ann",
        mistaken_for=["junk", "ham"],
    )  # fmt: skip
    case = '3. "Free \\*hugs\\*" -> `ham`, not `spam`. Reason: nothing is sold (2026-11-21, ann)\n'
    entry = "- 2026-11-21, version 2, ambiguous-cases: new case of `ham`, not `spam`\n"
    assert text == (
        TEXT.replace("2. **A greeting** -> `ham`.\n", "2. **A greeting** -> `ham`.\n" + case).replace(
            "Version 1.", "Version 2."
        )
        + entry
    )
    changes = diff(read(), read(text))
    assert changes.notes == ()
    (change,) = changes.changes
    assert (change.section, change.labels, change.queue) == ("ambiguous-cases", ("ham", "spam"), True)


def test_a_labels_section_gets_a_part_for_cases_and_keeps_it():
    once = add_case(read(), "a", "spam", "b", date=DAY)
    assert (
        '#### Cases\n<!-- id: spam-cases -->\n\n- "a" -> `spam`. Reason: b (2026-11-21)\n\n### news' in once
    )
    twice = add_case(read(once), "c", "junk", "d", date=DAY)
    assert '(2026-11-21)\n- "c" -> `spam`. Reason: d (2026-11-21)\n\n### news' in twice
    guideline = read(twice)
    assert guideline.number == 3
    assert [entry.version for entry in guideline.entries] == [1, 2, 3]
    assert guideline.section("spam-cases").label == "spam"


def test_the_sample_takes_a_case():
    schema = LabelSchema.from_yaml(SUPPORT / "schema.yaml")
    path = SUPPORT / "sample" / "guideline.md"
    old = load_guideline(path, schema=schema)
    text = add_case(
        old, "Where is it?", "delivery", "as ever", section="Ambiguous cases: decisions", date=DAY
    )
    new = parse(text, schema=schema)
    assert new.section("ambiguous-cases-decisions").blocks[18].text == (
        '1. "Where is it?" -> `delivery`. Reason: as ever (2026-11-21)'
    )
    assert '\n19. "Where is it?"' in text
    assert text.endswith(
        "for version 2.\n\n## Change log\n\n"
        "- 2026-11-21, version 2, ambiguous-cases-decisions: new case of `delivery`\n"
    )
    assert (new.number, [c.section for c in diff(old, new).changes]) == (2, ["ambiguous-cases-decisions"])


def test_a_general_section_gets_its_part_before_the_change_log():
    plain = TEXT.replace("## Ambiguous cases", "## Hints")
    text = add_case(read(plain), "a", "ham", "b", section="mail", date=DAY)
    assert (
        '\n## Cases\n<!-- id: mail-cases -->\n\n- "a" -> `ham`. Reason: b (2026-11-21)\n\n## Change log\n'
        in text
    )


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ("- 2026-02-01: b\n- 2026-01-01: a\n", "- N\n- 2026-02-01: b\n- 2026-01-01: a\n"),
        ("- 2026-01-01: a\n- 2026-02-01: b\n", "- 2026-01-01: a\n- 2026-02-01: b\n- N\n"),
        (
            "- 2026-02-01, version 2: b\n- 2026-02-01, version 1: a\n",
            "- N\n- 2026-02-01, version 2: b\n- 2026-02-01, version 1: a\n",
        ),
        ("* 2026-01-01: a\n", "* 2026-01-01: a\n* N\n"),
        ("1. first\n", "1. first\n- N\n"),
        ("Words.\n", "Words.\n\n- N\n"),
        ("- 2026-01-01: a\n  - nested\n", "- 2026-01-01: a\n  - nested\n- N\n"),
        ("- 2026-01-01: a\n\n  more\n\nAfter.\n", "- 2026-01-01: a\n\n  more\n- N\n\nAfter.\n"),
        ("- 2026-01-01: a\nlazy\n---\n", "- 2026-01-01: a\nlazy\n- N\n---\n"),
        ("- 2026-01-01: a", "- 2026-01-01: a\n- N\n"),
    ],
)
def test_where_an_entry_of_the_change_log_goes(entries, expected):
    text = TEXT[: TEXT.index("- 2026-01-05")] + entries
    made = add_case(read(text), "a", "ham", "b", section="ambiguous-cases", date=DAY)
    entry = "2026-11-21, version 2, ambiguous-cases: new case of `ham`"
    assert made.split("## Change log\n\n")[1] == expected.replace("N", entry)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("**Version 9**", "**Version 10**"),
        ("Version 9 (2025-01-01).", "Version 10 (2026-11-21)."),
        ("", "\nVersion 1.\n"),
    ],
)
def test_the_version_is_raised(line, expected):
    text = add_case(read(TEXT.replace("Version 1.", line)), "a", "ham", "b", date=DAY)
    assert expected in text
    assert read(text).number == (10 if line else 1)
    flat = add_case(parse("# ham\n# spam", schema=LabelSchema(["ham", "spam"])), "a", "ham", "b", date=DAY)
    assert flat.startswith("Version 1.\n\n# ham\n\n## Cases\n")


@pytest.mark.parametrize(
    ("above", "below"),
    [
        ("\ufeff", "# ham\n# spam\n"),
        ("---\na: b\n---\n", "# ham\n# spam\n"),
        ("\ufeff# Title\n", "## ham\n## spam\n"),
        ("---\na: b\n---\n# Title\n", "## ham\n## spam\n"),
        ("", "Hello.\n# ham\n# spam\n"),
    ],
)
def test_where_a_first_version_goes(above, below):
    old = parse(above + below, schema=LabelSchema(["ham", "spam"]))
    made = add_case(old, "a", "ham", "b", date=DAY)
    gap = "" if above in ("", "\ufeff") else "\n"
    assert made.startswith(f"{above}{gap}Version 1.\n\n{below.splitlines()[0]}\n")
    assert parse(made, schema=old.schema).number == 1


def test_a_version_below_a_title_that_is_underlined():
    text = "Mail\n====\n<!-- id: top-of-all -->\n## ham\n## spam\n"
    made = add_case(parse(text, schema=LabelSchema(["ham", "spam"])), "a", "ham", "b", date=DAY)
    assert made.startswith("Mail\n====\n<!-- id: top-of-all -->\n\nVersion 1.\n\n## ham\n")


def test_cases_that_are_refused():
    once = read(add_case(read(), "Free  *hugs*", "ham", "b", date=DAY))
    for options, what in [
        ({"text": " "}, "the text of a case is empty\n  where: guide.md"),
        ({"reason": ""}, "the reason of a case is empty\n  where: guide.md"),
        ({"section": "change-log"}, "the change log holds no cases\n  where: guide.md:39"),
        (
            {"text": "Free *hugs*"},
            "the case stands there already\n  where: guide.md:22\n  hint: change its decision there",
        ),
    ]:
        with pytest.raises(GoldError) as caught:
            add_case(once, **{"text": "a", "label": "ham", "reason": "b", "date": DAY, **options})
        assert str(caught.value) == what
    with pytest.raises(GoldError, match="the guideline has no section 'hamm'"):
        add_case(once, "a", "ham", "b", section="hamm", date=DAY)
    with pytest.raises(SchemaError, match="unknown label 'hamm'"):
        add_case(once, "a", "hamm", "b", date=DAY)
    with pytest.raises(SchemaError, match="unknown label 'spma'"):
        add_case(once, "a", "ham", "b", date=DAY, mistaken_for="spma")
    deep = read(TEXT.replace("### news", "###### news\n<!-- id: deep -->\n<!-- label: news -->"))
    with pytest.raises(GoldError, match="section 'deep' has no room for a part of cases"):
        add_case(deep, "a", "news", "b", date=DAY)
    above = read("Hello.\n" + TEXT)
    with pytest.raises(GoldError, match="section 'top' has no room for a part of cases"):
        add_case(above, "a", "news", "b", section="top", date=DAY)


@settings(deadline=None, max_examples=150)
@given(
    TEXTS.filter(str.strip),
    TEXTS.filter(str.strip),
    TEXTS,
    st.sampled_from(["mail", "aim", "the-labels", "ham", "spam", "news", "ambiguous-cases", None]),
    st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_a_case_changes_one_section_and_nothing_else(text, reason, by, section, newline):
    old = read(TEXT.replace("\n", newline))
    new = read(add_case(old, text, "news", reason, section=section, date=DAY, by=by))
    changes = diff(old, new)
    assert len(changes.changes) == 1
    assert (changes.notes, new.number, len(new.entries)) == ((), 2, 2)
    assert new.entries[1].sections == (changes.changes[0].section,)
    assert all(line.startswith("+ ") for line in changes.changes[0].text)
    kept = iter(new.text.split(newline))
    assert all(line in kept for line in old.text.split(newline) if line.strip() and "Version" not in line)
    with pytest.raises(GoldError, match="stands there already"):
        add_case(new, text, "ham", "again", date=DAY)


HOSTILE = st.sampled_from(
    ["Notes\n---\n<!-- general -->\n\n- a\n---\n", "```\n# code\n- a\n```\n", "- a\n  - b\n\n  more\n- c\n", "1. a\n   1. b\n\ttab\n",
     "| a | b |\n|---|---|\n| 1 | 2 |\n", "> - quoted\n", "<!--\n# hidden\n-->\n", "***\n", "    - code\n", "* x\nlazy\n",
     "#### Borderline\n\n- old\n", "text <!-- a --> text\n", "- [ ] task", "~~~\n<!-- end -->\n~~~\n", "\n\n\n", "+ plus\n***\n",
     "1) one\n2) two\nText.\n\n9. nine\n"]
)  # fmt: skip
ANYTHING = st.tuples(
    st.permutations(LABELS),
    st.lists(st.lists(HOSTILE, max_size=3), min_size=3, max_size=3),
    st.lists(HOSTILE | PIECES, max_size=3),
    st.lists(HOSTILE | PIECES, max_size=3),
).map(
    lambda parts: "\n".join(
        [*parts[2], *("\n".join([label, *own]) for label, own in zip(*parts[:2], strict=True)), *parts[3]]
    )
)


@settings(deadline=None, max_examples=200)
@given(ANYTHING, st.data(), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_whatever_the_document_a_case_is_added_and_nothing_else_is_changed(document, data, newline, cut):
    document = document.rstrip("\n") if cut else document
    old = read(document.replace("\n", newline))
    sections = [s.anchor for s in old.sections if s.kind == "cases" or 1 <= s.level <= 5]
    section = data.draw(st.sampled_from(sections))
    new = read(add_case(old, "Free hugs", "ham", "none is sold", section=section, date=DAY))
    (change,) = diff(old, new).changes
    assert change.text == ('+ - "Free hugs" -> `ham`. Reason: none is sold (2026-11-21)',) or (
        change.text == ('+ 1. "Free hugs" -> `ham`. Reason: none is sold (2026-11-21)',)
    )
    assert (new.number, new.entries[-1].sections) == (1, (change.section,))
    twice = read(add_case(new, "More hugs", "ham", "same", section=section, date=DAY))
    (change,) = diff(new, twice).changes
    assert (change.section, twice.number, len(twice.entries)) == (new.entries[-1].sections[0], 2, 2)


def tokens_of(markdown, *kinds):
    markdown_it = pytest.importorskip("markdown_it")
    return [token for token in markdown_it.MarkdownIt("commonmark").parse(markdown) if token.type in kinds]


@settings(deadline=None, max_examples=200)
@given(ANYTHING, st.lists(st.tuples(TEXTS, st.sampled_from(SCHEMA.names), TEXTS), max_size=4))
def test_whatever_the_document_examples_are_added_and_nothing_else_is_changed(document, rows):
    frame = pl.DataFrame(
        [(str(i), *row, "ham") for i, row in enumerate(rows)],
        schema=dict.fromkeys(["item", "text", "label", "reason", "counter"], pl.String),
        orient="row",
    )
    old = read(document)
    new = read(build(old, frame))
    assert build(new, frame) == new.text
    assert {change.kind for change in diff(old, new).changes} <= {"examples"}
    assert [s.fingerprint for s in old.sections] == [s.fingerprint for s in new.sections]
    labels = {row[1] for row in rows} | ({"ham"} if any(row[1] != "ham" for row in rows) else set())
    assert new.text.count("<!-- end -->") == document.count("<!-- end -->") + len(labels)
    lines = iter(new.text.split("\n"))
    assert all(line in lines for line in document.split("\n"))
    heads = [len(tokens_of(guideline.text, "heading_open")) for guideline in (old, new)]
    assert heads[0] == heads[1]


@settings(deadline=None, max_examples=200)
@given(ANYTHING)
def test_headings_are_those_of_a_markdown_reader(document):
    lines, _ = scan(document)
    ours = [(line.level, at) for at, line in enumerate(lines) if line.kind == "heading"]
    theirs = [(int(token.tag[1]), token.map[0]) for token in tokens_of(document, "heading_open")]
    assert ours == theirs


@given(st.text(st.sampled_from("#-=`~<!> ab1.|\n\r\t"), max_size=60))
def test_any_text_has_one_line_for_each_of_its_lines(text):
    lines, faults = scan(text)
    assert len(lines) == len(re.findall(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+", text))
    assert all(0 <= fault.at < len(lines) for fault in faults)


# ---- time ----


def at(*days):
    return [datetime.datetime(2026, 1, day, 23, 30, tzinfo=datetime.UTC) if day else None for day in days]


def test_gold_is_due_when_its_time_has_passed():
    gold = pl.DataFrame(
        {"item": ["d", "c", "b", "a"], "at": at(5, 1, None, 1)},
        schema={"item": pl.String, "at": pl.Datetime("us", "UTC")},
    )
    found = due(gold, now=datetime.date(2026, 1, 14), after_days=10)
    assert found.select("item", "due").rows() == [
        ("b", None),
        ("a", datetime.date(2026, 1, 11)),
        ("c", datetime.date(2026, 1, 11)),
    ]
    moment = datetime.datetime(2026, 1, 15, 1, tzinfo=datetime.timezone(datetime.timedelta(hours=2)))
    assert items(due(gold, now=moment, after_days=10)) == "bac"  # the 14th in UTC
    assert items(due(gold, now=datetime.datetime(2026, 1, 15), after_days=10)) == "bacd"
    paris = gold.with_columns(pl.col("at").dt.convert_time_zone("Europe/Paris"))  # there it is the next day
    assert items(due(paris, now=datetime.date(2026, 1, 14), after_days=10)) == "bac"


def test_a_row_may_name_its_own_day():
    day = datetime.date
    gold = pl.DataFrame(
        {
            "id": ["a", "b", "c"],
            "decided": [day(2026, 1, 1)] * 3,
            "review_by": [day(2026, 1, 5), None, day(2027, 1, 1)],
        }
    )
    found = due(gold, now=day(2026, 2, 1), after_days=10, column="decided")
    assert found.select("id", "due").rows() == [("a", day(2026, 1, 5)), ("b", day(2026, 1, 11))]


def test_due_complains():
    gold = pl.DataFrame({"item": ["a"], "when": ["2026"]})
    with pytest.raises(GoldError, match="the gold set has no column 'at'"):
        due(gold, now=DAY, after_days=1)
    with pytest.raises(GoldError, match="column 'when' of the gold set holds String, no days"):
        due(gold, now=DAY, after_days=1, column="when")
    with pytest.raises(GoldError, match="after -1 days"):
        due(gold, now=DAY, after_days=-1)
