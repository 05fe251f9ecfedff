"""PlanningService: converts, calls, converts back."""
# ruff: noqa: N802 - the contract names the methods

from __future__ import annotations

from labelmill.quality.v1 import planning_service_pb2 as pb
from labelmill.quality.v1 import planning_service_pb2_grpc as grpc_pb
from labelmill_quality.jobs import planning as jobs
from labelmill_quality.servicers.computed import Computing


class PlanningServicer(grpc_pb.PlanningServiceServicer):
    """Plans the buying of labels."""

    def __init__(self, computing: Computing) -> None:
        self._computing = computing

    async def PlanLabels(self, request: pb.PlanLabelsRequest, context: object) -> pb.PlanLabelsResponse:
        """Says which items need more labels, how many, and which are next."""
        return await self._computing.answer(
            pb.PlanLabelsResponse, jobs.plan_labels, request.SerializeToString(), self._computing.cell_limit
        )
