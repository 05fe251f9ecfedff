"""Makes the tagger of the anonymization service: `python -m tools.tagger.train` (see README.md)."""
