"""Stored data of earlier releases becomes that of this one."""

import importlib

from crm_contacts.contacts.documents import Contact


def test_indexes_of_what_many_rows_lack_become_sparse(database):
    rows = database["contacts"]
    rows.drop_index("teams_1")
    rows.create_index("teams")
    migration = importlib.import_module("crm_contacts.migrations.0003_sparse_indexes")
    for _ in range(2):
        migration.up(database)
        assert rows.index_information()["teams_1"]["sparse"]
    assert Contact.rows().index_information()["positions.organization_1"]["sparse"]
