"""What was used on site: quantities of the lines, lines added and removed there, until *Réalisé*."""

from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from appointments.models import Appointment, AppointmentLine
from appointments.services.billing import invoice_appointment
from appointments.services.lines import add_part, record_used, write_lines
from appointments.services.states import duplicate_appointment, finish_appointment, reset_appointment
from interventions.models import Technician
from invoicing.models import HistoryLine
from invoicing.services.documents.lines import LineEdit
from invoicing.services.records.attachments import attachments_of
from openfire_billing.kernel.errors import BusinessError, StaleForm, WrongState
from tests.factories import ProductFactory, World, item, nothing_changed
from tests.factories.api import Api, refused
from tests.factories.appointments import alone, at, book, technician
from tests.factories.pages import fields_of, texts_of

pytestmark = pytest.mark.django_db
D = Decimal


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
    """Today's confirmed RDV of a DI with two of an article."""
    return book(world, world.intervention(item(2)), who=me, starts_at=at(14, day=24), state="confirmed")


def url(rdv: Appointment, page: str = "lines/") -> str:
    return f"/mobile/appointments/{rdv.pk}/{page}"


def lines(rdv: Appointment) -> list[tuple[Decimal, bool, bool]]:
    """(quantity, of the DI, added on site) of each line, in order."""
    return [(line.quantity, line.request_line_id is not None, line.on_site) for line in rdv.lines.order_by("pk")]


def planned(rdv: Appointment) -> AppointmentLine:
    return rdv.lines.get(request_line__isnull=False)


def added(world: World, rdv: Appointment, quantity: str = "1", code: str = "bougie") -> AppointmentLine:
    product = ProductFactory(code=code, name=code.title())
    return add_part(rdv, product=product, quantity=D(quantity), on=world.today, by=world.technician)


def form_of(phone: Client, rdv: Appointment) -> dict[str, Any]:
    """The fields of the page, all that its buttons send."""
    return fields_of(phone.get(url(rdv, "")), "end")


def typed(phone: Client, rdv: Appointment, **quantities: Any) -> dict[str, Any]:
    """The fields of the page, with quantities typed: `planned` and ids of lines as `line_12`."""
    fields = form_of(phone, rdv)
    for name, text in quantities.items():
        pk = planned(rdv).pk if name == "planned" else int(name.removeprefix("line_"))
        assert f"qty-{pk}" in fields
        fields[f"qty-{pk}"] = text
    return fields


# The service


def test_quantity_beyond_the_request_goes_on_a_line_of_its_own_added_on_site(world: World, rdv: Appointment) -> None:
    line = planned(rdv)
    saved = record_used(rdv, {line.pk: D(5)}, seen=rdv.version, on=world.today, by=world.technician)
    assert lines(rdv) == [(D(2), True, False), (D(3), False, True)]
    own = rdv.lines.get(request_line=None)
    assert (own.product, own.unit_price, own.tax, own.label) == (
        line.terms.product,
        line.terms.unit_price,
        line.terms.tax,
        line.terms.label,
    )
    assert saved.version == rdv.version + 1
    rdv.refresh_from_db()
    assert rdv.version == saved.version
    last = HistoryLine.objects.of(rdv)[0]
    assert (last.text, last.by) == ("Lignes modifiées", world.technician)
    assert [line["changes"] for line in last.changes["lines"]] == [
        {"quantity": ["2", "5, dont 3 sur une ligne à part"]}
    ]


@pytest.mark.parametrize("quantity", ["0", "1.5", "2"])
def test_quantity_within_the_request_is_the_line_s(world: World, rdv: Appointment, quantity: str) -> None:
    saved = record_used(rdv, {planned(rdv).pk: D(quantity)}, on=world.today, by=world.technician)
    assert lines(rdv) == [(D(quantity), True, False)]
    assert saved.version == rdv.version + (quantity != "2")


