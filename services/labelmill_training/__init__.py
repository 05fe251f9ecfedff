"""Training: jobs that turn accepted labels into evaluated model versions, and their promotion into service."""
