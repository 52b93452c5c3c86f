"""The phone: own RDVs only, no prices, small pages, clear refusals."""

from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from appointments.models import Appointment
from interventions.models import Technician
from invoicing.services.records.attachments import attachments_of
from tests.factories import ProductFactory, UserFactory, World, nothing_changed
from tests.factories.appointments import alone, at, book, technician
from tests.factories.pages import fields_of, file_address

pytestmark = pytest.mark.django_db


@pytest.fixture
def me(world: World) -> Technician:
    return technician(world, name="Tugdual", user=world.technician)


@pytest.fixture
def phone(me: Technician) -> Client:
    client = Client()
    client.force_login(me.user)
    return client


@pytest.fixture
def rdv(world: World, me: Technician) -> Appointment:
    return book(world, world.intervention(), who=me, starts_at=at(14, day=24), state="confirmed")


def url(rdv: Appointment, page: str = "") -> str:
    return f"/mobile/appointments/{rdv.pk}/{page}"


def test_login_lasts_three_months(world: World, me: Technician) -> None:
    client = Client()
    assert client.get("/mobile/").url == "/mobile/login/?next=%2Fmobile%2F"
    world.technician.set_password("chaleur35")
    world.technician.save()
    answer = client.post(
        "/mobile/login/?next=/mobile/", {"username": world.technician.username, "password": "chaleur35"}
    )
    assert answer.url == "/mobile/"
    assert 90 * 24 * 3600 - 60 < client.session.get_expiry_age() <= 90 * 24 * 3600


def test_day_and_week_show_own_confirmed_appointments(world: World, phone: Client, rdv: Appointment) -> None:
    other = book(world, world.intervention(title="À un autre"), starts_at=at(14, day=24), state="confirmed")
    draft = alone(world, who=rdv.lead, starts_at=at(9, day=24))
    for address in ("/mobile/", "/mobile/week/"):
        page = phone.get(address).content.decode()
        assert f"/mobile/appointments/{rdv.pk}/" in page
        assert f"/mobile/appointments/{other.pk}/" not in page
        assert f"/mobile/appointments/{draft.pk}/" not in page


def test_page_has_address_call_equipment_and_no_price(phone: Client, rdv: Appointment) -> None:
    rdv.partner.mobile = "06 39 98 40 10"
    rdv.partner.save()
    page = phone.get(url(rdv)).content.decode()
    assert 'href="tel:0639984010"' in page
    assert "openstreetmap.org/search?query=" in page
    assert "Forfait Pose" in page
    assert "175,0" not in page
    assert "€" not in page


@pytest.mark.parametrize("page", ["", "products/"])
def test_another_technician_s_appointment_does_not_exist(world: World, phone: Client, page: str) -> None:
    other = book(world, world.intervention(), state="confirmed")
    assert phone.get(url(other, page)).status_code == 404


@pytest.mark.parametrize("page", ["done/", "unfinished/", "report/", "products/", "photos/"])
def test_another_technician_s_appointment_is_not_touched(world: World, phone: Client, page: str) -> None:
    other = book(world, world.intervention(), state="confirmed")
    with nothing_changed():
        assert phone.post(url(other, page), {"reason": "x", "report": "x"}).status_code == 404


@pytest.mark.parametrize("page", ["done/", "unfinished/", "report/", "photos/"])
def test_get_changes_nothing(phone: Client, rdv: Appointment, page: str) -> None:
    with nothing_changed():
        assert phone.get(url(rdv, page)).status_code == 405


def test_user_without_technician_is_told_what_to_do(world: World) -> None:
    client = Client()
    client.force_login(UserFactory(username="bureau"))
    page = client.get("/mobile/")
    assert page.status_code == 403
    assert "Demandez au bureau de relier votre compte" in page.content.decode()


def test_add_part_then_done_then_the_office_bills_it(world: World, phone: Client, rdv: Appointment) -> None:
    bougie = ProductFactory(code="bougie", name="Bougie d'allumage", unit_price=Decimal(64))
    assert "Bougie" in phone.get(url(rdv, "products/"), {"q": "boug"}).content.decode()
    phone.post(url(rdv, "products/"), {"product": bougie.pk, "quantity": "2,5"})
    phone.post(url(rdv, "done/"), {"report": "Tirage vérifié."})
    rdv.refresh_from_db()
    assert (rdv.state, rdv.report) == ("done", "Tirage vérifié.")
    world.office().act(rdv, "invoice")
    nets = [line.net for line in rdv.company.invoices.get().lines.all()]
    assert nets == [Decimal("175.00"), Decimal("160.00")]


