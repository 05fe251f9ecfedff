"""Outside systems, one a file, named by product."""
