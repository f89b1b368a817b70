"""JSON Schemas of the messages, rows and fixed answers, as OpenAPI components."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

Schema = dict[str, Any]

REF = "#/components/schemas/{name}"
TEXT: Schema = {"type": "string"}
WHOLE: Schema = {"type": "integer", "minimum": 0}
OPTIONAL_TEXT: Schema = {"type": ["string", "null"]}
OPTIONAL_WHOLE: Schema = {"type": ["integer", "null"]}


def _object(required: Sequence[str], **properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": list(required)}


def array_of(items: Schema) -> Schema:
    """The schema of a list."""
    return {"type": "array", "items": items}


FIXED: dict[str, Schema] = {
    "twofold.Fault": _object(["path", "message"], path=TEXT, message=TEXT),
    "twofold.Problem": _object(
        ["type", "title", "status", "code", "detail"],
        type=TEXT,
        title=TEXT,
        status=WHOLE,
        code={**TEXT, "description": "stable, meant for programs"},
        detail={**TEXT, "description": "one sentence, meant for people"},
        faults=array_of({"$ref": REF.format(name="twofold.Fault")}),
        details={"type": "object", "description": "what the rule that refused the command adds"},
        token={**TEXT, "description": "as of when, where that is known"},
        retry={"enum": ["never", "at-once", "later"]},
        trace_id=TEXT,
    ),
    "twofold.Receipt": _object(
        ["stream", "version", "position", "events", "token"],
        stream=OPTIONAL_TEXT,
        version=OPTIONAL_WHOLE,
        position=WHOLE,
        events=array_of(_object(["type", "version", "position"], type=TEXT, version=WHOLE, position=WHOLE)),
        writes=array_of(_object(["stream", "version"], stream=TEXT, version=WHOLE)),
        token=TEXT,
    ),
    "twofold.CommandStatus": _object(
        ["id", "status"],
        id={**TEXT, "format": "uuid"},
        command=TEXT,
        status={"enum": ["queued", "accepted", "rejected"]},
        stream=OPTIONAL_TEXT,
        version=OPTIONAL_WHOLE,
        position=OPTIONAL_WHOLE,
        events=WHOLE,
        token=OPTIONAL_TEXT,
        recorded_at={"type": ["string", "null"], "format": "date-time"},
        code=OPTIONAL_TEXT,
        detail=OPTIONAL_TEXT,
        details={"type": ["object", "null"]},
    ),
}


def components(types: Sequence[Any]) -> tuple[list[Schema], dict[str, Schema]]:
    """A schema for each of *types*, in order, and the components that they refer to, the fixed ones included."""
    known: list[Schema] = []
    gathered: dict[str, Schema] = {}
    try:
        schemas, found = msgspec.json.schema_components(types, ref_template=REF)
    except (TypeError, NotImplementedError):
        known, gathered = _one_by_one(types)
    else:
        known, gathered = list(schemas), dict(found)
    return known, {**gathered, **FIXED}


def _one_by_one(types: Sequence[Any]) -> tuple[list[Schema], dict[str, Schema]]:
    """The same where some type has no schema of its own: any value is said to do for that one."""
    known: list[Schema] = []
    gathered: dict[str, Schema] = {}
    for each in types:
        try:
            (schema,), found = msgspec.json.schema_components([each], ref_template=REF)
        except (TypeError, NotImplementedError):
            schema, found = _foreign(each), {}
        known.append(schema)
        gathered.update(found)
    return known, gathered


def _foreign(kind: Any) -> Schema:
    describe = getattr(kind, "model_json_schema", None)
    return describe(ref_template=REF.replace("{name}", "{model}")) if describe else {}
