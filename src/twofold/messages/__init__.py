"""What travels: commands, events and queries, their metadata, their stable names and their bytes."""

from twofold.messages.codec import Codec, Kind, codec_for
from twofold.messages.declaration import Declaration, MessageMeta, declaration
from twofold.messages.fingerprint import fingerprint
from twofold.messages.folding import Fold, Grouping, evolves, folds_of
from twofold.messages.message import Command, Event, Query
from twofold.messages.message_types import MessageType, MessageTypes
from twofold.messages.metadata import Origin
from twofold.messages.upcasting import EventReader, Upcaster, upcasters_of, upcasts

__all__ = [
    "Codec",
    "Command",
    "Declaration",
    "Event",
    "EventReader",
    "Fold",
    "Grouping",
    "Kind",
    "MessageMeta",
    "MessageType",
    "MessageTypes",
    "Origin",
    "Query",
    "Upcaster",
    "codec_for",
    "declaration",
    "evolves",
    "fingerprint",
    "folds_of",
    "upcasters_of",
    "upcasts",
]
