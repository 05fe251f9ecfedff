"""The gRPC services of storage: proto in, domain call, proto out."""
