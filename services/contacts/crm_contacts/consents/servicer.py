"""Consents over gRPC."""

from crm.contacts.v1 import consents_pb2, consents_pb2_grpc

from crm_chassis.resources.transaction import in_transaction
from crm_chassis.resources.translate import from_message, to_message
from crm_chassis.rpc.methods import get, history, list_page
from crm_contacts.consents.commands import create_consent
from crm_contacts.consents.documents import Consent


class ConsentServicer(consents_pb2_grpc.ConsentServiceServicer):
    """Translate, call, translate. All else is the interceptors'."""

    def CreateConsent(self, request, context):
        consent = from_message(request.consent, Consent)
        return to_message(in_transaction(create_consent, request.parent, consent))

    def GetConsent(self, request, context):
        return get(Consent, request)

    def ListConsents(self, request, context):
        return list_page(Consent, request, consents_pb2.ListConsentsResponse)

    def ListConsentHistory(self, request, context):
        return history(Consent, request, consents_pb2.ListConsentHistoryResponse)
