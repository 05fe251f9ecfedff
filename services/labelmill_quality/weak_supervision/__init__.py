"""Weak supervision: labels from functions that vote or abstain, put together by a model of how good they are."""
