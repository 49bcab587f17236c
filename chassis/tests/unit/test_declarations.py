"""What RPCs declare: read from the protos, and required of every one that is served."""

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool

from crm_chassis.rpc.declarations import rpc_of, rpcs_of_peer, rpcs_of_service

PACKAGE = "crm.undeclared.v1"


def by_name(peer):
    return {rpc.name: rpc for rpc in rpcs_of_peer(peer)}


def test_an_rpc_tells_what_it_needs_and_what_repeating_it_does():
    rpcs = by_name("contacts")

    create, change = rpcs["CreateInteraction"], rpcs["UpdateContact"]
    assert (create.collection, create.action, create.idempotency) == (
        "interactions",
        "CREATE",
        "KEY",
    )
    assert create.path == "/crm.contacts.v1.InteractionService/CreateInteraction"
    assert (create.is_repeatable, change.is_repeatable) == (False, False)


def test_a_client_repeats_by_itself_what_a_second_try_answers_like_the_first():
    repeated = {name for name, rpc in by_name("contacts").items() if rpc.is_repeatable}

    assert repeated >= {"GetContact", "ListContacts", "ReplayDeadLetter", "CancelOperation"}
    assert repeated.isdisjoint(
        {"CreateContact", "UpdateContact", "DeleteContact", "UndeleteContact", "MoveOrganization"}
    )


def test_the_fields_that_http_has_in_the_path_are_known():
    rpcs = by_name("contacts")

    assert rpcs["CreateInteraction"].path_fields == {"parent"}
    assert rpcs["UpdateContact"].path_fields == {"contact.name"}
    assert rpcs["GetCustomerSections"].path_fields == {"service", "customer"}
    assert rpcs["CreateContact"].path_fields == frozenset()


def test_a_peer_that_nobody_knows_answers_the_shared_rpcs_only():
    packages = {rpc.descriptor.containing_service.file.package for rpc in rpcs_of_peer("nobody")}

    assert packages == {"crm.api.v1"}


def test_every_rpc_of_the_suite_declares_all():
    assert all(len(rpcs_of_peer(peer)) > 10 for peer in ("contacts", "analytics", "gateway"))


def test_an_rpc_that_declares_nothing_is_not_served():
    file = descriptor_pb2.FileDescriptorProto(name="undeclared.proto", package=PACKAGE)
    file.message_type.add(name="Nothing")
    method = file.service.add(name="SomeService").method.add(name="DoSomething")
    method.input_type = method.output_type = f".{PACKAGE}.Nothing"
    descriptor_pool.Default().Add(file)

    with pytest.raises(ValueError, match="DoSomething does not declare"):
        rpcs_of_service(f"{PACKAGE}.SomeService")


def test_a_declaration_is_read_once():
    method = by_name("contacts")["GetContact"].descriptor

    assert rpc_of(method) is rpc_of(method)
