"""Quality: agreement, consensus and benchmark scores, each with its uncertainty and its source."""
