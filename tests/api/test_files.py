"""Files of records by the API: listed, sent, read and removed, within the bounds of the pages."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from invoicing.models import Attachment, HistoryLine, Product
from invoicing.services.records.attachments import attach
from openfire_billing.web.uploads import LARGEST
from tests.factories import CompanyFactory, World, nothing_changed, tax
from tests.factories.api import ROOT, Api, refused
from tests.factories.pages import file_address

pytestmark = pytest.mark.django_db
PDF = b"%PDF-1.7 plan"


def send(api: Api, path: str, name: str = "plan.pdf", content: bytes = PDF, *, key: str = "", **more: Any) -> Any:
    headers = {"HTTP_IDEMPOTENCY_KEY": key} if key else {}
    body = {"file": SimpleUploadedFile(name, content), **more}
    return api.client.post(f"{ROOT}{path}files/", body, format="multipart", **headers)


def test_file_is_sent_listed_read_and_removed(world: World) -> None:
    api, invoice = Api(world.biller), world.draft()
    path = f"invoices/{invoice.pk}/"

    made = send(api, path)

    attachment = Attachment.objects.get()
    assert (made.status_code, made.json()) == (
        201,
        {
            "id": attachment.pk,
            "name": "plan.pdf",
            "size": 13,
            "by": "facturation",
            "at": made.json()["at"],
            "url": f"/api/v1/invoices/{invoice.pk}/files/{attachment.pk}/",
        },
    )
    assert (attachment.object, attachment.company, attachment.by) == (invoice, world.company, world.biller)
    assert api.get(f"{path}files/").json() == [made.json()]
    read = api.client.get(made.json()["url"])
    assert (b"".join(read.streaming_content), read["Content-Type"], read["Content-Security-Policy"]) == (
        PDF, "application/pdf", "sandbox",
    )  # fmt: skip
    page = world.office("Facturation").get(file_address(attachment))
    assert b"".join(page.streaming_content) == PDF
    assert api.delete(f"{path}files/{attachment.pk}/").status_code == 204
    assert Attachment.objects.count() == 0
    acts = HistoryLine.objects.of(invoice).values_list("act", flat=True)
    assert list(acts)[:2] == ["detached", "attached"]


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("virus.exe", b"MZ", "file_type_refused"),
        ("page.html", b"<p>", "file_type_refused"),
        ("gros.pdf", b"", "file_too_large"),
    ],
)
def test_what_pages_refuse_is_refused_with_its_code(world: World, name: str, content: bytes, code: str) -> None:
    content = content or b"%PDF" + b"0" * LARGEST

    draft = world.draft()
    with nothing_changed():
        answer = send(Api(world.biller), f"invoices/{draft.pk}/", name, content)

    assert refused(answer)
    assert answer.json()["code"] == code


def test_file_without_room_is_refused(world: World, settings: Any) -> None:
    settings.ATTACHMENTS_QUOTA = 20
    draft, api = world.draft(), Api(world.biller)
    assert send(api, f"invoices/{draft.pk}/").status_code == 201

    answer = send(api, f"invoices/{draft.pk}/")

    assert (answer.status_code, answer.json()["code"], Attachment.objects.count()) == (409, "no_room_for_files", 1)


def test_first_file_may_fill_the_room_to_its_last_byte(world: World, settings: Any) -> None:
    settings.ATTACHMENTS_QUOTA = 20
    draft, api = world.draft(), Api(world.biller)

    assert send(api, f"invoices/{draft.pk}/", content=b"%PDF" + b"0" * 16).status_code == 201
    assert send(api, f"invoices/{draft.pk}/", content=b"%").status_code == 409


def test_demand_without_a_file_or_with_another_name_is_refused(world: World) -> None:
    api, draft = Api(world.biller), world.draft()

    empty = api.post(f"invoices/{draft.pk}/files/", {})
    other = send(api, f"invoices/{draft.pk}/", title="Plan")

    assert (empty.status_code, list(empty.json()["fields"])) == (400, ["file"])
    assert (other.status_code, other.json()["code"], list(other.json()["fields"])) == (400, "unknown_field", ["title"])


def test_file_sent_twice_with_one_key_is_attached_once(world: World) -> None:
    api, path = Api(world.biller), f"invoices/{world.draft().pk}/"
    big = b"%PDF" + b"0" * 3_000_000  # more than a JSON body may be

    first, second = (send(api, path, content=big, key="k") for _n in range(2))
    other = send(api, path, content=big + b"1", key="k")

    assert (first.json(), second["Idempotency-Replayed"]) == (second.json(), "true")
    assert (Attachment.objects.get().size, other.json()["code"]) == (3_000_004, "idempotency_key_reused")


def test_file_of_another_record_or_company_is_not_found(world: World) -> None:
    api, draft, other = Api(world.biller), world.draft(), world.draft()
    file = attach(other, SimpleUploadedFile("a.pdf", PDF), by=world.biller)

    assert api.get(f"invoices/{draft.pk}/files/{file.pk}/").status_code == 404
    assert api.delete(f"invoices/{draft.pk}/files/{file.pk}/").status_code == 404
    assert api.get(f"invoices/{draft.pk}/files/{'9' * 30}/").status_code == 404
    note = attach(world.customer, SimpleUploadedFile("b.pdf", PDF), by=world.biller)
    Attachment.objects.filter(pk=note.pk).update(company=CompanyFactory(name="Autre"))
    assert api.get(f"partners/{world.customer.pk}/files/").json() == []
    assert api.get(f"partners/{world.customer.pk}/files/{note.pk}/").status_code == 404


def test_file_whose_bytes_are_gone_is_not_found(world: World) -> None:
    api, draft = Api(world.biller), world.draft()
    file = attach(draft, SimpleUploadedFile("a.pdf", PDF), by=world.biller)
    file.file.storage.delete(file.file.name)

    assert api.get(f"invoices/{draft.pk}/files/{file.pk}/").status_code == 404


def test_article_made_by_a_program_has_the_account_of_its_company(world: World) -> None:
    api, body = Api(world.manager), {"code": "ram", "name": "Ramonage", "unit_price": "10.00", "tax": tax().pk}
    assert world.company.income_account

    made = api.made("products/", body)
    own = api.made("products/", {**body, "code": "own", "income_account": "707100"})

    assert (made["income_account"], own["income_account"]) == (world.company.income_account, "707100")
    assert Product.objects.get(code="ram").income_account == world.company.income_account
