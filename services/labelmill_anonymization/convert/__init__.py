"""Between the contract's messages and the domain, both ways, nothing else."""
