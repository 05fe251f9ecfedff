"""What reads and writes media, and what looks into it: one product a file. Imported in worker processes only."""
