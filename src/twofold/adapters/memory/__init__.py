"""Everything in memory: the reference implementation of each port, gone when the process ends."""