def test_quantities_that_the_lines_have_change_nothing(world: World, rdv: Appointment) -> None:
    part = added(world, rdv)
    with nothing_changed():
        record_used(rdv, {planned(rdv).pk: D(2), part.pk: D("1.000")}, on=world.today, by=world.technician)
        record_used(rdv, {}, on=world.today, by=world.technician)


def test_line_added_on_site_is_corrected_and_removed(world: World, rdv: Appointment) -> None:
    part, other = added(world, rdv), added(world, rdv, "4", "joint")
    assert lines(rdv) == [(D(2), True, False), (D(1), False, True), (D(4), False, True)]
    record_used(rdv, {other.pk: D("3.5")}, [part.pk], on=world.today, by=world.technician)
    assert lines(rdv) == [(D(2), True, False), (D("3.5"), False, True)]
    changes = HistoryLine.objects.of(rdv)[0].changes["lines"]
    assert [(line["act"], line["id"]) for line in changes] == [("removed", part.pk), ("changed", other.pk)]


def test_line_of_the_office_is_not_removed_from_the_site(world: World, rdv: Appointment) -> None:
    values = {"product": ProductFactory(code="joint", name="Joint"), "quantity": D(1)}
    write_lines(rdv, [LineEdit(values=values)], on=world.today, by=world.planner)
    own = rdv.lines.get(request_line=None)
    assert lines(rdv)[1] == (D(1), False, False)
    for line, name in ((planned(rdv), "[ram_pose] Forfait Pose"), (own, "[joint] Joint")):
        with nothing_changed(), pytest.raises(BusinessError) as refusal:
            record_used(rdv, {}, [line.pk], on=world.today, by=world.technician)
        assert str(refusal.value) == (
            f"« {name} » est prévue par le bureau : elle ne se supprime pas d'ici. Rien n'a servi ? Mettez 0."
        )
    record_used(rdv, {own.pk: D(0)}, on=world.today, by=world.technician)
    assert lines(rdv)[1] == (D(0), False, False)


OVER = "Ce RDV est terminé : demandez au bureau d'ajouter ou de corriger la ligne."


def test_nothing_is_changed_once_it_is_over_nor_before_it_is_confirmed(world: World, rdv: Appointment) -> None:
    part = added(world, rdv)

    def refusals() -> set[str]:
        said = set()
        for act in (
            lambda: record_used(rdv, {part.pk: D(2)}, on=world.today, by=world.technician),
            lambda: record_used(rdv, {}, [part.pk], on=world.today, by=world.technician),
            lambda: add_part(rdv, product=part.product, quantity=D(1), on=world.today, by=world.technician),
        ):
            with nothing_changed(), pytest.raises(WrongState) as refusal:
                act()
            said.add(str(refusal.value))
        return said

    finish_appointment(rdv, at=at(9, day=24), by=world.technician)
    assert refusals() == {OVER}
    reset_appointment(rdv, by=world.planner)
    assert refusals() == {"RDV/000001 n'est pas confirmé : confirmez-le avant d'y noter ce qui est utilisé."}


def test_misuse_is_refused(world: World, rdv: Appointment) -> None:
    write_lines(
        rdv, [LineEdit(values={"kind": "note", "label": "Passer par la cour"})], on=world.today, by=world.planner
    )
    note = rdv.lines.get(kind="note")
    elsewhere = book(world, world.intervention(), state="confirmed").lines.get()
    expected = {
        (note.pk, D(1)): "« Passer par la cour » est un texte : il n'a pas de quantité. Laissez-le tel quel.",
        (planned(rdv).pk, D(-1)): (
            "« [ram_pose] Forfait Pose » : la quantité n'est pas négative. Mettez 0 si rien n'a servi."
        ),
        (elsewhere.pk, D(1)): "Une ligne modifiée n'est plus sur ce RDV. Rechargez la page.",
    }
    for (pk, quantity), sentence in expected.items():
        with nothing_changed(), pytest.raises(BusinessError) as refusal:
            record_used(rdv, {pk: quantity}, on=world.today, by=world.technician)
        assert str(refusal.value) == sentence
    with nothing_changed(), pytest.raises(BusinessError, match="Rechargez la page"):
        record_used(rdv, {}, [elsewhere.pk], on=world.today, by=world.technician)
    with nothing_changed(), pytest.raises(StaleForm):
        record_used(rdv, {planned(rdv).pk: D(5)}, seen=rdv.version - 1, on=world.today, by=world.technician)


