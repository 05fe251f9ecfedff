"""Long-running operations of storage: use cases that go on where a dead process left off."""
