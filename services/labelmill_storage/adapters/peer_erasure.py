"""The services that forget assets when storage says so, through the SDK."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from labelmill import errors
from labelmill.type.v1.erasure_pb2 import EraseAssetsRequest
from labelmill_runtime.peer_errors import translated
from labelmill_storage.assets import asset_name
from labelmill_storage.lifecycle.ports import Forgotten

if TYPE_CHECKING:
    from labelmill.aio import Client

_TIMEOUT_S = 300.0
_ATTRIBUTES = {"annotation": "annotations"}
"""Where the client has a service under another name."""


class PeerErasure:
    """Peers over gRPC."""

    def __init__(self, peers: Callable[[], Client]) -> None:
        self._peers = peers

    async def erase(self, peer: str, project: str, asset_ids: Sequence[str], request_id: str) -> Forgotten | None:
        """Makes one forget assets; None where there is no such service. Raises what a retry may mend."""
        names = [asset_name(project, asset_id) for asset_id in asset_ids]
        request = EraseAssetsRequest(parent=f"projects/{project}", names=names, request_id=request_id)
        async with translated():
            try:
                service = getattr(self._peers(), _ATTRIBUTES.get(peer, peer))
                answer = await service.erase_assets(request, timeout_s=_TIMEOUT_S)
            except errors.Unimplemented:
                return None
        return Forgotten(dict(answer.removed_counts), [(item.item, item.reason, item.count) for item in answer.kept])
