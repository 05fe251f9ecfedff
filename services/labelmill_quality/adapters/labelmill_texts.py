"""Reads CLEAN texts from Labelmill's storage, and asks models of its prelabel service."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence

from labelmill.aio import Client
from labelmill.labels import class_of
from labelmill.prelabel.v1 import resources_pb2 as prelabel_resources_pb2
from labelmill.prelabel.v1 import service_pb2 as prelabel_pb2
from labelmill.storage.v1 import resources_pb2 as storage_resources_pb2
from labelmill.storage.v1 import service_pb2 as storage_pb2
from labelmill_quality.weak_supervision.ports import TextPage
from labelmill_quality.weak_supervision.rules import Prediction, TextItem
from labelmill_runtime.errors import Code, InvalidArgument, LabelmillError
from labelmill_runtime.peer_errors import from_item_status, translated

_PAGE_SIZE = 500
_TEXTS_A_CALL = 500
_CHARACTERS_A_CALL = 500_000
"""A call's texts stay well below the largest message."""


class NotText(InvalidArgument):
    """An asset that says it is a text is none."""

    def __init__(self, asset: str) -> None:
        super().__init__("NOT_TEXT", "The content is not UTF-8.", resource=("Asset", asset))


class NoClass(InvalidArgument):
    """A model's answer names no class."""

    def __init__(self, model: str) -> None:
        super().__init__("NO_CLASS", "The model's answers are no classes.", resource=("ServedModel", model))


class LabelmillTexts:
    """The TextSource of production.

    Args:
        client: Gives the client; asked at each call, because there is no server to call before this one has started.
    """

    def __init__(self, client: Callable[[], Client]) -> None:
        self._client = client

    async def require_filter(self, project: str, filter_text: str) -> None:
        """See TextSource."""
        async with translated():
            await self._client().storage.list_assets.page(_listing(project, filter_text, page_size=1))

    async def pages(self, project: str, filter_text: str) -> AsyncIterator[TextPage]:
        """See TextSource."""
        request = _listing(project, filter_text, page_size=_PAGE_SIZE)
        async with translated():
            async for page in self._client().storage.list_assets.pages(request):
                texts = [asset.name for asset in page.assets if asset.clean.media_type.startswith("text/")]
                yield await self._read(project, texts, page.total_size)

    async def _read(self, project: str, assets: list[str], total: int) -> TextPage:
        read = TextPage([], [], total)
        while assets:
            request = storage_pb2.BatchReadAssetsRequest(
                parent=f"projects/{project}", names=assets, zone=storage_resources_pb2.ZONE_CLEAN
            )
            answer = await self._client().storage.batch_read_assets(request)
            # What did not fit into the answer is asked for again; if nothing fits, nothing will: those have failed.
            fitted = [r for r in answer.results if r.status.code != Code.RESOURCE_EXHAUSTED] or answer.results
            for result in fitted:
                _add(read, result)
            done = {result.name for result in fitted}
            assets = [name for name in assets if name not in done]
        return read


class LabelmillModels:
    """The TextModels of production."""

    def __init__(self, client: Callable[[], Client]) -> None:
        self._client = client

    async def predict(self, model: str, texts: Sequence[str]) -> list[Prediction | LabelmillError]:
        """See TextModels."""
        answers: list[Prediction | LabelmillError] = []
        for part in _parts(texts):
            request = prelabel_pb2.PredictTextsRequest(model=model, texts=part)
            async with translated():
                response = await self._client().prelabel.predict_texts(request)
            answers.extend(_answer(model, prediction) for prediction in response.predictions)
        return answers


def _listing(project: str, filter_text: str, *, page_size: int) -> storage_pb2.ListAssetsRequest:
    condition = f"zone = CLEAN AND ({filter_text})" if filter_text.strip() else "zone = CLEAN"
    return storage_pb2.ListAssetsRequest(parent=f"projects/{project}", filter=condition, page_size=page_size)


def _add(page: TextPage, result: storage_pb2.BatchReadAssetsResponse.Result) -> None:
    error = from_item_status(result.status)
    if error is None:
        try:
            page.items.append(TextItem(result.name, result.content.decode("utf-8-sig")))
            return
        except UnicodeDecodeError:
            error = NotText(result.name)
    page.failed.append((result.name, error))


def _answer(model: str, prediction: prelabel_resources_pb2.Prediction) -> Prediction | LabelmillError:
    error = from_item_status(prediction.status)
    if error is not None:
        return error
    for annotation in prediction.annotations:
        if class_of(annotation):
            return Prediction(class_of(annotation), annotation.confidence)
    return NoClass(model)


def _parts(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    start = size = 0
    for position, text in enumerate(texts):
        if position > start and (position - start == _TEXTS_A_CALL or size + len(text) > _CHARACTERS_A_CALL):
            yield texts[start:position]
            start, size = position, 0
        size += len(text)
    if start < len(texts):
        yield texts[start:]
