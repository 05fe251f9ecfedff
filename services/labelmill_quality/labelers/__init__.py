"""Labelers: how reliable they are, how they err, who answers without looking, who copies; one idea a file."""

from labelmill_quality.labelers.others import NO_OTHERS, agreement_with_others, consensus_confusions

__all__ = ["NO_OTHERS", "agreement_with_others", "consensus_confusions"]
