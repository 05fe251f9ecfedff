"""The RPCs, one file a service of the contract: proto in, use case, proto out."""