@pytest.mark.parametrize("day", [23, 25])
def test_done_on_another_day_is_asked_first(world: World, me: Technician, phone: Client, day: int) -> None:
    rdv = book(world, world.intervention(), who=me, starts_at=at(14, day=day), state="confirmed")

    with nothing_changed():
        question = phone.post(url(rdv, "done/"), {"report": "Tirage vérifié."})
    page = unescape(question.content.decode())
    assert "novembre, pas aujourd'hui. L'avez-vous vraiment fait ?" in page
    assert "Tirage vérifié." in page
    assert 'name="sure"' in page

    phone.post(url(rdv, "done/"), {"report": "Tirage vérifié.", "sure": "1"})
    rdv.refresh_from_db()
    assert (rdv.state, rdv.report) == ("done", "Tirage vérifié.")


@pytest.mark.parametrize(
    ("quantity", "sentence"),
    [("0", "supérieur à zéro"), ("-1", "supérieur à zéro"), ("deux", "supérieur à zéro"), ("", "supérieur à zéro")],
)
def test_bad_quantity_refused(phone: Client, rdv: Appointment, quantity: str, sentence: str) -> None:
    bougie = ProductFactory(code="bougie")
    with nothing_changed():
        page = phone.post(url(rdv, "products/"), {"product": bougie.pk, "quantity": quantity})
    assert page.status_code == 400
    assert sentence in page.content.decode()
    assert f'value="{quantity}" inputmode="decimal"' in page.content.decode()


@pytest.mark.parametrize("product", ["", "999999", "x"])
def test_unknown_article_refused(phone: Client, rdv: Appointment, product: str) -> None:
    with nothing_changed():
        page = phone.post(url(rdv, "products/"), {"product": product, "quantity": "1"})
    assert "Choisissez un article dans la liste." in page.content.decode()


def test_unfinished_needs_a_reason(phone: Client, rdv: Appointment) -> None:
    with nothing_changed():
        assert phone.post(url(rdv, "unfinished/"), {"reason": ""}).status_code == 400
    phone.post(url(rdv, "unfinished/"), {"reason": "Pièce à commander"})
    rdv.refresh_from_db()
    assert (rdv.state, rdv.reason) == ("unfinished", "Pièce à commander")


def test_done_twice_refused(phone: Client, rdv: Appointment) -> None:
    phone.post(url(rdv, "done/"))
    with nothing_changed():
        answer = phone.post(url(rdv, "done/"))
    assert answer.status_code == 409
    assert "n&#x27;est pas possible d&#x27;ici" in answer.content.decode()


def test_photos_are_private_and_joined(phone: Client, rdv: Appointment) -> None:
    phone.post(url(rdv, "photos/"), {"photos": [SimpleUploadedFile("a.jpg", b"photo")]})
    file = attachments_of(rdv).get()
    assert b"".join(phone.get(file_address(file)).streaming_content) == b"photo"
    assert Client().get(file_address(file)).status_code == 302


def test_page_is_under_60_kb_with_a_long_history(world: World, phone: Client, rdv: Appointment) -> None:
    for day in (2, 3, 4, 7, 8):
        alone(world, who=rdv.lead, starts_at=at(9, day=day, month=12))
    Appointment.objects.exclude(pk=rdv.pk).update(state="done", report="Nettoyé. " * 60)
    page = phone.get(url(rdv))
    assert len(page.content) < 60_000


