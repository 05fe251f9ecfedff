"""Prelabel: serves models from a repository in Triton's layout, predicts for any asset, says what to label next."""
