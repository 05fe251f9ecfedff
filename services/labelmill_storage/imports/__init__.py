"""Many assets from sources, again and again."""
