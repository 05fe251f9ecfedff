"""The outside systems of anonymization, one file each."""
