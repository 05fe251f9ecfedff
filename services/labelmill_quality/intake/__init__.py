"""Labels in bulk: from a stream of messages, an Arrow stream or a table file to columns, with bounded memory.

What arrives is written to a folder first (`spool.py`); a worker process reads it from there (`tables.py`, `cells.py`)
and leaves the answer there (`results.py`): labels never travel between processes as objects.
"""
