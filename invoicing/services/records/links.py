"""The public page of a document: publication, and a signed address that can be revoked."""

from collections.abc import Sequence

from django.contrib.contenttypes.models import ContentType
from django.core import signing
from django.db.models import Model
from django.utils.translation import gettext_lazy as _

from invoicing.models import PublicLink
from invoicing.services.records.history import record, record_many
from openfire_billing.db.fields import new_link_key
from openfire_billing.db.people import By
from openfire_billing.db.transactions import atomic

_signer = signing.Signer(salt="public-link")


def link_of(document: Model) -> PublicLink:
    """Return the document's link. Creates it, unpublished, when there is none."""
    return PublicLink.objects.get_or_create(
        content_type=ContentType.objects.get_for_model(document), object_id=document.pk
    )[0]


def find_link(document: Model) -> PublicLink | None:
    """Return the document's link; None without one."""
    return PublicLink.objects.filter(
        content_type=ContentType.objects.get_for_model(document), object_id=document.pk
    ).first()


def is_published(document: Model) -> bool:
    """Return whether the customer can see the document."""
    link = find_link(document)
    return link is not None and link.is_published


def token_of(link: PublicLink) -> str:
    """Return the signed token that identifies a public link in its URL."""
    return _signer.sign(link.key).replace(":", ".")


def document_at(token: str) -> Model | None:
    """Return the published document of an address; None when the token is forged, revoked or not published."""
    key, _dot, signature = token.rpartition(".")
    try:
        key = _signer.unsign(f"{key}:{signature}")
    except signing.BadSignature:
        return None
    link = PublicLink.objects.filter(key=key, is_published=True).first()
    return link.object if link else None


def publish(document: Model, *, by: By, published: bool, renew: bool = False) -> PublicLink:
    """Publish the document on its public page, or withdraw it. `renew`: give the page a new address."""
    with atomic():
        link = renew_link(document, by=by) if renew else link_of(document)
        link.is_published = published
        link.save(update_fields=["is_published"])
        record(document, "published", by=by, text=_("Publiée sur le site") if published else _("Retirée du site"))
    return link


def publish_many(documents: Sequence[Model], *, by: By) -> None:
    """Publish documents of one model, each on its page; those that are published stay as they are."""
    if not documents:
        return
    kind = ContentType.objects.get_for_model(documents[0])
    with atomic():
        links = PublicLink.objects.filter(content_type=kind, object_id__in=[document.pk for document in documents])
        found = dict(links.values_list("object_id", "is_published"))
        hidden = [document for document in documents if not found.get(document.pk)]
        links.filter(is_published=False).update(is_published=True)
        PublicLink.objects.bulk_create(
            (
                PublicLink(content_type=kind, object_id=document.pk, is_published=True)
                for document in hidden
                if document.pk not in found
            ),
            ignore_conflicts=True,
        )
        text = _("Publiée sur le site")
        record_many([(document, text, None) for document in hidden], "published", by=by)


def renew_link(document: Model, *, by: By) -> PublicLink:
    """Give the page a new address. The old one answers 404."""
    with atomic():
        link = link_of(document)
        link.key = new_link_key()
        link.save(update_fields=["key"])
        record(document, "link_renewed", by=by, text=_("Nouveau lien : l'ancien ne répond plus"))
    return link
