"""Proto messages to domain values and back, one file an area."""
