"""From a path to an endpoint. Paths are matched still percent-encoded, so that an encoded slash stays in its part."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from urllib.parse import unquote

from twofold.http_api.percent import encoded_path, path_below
from twofold.http_api.refusals import MethodNotAllowedError, PathUnknownError
from twofold.http_api.request import Request
from twofold.http_api.response import Answerable, Response

Endpoint = Callable[[Request], Awaitable[Answerable]]
Methods = dict[str, Endpoint]
ANY = "*"
"""Stands for every method in `Router.add`."""


class _Node:
    """One part of the paths: what may follow literally, what may follow as a parameter, and what ends here."""

    __slots__ = ("any_part", "literals", "methods", "template")

    def __init__(self) -> None:
        self.literals: dict[str, _Node] = {}
        self.any_part: _Node | None = None
        self.methods: Methods = {}
        self.template = ""


class Router:
    """Endpoints by path template and method. `{name}` in a template stands for one part; a literal part wins."""

    def __init__(self) -> None:
        self._root = _Node()
        self._exact: dict[str, Methods] = {}
        self._keyed: dict[str, Methods] = {}

    def add(self, method: str, template: str, endpoint: Endpoint) -> None:
        """Serve *template* with *endpoint*. Raises ValueError when it is taken, in whatever parameter names."""
        node = self._root
        for part in template.removeprefix("/").split("/"):
            node = self._down(node, part)
        if method in node.methods:
            raise ValueError(f"{method} {template} is taken by {node.template}")
        node.methods[method] = endpoint
        node.template = template
        if "{" not in template:
            self._exact[template] = node.methods

    @staticmethod
    def _down(node: _Node, part: str) -> _Node:
        if part.startswith("{"):
            node.any_part = node.any_part or _Node()
            return node.any_part
        return node.literals.setdefault(part, _Node())

    def add_keyed(self, prefix: str, endpoint: Endpoint) -> None:
        """Serve GET `prefix/{key}`, by a table: the way of the hot paths."""
        self.add("GET", prefix + "/{key}", endpoint)
        self._keyed[prefix] = {"GET": endpoint}

    def find(self, request: Request) -> Endpoint:
        """The endpoint of *request*, whose `parts` it sets.

        Raises PathUnknownError, MethodNotAllowedError, and MalformedError for a path that is not percent-encoded UTF-8.
        """
        scope = request.scope
        raw = scope.get("raw_path")
        if not raw or b"%" in raw:
            return self._search(request, encoded_path(scope))
        path: str = scope["path"]
        if request.root:
            path = path_below(path, request.root)
        methods = self._exact.get(path)
        if methods is None:
            head, _, key = path.rpartition("/")
            methods = self._keyed.get(head)
            if methods is None:
                return self._search(request, path)
            request.parts = (key,)
        endpoint = methods.get(request.method)
        return endpoint or self._search(request, path)

    def _search(self, request: Request, path: str) -> Endpoint:
        parts = path.removeprefix("/").split("/")
        found = next(_walk(self._root, parts, ()), None)
        if found is None:
            raise PathUnknownError("nothing lives at this path")
        request.parts, methods = found
        method = "GET" if request.method == "HEAD" and "HEAD" not in methods else request.method
        endpoint = methods.get(method) or methods.get(ANY)
        if endpoint is None and method == "OPTIONS":
            return partial(_options, allowed(methods))
        if endpoint is None:
            raise MethodNotAllowedError(request.method, allowed(methods))
        return endpoint


async def _options(methods: list[str], _: Request) -> Response:
    return Response(204, [(b"allow", ", ".join(methods).encode())])


def allowed(methods: Methods) -> list[str]:
    """The methods a path answers to, as `Allow` lists them."""
    return sorted({*methods, "OPTIONS", *(("HEAD",) if "GET" in methods else ())})


def _walk(node: _Node, parts: list[str], taken: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Methods]]:
    if not parts:
        if node.methods:
            yield taken, node.methods
        return
    literal = node.literals.get(unquote(parts[0]))
    if literal is not None:
        yield from _walk(literal, parts[1:], taken)
    if node.any_part is not None:
        yield from _walk(node.any_part, parts[1:], (*taken, parts[0]))
