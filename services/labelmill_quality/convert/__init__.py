"""The domain's results as messages and requests as rows, one file an area; nothing else."""