def test_billed_and_covered_lines_are_refused(world: World, me: Technician, rdv: Appointment) -> None:
    part = added(world, rdv, "3")
    invoice_appointment(rdv, on=world.today, by=world.biller)
    covered = world.intervention()
    covered.lines.update(covered=True)
    other = book(world, covered, who=me, starts_at=at(9), state="confirmed")
    for document, quantities, removed, sentence in (
        (rdv, {part.pk: D(2)}, (), "« [bougie] Bougie » : 3 déjà facturé, la quantité ne descend pas en dessous."),
        (
            rdv,
            {},
            (part.pk,),
            "« [bougie] Bougie » est facturée : supprimez d'abord le brouillon de facture, ou faites un avoir.",
        ),
        (
            other,
            {planned(other).pk: D(2)},
            (),
            "« [ram_pose] Forfait Pose » est couverte par le contrat : sa quantité se change sur le contrat.",
        ),
    ):
        with nothing_changed(), pytest.raises(BusinessError) as refusal:
            record_used(document, quantities, removed, on=world.today, by=world.technician)
        assert str(refusal.value) == sentence
    record_used(rdv, {part.pk: D(4)}, on=world.today, by=world.technician)
    assert lines(rdv)[1] == (D(4), False, True)


def test_copy_of_an_rdv_has_no_line_added_on_site(world: World, rdv: Appointment) -> None:
    added(world, rdv)
    copy = duplicate_appointment(rdv, by=world.planner)
    assert lines(copy) == [(D(2), False, False), (D(1), False, False)]


# The phone


def test_page_has_a_box_for_each_article_and_a_bin_for_what_was_added(
    world: World, phone: Client, rdv: Appointment
) -> None:
    write_lines(
        rdv, [LineEdit(values={"kind": "note", "label": "Passer par la cour"})], on=world.today, by=world.planner
    )
    part, line = added(world, rdv, "2.5"), planned(rdv)
    page = phone.get(url(rdv, ""))
    fields = fields_of(page, "end")
    sent = {name: value for name, value in fields.items() if name.startswith(("qty-", "shown-"))}
    assert sent == {
        f"qty-{line.pk}": "2",
        f"shown-{line.pk}": "2",
        f"qty-{part.pk}": "2,5",
        f"shown-{part.pk}": "2,5",
    }
    rdv.refresh_from_db()
    assert (fields["version"], len(fields["_once"])) == (str(rdv.version), 36)
    text = unescape(page.content.decode())
    assert text.count('name="remove"') == 1
    assert f'name="remove" value="{part.pk}"' in text
    assert text.count('inputmode="decimal"') == 2
    # Enter presses the first button of the form: it removes nothing and ends nothing
    assert text.index('class="by-enter"') < text.index('name="remove"')
    assert "€" not in text


def test_covered_line_is_text(world: World, me: Technician, phone: Client) -> None:
    intervention = world.intervention(item(2))
    intervention.lines.update(covered=True)
    rdv = book(world, intervention, who=me, starts_at=at(14, day=24), state="confirmed")
    page = phone.get(url(rdv, ""))
    assert not [name for name in fields_of(page, "end") if name.startswith("qty-")]
    assert texts_of(page, "line") == ["2 u · [ram_pose] Forfait Pose couverte par le contrat"]


def test_page_of_an_rdv_that_is_over_has_no_box(world: World, phone: Client, rdv: Appointment) -> None:
    added(world, rdv)
    finish_appointment(rdv, at=at(9, day=24), by=world.technician)
    page = phone.get(url(rdv, "")).content.decode()
    assert 'name="qty-' not in page
    assert 'name="remove"' not in page
    assert "Enregistrer les quantités" not in page


