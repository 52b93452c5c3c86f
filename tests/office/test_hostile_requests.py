"""Requests that nobody's page sends: each is refused in its time, and leaves nothing."""

import re
import time
import zipfile
from io import BytesIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client, override_settings
from openpyxl import Workbook

from invoicing.choices import QuoteState
from invoicing.models import Quote
from invoicing.services.access import second_factor
from invoicing.services.records.attachments import attach
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.office.importing.tables import read_table
from openfire_billing.office.roles import MANAGER
from tests.factories import CompanyFactory, PartnerFactory, UserFactory, World, item, nothing_changed
from tests.factories.api import Api
from tests.factories.second_factor import code_of


@pytest.mark.parametrize("query", ["name__regex=^(a%2B)%2B$", "name__iregex=(a", "id__range=1"])
def test_a_filter_that_no_page_offers_is_left(world: World, query: str) -> None:
    PartnerFactory(name="a" * 60 + "!")
    began = time.monotonic()

    answer = world.office().client.get(f"/admin/invoicing/partner/?{query}")

    assert answer.status_code in (302, 400)
    assert time.monotonic() - began < 5


def workbook(row: str) -> bytes:
    """A workbook whose sheet has one title and this row."""
    book, out = Workbook(), BytesIO()
    book.active.append(["Nom"])
    book.save(out)
    with zipfile.ZipFile(out) as parts:
        kept = {name: parts.read(name) for name in parts.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    kept[sheet] = re.sub(rb"<dimension[^>]*>", b"", kept[sheet])  # else the rows beyond it are not read
    kept[sheet] = kept[sheet].replace(b"</sheetData>", f"{row}</sheetData>".encode())
    again = BytesIO()
    with zipfile.ZipFile(again, "w", zipfile.ZIP_DEFLATED) as parts:
        for name, content in kept.items():
            parts.writestr(name, content)
    return again.getvalue()


@pytest.mark.parametrize("row", ['<row r="900000000"><c r="A900000000"><v>1</v></c></row>', "<row/>" * 300_000])
def test_a_small_workbook_of_millions_of_rows_is_refused_at_once(row: str) -> None:
    content, began = workbook(row), time.monotonic()

    with pytest.raises(BusinessError, match="dépasse 100000 lignes"):
        read_table("x.xlsx", content)

    assert (len(content) < 20_000, time.monotonic() - began < 10) == (True, True)


def test_a_secret_seen_by_another_session_is_not_the_one_confirmed(world: World) -> None:
    user = world.accountant
    seen = second_factor.begin_enrolment(user)
    own = Client()
    own.force_login(user)

    page = own.get("/admin/account/second-factor/").content.decode()
    again = own.get("/admin/account/second-factor/").content.decode()

    shown = second_factor.device_of(user) or second_factor.TOTPDevice.objects.get(user=user, confirmed=False)
    assert shown.pk != seen.pk
    assert second_factor.secret_text(shown) in page
    assert second_factor.secret_text(shown) in again
    assert second_factor.secret_text(seen) not in page


def test_tokens_given_by_a_password_alone_end_with_the_second_factor(world: World) -> None:
    api = Api(world.accountant)
    assert api.get("invoices/").status_code == 200
    with override_settings(SECOND_FACTOR="all"):
        refused = api.get("invoices/")
        assert (refused.status_code, refused.json()["code"]) == (401, "otp_enrolment_required")

        device = second_factor.begin_enrolment(world.accountant)
        second_factor.confirm_enrolment(world.accountant, code_of(device), device.pk)

        assert api.get("invoices/").status_code == 401
        assert Api(world.accountant).get("invoices/").status_code == 200


def test_tax_and_unit_of_an_article_another_company_sells_stay(world: World) -> None:
    invoice = world.draft(item())
    product = invoice.lines.get().product
    stranger = UserFactory(role=MANAGER, company=CompanyFactory(name="Autre"))

    for change in ({"kind": "goods"}, {"unit_price": "1.00"}):
        assert Api(stranger).patch(f"products/{product.pk}/", change).status_code == 409


def test_a_file_name_of_many_bytes_is_cut_and_keeps_its_ending(world: World) -> None:
    file = attach(world.customer, SimpleUploadedFile("é" * 130 + ".pdf", b"%PDF x"), by=world.planner)

    assert (file.name, len(file.name.encode())) == ("é" * 78 + ".pdf", 160)


def test_unlocking_nobody_says_so(world: World) -> None:
    for name in ("", "personne"):
        with pytest.raises(CommandError, match=f"Aucun compte « {name} »"):
            call_command("unlock", name)


@pytest.mark.parametrize("state", QuoteState.values)
def test_customer_s_page_of_a_quote_accepts_nothing(world: World, state: str) -> None:
    """The page of a quote is read only in every state: it has no form, and a POST is refused."""
    quote = world.quote()
    link = Api(world.manager).made(f"quotes/{quote.pk}/publish/", {"published": True}, status=200)["address"]
    Quote.objects.filter(pk=quote.pk).update(state=state)
    client, path = Client(), link.removeprefix("http://testserver")

    page = client.get(path)

    assert (page.status_code, b"<form" in page.content, b"<button" in page.content) == (200, False, False)
    with nothing_changed():
        assert [client.post(url, {"accept": "1"}).status_code for url in (path, f"{path}pdf/")] == [405, 405]
