"""Anonymization: finds personal data in text, transforms it by a policy, and proves what was done."""