def test_five_typed_of_two_planned_are_two_and_three_whatever_is_pressed_again(phone: Client, rdv: Appointment) -> None:
    first, before = typed(phone, rdv, planned="5"), form_of(phone, rdv)
    answer = phone.post(url(rdv), first)
    assert answer.url == url(rdv, "#lines")
    assert "Quantités enregistrées." in phone.get(url(rdv, "")).content.decode()
    both = [(D(2), True, False), (D(3), False, True)]
    assert lines(rdv) == both

    with nothing_changed():
        assert phone.post(url(rdv), first).url == url(rdv, "#lines")  # a second tap
        assert phone.post(url(rdv), form_of(phone, rdv)).url == url(rdv, "#lines")  # the page as it is shown now
        stale = phone.post(url(rdv), {**before, f"qty-{planned(rdv).pk}": "5"})  # a page opened before
    assert stale.status_code == 409
    assert "Modifié entre-temps par" in unescape(stale.content.decode())
    assert lines(rdv) == both


def test_page_opened_before_sends_only_what_was_typed(world: World, phone: Client, rdv: Appointment) -> None:
    shown = form_of(phone, rdv)
    record_used(rdv, {planned(rdv).pk: D(1)}, on=world.today, by=world.planner)
    with nothing_changed():
        phone.post(url(rdv), shown)
    assert lines(rdv) == [(D(1), True, False)]


def test_refused_page_shows_what_is_saved_beside_what_is_typed(world: World, phone: Client, rdv: Appointment) -> None:
    fields = typed(phone, rdv, planned="4")
    record_used(rdv, {planned(rdv).pk: D(1)}, on=world.today, by=world.planner)
    page = phone.post(url(rdv), fields)
    again, pk = fields_of(page, "end"), planned(rdv).pk
    assert (again[f"qty-{pk}"], again[f"shown-{pk}"]) == ("4", "1")
    assert "enregistré : 1" in page.content.decode()
    phone.post(url(rdv), again)  # the technician has read it
    assert lines(rdv) == [(D(2), True, False), (D(2), False, True)]


def test_bin_removes_its_line_and_saves_the_quantities(world: World, phone: Client, rdv: Appointment) -> None:
    part, other = added(world, rdv), added(world, rdv, code="joint")
    fields = typed(phone, rdv, **{f"line_{other.pk}": "2", f"line_{part.pk}": "x"})
    answer = phone.post(url(rdv), {**fields, "remove": str(part.pk)})
    assert answer.url == url(rdv, "#lines")
    assert lines(rdv) == [(D(2), True, False), (D(2), False, True)]
    assert "Ligne retirée." in phone.get(url(rdv, "")).content.decode()
    with nothing_changed():
        phone.post(url(rdv), {**fields, "remove": str(part.pk)})


def test_planned_line_is_not_removed_from_the_phone(phone: Client, rdv: Appointment) -> None:
    with nothing_changed():
        answer = phone.post(url(rdv), {**form_of(phone, rdv), "remove": str(planned(rdv).pk)})
    assert answer.status_code == 409
    assert "Rien n'a servi ? Mettez 0." in unescape(answer.content.decode())
    phone.post(url(rdv), typed(phone, rdv, planned="0"))
    assert lines(rdv) == [(D(0), True, False)]


FAULT = "Tapez un nombre de 0 à 999 999, trois décimales au plus : par exemple 2,5."


