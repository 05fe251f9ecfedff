"""The way from RAW to CLEAN, who sees what, and the log of it."""
