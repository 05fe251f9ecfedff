"""Labels and annotations against gold. Pure."""

from __future__ import annotations

from labelmill_quality.benchmark.against_gold import BenchmarkScore, consensus_accuracy, score_benchmark

__all__ = ["BenchmarkScore", "consensus_accuracy", "score_benchmark"]
