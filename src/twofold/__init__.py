"""CQRS for Python: two folds over one log. Commands in, events kept, views in step, answers out."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from twofold.app.app import App, Module
from twofold.app.command_status import CommandStatus
from twofold.config import Config
from twofold.errors import (
    AlreadyExistsError,
    ConfigError,
    ConflictError,
    InvalidMessageError,
    MomentUnknownError,
    NotFoundError,
    NotFreshError,
    Rejected,
    RowNotFoundError,
    StoreUnavailableError,
    StreamNotFoundError,
    TokenUnknownError,
    TooManyEventsError,
    TwofoldError,
    UnavailableError,
    VersionConflictError,
    WiringError,
)
from twofold.messages.folding import evolves
from twofold.messages.lookup import lookup
from twofold.messages.message import Command, Event, Query
from twofold.messages.upcasting import upcasts
from twofold.pipeline.context import Context
from twofold.read.answers import answers
from twofold.read.raw_projector import Projected, Projector
from twofold.read.rows import Page, Rows
from twofold.read.view import Gone, View
from twofold.runtime.alerts import Alert
from twofold.write.aggregate import Aggregate, decides
from twofold.write.handling import handles
from twofold.write.receipt import Receipt
from twofold.write.streams import Streams
from twofold.write.unit_of_work import UnitOfWork

if TYPE_CHECKING:  # loaded when they are asked for, or an app is opened
    from twofold.app.open_app import OpenApp
    from twofold.app.sync_app import SyncApp

__all__ = [
    "Aggregate",
    "Alert",
    "AlreadyExistsError",
    "App",
    "Command",
    "CommandStatus",
    "Config",
    "ConfigError",
    "ConflictError",
    "Context",
    "Event",
    "Gone",
    "InvalidMessageError",
    "Module",
    "MomentUnknownError",
    "NotFoundError",
    "NotFreshError",
    "OpenApp",
    "Page",
    "Projected",
    "Projector",
    "Query",
    "Receipt",
    "Rejected",
    "RowNotFoundError",
    "Rows",
    "StoreUnavailableError",
    "StreamNotFoundError",
    "Streams",
    "SyncApp",
    "TokenUnknownError",
    "TooManyEventsError",
    "TwofoldError",
    "UnavailableError",
    "UnitOfWork",
    "VersionConflictError",
    "View",
    "WiringError",
    "answers",
    "decides",
    "evolves",
    "handles",
    "lookup",
    "upcasts",
]

_LATE = {"OpenApp": "twofold.app.open_app", "SyncApp": "twofold.app.sync_app"}


def __getattr__(name: str) -> Any:
    if name not in _LATE:
        raise AttributeError(f"module 'twofold' has no attribute {name!r}")
    return getattr(importlib.import_module(_LATE[name]), name)
