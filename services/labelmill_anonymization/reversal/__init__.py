"""What can be undone by whoever holds the key: tokens, format-preserving encryption, and the way back."""
