"""Migrations that change what is already there."""

from django.db import connection

KEY_OF_DOCUMENT = "invoicing_allocation_document_id_72f977d7"
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
    assert KEY_OF_DOCUMENT not in found
