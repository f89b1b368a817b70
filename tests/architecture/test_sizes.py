"""Small files, small functions, small ports, and names of the field."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.architecture.house import (
    Function,
    Source,
    base_names,
    classes,
    functions,
    methods,
    planted,
    sources,
)

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 50
MAX_METHODS = 25  # three ports of seven, with its ends
MAX_PORT_METHODS = 7
MAX_PARAMETERS = 8
MAX_NESTING = 3
MAX_FOLDERS = 3

# Tables of contents: every keyword stands for itself, and none changes what another does.
WIDE = {"App.__init__", "Module.__init__", "TakesKeywords.__init_subclass__"}

BANNED_WORDS = {"util", "utils", "common", "base", "impl", "helper", "helpers", "misc", "abstract"}
BANNED_CLASS = re.compile(r"^(Base(?=[A-Z])|Abstract|I(?=[A-Z][a-z]))|(Impl|Helpers?|Utils?|Manager|Data|Info)$")
NESTING = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.TryStar, ast.Match)


def file_faults(source: Source) -> Iterator[str]:
    lines = source.text.count("\n")
    if lines > MAX_FILE_LINES:
        yield f"{source.path} has {lines} lines, more than {MAX_FILE_LINES}"
    folders = source.path.removeprefix("src/twofold/").count("/")
    if folders > MAX_FOLDERS:
        yield f"{source.path} lies {folders} folders deep, more than {MAX_FOLDERS}"
    for word in sorted(set(re.split(r"[/_.]", source.path)) & BANNED_WORDS):
        yield f"{source.path} is called {word}"


def function_faults(source: Source) -> Iterator[str]:
    for function in functions(source.tree):
        where = f"{source.path}:{function.lineno} {function.name}"
        if (lines := code_lines(function)) > MAX_FUNCTION_LINES:
            yield f"{where} has {lines} lines, more than {MAX_FUNCTION_LINES}"
        if (depth := nesting(function)) > MAX_NESTING:
            yield f"{where} nests {depth} deep, more than {MAX_NESTING}"


def code_lines(function: Function) -> int:
    """Lines of a function without its docstring, which is as long as its contract."""
    lines = (function.end_lineno or 0) - function.lineno + 1
    if ast.get_docstring(function, clean=False) is None:
        return lines
    first = function.body[0]
    return lines - ((first.end_lineno or 0) - first.lineno + 1)


def nesting(node: ast.AST, depth: int = 0) -> int:
    """How many blocks deep the deepest statement stands; an elif is as deep as its if."""
    deepest = depth
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Function | ast.ClassDef | ast.Lambda):
            continue
        elif_branch = isinstance(node, ast.If) and isinstance(child, ast.If) and node.orelse == [child]
        deepest = max(deepest, nesting(child, depth + (isinstance(child, NESTING) and not elif_branch)))
    return deepest


def class_faults(source: Source) -> Iterator[str]:
    for node in classes(source.tree):
        where = f"{source.path}:{node.lineno} {node.name}"
        count, most = len(methods(node)), MAX_PORT_METHODS if "Protocol" in base_names(node) else MAX_METHODS
        if count > most:
            yield f"{where} has {count} methods, more than {most}"
        if BANNED_CLASS.search(node.name.strip("_")):
            yield f"{where}: the name says nothing; use a word of the field"


def parameter_faults(source: Source) -> Iterator[str]:
    owners = {method: node.name for node in classes(source.tree) for method in methods(node)}
    for function in functions(source.tree):
        name = f"{owners[function]}.{function.name}" if function in owners else function.name
        given = function.args
        count = len(given.posonlyargs) + len(given.args) + len(given.kwonlyargs) - (function in owners)
        if count > MAX_PARAMETERS and name not in WIDE:
            yield f"{source.path}:{function.lineno} {name} takes {count} parameters, more than {MAX_PARAMETERS}"


def faults(source: Source) -> list[str]:
    return [
        *file_faults(source),
        *function_faults(source),
        *class_faults(source),
        *parameter_faults(source),
    ]


def test_files_functions_classes_and_ports_are_small_and_well_named():
    assert [fault for source in sources() for fault in faults(source)] == []


def test_tests_examples_and_benches_have_files_below_the_limit():
    others = [source for folder in ("tests", "examples", "bench", "scripts") for source in sources(folder)]
    assert [fault for source in others for fault in file_faults(source) if "lines" in fault] == []


def test_planted_long_file_is_found():
    assert "401 lines" in faults(planted("x = 1\n" * 401))[0]


def test_planted_long_function_is_found_and_its_docstring_is_free():
    body = "    x = 1\n"
    assert "has 51 lines" in faults(planted("def f():\n" + body * 50))[0]
    assert faults(planted("def f():\n" + '    """' + "contract\n" * 60 + '    """\n' + body * 40)) == []


def test_planted_deep_nest_is_found_and_elif_is_not_deeper():
    deep = "def f(a):\n if a:\n  for b in a:\n   while b:\n    if b:\n     pass\n"
    flat = "def f(a):\n if a:\n  pass\n elif b:\n  pass\n elif c:\n  pass\n elif d:\n  pass\n"
    assert "nests 4 deep" in faults(planted(deep))[0]
    assert faults(planted(flat)) == []


def test_planted_large_port_is_found():
    port = "class Store(Protocol):\n" + "".join(f"    def m{n}(self): ...\n" for n in range(8))
    assert "has 8 methods, more than 7" in faults(planted(port))[0]


def test_planted_wide_function_is_found():
    assert "9 parameters" in faults(planted("def f(a, b, c, *, d, e, f, g, h, i): ..."))[0]


def test_planted_names_are_found():
    assert "is called utils" in faults(planted("", "src/twofold/write/utils.py"))[0]
    assert "is called helper" in faults(planted("", "src/twofold/helper/money.py"))[0]
    for name in ("BaseStore", "StoreImpl", "IStore", "StoreManager", "EventData", "MoneyHelper"):
        assert "says nothing" in faults(planted(f"class {name}: ..."))[0]
    for name in ("Identity", "InputError", "Database", "Basement"):
        assert faults(planted(f"class {name}: ...")) == []


def test_planted_deep_folder_is_found():
    assert "folders deep" in faults(planted("", "src/twofold/a/b/c/d/e.py"))[0]
