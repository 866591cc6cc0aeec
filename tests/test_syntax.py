import ast

from weaklabel.syntax import (
    Strip,
    attribute_chains,
    bare_function,
    dump,
    function_node,
    global_names,
    imported_names,
    is_project_path,
)


def tree(source):
    return ast.parse(source).body[0]


def test_the_tree_of_a_function_is_found_by_its_place():
    def one(row):
        return 1

    def two(row):
        return 2

    same_line = (lambda row: "first", lambda row: "second")
    assert function_node(one).name == "one"
    assert function_node(two).body[0].value.value == 2
    assert [function_node(f).body.value for f in same_line] == ["first", "second"]
    assert function_node(len) is None


def test_nested_lambdas_are_told_apart():
    outer = lambda row: (lambda x: x + 1)(row)  # noqa: E731
    node = function_node(outer)
    assert node.args.args[0].arg == "row"


def test_names_from_outside_are_those_that_the_compiler_loads():
    source = """
def f(row, local):
    import json
    inner = [x for x in row if x in WORDS]
    def nested(y):
        nonlocal local
        return helper(y) + inner + local
    class Own:
        kind = KIND
    return json, nested, Own
"""
    assert global_names(tree(source)) - {"__name__"} == {"WORDS", "helper", "KIND", "local"}
    assert global_names(ast.parse("lambda row: row[KEY] + other.attr", mode="eval").body) == {"KEY", "other"}


def test_attribute_chains_leave_out_names_that_are_used_whole():
    node = tree("def f(row):\n    return a.b.c + a.d + b.e(row) + g(b)\n")
    assert attribute_chains(node) == {"a": [("b", "c"), ("d",)]}


def test_imports_inside_are_named_in_full():
    node = tree(
        "def f():\n    import a.b, c\n    from . import d\n    from .e import g\n    from ..h import i\n    from j import k\n"
    )
    assert imported_names(node, "pack.sub") == [
        (".", "pack.sub", ("d",)),
        ("..h", "pack.h", ("i",)),
        (".e", "pack.sub.e", ("g",)),
        ("a.b", "a.b", ()),
        ("c", "c", ()),
        ("j", "j", ("k",)),
    ]


def test_what_can_not_change_an_answer_is_stripped():
    plain = "def f(a, b=1):\n    c = a\n    return f'{a}bc'\n"
    dressed = (
        "def f(a: int, b: 'str' = 1) -> 'list[str]':\n    '''Doc.'''\n    'idle'\n    x: int\n"
        "    c: int = a\n    return f'{a}b' 'c'\n"
    )
    assert dump(Strip().visit(tree(plain))) == dump(Strip().visit(tree(dressed)))
    assert dump(tree(plain)) != dump(tree(plain.replace("bc", "cb")))


def test_own_decorators_are_left_out_and_others_kept():
    import functools

    import weaklabel as wl

    node = tree("@wl.labeling_function(label='x')\n@functools.cache\ndef f(row):\n    return 1\n")
    bare = bare_function(node, {"wl": wl, "functools": functools})
    assert [ast.unparse(d) for d in bare.decorator_list] == ["functools.cache"]
    assert len(node.decorator_list) == 2


def test_what_belongs_to_the_project():
    assert is_project_path(__file__)
    assert is_project_path("<ipython-input-1>")
    assert not is_project_path(ast.__file__, "ast")
    assert not is_project_path("/x/lib/python3.11/site-packages/y.py", "y")
    assert not is_project_path("built-in", "sys")
