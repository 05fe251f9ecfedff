"""Shards on the machines of a Ray cluster."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import ray

from labelmill_quality.distributed.shard import Shard

_OWN_STORE_BYTES = 256 << 20
_NOTHING: dict[str, Any] = {}


class RayShards:
    """One actor a shard; Ray spreads them over its machines, those of one machine share its cores.

    Args:
        paths: The shards' files, on storage that every machine sees.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        # An actor that holds a core is never placed where there are more shards than cores, and all would wait for it.
        actor: Any = ray.remote(num_cpus=0, scheduling_strategy="SPREAD")(Shard)
        self._actors = [actor.remote(path) for path in paths]

    def each(self, method: str, *arguments: Any) -> list[Any]:
        """See Shards. What they share is sent to each machine once."""
        shared = [ray.put(argument) for argument in arguments]
        found: list[Any] = ray.get([getattr(actor, method).remote(*shared) for actor in self._actors])
        return found


@contextmanager
def cluster(address: str = "local", cpus: int | None = None) -> Iterator[None]:
    """Connects to a cluster, or starts one on this machine ("local") and ends it afterwards.

    Ray's report of its use to its makers stays off, unless the environment says otherwise.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    own: dict[str, Any] = {"num_cpus": cpus, "object_store_memory": _OWN_STORE_BYTES, "include_dashboard": False}
    ray.init(address=address, log_to_driver=False, configure_logging=False, **(own if address == "local" else _NOTHING))
    try:
        yield
    finally:
        ray.shutdown()
