"""Contacts over gRPC."""

from crm.contacts.v1 import contacts_pb2, contacts_pb2_grpc

from crm_chassis.resources.masks import mask_paths
from crm_chassis.resources.transaction import in_transaction
from crm_chassis.resources.translate import from_message, to_message
from crm_chassis.rpc.methods import get, history, list_page, search
from crm_contacts.contacts.commands import (
    create_contact,
    delete_contact,
    undelete_contact,
    update_contact,
)
from crm_contacts.contacts.documents import Contact
from crm_contacts.imports.commands import import_contacts


class ContactServicer(contacts_pb2_grpc.ContactServiceServicer):
    """Translate, call, translate. All else is the interceptors'."""

    def CreateContact(self, request, context):
        contact = from_message(request.contact, Contact)
        return to_message(in_transaction(create_contact, contact))

    def GetContact(self, request, context):
        return get(Contact, request)

    def ListContacts(self, request, context):
        return list_page(Contact, request, contacts_pb2.ListContactsResponse)

    def UpdateContact(self, request, context):
        changes = from_message(request.contact, Contact)
        paths = mask_paths(request.contact, request.update_mask.paths)
        return to_message(in_transaction(update_contact, changes, paths, request.contact.etag))

    def DeleteContact(self, request, context):
        return to_message(in_transaction(delete_contact, request.name, request.etag))

    def UndeleteContact(self, request, context):
        return to_message(in_transaction(undelete_contact, request.name, request.etag))

    def SearchContacts(self, request, context):
        return search(Contact, request, contacts_pb2.SearchContactsResponse)

    def ImportContacts(self, request_iterator, context):
        return import_contacts(request_iterator)

    def ListContactHistory(self, request, context):
        return history(Contact, request, contacts_pb2.ListContactHistoryResponse)
