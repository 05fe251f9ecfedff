"""What removes objects that no record refers to."""
