"""Places to import from."""
