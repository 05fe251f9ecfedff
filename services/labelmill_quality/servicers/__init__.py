"""One gRPC service a file: converts, calls, converts back."""
