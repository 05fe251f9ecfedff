"""How the service is put together, one file an area; `server.py` joins them."""
