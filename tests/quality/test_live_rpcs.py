"""Figures kept current over a real socket, on SQLite and PostgreSQL."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from labelmill import errors, labels
from labelmill.quality.v1 import live_service_pb2 as pb
from labelmill.type.v1.erasure_pb2 import EraseAssetsRequest
from labelmill.type.v1.ontology_pb2 import Feature
from labelmill_quality.convert.likeness import encoded
from labelmill_runtime.settings import RuntimeSettings
from tests.quality.conftest import Mill, serve
from tests.quality.fake_changes import PARENT, FakeChanges, asset
from tests.quality.fakes import FakeAnnotations

NAMES = ("negative", "neutral", "positive")


def fill(feed: FakeChanges, items: int = 12, first: int = 0) -> None:
    """Anna and Ben agree, Cleo always says neutral; every fourth item is shown to Anna and Cleo as a benchmark, too."""
    for n in range(first, first + items):
        feed.say(n, "anna", NAMES[n % 3])
        feed.say(n, "ben", NAMES[n % 3])
        feed.say(n, "cleo", "neutral")
        if n % 4 == 0:
            feed.truth[asset(1000 + n)] = NAMES[n % 3]
            feed.say(1000 + n, "anna", NAMES[n % 3], benchmark=True)
            feed.say(1000 + n, "cleo", "neutral", benchmark=True)


async def refresh(mill: Mill) -> pb.RefreshProjectQualityResponse:
    return await mill.live.refresh_project_quality(pb.RefreshProjectQualityRequest(parent=PARENT))


async def read(mill: Mill, feature: str = "sentiment") -> pb.FeatureQuality:
    [found] = (
        await mill.live.get_project_quality(pb.GetProjectQualityRequest(parent=PARENT, feature=feature))
    ).features
    return found


async def refit(mill: Mill, feature: str = "sentiment") -> pb.Refit:
    operation = await mill.live.refit_project_quality(pb.RefitProjectQualityRequest(parent=PARENT, feature=feature))
    done: pb.Refit = await operation.result(timeout_s=60)
    return done


async def items(mill: Mill, **changes: object) -> list[pb.ItemQuality]:
    request = pb.ListItemQualitiesRequest(**{"parent": PARENT, "feature": "sentiment", **changes})  # type: ignore[arg-type]
    return [item async for item in mill.live.list_item_qualities(request)]


async def test_figures_follow_what_labelers_say(mill_on_both: Mill) -> None:
    mill = mill_on_both
    fill(mill.changes)
    done = await refresh(mill)
    assert (done.change_count, done.item_count, done.more) == (42, 15, False)
    found = await read(mill)
    assert (found.label_count, found.item_count, found.shared_item_count) == (36, 12, 12)
    assert found.disputed_item_count == 8
    assert (found.consensus_method, found.kind) == ("dawid_skene", Feature.KIND_SINGLE_CHOICE)
    assert found.alpha.lower <= found.alpha.value <= found.alpha.upper
    assert found.item_agreement.value == pytest.approx((4 * 1 + 8 * (1 / 3)) / 12)
    assert [labeler.labeler for labeler in found.labelers] == ["anna", "ben", "cleo"]
    anna, ben, cleo = found.labelers
    assert (anna.benchmark_accuracy.value, anna.benchmark_accuracy.sample_count) == (1.0, 3)
    assert cleo.benchmark_accuracy.value == pytest.approx(1 / 3)
    assert not ben.benchmark_accuracy.HasField("value")
    assert cleo.consensus_agreement.value == pytest.approx(1 / 3)
    assert (found.benchmark_accuracy.value, found.benchmark_accuracy.sample_count) == (pytest.approx(4 / 6), 6)


async def test_asking_twice_changes_nothing(mill_on_both: Mill) -> None:
    mill = mill_on_both
    fill(mill.changes)
    await refresh(mill)
    before = await read(mill)
    again = await refresh(mill)
    assert (again.change_count, again.item_count) == (0, 0)
    assert await read(mill) == before


async def test_corrected_and_withdrawn_annotations_count_as_they_are_now(mill_on_both: Mill) -> None:
    mill = mill_on_both
    fill(mill.changes, 3)
    wrong = mill.changes.say(0, "dora", "positive")
    gone = mill.changes.say(1, "dora", "positive")
    await refresh(mill)
    mill.changes.correct(wrong, "negative")
    mill.changes.withdraw(gone)
    done = await refresh(mill)
    assert (done.change_count, done.item_count) == (2, 2)
    found = {item.item: item for item in await items(mill)}
    assert [answer.class_name for answer in found[asset(0)].answers if answer.labeler == "dora"] == ["negative"]
    assert found[asset(0)].class_name == "negative"
    assert "dora" not in [answer.labeler for answer in found[asset(1)].answers]
    assert (await read(mill)).label_count == 10


async def test_an_item_that_nobody_answers_any_more_is_gone(mill_on_both: Mill) -> None:
    mill = mill_on_both
    fill(mill.changes, 3)
    only = mill.changes.say(77, "anna", "neutral")
    await refresh(mill)
    mill.changes.withdraw(only)
    await refresh(mill)
    assert asset(77) not in [item.item for item in await items(mill)]


async def test_a_refit_tells_what_it_changed_and_the_figures_are_those_of_all_answers(mill_on_both: Mill) -> None:
    mill = mill_on_both
    for first in range(0, 24, 6):
        fill(mill.changes, 6, first)
        await refresh(mill)
    change = mill.changes.newest[mill.changes.say(500, "ben", "neutral")]
    told = await refit(mill)
    assert (told.feature, told.label_count, told.item_count) == ("sentiment", 73, 25)
    assert told.repaired_item_count == 1
    assert 0 <= told.mean_posterior_change < 0.2
    assert {each.labeler for each in told.labelers} == {"anna", "ben", "cleo"}
    found = await read(mill)
    assert (found.last_refit, found.labels_since_refit, found.label_count) == (told, 0, 73)
    assert change.item in [item.item for item in await items(mill)]
    assert (await refresh(mill)).change_count == 0
    assert (await refit(mill)).mean_posterior_change == 0.0


async def test_items_are_listed_by_disagreement_in_pages(mill_on_both: Mill) -> None:
    mill = mill_on_both
    fill(mill.changes)
    await refresh(mill)
    scores = [item.disagreement for item in await items(mill, page_size=2)]
    assert scores == sorted(scores, reverse=True)
    assert len(scores) == 15
    disputed = await items(mill, min_score=0.25, page_size=3)
    assert len({item.item for item in disputed}) == 8
    assert {answer.class_name for answer in disputed[0].answers} == {"neutral", disputed[0].class_name}
    assert sum(share.probability for share in disputed[0].distribution) == pytest.approx(1, abs=0.01)
    by_uncertainty = await items(mill, order=pb.ListItemQualitiesRequest.ORDER_UNCERTAINTY)
    uncertainties = [item.uncertainty for item in by_uncertainty]
    assert uncertainties == sorted(uncertainties, reverse=True)
    assert all(0 <= item.next_label_gain <= item.uncertainty for item in by_uncertainty if item.label_count)
    assert [item.gold_class_name for item in by_uncertainty if item.item == asset(1000)] == ["negative"]


async def test_all_features_are_told_each_in_its_kind(mill: Mill) -> None:
    fill(mill.changes)
    for labeler, value in (("anna", "one"), ("ben", "three")):
        mill.changes.say(1, labeler, value, feature="stars")
        chosen = labels.multiple_choice("topics", ["arts"] if labeler == "anna" else ["arts", "sports"])
        mill.changes.say(1, labeler, encoded(chosen), feature="topics")
    await refresh(mill)
    told = await mill.live.get_project_quality(pb.GetProjectQualityRequest(parent=PARENT))
    assert [each.feature for each in told.features] == ["sentiment", "stars", "topics"]
    _, stars, topics = told.features
    assert stars.alpha.method == "krippendorff_alpha_ordinal"
    assert topics.item_agreement.value == 0.5
    [item] = await items(mill, feature="topics")
    assert (item.label_count, item.class_name, item.HasField("next_label_gain")) == (2, "", False)
    assert (topics.alpha.undefined_reason, topics.consensus_method) == ("the answers are no single classes", "")
    assert told.change_time.ToMilliseconds() == mill.changes.clock_ms


async def test_an_erased_asset_leaves_figures_as_if_it_had_never_been(mill_on_both: Mill) -> None:
    mill = mill_on_both
    fill(mill.changes, 6)
    await refresh(mill)
    before = await read(mill)
    for labeler in ("anna", "dora"):
        mill.changes.say(55, labeler, "positive")
    await refresh(mill)
    assert (await read(mill)).label_count == before.label_count + 2
    erased = await mill.as_("service").quality.erase_assets(EraseAssetsRequest(parent=PARENT, names=[asset(55)]))
    assert erased.removed_counts["live_items"] == 1
    after = await read(mill)
    assert after.labelers[0] == before.labelers[0]
    assert (after.label_count, after.item_count) == (before.label_count, before.item_count)
    assert asset(55) not in [item.item for item in await items(mill)]


async def test_more_changes_than_one_call_reads_take_several(mill: Mill) -> None:
    mill.changes.step_ms = 100
    fill(mill.changes, 6200)
    first = await refresh(mill)
    assert (first.change_count, first.more) == (20_000, True)
    mill.changes.stale_tokens = True  # annotation has a new key for its tokens
    second = await refresh(mill)
    assert (second.change_count, second.more) == (1700, False)
    assert (await read(mill)).label_count == 18_600


async def test_figures_survive_a_restart(settings: RuntimeSettings) -> None:
    feed = FakeChanges()
    fill(feed)
    async with AsyncExitStack() as stack:
        mill = await serve(settings, FakeAnnotations(), stack, feed)
        await refresh(mill)
        before = await read(mill)
    async with AsyncExitStack() as stack:
        mill = await serve(settings, FakeAnnotations(), stack, feed)
        assert await read(mill) == before


async def test_refreshes_at_the_same_time_count_every_label_once(mill_on_both: Mill) -> None:
    mill = mill_on_both
    mill.changes.page_size = 20
    fill(mill.changes)
    done = await asyncio.gather(*(refresh(mill) for _ in range(3)))
    assert sum(each.change_count for each in done) == 42
    found = await read(mill)
    assert (found.label_count, sum(labeler.label_count for labeler in found.labelers)) == (36, 36)
    assert (await refit(mill)).repaired_item_count == 0


async def test_a_reading_that_breaks_off_goes_on_where_it_was_after_a_restart(settings: RuntimeSettings) -> None:
    feed = FakeChanges(page_size=10, failing_page=3)
    fill(feed)
    async with AsyncExitStack() as stack:
        mill = await serve(settings, FakeAnnotations(), stack, feed)
        with pytest.raises(errors.Unavailable):
            await refresh(mill)
        assert 0 < (await read(mill)).label_count < 36
    async with AsyncExitStack() as stack:
        mill = await serve(settings, FakeAnnotations(), stack, feed)
        await refresh(mill)  # or the service itself, which has begun to read on by now
        assert (await read(mill)).label_count == 36
        assert feed.reads[3][1] == feed.reads[2][1] != ""


async def test_changes_are_followed_and_features_fitted_anew_without_being_asked(settings: RuntimeSettings) -> None:
    feed = FakeChanges()
    fill(feed, 3)
    async with AsyncExitStack() as stack:
        mill = await serve(settings, FakeAnnotations(), stack, feed, follow_seconds=0.05)
        await refresh(mill)
        assert not (await read(mill)).HasField("last_refit")
        fill(feed, 40, first=50)
        while not (await read(mill)).HasField("last_refit"):
            await asyncio.sleep(0.05)
        found = await read(mill)
    assert (found.label_count, found.last_refit.label_count) == (129, 129)


@pytest.mark.parametrize("who", ["annotator", "officer", "stranger"])
async def test_who_may_not_see_the_work_of_others_is_refused(mill: Mill, who: str) -> None:
    live = mill.as_(who).live
    for call in (
        live.refresh_project_quality(pb.RefreshProjectQualityRequest(parent=PARENT)),
        live.get_project_quality(pb.GetProjectQualityRequest(parent=PARENT)),
        live.list_item_qualities.page(pb.ListItemQualitiesRequest(parent=PARENT, feature="sentiment")),
        live.refit_project_quality(pb.RefitProjectQualityRequest(parent=PARENT, feature="sentiment")),
    ):
        with pytest.raises(errors.PermissionDenied):
            await call


async def test_what_is_not_kept_cannot_be_read(mill: Mill) -> None:
    for call in (
        mill.live.get_project_quality(pb.GetProjectQualityRequest(parent=PARENT)),
        mill.live.list_item_qualities.page(pb.ListItemQualitiesRequest(parent=PARENT, feature="sentiment")),
        mill.live.refit_project_quality(pb.RefitProjectQualityRequest(parent=PARENT, feature="sentiment")),
    ):
        with pytest.raises(errors.FailedPrecondition, match="NOT_WATCHED"):
            await call
    await refresh(mill)
    for call in (
        mill.live.get_project_quality(pb.GetProjectQualityRequest(parent=PARENT, feature="mood")),
        mill.live.refit_project_quality(pb.RefitProjectQualityRequest(parent=PARENT, feature="sentiment")),
    ):
        with pytest.raises(errors.NotFound, match="FEATURE_NOT_WATCHED"):
            await call
    with pytest.raises(errors.NotFound, match="PROJECT_NOT_FOUND"):
        await mill.as_("owner").live.refresh_project_quality(pb.RefreshProjectQualityRequest(parent="projects/nowhere"))
