"""Dawid-Skene past one machine: the labels lie in shards, each with whole items; only names and sums travel.

`partition.py` makes the shards, `shard.py` is one of them wherever it is, `aggregate.py` leads all of them through EM.
Where they are is behind a port: in this process here, on Ray in `adapters/ray_shards.py`.
"""
