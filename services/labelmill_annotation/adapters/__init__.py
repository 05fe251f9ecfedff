"""Outside systems: SQL databases, and the other Labelmill services."""
