"""Private files attached to records."""

from django.contrib.contenttypes.models import ContentType
from django.core.files.base import ContentFile, File
from django.db.models import Model, QuerySet
from django.utils.translation import gettext_lazy as _

from invoicing.models import Attachment
from invoicing.services.records.history import record
from openfire_billing.db.people import By
from openfire_billing.db.transactions import atomic, on_commit
from openfire_billing.kernel.errors import BusinessError

LARGEST = 20 * 1024 * 1024
REFUSED_ENDINGS = (".exe", ".bat", ".cmd", ".com", ".scr", ".js", ".vbs", ".msi", ".html", ".htm", ".svg")


def attachments_of(document: Model) -> "QuerySet[Attachment]":
    """Return the files of one record."""
    return Attachment.objects.filter(
        content_type=ContentType.objects.get_for_model(document), object_id=document.pk
    ).select_related("by")


def attach(document: Model, upload: "File[bytes]", *, by: By) -> Attachment:
    """Attach an uploaded file to `document`. Raises BusinessError: too large, refused type."""
    name = (upload.name or "").rsplit("/", 1)[-1][:160]
    if upload.size > LARGEST:
        raise BusinessError(_("« %s » dépasse 20 Mo : réduisez-le avant de le joindre.") % name)
    if name.lower().endswith(REFUSED_ENDINGS):
        raise BusinessError(_("« %s » : ce type de fichier n'est pas accepté. Joignez un PDF ou une image.") % name)
    with atomic():
        attachment = Attachment(object=document, name=name, by=by)
        attachment.file.save(name, upload, save=False)
        attachment.save()
        record(document, "attached", by=by, text=_("Fichier joint : %s") % name)
    return attachment


def detach(attachment: Attachment, *, by: By) -> None:
    """Delete a file. Its bytes are deleted after commit."""
    with atomic():
        assert attachment.object is not None
        record(attachment.object, "detached", by=by, text=_("Fichier retiré : %s") % attachment.name)
        stored = attachment.file
        attachment.delete()
        on_commit(lambda: stored.delete(save=False), robust=True)


def copy_attachments(source: Model, target: Model, *, by: By) -> None:
    """Copy the files of a document to the one created from it."""
    for attachment in attachments_of(source):
        copy = Attachment(object=target, name=attachment.name, by=by)
        with attachment.file.open("rb") as content:
            copy.file.save(attachment.name, ContentFile(content.read()), save=False)
        copy.save()
