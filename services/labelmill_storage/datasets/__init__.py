"""Named sets of assets and their snapshots."""
