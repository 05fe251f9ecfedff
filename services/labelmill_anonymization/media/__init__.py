"""Pictures, documents, sound and film: what is covered, how, and when it is enough. Pure."""
