"""The RPCs: proto in, domain call, proto out."""