def test_faults_are_at_their_boxes_all_at_once_and_what_is_typed_stays(
    world: World, phone: Client, rdv: Appointment
) -> None:
    bad = ["deux", "-1", "", "1,2345", "1234567", "NaN"]
    parts = [added(world, rdv, code=f"piece{n}") for n in range(len(bad))]
    quantities = {f"line_{part.pk}": text for part, text in zip(parts, bad, strict=True)}
    before = lines(rdv)
    fields = {**typed(phone, rdv, planned="5", **quantities), "report": "Joint usé.", "reason": "Pièce à commander"}
    page = phone.post(url(rdv), fields)
    assert (page.status_code, texts_of(page, "fault")) == (400, [FAULT] * len(bad))
    assert page.content.decode().count('aria-invalid="true"') == len(bad)
    again = fields_of(page, "end")
    assert [again[f"qty-{part.pk}"] for part in parts] == bad
    assert (again[f"qty-{planned(rdv).pk}"], again["report"], again["reason"]) == (
        "5",
        "Joint usé.",
        "Pièce à commander",
    )
    assert lines(rdv) == before
    rdv.refresh_from_db()
    assert rdv.report == "Joint usé."

    phone.post(url(rdv), {**again, **{f"qty-{part.pk}": "1" for part in parts}})  # the page just shown is up to date
    assert lines(rdv) == [*before, (D(3), False, True)]


@pytest.mark.parametrize(
    ("page", "more", "state"),
    [
        ("lines/", {}, "confirmed"),
        ("report/", {}, "confirmed"),
        ("report/", {"articles": "1"}, "confirmed"),
        ("photos/", {}, "confirmed"),
        ("done/", {}, "done"),
        ("unfinished/", {}, "unfinished"),
    ],
)
def test_every_button_saves_quantities_report_and_photos(
    phone: Client, rdv: Appointment, page: str, more: dict[str, str], state: str
) -> None:
    fields = {**typed(phone, rdv, planned="5"), "report": "Joint usé.", "reason": "Pièce à commander"}
    answer = phone.post(url(rdv, page), {**fields, **more, "photos": [SimpleUploadedFile("a.jpg", b"photo")]})
    assert answer.status_code == 302
    rdv.refresh_from_db()
    assert (rdv.state, rdv.report, attachments_of(rdv).count()) == (state, "Joint usé.", 1)
    assert lines(rdv) == [(D(2), True, False), (D(3), False, True)]


@pytest.mark.parametrize("page", ["lines/", "report/", "photos/", "done/", "unfinished/"])
def test_no_button_goes_on_over_a_fault(phone: Client, rdv: Appointment, page: str) -> None:
    fields = {**typed(phone, rdv, planned="deux"), "reason": "Pièce à commander"}
    answer = phone.post(url(rdv, page), fields)
    assert (answer.status_code, texts_of(answer, "fault")) == (400, [FAULT])
    rdv.refresh_from_db()
    assert (rdv.state, lines(rdv)) == ("confirmed", [(D(2), True, False)])


def test_question_before_done_keeps_the_quantities(world: World, me: Technician, phone: Client) -> None:
    rdv = book(world, world.intervention(item(2)), who=me, starts_at=at(14, day=23), state="confirmed")
    with nothing_changed():
        question = phone.post(url(rdv, "done/"), typed(phone, rdv, planned="5"))
    phone.post(url(rdv, "done/"), {**fields_of(question, "end"), "sure": "1"})
    rdv.refresh_from_db()
    assert (rdv.state, lines(rdv)) == ("done", [(D(2), True, False), (D(3), False, True)])


def test_quantities_typed_for_an_rdv_ended_meanwhile_are_shown(world: World, phone: Client, rdv: Appointment) -> None:
    fields = typed(phone, rdv, planned="5")
    finish_appointment(rdv, at=at(9, day=24), by=world.planner)
    for page in ("lines/", "done/"):
        with nothing_changed():
            answer = phone.post(url(rdv, page), fields)
        text = unescape(answer.content.decode())
        assert answer.status_code == 409
        assert OVER in text
        assert "Ce que vous aviez tapé, pas enregistré" in text
        assert "[ram_pose] Forfait Pose : 5</p>" in text


