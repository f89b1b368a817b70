"""What a function's code says, as a text that only a change of the code changes."""

from __future__ import annotations

import ast
import dis
import inspect
import linecache
from collections.abc import Iterator
from types import CodeType, FunctionType

_ATTRIBUTES = frozenset({"LOAD_ATTR", "LOAD_METHOD", "STORE_ATTR", "DELETE_ATTR", "LOAD_SUPER_ATTR"})
_LAYOUT = frozenset({"ctx", "kind", "type_comment", "lineno", "col_offset", "end_lineno", "end_col_offset"})


class Sources:
    """Parses source files, each once."""

    def __init__(self) -> None:
        self._trees: dict[str, ast.Module | None] = {}

    def text_of(self, function: FunctionType) -> str:
        """The canonical text of *function*: from its source, or `bytecode ...` when there is none to be had."""
        found = [canonical(node) for node in self._nodes_of(function)]
        return "\n".join(sorted(found)) or f"bytecode {_code_text(function.__code__)}"

    def _nodes_of(self, function: FunctionType) -> Iterator[ast.AST]:
        """The syntax of *function*; of lambdas, all those that stand on its line."""
        code = function.__code__
        tree = self._tree(function)
        for node in ast.walk(tree) if tree else ():
            if isinstance(node, ast.Lambda):
                if code.co_name == "<lambda>" and node.lineno == code.co_firstlineno:
                    yield node
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == code.co_name:
                lines = [node.lineno, *(decorator.lineno for decorator in node.decorator_list)]
                if min(lines) == code.co_firstlineno:
                    yield node

    def _tree(self, function: FunctionType) -> ast.Module | None:
        path = inspect.getsourcefile(function) or function.__code__.co_filename
        if path not in self._trees:
            self._trees[path] = _parsed("".join(linecache.getlines(path, function.__globals__)))
        return self._trees[path]


def _parsed(text: str) -> ast.Module | None:
    try:
        return ast.parse(text) if text else None
    except SyntaxError:
        return None


def canonical(node: object) -> str:
    """A syntax tree as text without docstrings, comments, layout, and what differs between Python versions."""
    if isinstance(node, ast.Constant):
        return f"{type(node.value).__name__} {node.value!r}"
    if isinstance(node, list):
        return "[" + ", ".join(map(canonical, node)) + "]"
    if isinstance(node, ast.AST):
        fields = [(name, _kept(node, value)) for name, value in ast.iter_fields(node) if name not in _LAYOUT]
        texts = [f"{name}={canonical(value)}" for name, value in fields if value is not None and value != []]
        return f"{type(node).__name__}({', '.join(texts)})"
    return repr(node)


def _kept(node: ast.AST, value: object) -> object:
    """What of a node's field counts: statements that do something, and the parts of f-strings that are not empty."""
    if not isinstance(value, list):
        return value
    if isinstance(node, ast.JoinedStr):
        return [each for each in value if not (isinstance(each, ast.Constant) and each.value == "")]
    return [each for each in value if not _does_nothing(each)]


def _does_nothing(node: object) -> bool:
    """Docstrings, `...` and `pass`."""
    return isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))


def _code_text(code: CodeType) -> str:
    constants = [_code_text(each) if isinstance(each, CodeType) else repr(each) for each in code.co_consts]
    return f"{code.co_name} {code.co_code.hex()} {code.co_names} {constants}"


def names_in(code: CodeType) -> set[str]:
    """Every global and attribute name that *code*, or a function inside it, uses."""
    inner = [names_in(each) for each in code.co_consts if isinstance(each, CodeType)]
    return set(code.co_names).union(*inner)


def globals_in(code: CodeType) -> set[str]:
    """Every name that *code*, or a function inside it, uses by itself, and not only as an attribute of something."""
    inner = [globals_in(each) for each in code.co_consts if isinstance(each, CodeType)]
    named = (each for each in dis.get_instructions(code) if each.opcode in dis.hasname)
    return {each.argval for each in named if each.opname not in _ATTRIBUTES}.union(*inner)
