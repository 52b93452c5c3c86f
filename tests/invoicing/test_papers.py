"""The paper of a posted invoice says what stood when it was posted; one that waits is counted, with the reason."""

from datetime import timedelta
from decimal import Decimal
from html import unescape
from io import BytesIO, StringIO
from typing import Any

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from invoicing.models import (
    Company,
    DocumentJob,
    FiscalPosition,
    Invoice,
    InvoiceDocument,
    InvoiceLine,
    Logo,
    PaymentTerm,
    Product,
    Tax,
    Unit,
)
from invoicing.paper.pdf import invoice_context, invoice_pdf, quote_pdf, to_pdf
from invoicing.services.documents.drafts import edit_draft
from invoicing.services.documents.jobs import LONGEST_WAIT, put_back, retry_all, take_job
from invoicing.services.documents.lines import LineEdit
from invoicing.services.parties.logos import printable
from invoicing.services.posting.credit import credit_invoice
from invoicing.services.posting.post import post_invoice
from invoicing.tasks import render_document, render_waiting
from openfire_billing.office.roles import MANAGER, PLANNER
from tests.factories import World, item, nothing_changed
from tests.factories.pages import address, errors_of
from tests.factories.past import rewrite
from tests.invoicing.papers import box_of, pages_of, text_of

PURPLE = (120, 20, 160)


def printed(invoice: Invoice) -> bytes:
    """The paper made now, whether it was made before or not."""
    return to_pdf("invoicing/pdf/document.html", invoice_context(Invoice.objects.get(pk=invoice.pk)))


def picture(
    kind: str = "PNG", size: tuple[int, int] = (400, 160), mode: str = "RGB", colour: tuple[int, ...] = PURPLE
) -> bytes:
    content = BytesIO()
    Image.new(mode, size, colour).save(content, kind, quality=95)
    return content.getvalue()


def two_pictures() -> bytes:
    """A JPEG of two pictures, as many telephones write them."""
    content = BytesIO()
    one = Image.new("RGB", (400, 160), PURPLE)
    one.save(content, "MPO", save_all=True, append_images=[one], quality=95)
    return content.getvalue()


def upload(world: World, content: bytes, name: str = "logo.png") -> Any:
    company = world.company
    office = world.office(MANAGER)
    fields = office.open(company)
    return office.client.post(address(company), {**fields, "logo": SimpleUploadedFile(name, content)})


# Frozen


def test_paper_rendered_a_day_later_is_the_same_whatever_changed(world: World) -> None:
    upload(world, picture())
    hour = Unit.objects.get(code="HUR")
    term = PaymentTerm.objects.create(name="45 jours", days=45, text="Paiement à 45 jours")
    draft = world.draft(item(Decimal(2), unit=hour, label="Ramonage du conduit"))
    Invoice.objects.filter(pk=draft.pk).update(payment_term=term)
    posted = post_invoice(draft, on=world.today, by=world.accountant)
    before = printed(posted)

    Company.objects.update(name="Autre nom", street="1 rue Neuve", iban="FR00", insurance="Autre", printed_logo=None)
    Unit.objects.filter(pk=hour.pk).update(name="Journée", symbol="j", code="XX")
    Tax.objects.update(mention="Autre mention de TVA")
    FiscalPosition.objects.update(mention="Autre mention de position")
    PaymentTerm.objects.filter(pk=term.pk).update(name="Autre", text="Autre")
    Product.objects.update(kind="goods", name="Autre article")
    world.customer.name = "Autre client"
    world.customer.save()
    with time_machine.travel(timezone.now() + timedelta(days=1)):
        after = printed(posted)

    assert text_of(after) == text_of(before)
    assert pages_of(after) == pages_of(before)
    assert "Paiement à 45 jours" in text_of(after)
    assert box_of(pages_of(after)[0], PURPLE) is not None


