"""Pipelines over gRPC."""

from crm.sales.v1 import pipelines_pb2, pipelines_pb2_grpc

from crm_chassis.resources.masks import mask_paths
from crm_chassis.resources.transaction import in_transaction
from crm_chassis.resources.translate import from_message, to_message
from crm_chassis.rpc.methods import get, history, list_page
from crm_sales.pipelines.commands import (
    create_pipeline,
    delete_pipeline,
    undelete_pipeline,
    update_pipeline,
)
from crm_sales.pipelines.documents import Pipeline


class PipelineServicer(pipelines_pb2_grpc.PipelineServiceServicer):
    """Translate, call, translate. All else is the interceptors'."""

    def CreatePipeline(self, request, context):
        pipeline = from_message(request.pipeline, Pipeline)
        return to_message(in_transaction(create_pipeline, pipeline))

    def GetPipeline(self, request, context):
        return get(Pipeline, request)

    def ListPipelines(self, request, context):
        return list_page(Pipeline, request, pipelines_pb2.ListPipelinesResponse)

    def UpdatePipeline(self, request, context):
        changes = from_message(request.pipeline, Pipeline)
        paths = mask_paths(request.pipeline, request.update_mask.paths)
        return to_message(in_transaction(update_pipeline, changes, paths, request.pipeline.etag))

    def DeletePipeline(self, request, context):
        return to_message(in_transaction(delete_pipeline, request.name, request.etag))

    def UndeletePipeline(self, request, context):
        return to_message(in_transaction(undelete_pipeline, request.name, request.etag))

    def ListPipelineHistory(self, request, context):
        return history(Pipeline, request, pipelines_pb2.ListPipelineHistoryResponse)
