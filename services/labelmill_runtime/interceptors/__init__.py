"""What surrounds every RPC, one idea a file; `chain.py` puts them together, `stack.py` says in which order."""
