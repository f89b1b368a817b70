"""A library with rows of every kind: by stream, by field, by a function, composite, deleted and made again."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from twofold import Aggregate, App, Command, Event, Gone, Streams, View, decides, evolves, handles, upcasts


class Add(Command):
    book_id: str
    title: str
    tags: list[str]


class Lend(Command):
    book_id: str
    reader: str
    at: datetime


class LendCopy(Command):
    book_id: str
    reader: str
    at: datetime


class Burn(Command):
    book_id: str


class Fill(Command):
    shelf: int
    books: int


class Rent(Command):
    room: UUID
    reader: str


class LendTwo(Command):
    """Writes to two streams at once."""

    first: str
    second: str
    reader: str
    at: datetime


class BookAdded(Event, version=2):
    title: str
    tags: list[str]


class Lent(Event):
    reader: str
    at: datetime


class Burnt(Event):
    pass


class Filled(Event):
    books: int


class Rented(Event):
    reader: str


@upcasts("BookAdded", 1)
def with_tags(document: dict[str, Any]) -> dict[str, Any]:
    return {"title": document["name"], "tags": ["old"]}


class Book(Aggregate, key="book_id", snapshot_every=3):
    title: str = ""
    readers: list[str] = []
    is_burnt: bool = False

    @decides(existing=False)
    def add(self, command: Add) -> BookAdded:
        return BookAdded(title=command.title, tags=command.tags)

    @decides(existing=False)
    def lend(self, command: Lend) -> tuple[Lent, ...]:
        lent = Lent(reader=command.reader, at=command.at)
        return (lent, lent) if command.reader == "ada" else (lent,)

    @decides(existing=False)
    def burn(self, command: Burn) -> Burnt:
        return Burnt()

    @evolves
    def added(self, event: BookAdded) -> None:
        self.title = event.title

    @evolves
    def lent(self, event: Lent) -> None:
        self.readers.append(event.reader)

    @evolves
    def burnt(self, event: Burnt) -> None:
        self.is_burnt = True


class Copy(Aggregate, key="book_id"):
    """Its streams carry events of the same type, and the same ids, as those of books."""

    @decides(existing=False)
    def lend(self, command: LendCopy) -> Lent:
        return Lent(reader=command.reader, at=command.at)


class Shelf(Aggregate, key="shelf"):
    @decides(existing=False)
    def fill(self, command: Fill) -> Filled:
        return Filled(books=command.books)


class Room(Aggregate, key="room"):
    @decides(existing=False)
    def rent(self, command: Rent) -> Rented:
        return Rented(reader=command.reader)


@handles(Lent)
async def lend_two(command: LendTwo, streams: Streams) -> None:
    for book in {command.first, command.second}:
        await streams.load(Book, book)
        streams.record(Book, book, Lent(reader=command.reader, at=command.at))


class BookPage(View, key="book_id"):
    """By stream; gone when burnt, made again by the next event."""

    book_id: str
    title: str = ""
    last_lent: datetime | None = None
    readers: dict[str, list[datetime]] = {}

    @evolves
    def added(self, event: BookAdded) -> None:
        self.title += event.title

    @evolves
    def lent(self, event: Lent) -> None:
        self.last_lent = event.at
        self.readers.setdefault(event.reader, []).append(event.at)

    @evolves
    def burnt(self, event: Burnt) -> type[Gone]:
        return Gone


class ShelfPage(View, key="shelf"):
    """By stream, the id a number."""

    shelf: int
    books: int = 0

    @evolves
    def filled(self, event: Filled) -> None:
        self.books += event.books


class RoomPage(View, key=("room", "reader")):
    """A composite key: one part from the stream, one from the event."""

    room: UUID
    reader: str
    rents: int = 0

    @evolves
    def rented(self, event: Rented) -> None:
        self.rents += 1


class ReaderPage(View, key="reader"):
    """By a field: its events may be in any stream."""

    reader: str
    lent: int = 0
    rents: int = 0

    @evolves
    def on_lent(self, event: Lent) -> None:
        self.lent += 1

    @evolves
    def on_rented(self, event: Rented) -> None:
        self.rents += 1


class DayPage(View, key=("day", "tag")):
    """Several rows an event, by functions, folded twice when both find the same one."""

    day: date
    tag: str
    seen: list[str] = []

    @evolves(keys=lambda event: [(date(2026, 1, 1), tag) for tag in event.tags])
    def added(self, event: BookAdded) -> None:
        self.seen.append(event.title)

    @evolves(key=lambda event: (event.at.date(), event.reader))
    def lent(self, event: Lent) -> None:
        self.seen.append(event.reader)

    @evolves(key=lambda event: (event.at.date(), "x"))
    def counted(self, event: Lent) -> type[Gone] | None:
        if len(self.seen) >= 3:
            return Gone
        self.seen.append("lent")
        return None


LIBRARY = App(
    "library",
    aggregates=[Book, Copy, Shelf, Room],
    handlers=[lend_two],
    views=[BookPage, ShelfPage, RoomPage, ReaderPage, DayPage],
    upcasters=[with_tags],
)