def test_second_tap_on_done_does_not_say_that_quantities_are_lost(phone: Client, rdv: Appointment) -> None:
    fields = typed(phone, rdv, planned="5")
    phone.post(url(rdv, "done/"), fields)
    with nothing_changed():
        answer = phone.post(url(rdv, "done/"), fields)
    assert answer.status_code == 409
    assert "pas enregistré" not in answer.content.decode()
    assert lines(rdv) == [(D(2), True, False), (D(3), False, True)]


def test_another_technician_s_lines_are_not_touched(world: World, phone: Client) -> None:
    other = book(world, world.intervention(), state="confirmed")
    line = other.lines.get()
    with nothing_changed():
        assert phone.get(url(other)).status_code == 405
        answer = phone.post(url(other), {f"qty-{line.pk}": "5", f"shown-{line.pk}": "1"})
    assert answer.status_code == 404


def test_lines_of_another_rdv_are_not_reached_from_one_s_own(world: World, phone: Client, rdv: Appointment) -> None:
    line = book(world, world.intervention(), state="confirmed").lines.get()
    with nothing_changed():
        answer = phone.post(url(rdv), {f"qty-{line.pk}": "5", "remove": ["x", ""], "qty-x": "1"})
    assert answer.status_code == 409


# The API


def test_api_records_what_was_used_without_prices(world: World, me: Technician, rdv: Appointment) -> None:
    part, line = added(world, rdv), planned(rdv)
    api = Api(world.technician)
    body = {"lines": [{"line": line.pk, "quantity": "5"}, {"line": part.pk, "delete": True}]}
    answer = api.post(f"appointments/{rdv.pk}/used/", body, key="une-fois")
    again = api.post(f"appointments/{rdv.pk}/used/", body, key="une-fois")
    assert (answer.status_code, again.status_code) == (200, 200)
    assert [(line["quantity"], line["origin_line"], line["on_site"]) for line in answer.data["lines"]] == [
        ("2.000", line.request_line_id, False),
        ("3.000", None, True),
    ]
    assert "175.0" not in str(answer.data)
    assert not {"net", "unit_price", "tax"} & (set(answer.data) | set(answer.data["lines"][0]))
    assert lines(rdv) == [(D(2), True, False), (D(3), False, True)]
    assert "175.0000" in str(Api(world.planner).get(f"appointments/{rdv.pk}/").data)


def test_api_refuses_what_the_phone_refuses(world: World, me: Technician, rdv: Appointment) -> None:
    api, line = Api(world.technician), planned(rdv)
    other = book(world, world.intervention(), state="confirmed")
    address = f"appointments/{rdv.pk}/used/"
    with nothing_changed():
        for wrong in (
            {},
            {"lines": []},
            {"lines": [{"line": line.pk}]},
            {"lines": [{"line": line.pk, "quantity": "1", "delete": True}]},
            {"lines": [{"line": line.pk, "quantity": "-1"}]},
            {"lines": [{"line": line.pk, "quantity": "1"}, {"line": line.pk, "quantity": "2"}]},
        ):
            answer = api.post(address, wrong)
            refused(answer, 400)
            assert next(iter(answer.data["fields"])).startswith("lines"), wrong
        body = {"lines": [{"line": line.pk, "delete": True}]}
        assert refused(api.post(address, body)).startswith("« [ram_pose] Forfait Pose » est prévue par le bureau")
        stale = {"version": rdv.version + 1, "lines": [{"line": line.pk, "quantity": "1"}]}
        assert api.post(address, stale).data["code"] == "stale"
        refused(api.post(f"appointments/{other.pk}/used/", body), 404)
        refused(api.patch(f"appointments/{rdv.pk}/", {"lines": []}), 403)


def test_office_records_it_too(world: World) -> None:
    rdv = alone(world, starts_at=at(9))
    answer = Api(world.planner).post(f"appointments/{rdv.pk}/used/", {"lines": [{"line": 1, "quantity": "1"}]})
    assert refused(answer) == f"{rdv} n'est pas confirmé : confirmez-le avant d'y noter ce qui est utilisé."
