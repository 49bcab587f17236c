"""A process that serves contacts who take their time, for tests to start, ask and stop."""

# ruff: noqa: N802 - gRPC names its methods in CamelCase

import sys
import time
from pathlib import Path

from crm.contacts.v1 import contacts_pb2, contacts_pb2_grpc

from crm_chassis.mongo.connection import database
from crm_chassis.resources.transaction import in_transaction
from crm_chassis.rpc.server import serve
from crm_chassis.settings import ServiceSettings


class ProbeSettings(ServiceSettings, service="probe"):
    pass


# While there is such a file, nobody who asks for somebody gets an answer.
HELD = Path(sys.argv[2])


def count_slowly(tx):
    change = {"$inc": {"count": 1}}
    database()["counted"].update_one({"_id": "calls"}, change, upsert=True, session=tx.session)
    print("counting", flush=True)  # noqa: T201 - the test waits for it
    time.sleep(0.8)
    return contacts_pb2.Contact(given_name="Ann")


class SlowPeople(contacts_pb2_grpc.ContactServiceServicer):
    def GetContact(self, request, context):
        print("begun", request.name, flush=True)  # noqa: T201 - the test waits for it
        time.sleep(0.8)
        while HELD.exists():
            time.sleep(0.01)
        return contacts_pb2.Contact(name=request.name)

    def CreateContact(self, request, context):
        return in_transaction(count_slowly)

    def ListContacts(self, request, context):
        return contacts_pb2.ListContactsResponse()


if __name__ == "__main__":
    people = (contacts_pb2_grpc.add_ContactServiceServicer_to_server, SlowPeople())
    serve(ProbeSettings(), [people], [], sys.argv[1])
