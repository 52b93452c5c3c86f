"""What belongs to a record: neither to another record of its model, nor to one of another model with the same id."""

from datetime import timedelta
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from invoicing.models import Attachment, DocumentJob, FollowUp, HistoryLine, Invoice, Message, PublicLink
from invoicing.services.documents.jobs import late_documents
from invoicing.services.records.attachments import attach, attachments_of, copy_attachments, detach
from invoicing.services.records.follow_ups import add_follow_up, finish_follow_up, follow_up_of, follow_ups_of
from invoicing.services.records.history import version_of
from invoicing.services.records.links import document_at, find_link, is_published, publish, renew_link, token_of
from invoicing.services.records.messages import queue_message, retry_message
from invoicing.tasks import send_message
from tests.factories import CompanyFactory, World
from tests.factories.past import rewrite


def journal(document: Any) -> list[tuple[str, str, Any]]:
    """(act, text, by) of each line of a journal, the oldest first."""
    return [(line.act, line.text, line.by) for line in HistoryLine.objects.of(document).order_by("pk")]


def same_id(row: Any, world: World) -> None:
    """Give a row of a record to a company of the same id as that record."""
    kind = ContentType.objects.get_for_model(world.company)
    type(row).objects.filter(pk=row.pk).update(content_type=kind)


def test_files_follow_ups_links_and_journals_are_a_record_s_own(world: World) -> None:
    mine, other = world.draft(), world.draft()
    by, day = world.biller, world.today
    taken = [
        attach(mine, SimpleUploadedFile("a/loin.pdf", b"x"), by=by),
        add_follow_up(mine, text="Loin", due_on=day, user=by, by=by),
        publish(mine, by=by, published=True),
    ]
    for row in taken:
        same_id(row, world)
    assert (list(attachments_of(mine)), list(follow_ups_of(mine)), find_link(mine)) == ([], [], None)
    assert (follow_up_of(mine, taken[1].pk), is_published(mine)) == (None, False)
    rewrite(HistoryLine.objects.of(mine), content_type=ContentType.objects.get_for_model(world.company))
    assert journal(mine) == []

    file, theirs = (attach(one, SimpleUploadedFile("près.pdf", "près".encode()), by=by) for one in (mine, other))
    task, their_task = (add_follow_up(one, text="Près", due_on=day, user=by, by=by) for one in (mine, other))
    link, their_link = (publish(one, by=by, published=one == mine) for one in (mine, other))
    assert (list(attachments_of(mine)), list(follow_ups_of(mine)), find_link(mine)) == ([file], [task], link)
    assert (list(attachments_of(other)), list(follow_ups_of(other)), find_link(other)) == (
        [theirs],
        [their_task],
        their_link,
    )
    assert (is_published(mine), is_published(other)) == (True, False)
    assert (document_at(token_of(link)), document_at(token_of(their_link))) == (mine, None)

    copy_attachments(mine, other, by=by)
    detach(file, by=world.manager)
    finish_follow_up(task, by=world.manager)
    renewed = renew_link(mine, by=world.manager)

    assert [one.name for one in attachments_of(other).order_by("pk")] == ["près.pdf", "près.pdf"]
    for one in attachments_of(other):
        with one.file.open("rb") as content:
            assert content.read() == "près".encode()
    assert (Attachment.objects.count(), FollowUp.objects.open().count(), PublicLink.objects.count()) == (3, 2, 3)
    assert (document_at(token_of(link)), document_at(token_of(renewed))) == (None, mine)
    who = by.get_full_name()
    assert journal(mine) == [
        ("attached", "Fichier joint : près.pdf", by),
        ("follow_up", f"À faire le 24/11/2026 par {who} : Près", by),
        ("published", "Publiée sur le site", by),
        ("detached", "Fichier retiré : près.pdf", world.manager),
        ("follow_up_done", "Fait : Près", world.manager),
        ("link_renewed", "Nouveau lien : l'ancien ne répond plus", world.manager),
    ]


def test_version_of_a_record_without_a_column_is_the_last_line_of_its_own_journal(world: World) -> None:
    account, other = world.planner, world.biller
    assert version_of(account) == 0
    lines = [HistoryLine.objects.create(object=one, act="x") for one in (account, account, other)]
    assert (version_of(account), version_of(other)) == (lines[1].pk, lines[2].pk)
    assert version_of(world.company) == world.company.version


def test_invoice_is_sent_by_a_message_of_its_own_that_has_not_failed(world: World) -> None:
    sent, waiting, failed, of_a_quote = (world.posted() for _n in range(4))
    values = {"to": "a@exemple.example", "body": "B", "by": None}
    messages = [queue_message(one, key=f"k{one.pk}", **values) for one in (sent, waiting, failed, of_a_quote)]  # type: ignore[arg-type]
    Message.objects.filter(pk=messages[0].pk).update(state="sent")
    Message.objects.filter(pk=messages[2].pk).update(state="failed")
    for model, app in (("quote", "invoicing"), ("invoice", "elsewhere")):
        kind, _new = ContentType.objects.get_or_create(app_label=app, model=model)
        Message.objects.filter(pk=messages[3].pk).update(content_type=kind)
        assert set(Invoice.objects.posted().not_sent()) == {failed, of_a_quote}


def test_message_taken_for_sending_is_the_one_named_alone(world: World) -> None:
    values = {"to": "a@exemple.example", "body": "B", "by": None}
    one, two, failed = (queue_message(world.customer, key=key, **values) for key in "abc")  # type: ignore[arg-type]
    Message.objects.filter(pk=failed.pk).update(state="failed")
    before = dict(Message.objects.values_list("key", "next_try_at"))

    assert (send_message(one.pk), send_message(failed.pk)) == (True, False)

    after = {row.key: (row.state, row.next_try_at == before[row.key]) for row in Message.objects.all()}
    assert (after["b"], after["c"]) == (("waiting", True), ("failed", True))
    again = retry_message(failed, by=world.manager)
    assert (again.state, again.attempts) == ("waiting", 0)
    assert journal(failed) == [("retried", "Remis dans les messages à envoyer", world.manager)]
    assert Message.objects.get(pk=two.pk).state == "waiting"


def test_late_documents_are_counted_by_company(world: World) -> None:
    other = CompanyFactory(name="Autre Foyer")
    first, second, theirs, fresh = world.posted(), world.posted(), world.posted(company=other), world.posted()
    DocumentJob.objects.filter(invoice=first).update(last_error="un")
    DocumentJob.objects.filter(invoice=theirs).update(last_error="deux")
    rewrite(Invoice.objects.filter(pk=second.pk), posted_at=timezone.now() - timedelta(minutes=11))

    found = [late_documents(), late_documents([world.company]), late_documents([other]), late_documents([])]

    assert found == [(3, "deux"), (2, "un"), (1, "deux"), (0, "")]
    DocumentJob.objects.exclude(invoice=fresh).delete()
    assert late_documents() == (0, "")