def test_credit_note_names_what_it_credits_and_its_own_copies(world: World) -> None:
    posted = world.posted()
    credit = credit_invoice(posted, on=world.today, by=world.accountant, rebill=False, reason="Geste")
    credit.refresh_from_db()
    assert credit.texts["credited"] == {"number": posted.number, "issued_on": str(posted.issued_on)}
    day = f"{posted.issued_on:%d/%m/%Y}"
    assert f"Avoir sur la facture {posted.number} du {day}" in text_of(printed(credit))


def copies(line: InvoiceLine) -> tuple[str, str, Decimal, str, str]:
    return line.unit_name, line.unit_code, line.tax_rate, line.tax_category, line.exemption


def test_line_bears_its_copies_from_the_moment_it_is_written(world: World) -> None:
    hour = Unit.objects.get(code="HUR")
    line = world.draft(item(Decimal(2), unit=hour)).lines.get()
    assert copies(line) == ("h", "HUR", line.tax.rate, line.tax.category, line.tax.mention)
    assert line.tax.rate == Decimal("5.50")


def test_edited_line_bears_the_copies_of_what_it_has_now(world: World) -> None:
    draft = world.draft(item(Decimal(2)))
    metre = Unit.objects.get(code="MTR")
    edit_draft(draft, edits=[LineEdit(draft.lines.get().pk, {"unit": metre})], by=world.biller)
    assert copies(draft.lines.get())[:2] == ("m", "MTR")


def test_posting_refreshes_the_copies_a_last_time(world: World) -> None:
    hour = Unit.objects.get(code="HUR")
    draft = world.draft(item(Decimal(2), unit=hour), item(Decimal(1)))
    Unit.objects.filter(pk=hour.pk).update(symbol="heure")
    post_invoice(draft, on=world.today, by=world.accountant)
    assert sorted(line.unit_name for line in InvoiceLine.objects.all()) == ["heure", "u"]


# Logo


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (picture(), "logo.png"),
        (picture("JPEG"), "logo.jpg"),
        (picture(size=(5000, 2000)), "grand.png"),
        (picture("JPEG", size=(5000, 2000)), "grand.jpg"),
        (picture(mode="P", colour=1), "palette.png"),
        (two_pictures(), "telephone.jpg"),
    ],
)
def test_logo_stands_at_the_top_left_of_the_page(world: World, content: bytes, name: str) -> None:
    assert upload(world, content, name).status_code == 302
    colour = Image.open(BytesIO(content)).convert("RGB").getpixel((0, 0))

    for paper in (printed(world.posted()), invoice_pdf(world.draft()), quote_pdf(world.quote())):
        left, top, right, bottom = box_of(pages_of(paper)[0].crop((0, 0, 300, 120)), colour) or (0, 0, 0, 0)
        assert (left, top) == (pytest.approx(42, abs=2), pytest.approx(45, abs=2))  # the margins: 15 and 16 mm
        assert bottom - top == pytest.approx(57, abs=2)  # 20 mm
        assert right - left == pytest.approx(142, abs=2) or name == "palette.png"


def test_logo_is_shown_on_the_page_of_its_company_to_its_people_alone(world: World) -> None:
    content = picture()
    upload(world, content)
    url = Company.objects.get(pk=world.company.pk).logo.url
    office = world.office(MANAGER)
    assert f'src="{url}"' in office.get(address(world.company)).content.decode()
    shown = office.get(url)
    assert (shown.status_code, shown["Content-Type"]) == (200, "image/png")
    assert b"".join(shown.streaming_content) == content
    assert world.office(PLANNER).get(url).status_code == 403
    world.manager.company_accesses.all().delete()
    assert office.get(url).status_code == 404
    assert Client().get(url).status_code == 302


def test_large_logo_is_kept_as_small_as_paper_shows(world: World) -> None:
    upload(world, picture(size=(5000, 2000)))
    with Image.open(BytesIO(Logo.objects.get().content)) as kept:
        assert kept.size == (1200, 480)


