"""Migrations that change what is already there."""

from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from invoicing.models import Attachment, FiscalPositionTax, FollowUp, HistoryLine, ImportTurn, Invoice, Partner, Tax
from invoicing.services.records.attachments import attach
from invoicing.services.records.follow_ups import add_follow_up
from invoicing.services.records.notes import add_note
from openfire_billing.db.guards import (
    drop_guards,
    guard_statements,
    guarded_models,
    missing_guards,
    put_back,
    without_guards,
)
from tests.factories import PartnerFactory, ProductFactory, World, tax

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


def test_notes_files_and_follow_ups_get_the_company_of_their_document(world: World) -> None:
    """The rows of the version before: without a company, files without a size."""
    intervention, invoice = world.intervention(), world.draft()
    documents = [intervention, invoice, world.customer, world.company]
    for document in documents:
        add_note(document, "note", by=world.planner)
        attach(document, SimpleUploadedFile("a.pdf", b"%PDF a"), by=world.planner)
        add_follow_up(document, text="task", due_on=world.today, user=world.planner, by=world.planner)
    gone = attach(world.customer, SimpleUploadedFile("gone.pdf", b"%PDF"), by=world.planner)
    gone.file.storage.delete(gone.file.name)
    Attachment.objects.update(size=0)

    with without_guards():  # as during `migrate`
        for model in (HistoryLine, Attachment, FollowUp):
            model._default_manager.update(company=None)
        import_module("invoicing.migrations.0004_fill_company_of_neighbours").fill(apps, connection.schema_editor())

    for model in (HistoryLine, Attachment, FollowUp):
        found = [
            set(
                model._default_manager.filter(
                    content_type=ContentType.objects.get_for_model(document), object_id=document.pk
                ).values_list("company", flat=True)
            )
            for document in documents
        ]
        assert found == [{world.company.pk}, {world.company.pk}, {None}, {world.company.pk}]
    assert list(Attachment.objects.order_by("pk").values_list("size", flat=True)) == [6, 6, 6, 6, 0]


