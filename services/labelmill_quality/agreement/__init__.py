"""Agreement between labelers: one statistic a file."""
