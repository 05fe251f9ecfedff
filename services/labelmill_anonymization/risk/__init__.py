"""What may be left of personal data in CLEAN: a second look at a sample, and what follows from it."""
