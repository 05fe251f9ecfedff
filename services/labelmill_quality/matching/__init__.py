"""How alike two labelers' shapes are, and which of one belongs to which of the other. Pure."""