def test_codes_that_two_records_bear_are_named_before_they_become_unique(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """The rows of the version before, whose codes were not unique."""
    migration = import_module("invoicing.migrations.0014_codes_are_unique")
    migration.refuse_doubles(apps, None)
    with connection.cursor() as cursor:
        for rule in ("partner_store_code", "product_code"):
            cursor.execute(f"DROP INDEX invoicing_{rule}_once")
    PartnerFactory(name="Un", store_code="K7")
    PartnerFactory(name="Deux", store_code="k7")
    PartnerFactory(name="Trois", store_code="K7", is_active=False, merged_into=PartnerFactory(name="Quatre"))
    ProductFactory(code="Bougie")
    ProductFactory(code="bougie")

    with pytest.raises(RuntimeError, match="portés deux fois : « k7 », « bougie »"):
        migration.refuse_doubles(apps, None)
    with pytest.raises(CommandError, match="2 code"):
        call_command("find_doubles")

    first, second = Partner.objects.filter(store_code__iexact="k7", merged_into=None).order_by("pk")
    said = f"code magasin « k7 » : Un (fiche {first.pk}), Deux (fiche {second.pk})\n"
    assert capsys.readouterr().out.startswith(said)


# What a `migrate` that fails leaves


@pytest.fixture
def version_13(transactional_db: None) -> Iterator[None]:
    """The database before its codes were unique, with its guards."""
    call_command("migrate", "invoicing", "0013", verbosity=0)
    assert missing_guards() == []
    yield
    partner_of_13().objects.all().delete()
    call_command("migrate", verbosity=0)
    assert (missing_guards(), ImportTurn.objects.count()) == ([], 1)


def partner_of_13() -> Any:
    """The model of a partner, with the columns that it had."""
    state = MigrationLoader(connection).project_state(("invoicing", "0013_remove_end_of_month"))
    return state.apps.get_model("invoicing", "Partner")


def applied() -> str:
    """Return the last migration of invoicing that is applied."""
    return max(name for app, name in MigrationRecorder(connection).applied_migrations() if app == "invoicing")


def test_double_codes_stop_migrate_before_it_changes_anything(version_13: None) -> None:
    first, second = (
        partner_of_13().objects.create(name=name, store_code=code) for name, code in (("Un", "K7"), ("Deux", "k7"))
    )
    before = guard_statements()

    with pytest.raises(CommandError) as refusal:
        call_command("migrate", verbosity=0)

    assert str(refusal.value) == (
        f"1 code(s) portés deux fois, rien n'est changé : code magasin « k7 » : Un (fiche {first.pk}), Deux (fiche "
        f"{second.pk}). Avec la version en place, fusionnez les clients ou changez les codes, puis recommencez."
    )
    assert (applied(), missing_guards()) == ("0013_remove_end_of_month", [])
    assert guard_statements() == before


def test_guards_are_there_again_after_a_migration_that_fails(version_13: None) -> None:
    before = guard_statements()
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE invoicing_importturn (id integer)")

    with pytest.raises(DatabaseError, match="invoicing_importturn"):
        call_command("migrate", verbosity=0)

    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE invoicing_importturn")
    assert (applied(), missing_guards()) == ("0013_remove_end_of_month", [])
    assert guard_statements() == before
    assert {table for table, _texts in before.values()} == {model._meta.db_table for model in guarded_models()}


def test_a_guard_that_does_not_fit_its_table_any_more_is_left_out(transactional_db: None) -> None:
    """On SQLite it would refuse all that is written: a trigger is read when it fires."""
    before = guard_statements()
    name = next(name for name in before if name.startswith("guard_invoicing_invoice_delete"))
    table, texts = before[name]
    broken = [
        text.replace('"state"', '"gone"').replace("OLD.state", "OLD.gone").replace("old.state", "old.gone")
        for text in texts
    ]
    assert broken != texts
    drop_guards()

    put_back({**before, name: (table, broken)})

    assert missing_guards() == [name]
    assert Invoice.objects.filter(pk=0).delete() == (0, {})
    put_back(before)
    assert (missing_guards(), guard_statements()) == ([], before)


WORKS = "TVA 20 % travaux"


def correct_positions() -> dict[str, str]:
    """{source: target} of « VEN-INTRACOM » after the migration."""
    with without_guards():  # as during `migrate`
        import_module("invoicing.migrations.0015_works_of_european_buyers").correct(apps, None)
    rows = FiscalPositionTax.objects.filter(position__code="VEN-INTRACOM", position__company=None)
    return {row.source.name: row.target.name for row in rows}


@pytest.mark.parametrize("has_tax", [True, False])
def test_works_of_a_european_buyer_leave_the_exemption_of_goods(world: World, has_tax: bool) -> None:
    """The rows of the version before, which had no such tax."""
    FiscalPositionTax.objects.filter(position__code="VEN-INTRACOM").update(target=tax("Livraison intracommunautaire"))
    if not has_tax:
        with without_guards():
            Tax.objects.filter(name="Autoliquidation UE (prestations)").delete()

    corrected = {WORKS: "Autoliquidation UE (prestations)", "TVA 20 %": "Livraison intracommunautaire"}
    assert correct_positions() == corrected
    made = Tax.objects.get(name="Autoliquidation UE (prestations)")
    assert (made.rate, made.category, made.company, made.mention, made.is_active) == (
        0,
        "AE",
        None,
        "Autoliquidation, art. 283-2 du CGI.",
        True,
    )
    assert correct_positions() == corrected


def test_position_of_european_buyers_that_a_firm_changed_stays(world: World) -> None:
    rows = FiscalPositionTax.objects.filter(position__code="VEN-INTRACOM")
    rows.update(target=tax("Livraison intracommunautaire"))
    rows.filter(source__name="TVA 20 %").update(target=tax("Autoliquidation"))
    assert correct_positions() == {WORKS: "Livraison intracommunautaire", "TVA 20 %": "Autoliquidation"}
