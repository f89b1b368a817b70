"""The contract of ViewStore: rows and their checkpoint, one file a group of behaviours."""
