"""The contract of EventStore, by what a caller does: append, read, wait, race, close and open again."""
