"""EVENTS IN, ANSWERS OUT: views and their projectors, rows, queries, freshness."""
