"""Timelines over gRPC."""

from collections.abc import Mapping
from typing import Any

from crm.analytics.v1 import timeline_pb2, timeline_pb2_grpc

from crm_analytics.parents.introduction import Introduction
from crm_analytics.timeline.queries import question_of, timeline_page
from crm_analytics.timeline.rules import summary
from crm_chassis.kernel.ids import collection_of
from crm_chassis.rpc.methods import moment_of


class TimelineServicer(timeline_pb2_grpc.TimelineServiceServicer):
    """Translate, call, translate. All else is the interceptors'."""

    def __init__(self, introduction: Introduction) -> None:
        self._introduction = introduction

    def ListTimelineEntries(self, request, context):
        question = question_of(
            request.customer,
            filter=request.filter,
            page_size=request.page_size,
            page_token=request.page_token,
            read_time=moment_of(request, "read_time"),
            show_deleted=request.show_deleted,
        )
        page = self._introduction.reading(request.customer, lambda: timeline_page(question))
        return timeline_pb2.ListTimelineEntriesResponse(
            entries=[_entry(row) for row in page.rows], next_page_token=page.next_page_token
        )


def _entry(row: Mapping[str, Any]) -> timeline_pb2.TimelineEntry:
    return timeline_pb2.TimelineEntry(
        time=row["time"],
        type=row["type"],
        subject=row["subject"],
        summary=summary(collection_of(row["subject"]), row["data"]),
        actor=row["actor"],
        event=row["_id"],
    )
