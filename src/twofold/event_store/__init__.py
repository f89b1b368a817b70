"""The log: append, read, subscribe, outcomes, snapshots, tokens; the ports and their words."""
