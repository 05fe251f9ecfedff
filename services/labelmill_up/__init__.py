"""All services in one process tree on embedded defaults, on one port: `labelmill up`, `python -m labelmill_up`."""
