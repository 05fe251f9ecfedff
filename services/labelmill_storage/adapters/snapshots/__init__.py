"""Manifests of snapshots."""
