"""Keys and seeds in files."""