@pytest.mark.parametrize("address", ["/mobile/", "/mobile/week/"])
def test_queries_do_not_grow(
    world: World, phone: Client, rdv: Appointment, address: str, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(5):
        phone.get(address)
    for hour in (8, 10):
        book(world, world.intervention(), who=rdv.lead, starts_at=at(hour, day=24), state="confirmed")
    with django_assert_num_queries(5):
        phone.get(address)


def test_second_tap_adds_the_part_once(phone: Client, rdv: Appointment) -> None:
    bougie = ProductFactory(code="bougie", name="Bougie d'allumage")
    once = fields_of(phone.get(url(rdv, "products/"), {"q": "boug"}))["_once"]
    for _tap in range(2):
        phone.post(url(rdv, "products/"), {"product": bougie.pk, "quantity": "1", "_once": once})
    assert rdv.lines.filter(product=bougie).count() == 1


def test_report_is_kept_when_the_work_is_unfinished(phone: Client, rdv: Appointment) -> None:
    refused = phone.post(url(rdv, "unfinished/"), {"reason": "", "report": "Joint usé."})
    assert "Joint usé." in refused.content.decode()
    phone.post(url(rdv, "unfinished/"), {"reason": "Pièce à commander", "report": "Joint usé."})
    rdv.refresh_from_db()
    assert (rdv.state, rdv.report) == ("unfinished", "Joint usé.")


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01", "hier"])
def test_day_nobody_plans_for_is_today(phone: Client, day: str) -> None:
    for page in (f"/mobile/?on={day}", f"/mobile/week/?from={day}"):
        assert "24 novembre" in phone.get(page).content.decode() or "23 novembre" in phone.get(page).content.decode()


def test_report_is_kept_when_a_photo_is_joined(phone: Client, rdv: Appointment) -> None:
    phone.post(url(rdv, "photos/"), {"report": "Joint usé.", "photos": [SimpleUploadedFile("a.jpg", b"photo")]})
    rdv.refresh_from_db()
    assert (rdv.report, rdv.state, attachments_of(rdv).count()) == ("Joint usé.", "confirmed", 1)
    phone.post(url(rdv, "photos/"), {"photos": [SimpleUploadedFile("b.jpg", b"photo")]})
    rdv.refresh_from_db()
    assert (rdv.report, attachments_of(rdv).count()) == ("Joint usé.", 2)


def test_report_is_kept_when_one_goes_to_the_articles(phone: Client, rdv: Appointment) -> None:
    answer = phone.post(url(rdv, "report/"), {"report": "Joint usé.", "articles": "1"})
    assert answer.url == url(rdv, "products/")
    rdv.refresh_from_db()
    assert rdv.report == "Joint usé."


@pytest.mark.parametrize(("button", "more"), [("photos/", {}), ("report/", {"articles": "1"}), ("report/", {})])
def test_why_it_is_unfinished_is_kept_by_every_button(
    phone: Client, rdv: Appointment, button: str, more: dict[str, str]
) -> None:
    phone.post(url(rdv, button), {"report": "Joint usé.", "reason": "Pièce à commander", **more})
    page = phone.get(url(rdv))
    assert (fields_of(page, "end")["report"], fields_of(page, "end")["reason"]) == ("Joint usé.", "Pièce à commander")
    assert "<details open>" in page.content.decode()

    phone.post(url(rdv, button), {"report": "Joint usé.", "reason": "", **more})
    assert fields_of(phone.get(url(rdv)), "end")["reason"] == ""


def test_what_is_typed_is_still_there_when_one_is_asked_whether_it_is_done(
    world: World, me: Technician, phone: Client
) -> None:
    rdv = book(world, world.intervention(), who=me, starts_at=at(14, day=23), state="confirmed")
    question = phone.post(url(rdv, "done/"), {"report": "Joint usé.", "reason": "Pièce à commander"})
    fields = fields_of(question, "end")
    assert (fields["report"], fields["reason"]) == ("Joint usé.", "Pièce à commander")
    phone.post(url(rdv, "report/"), fields)  # « Non, garder le RDV ouvert »
    rdv.refresh_from_db()
    assert (rdv.state, rdv.report) == ("confirmed", "Joint usé.")
    assert fields_of(phone.get(url(rdv)), "end")["reason"] == "Pièce à commander"


@pytest.mark.parametrize(
    ("button", "state"), [("done/", "done"), ("unfinished/", "unfinished"), ("report/", "confirmed")]
)
def test_photos_chosen_and_not_joined_come_along(phone: Client, rdv: Appointment, button: str, state: str) -> None:
    photos = [SimpleUploadedFile("a.jpg", b"photo")]
    phone.post(url(rdv, button), {"report": "Joint usé.", "reason": "Pièce à commander", "photos": photos})
    rdv.refresh_from_db()
    assert (rdv.state, attachments_of(rdv).get().name) == (state, "a.jpg")


@pytest.mark.parametrize(
    ("photos", "place"), [([], ""), (["a.exe"], ""), (["a.jpg", "b.exe"], ""), (["a.jpg"], "#photos")]
)
def test_refused_photo_is_said_where_one_looks(phone: Client, rdv: Appointment, photos: list[str], place: str) -> None:
    answer = phone.post(url(rdv, "photos/"), {"photos": [SimpleUploadedFile(name, b"photo") for name in photos]})
    assert answer.url == url(rdv) + place


def test_what_is_typed_for_an_rdv_ended_meanwhile_is_shown(phone: Client, rdv: Appointment) -> None:
    phone.post(url(rdv, "done/"), {"report": "Fini par un collègue."})
    page = unescape(phone.post(url(rdv, "done/"), {"report": "Joint usé.\r\nRemplacé."}).content.decode())
    assert "Ce que vous aviez tapé, pas enregistré" in page
    assert "Joint usé.<br>Remplacé." in page
    again = unescape(phone.post(url(rdv, "done/"), {"report": "Fini par un collègue."}).content.decode())
    assert "pas enregistré" not in again


def test_report_a_colleague_wrote_meanwhile_is_not_overwritten(phone: Client, rdv: Appointment) -> None:
    shown = fields_of(phone.get(url(rdv)), "end")
    Appointment.objects.filter(pk=rdv.pk).update(report="Tirage vérifié.")
    for button in ("photos/", "report/", "done/"):
        phone.post(url(rdv, button), shown)
        rdv.refresh_from_db()
        assert rdv.report == "Tirage vérifié."


@pytest.mark.parametrize(("more", "said"), [(29, False), (30, True)])
def test_articles_left_out_of_the_list_are_told(phone: Client, rdv: Appointment, more: int, said: bool) -> None:
    for number in range(more):
        ProductFactory(code=f"piece{number:02}")
    page = phone.get(url(rdv, "products/")).content.decode()
    assert page.count('class="part"') == 30
    assert ("cherchez par code ou par nom" in page) is said
