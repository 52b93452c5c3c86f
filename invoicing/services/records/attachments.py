"""Private files attached to records."""

from decimal import Decimal
from pathlib import PurePath

from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.core.files.base import ContentFile, File
from django.db.models import Model, QuerySet, Sum
from django.utils.translation import gettext_lazy as _

from invoicing.models import Attachment, Company
from invoicing.services.records.history import record
from invoicing.services.records.shared import company_made_in, shown_of
from openfire_billing.db.people import By
from openfire_billing.db.transactions import atomic, on_commit
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.kernel.file_names import clean_name
from openfire_billing.kernel.formats import number_text
from openfire_billing.web.uploads import LARGEST

REFUSED_ENDINGS = (".exe", ".bat", ".cmd", ".com", ".scr", ".js", ".vbs", ".msi", ".html", ".htm", ".svg")


def attachments_of(document: Model, *, user: User | None = None) -> "QuerySet[Attachment]":
    """Return the files of one record that `user` may see (None: all)."""
    files = Attachment.objects.filter(content_type=ContentType.objects.get_for_model(document), object_id=document.pk)
    return shown_of(document, files, user=user).select_related("by")


def attach(document: Model, upload: "File[bytes]", *, by: By) -> Attachment:
    """Attach an uploaded file to `document`. Raises BusinessError: too large, refused type, no room left."""
    name = _short(PurePath(clean_name(upload.name or "")))
    if upload.size > LARGEST:
        raise BusinessError(_("« %s » dépasse 20 Mo : réduisez-le avant de le joindre.") % name, code="file_too_large")
    if name.lower().endswith(REFUSED_ENDINGS):
        raise BusinessError(
            _("« %s » : ce type de fichier n'est pas accepté. Joignez un PDF ou une image.") % name,
            code="file_type_refused",
        )
    company = company_made_in(document, by=by)
    _refuse_over_quota(name, upload.size, company)
    with atomic():
        attachment = Attachment(object=document, name=name, size=upload.size, company_id=company, by=by)
        attachment.file.save(name, upload, save=False)
        attachment.save()
        record(document, "attached", by=by, text=_("Fichier joint : %s") % name)
    return attachment


def _short(name: PurePath) -> str:
    """Return a name that a file system takes, of 160 bytes at most, with its ending."""
    ending = name.suffix.encode()[:20]
    return name.stem.encode()[: 160 - len(ending)].decode(errors="ignore") + ending.decode(errors="ignore")


def _refuse_over_quota(name: str, size: int, company: int | None) -> None:
    """Raise BusinessError when a file has no room left among those of its company."""
    used = Attachment.objects.filter(company=company).aggregate(total=Sum("size"))["total"] or 0
    if used + size <= settings.ATTACHMENTS_QUOTA:
        return
    owner = Company.objects.filter(pk=company).first()
    raise BusinessError(
        _(
            "« %(name)s » n'est pas joint : les fichiers de %(owner)s occupent %(used)s Mo sur %(quota)s. Retirez-en, ou "
            "faites relever la limite (ATTACHMENTS_QUOTA)."
        )
        % {
            "name": name,
            "owner": owner or _("toutes les sociétés"),
            "used": number_text(Decimal(used) / 1024**2, 1),
            "quota": number_text(Decimal(settings.ATTACHMENTS_QUOTA) / 1024**2, 1),
        },
        code="no_room_for_files",
    )


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
    company = company_made_in(target, by=by)
    for attachment in attachments_of(source):
        copy = Attachment(object=target, name=attachment.name, size=attachment.size, company_id=company, by=by)
        with attachment.file.open("rb") as content:
            copy.file.save(attachment.name, ContentFile(content.read()), save=False)
        copy.save()
