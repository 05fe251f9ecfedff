"""One outside system each, named by product."""
