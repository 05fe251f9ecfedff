"""The name and limits of the built-in sentence encoder, for those who must not import torch."""

ENCODER_ID = "minilm-l6-v2"
BUILT_IN_ENCODER = f"encoders/{ENCODER_ID}"
EMBEDDING_LENGTH = 384
MAX_TOKENS = 256
"""Longest input in tokens that the encoder was trained for."""
