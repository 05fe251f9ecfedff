"""Presidio's own REST services and our gRPC service, each in processes of its own, under the same load."""
