"""The same customer entered twice: found, and made one."""

from django.contrib.contenttypes.models import ContentType
from django.db.models import ForeignObjectRel, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from invoicing.models import Attachment, FollowUp, Partner
from invoicing.services.locks import lock_to_merge, rows_to_move
from invoicing.services.records.history import record
from openfire_billing.db.people import By
from openfire_billing.db.transactions import atomic
from openfire_billing.kernel.errors import BusinessError


def likely_duplicates(partner: Partner) -> "QuerySet[Partner]":
    """Other customers with the same e-mail, telephone (however written) or SIREN, or name and postcode."""
    same = Q()
    for name in ("email", "siren"):
        if value := getattr(partner, name):
            same |= Q(**{f"{name}__iexact": value})
    if keys := list(filter(None, (partner.phone_key, partner.mobile_key))):
        same |= Q(phone_key__in=keys) | Q(mobile_key__in=keys)
    if partner.pk and (zips := [address.zip for address in partner.addresses.all()]):
        same |= Q(name__iexact=partner.name, addresses__zip__in=zips)
    if not same:
        return Partner.objects.none()
    return Partner.objects.filter(same, merged_into=None).exclude(pk=partner.pk).distinct()


def merge_partners(loser: Partner, *, into: Partner, by: By) -> Partner:
    """Give all that `loser` has to `into`, and archive it. What is on the books stays as it was made.

    Returns the one that is kept. Raises BusinessError when they are the same, or one was merged before.
    """
    with atomic():
        ends = lock_to_merge(loser, into)
        if len(ends) != 2:
            raise BusinessError(_("Choisissez une autre fiche : un client ne se fusionne pas avec lui-même."))
        loser, into = ends[loser.pk], ends[into.pk]
        for partner in (loser, into):
            if partner.merged_into_id:
                raise BusinessError(
                    _("« %(name)s » a déjà été fusionné dans « %(kept)s » : prenez cette fiche.")
                    % {"name": partner, "kept": partner.merged_into}
                )
        _move_addresses(loser, into)
        _fill_blanks(loser, into)
        for relation in Partner._meta.related_objects:
            _move(relation, loser, into)
        for model in (Attachment, FollowUp):
            model.objects.filter(content_type=ContentType.objects.get_for_model(Partner), object_id=loser.pk).update(
                object_id=into.pk
            )
        loser.merged_into, loser.is_active, loser.bill_to = into, False, None
        if loser.store_code == into.store_code:  # taken over: one code names one record
            loser.store_code = ""
        loser.save(update_fields=["merged_into", "is_active", "bill_to", "store_code"])
        record(loser, "merged", by=by, text=_("Fusionné dans « %s »") % into)
        record(
            into, "merged", by=by, text=_("« %(name)s » (fiche %(pk)s) fusionné ici") % {"name": loser, "pk": loser.pk}
        )
    return into


def _move_addresses(loser: Partner, into: Partner) -> None:
    """Its addresses follow; the ones `into` has already chosen stay chosen."""
    for flag in ("is_default", "is_billing"):
        if into.addresses.filter(**{flag: True}).exists():
            loser.addresses.filter(**{flag: True}).update(**{flag: False})
    loser.addresses.update(partner=into)


def _fill_blanks(loser: Partner, into: Partner) -> None:
    """What `into` does not know is taken from `loser`; who pays for them stays one step away."""
    for name in ("email", "phone", "mobile", "store_code", "vat_number", "siren"):
        if not getattr(into, name):
            setattr(into, name, getattr(loser, name))
    into.note = "\n".join(filter(None, (into.note, loser.note)))
    if into.bill_to_id == loser.pk:
        into.bill_to = None
    into.save()
    into.tags.add(*loser.tags.all())
    Partner.objects.filter(bill_to=loser).exclude(pk=into.pk).update(bill_to=into.payer)


def _move(relation: ForeignObjectRel, loser: Partner, into: Partner) -> None:
    """The rows that name `loser` name `into`; a model on the books says in `MOVED_WHEN_MERGED` which of its rows do."""
    name, model = relation.field.name, relation.related_model
    rows = rows_to_move(relation, loser.pk)
    if not (relation.one_to_one and model._base_manager.filter(**{name: into}).exists()):
        rows.update(**{name: into})
