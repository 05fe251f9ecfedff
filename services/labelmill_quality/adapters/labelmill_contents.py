"""Items' contents from the clean zone of Labelmill's storage service."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from google.rpc import code_pb2

from labelmill.aio import Client
from labelmill.errors import LabelmillError
from labelmill.storage.v1 import resources_pb2, service_pb2
from labelmill_quality.page.contents import Content, Missing, Shown
from labelmill_runtime import names

_ASSET = "projects/{project}/assets/{asset}"
_AT_ONCE = 20
_UNREAD = Missing("It cannot be shown.")
_AWAY = Missing("The storage service could not be asked.")


class LabelmillContents:
    """The CleanContents of production.

    Args:
        client: Gives the client; asked at each call, because there is no server to call before this one has started.
    """

    def __init__(self, client: Callable[[], Client]) -> None:
        self._client = client

    async def read(self, project: str, items: Sequence[str]) -> Mapping[str, Shown]:
        """What each item is; see CleanContents."""
        found: dict[str, Shown] = dict.fromkeys(items, _UNREAD)
        left = [item for item in items if names.matches(_ASSET, item)]
        try:
            while left:
                results = await self._some(project, left[:_AT_ONCE])
                found.update(results)
                left = [item for item in left if item not in results]
        except LabelmillError:
            found.update(dict.fromkeys(left, _AWAY))
        return found

    async def _some(self, project: str, items: Sequence[str]) -> dict[str, Shown]:
        """Some of the items: what does not fit into one answer is asked for again."""
        request = service_pb2.BatchReadAssetsRequest(
            parent=f"projects/{project}", names=items, zone=resources_pb2.ZONE_CLEAN
        )
        results = (await self._client().storage.batch_read_assets(request)).results
        fitting = [result for result in results if result.status.code != code_pb2.RESOURCE_EXHAUSTED]
        # If nothing fits, nothing ever will.
        return {result.name: _shown(result) for result in fitting or results}


def _shown(result: service_pb2.BatchReadAssetsResponse.Result) -> Shown:
    if result.status.code:
        return _UNREAD
    return Content(result.description.media_type, result.content)
