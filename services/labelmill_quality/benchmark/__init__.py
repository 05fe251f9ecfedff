"""Labels and annotations against gold. Pure."""

from __future__ import annotations

from labelmill_quality.benchmark.against_gold import NO_ANSWERS, BenchmarkScore, consensus_accuracy, score_benchmark

__all__ = ["NO_ANSWERS", "BenchmarkScore", "consensus_accuracy", "score_benchmark"]
