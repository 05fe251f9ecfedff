"""What labelers draw and answer, as plain values; how their sizes, outlines and pixels are computed. Pure."""
