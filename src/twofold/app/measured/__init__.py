"""Ports and handlers as they are when somebody counts and times them; each wraps what it measures from outside."""
