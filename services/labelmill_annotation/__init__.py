"""Annotation: projects with ontologies, tasks under leases, annotations in versions, benchmarks."""