def test_transparent_logo_lets_the_paper_through(world: World) -> None:
    drawn = Image.new("RGBA", (400, 160), (0, 0, 0, 0))
    drawn.paste((*PURPLE, 255), (0, 0, 200, 160))
    content = BytesIO()
    drawn.save(content, "PNG")
    upload(world, content.getvalue())

    page = pages_of(printed(world.posted()))[0]

    left, _top, right, _bottom = box_of(page, PURPLE) or (0, 0, 0, 0)
    assert right - left == pytest.approx(71, abs=2)  # half of it
    assert page.getpixel((42 + 120, 60)) == (255, 255, 255)


SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"><rect width="10" height="10"/></svg>'


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (SVG, "logo.svg"),
        (b"\x89PNG\r\n\x1a\nbroken", "logo.png"),
        (picture("GIF"), "logo.gif"),
        (picture()[:60], "l.png"),
    ],
)
def test_logo_that_does_not_print_is_refused_on_its_field(world: World, content: bytes, name: str) -> None:
    with nothing_changed():
        answer = upload(world, content, name)
    assert errors_of(answer)["logo"] == [
        "Ce logo n'est pas lisible : choisissez un fichier PNG ou JPEG (un SVG se convertit d'abord en PNG)."
    ]


def test_logo_taken_off_is_printed_no_more_but_stays_on_what_was_posted(world: World) -> None:
    upload(world, picture())
    posted = world.posted()
    office = world.office(MANAGER)
    office.save(world.company, **{"logo-clear": "on"})
    assert Company.objects.get(pk=world.company.pk).printed_logo is None
    assert box_of(pages_of(printed(posted))[0], PURPLE) is not None
    assert box_of(pages_of(printed(world.posted()))[0], PURPLE) is None


# Waiting


@pytest.fixture
def failing(world: World) -> Invoice:
    """A posted invoice whose paper cannot be made."""
    posted = world.posted()
    rewrite(Invoice.objects.filter(pk=posted.pk), texts={})
    return posted


def test_posting_leaves_a_job_and_making_the_paper_takes_it_away(world: World) -> None:
    posted = world.posted()
    assert DocumentJob.objects.get().invoice == posted
    assert render_document(posted.pk) is True
    assert (DocumentJob.objects.count(), InvoiceDocument.objects.count()) == (0, 1)
    assert render_document(posted.pk) is False


def test_paper_opened_before_its_turn_takes_the_job_away(world: World) -> None:
    invoice_pdf(world.posted())
    assert not DocumentJob.objects.exists()


def test_newest_is_made_first_and_a_taken_one_is_left(world: World) -> None:
    first, second, third = (world.posted() for _n in range(3))
    assert [job.invoice for job in (take_job(), take_job(first.pk)) if job] == [third, first]
    assert take_job(first.pk) is None
    assert (render_waiting(), InvoiceDocument.objects.get().invoice) == (1, second)


def test_job_of_a_dead_worker_is_taken_again(world: World) -> None:
    world.posted()
    assert take_job() is not None
    with time_machine.travel(timezone.now() + timedelta(minutes=6)):
        assert take_job() is not None


def test_failure_is_kept_with_its_reason_stops_no_other_and_is_tried_later(world: World, failing: Invoice) -> None:
    world.posted()
    assert (render_waiting(), InvoiceDocument.objects.count()) == (1, 1)
    job = DocumentJob.objects.get()
    assert (job.invoice, job.attempts, job.taken_until) == (failing, 1, None)
    assert job.last_error == "la mise en page a échoué (KeyError: 'credited')."
    assert timedelta(seconds=50) < job.not_before - timezone.now() < timedelta(minutes=1)
    assert render_waiting() == 0


