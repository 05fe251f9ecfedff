"""What some bytes are, and what is refused."""
