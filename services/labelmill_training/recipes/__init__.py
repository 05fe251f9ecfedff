"""The ways to train, one file each. They run in worker processes only, because they import torch."""
