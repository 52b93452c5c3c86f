"""Lists without any record: each says what will stand there."""

from django.contrib import admin
from django.contrib.auth.models import User

from contracts.models import BillingRun
from invoicing.admin.base import OfficeAdmin
from tests.factories import Office, UserFactory
from tests.factories.pages import address, texts_of


def test_every_list_without_records_says_what_will_stand_there(db: None) -> None:
    """The list of runs, and all the others, showed their name alone while they were empty."""
    office = Office(UserFactory(username="chef", is_superuser=True))
    pages = {model: page for model, page in admin.site._registry.items() if isinstance(page, OfficeAdmin)}
    del pages[User]  # whoever looks is there
    shown = {}
    for model in pages:
        model._default_manager.all().delete()
        (text,) = texts_of(office.get(address(model, "changelist")), "of-nothing")
        shown[model] = text

    assert [model for model, page in pages.items() if str(page.empty_text) not in shown[model]] == []
    assert shown[BillingRun] == (
        "inbox Passages de facturation Un passage par nuit, à 5 h : les visites, puis les factures de contrats. "
        "Aucun encore."
    )
    assert len(shown) >= 34


def test_list_without_a_record_for_its_filter_says_to_change_it(db: None) -> None:
    office = Office(UserFactory(username="chef", is_superuser=True))

    for query in ({"q": "x"}, {"view": "running"}, {"kind": "night"}):
        (text,) = texts_of(office.get(address(BillingRun, "changelist"), **query), "of-nothing")
        assert text == ("inbox Aucun résultat pour cette recherche Changez les mots ou les filtres. Tout afficher"), (
            query
        )
