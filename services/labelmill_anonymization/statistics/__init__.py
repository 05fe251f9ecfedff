"""Statistics that may be published: differential privacy under a budget."""
