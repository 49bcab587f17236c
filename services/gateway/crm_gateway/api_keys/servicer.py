"""API keys over gRPC."""

from crm.gateway.v1 import api_keys_pb2, api_keys_pb2_grpc

from crm_chassis.resources.masks import mask_paths
from crm_chassis.resources.transaction import in_transaction
from crm_chassis.resources.translate import from_message, to_message
from crm_chassis.rpc.methods import get, history, list_page
from crm_gateway.api_keys.commands import (
    create_api_key,
    revoke_api_key,
    rotate_api_key,
    update_api_key,
)
from crm_gateway.api_keys.documents import ApiKey


class ApiKeyServicer(api_keys_pb2_grpc.ApiKeyServiceServicer):
    """Translate, call, translate. All else is the interceptors'."""

    def CreateApiKey(self, request, context):
        return in_transaction(create_api_key, from_message(request.api_key, ApiKey))

    def GetApiKey(self, request, context):
        return get(ApiKey, request)

    def ListApiKeys(self, request, context):
        return list_page(ApiKey, request, api_keys_pb2.ListApiKeysResponse)

    def UpdateApiKey(self, request, context):
        changes = from_message(request.api_key, ApiKey)
        paths = mask_paths(request.api_key, request.update_mask.paths)
        etag = request.api_key.etag
        return to_message(in_transaction(update_api_key, changes, paths, etag))

    def RotateApiKey(self, request, context):
        return in_transaction(rotate_api_key, request.name, request.etag)

    def RevokeApiKey(self, request, context):
        return to_message(in_transaction(revoke_api_key, request.name, request.etag))

    def ListApiKeyHistory(self, request, context):
        return history(ApiKey, request, api_keys_pb2.ListApiKeyHistoryResponse)
