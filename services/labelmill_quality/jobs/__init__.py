"""What runs in the worker processes: whole answers, from serialized request to serialized response, one file an area.

A process, because turning a hundred thousand rows into columns and back is Python code that would hold up the event
loop of all services as much as the mathematics would; bytes in and out, because they cross the border fastest.
"""
