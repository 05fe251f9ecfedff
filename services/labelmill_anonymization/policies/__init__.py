"""What policies bring along: recognizers of their own, allow and deny lists, and the ready ones as documents."""
