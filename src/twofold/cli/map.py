"""`twofold map`: what leads to what."""

from __future__ import annotations

import click

from twofold.app.app import App
from twofold.cli.app_graph import Graph, Node, graph_of
from twofold.cli.output import print_json
from twofold.cli.target import app_argument, find_app
from twofold.config import Config

_SHAPES = {
    "command": ("[/", "/]"),
    "aggregate": ("[", "]"),
    "handler": ("[[", "]]"),
    "event": ("([", "])"),
    "view": ("[(", ")]"),
    "projector": ("[[", "]]"),
    "query": ("{{", "}}"),
}
_PLURALS = {"query": "queries"}
_DOT_SHAPES = {
    "command": "parallelogram",
    "aggregate": "box",
    "handler": "component",
    "event": "ellipse",
    "view": "cylinder",
    "projector": "component",
    "query": "hexagon",
}


@click.command()
@app_argument
@click.option("--mermaid", "form", flag_value="mermaid", help="As a Mermaid flow chart.")
@click.option("--dot", "form", flag_value="dot", help="For Graphviz.")
@click.option("--json", "form", flag_value="json", help="As nodes and edges.")
def verb(app: str | None, form: str | None) -> None:
    """Show what leads to what in MODULE:APP: command, aggregate, event, view, query."""
    found = find_app(app, Config.load())
    graph = graph_of(found)
    if form == "json":
        print_json({"app": found.name, "nodes": graph.nodes, "edges": graph.edges})
    else:
        click.echo(_DRAWINGS[form or "text"](found, graph))


def _text(app: App, graph: Graph) -> str:
    lines = [app.name]
    for kind in _SHAPES:
        names = [node.name for node in graph.nodes if node.kind == kind]
        if names:
            lines.append(f"\n{_PLURALS.get(kind, kind + 's')}")
        lines += (f"  {name}{_leads_to(graph, f'{kind}:{name}')}" for name in names)
    return "\n".join(lines)


def _leads_to(graph: Graph, start: str) -> str:
    ends = [edge.end.partition(":")[2] for edge in graph.edges if edge.start == start]
    return f"  ->  {', '.join(ends)}" if ends else ""


def _mermaid(app: App, graph: Graph) -> str:
    del app
    numbers = {node.id: f"n{number}" for number, node in enumerate(graph.nodes)}
    lines = ["flowchart LR"]
    for node in graph.nodes:
        left, right = _SHAPES[node.kind]
        lines.append(f'    {numbers[node.id]}{left}"{_escaped(node.name)}"{right}')
    lines += (f"    {numbers[edge.start]} --> {numbers[edge.end]}" for edge in graph.edges)
    return "\n".join(lines)


def _escaped(name: str) -> str:
    return name.replace("#", "#35;").replace('"', "#quot;")


def _dot(app: App, graph: Graph) -> str:
    lines = [f"digraph {_quoted(app.name)} {{", "    rankdir=LR;"]
    lines += (f"    {_quoted(node.id)} [label={_quoted(node.name)}, {_shape(node)}];" for node in graph.nodes)
    lines += (f"    {_quoted(edge.start)} -> {_quoted(edge.end)};" for edge in graph.edges)
    return "\n".join([*lines, "}"])


def _shape(node: Node) -> str:
    return f"shape={_DOT_SHAPES[node.kind]}"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


_DRAWINGS = {"text": _text, "mermaid": _mermaid, "dot": _dot}
