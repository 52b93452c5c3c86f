"""Migrations that change what is already there."""

from importlib import import_module

import pytest
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.test.utils import CaptureQueriesContext

KEY_OF_INVOICE = "invoicing_allocation_invoice_id_8f91d769"
COVERING = {"invoicing_allocation_of", "invoicing_posted_gross"}


def indexes() -> set[str]:
    with connection.cursor() as cursor:
        found = (
            connection.introspection.get_constraints(cursor, f"invoicing_{name}") for name in ("allocation", "invoice")
        )
        return {name for constraints in found for name, parts in constraints.items() if parts["index"]}


def test_what_is_owed_is_read_from_indexes_alone(db: None) -> None:
    found = indexes()

    assert found >= COVERING
    assert KEY_OF_INVOICE not in found


@pytest.mark.postgresql
def test_covering_indexes_are_built_while_people_post_and_pay(transactional_db: None) -> None:
    """No table is locked, no key checked anew; a run stopped half-way is run again."""
    migration = import_module("invoicing.migrations.0009_covering").Migration("0009_covering", "invoicing")
    before = MigrationLoader(connection).project_state(("invoicing", "0008_message_company"))
    with connection.schema_editor(atomic=migration.atomic) as editor:
        migration.unapply(before, editor)
    assert (indexes() & COVERING, KEY_OF_INVOICE in indexes()) == (set(), True)
    with connection.cursor() as cursor:  # what a stopped run may leave
        cursor.execute("CREATE INDEX invoicing_allocation_of ON invoicing_allocation (amount)")

    with CaptureQueriesContext(connection) as asked, connection.schema_editor(atomic=migration.atomic) as editor:
        migration.apply(before.clone(), editor)

    statements = [query["sql"] for query in asked]
    assert [said for said in statements if said.startswith(("ALTER", "CREATE", "DROP", "BEGIN", "SET"))] == [
        'DROP INDEX CONCURRENTLY IF EXISTS "invoicing_allocation_of"',
        'CREATE INDEX CONCURRENTLY "invoicing_allocation_of" ON "invoicing_allocation" ("invoice_id")'
        ' INCLUDE ("amount")',
        'DROP INDEX CONCURRENTLY IF EXISTS "invoicing_posted_gross"',
        'CREATE INDEX CONCURRENTLY "invoicing_posted_gross" ON "invoicing_invoice" ("id") INCLUDE ("gross")'
        " WHERE \"state\" = 'posted'",
        f'DROP INDEX CONCURRENTLY IF EXISTS "{KEY_OF_INVOICE}"',
    ]
    assert (indexes() & COVERING, KEY_OF_INVOICE in indexes()) == (COVERING, False)
