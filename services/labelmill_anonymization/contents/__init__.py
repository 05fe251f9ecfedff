"""Contents of any media type: what comes in, what goes out, and who handles which type."""