def test_each_try_waits_twice_as_long_up_to_six_hours(world: World) -> None:
    world.posted()
    waits = []
    for _n in range(12):
        DocumentJob.objects.update(not_before=timezone.now())
        job = take_job()
        assert job is not None
        put_back(job, error="x")
        waits.append(round((DocumentJob.objects.get().not_before - timezone.now()) / timedelta(minutes=1)))
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360, 360]
    assert timedelta(hours=6) == LONGEST_WAIT


def test_paper_that_stops_its_worker_three_times_is_given_up(world: World) -> None:
    world.posted()
    taken = []
    for _loss in range(4):
        taken.append(take_job() is not None)
        DocumentJob.objects.filter(taken_until__isnull=False).update(taken_until=timezone.now() - timedelta(seconds=1))

    job = DocumentJob.objects.get()
    assert (taken, job.attempts, job.losses) == ([True, True, True, False], 3, 3)
    assert job.last_error == (
        "la mise en page a arrêté 3 fois de suite le processus qui la faisait : elle n'est plus essayée. "
        "Prévenez votre support, puis relancez render_invoices."
    )
    call_command("render_invoices", stdout=StringIO())
    assert not DocumentJob.objects.exists()


def test_failure_that_is_said_is_no_loss(world: World) -> None:
    world.posted()
    for _loss in range(2):
        job = take_job()
        DocumentJob.objects.update(taken_until=timezone.now() - timedelta(seconds=1))
    job = take_job()
    assert job is not None
    assert job.losses == 2

    put_back(job, error="x")

    assert DocumentJob.objects.get().losses == 0


def test_papers_given_up_or_put_off_may_all_be_tried_at_once_with_no_loss_counted(world: World) -> None:
    world.posted()
    world.posted()
    DocumentJob.objects.update(losses=3, not_before=timezone.now() + timedelta(hours=6))
    assert take_job() is None

    retry_all()

    assert list(DocumentJob.objects.values_list("losses", flat=True)) == [0, 0]
    assert [take_job() is not None for _n in range(3)] == [True, True, False]


def waiting_papers(*, age: int = 0) -> tuple[int, str, int]:
    """What the health check says of PDFs: late ones, the reason, all; the oldest is `age` seconds old, or a little more."""
    papers = Client().get("/healthz").json()["documents"]
    assert age <= papers["oldest"] <= age + 30
    return papers["waiting"], papers["reason"], papers["queued"]


def test_what_waits_is_said_on_the_first_page_and_in_healthz(world: World, failing: Invoice) -> None:
    office = world.office()
    assert "en attente" not in office.get(reverse("admin:index")).content.decode()
    assert waiting_papers() == (0, "", 1)

    render_waiting()

    reason = "la mise en page a échoué (KeyError: 'credited')."
    shown = "la mise en page a échoué (KeyError…)"  # the address is public
    assert waiting_papers() == (1, shown, 1)
    page = unescape(office.get(reverse("admin:index")).content.decode())
    assert f"<b>1 document en attente</b><small>{reason} Les e-mails qui les joignent attendent aussi.</small>" in page
    assert failing.number in office.get(address(Invoice, "changelist"), view="pdf").content.decode()


def test_paper_nobody_makes_is_said_after_ten_minutes(world: World) -> None:
    world.posted()
    with time_machine.travel(timezone.now() + timedelta(minutes=11)):
        assert Client().get("/healthz").json()["documents"] == {
            "waiting": 1,
            "reason": "",
            "queued": 1,
            "oldest": 660.0,
        }


@pytest.mark.parametrize(
    ("size", "printed"),
    [((1300, 480), (1300, 480)), ((2600, 480), (1300, 240)), ((1301, 100), (1300, 100)), ((300, 960), (150, 480))],
)
def test_logo_is_kept_at_most_as_large_as_paper_shows(size: tuple[int, int], printed: tuple[int, int]) -> None:
    """55 × 20 mm at 600 dots per inch."""
    content, media = printable(picture("PNG", size))

    assert (Image.open(BytesIO(content)).size, media) == (printed, "image/png")
