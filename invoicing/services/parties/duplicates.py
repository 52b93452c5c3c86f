"""Duplicate customers: search and merge."""

from collections.abc import Iterator
from difflib import SequenceMatcher
from functools import reduce
from operator import add, or_

from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.db.models import Case, F, ForeignObjectRel, IntegerField, OrderBy, Q, QuerySet, Value, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Length
from django.utils.translation import gettext_lazy as _

from invoicing.models import Attachment, FollowUp, Partner
from invoicing.services.locks import lock_to_merge, rows_to_move
from invoicing.services.records.history import record
from invoicing.services.records.shared import used_by_others
from openfire_billing.db.functions import HoldsNearWord, WordNearness
from openfire_billing.db.people import By
from openfire_billing.db.search import MOST_WORDS, narrowed
from openfire_billing.db.transactions import atomic
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.kernel.folding import fold
from openfire_billing.kernel.telephones import is_possible, key_of, region_of

MOST_SIMILAR = 5
_MOST_READ = 200  # names compared
_MOST_PARTS = 60  # of a typed name, that are looked for
_LONGEST_NAME = 200  # characters of a typed name that are compared
_BEGINNING = 4  # letters of a name that a misspelt one is expected to share
_NEAR = 0.8  # of two words: « aubry » and « aubri »


def likely_duplicates(partner: Partner) -> "QuerySet[Partner]":
    """Return the customers with the same e-mail, telephone (in any notation) or SIREN, or the same name and postcode.

    Each of these is searched by the index of its columns, then compared; one condition with « or » reads all customers.
    """
    everybody = Partner.objects.order_by()
    found = [
        narrowed(everybody, ("search_text",), [value]).filter(**{f"{name}__iexact": value})
        for name in ("email", "siren")
        if (value := getattr(partner, name))
    ]
    found += [
        everybody.filter(Q(phone_key=key) | Q(mobile_key=key)) for key in (partner.phone_key, partner.mobile_key) if key
    ]
    if partner.pk and (zips := [address.zip for address in partner.addresses.all()]):
        namesakes = narrowed(everybody, ("search_text",), [partner.name])
        found.append(namesakes.filter(name__iexact=partner.name, addresses__zip__in=zips))
    if not found:
        return Partner.objects.none()
    first, *others = (part.values("pk") for part in found)
    ids = first.union(*others) if others else first
    return Partner.objects.filter(pk__in=ids, merged_into=None).exclude(pk=partner.pk)


def similar_customers(*, name: str, phone: str = "", email: str = "", postcode: str = "") -> list[Partner]:
    """Return at most five customers that one being typed may be: first those with the same telephone or e-mail, then those
    of a near name, whatever the order of its words.
    """
    typed = Partner(email=email.strip(), phone_key=key_of(phone, region_of("FR", postcode)))
    if not is_possible(typed.phone_key):  # the number is still being typed
        typed.phone_key = ""
    found = {partner.pk: partner for partner in likely_duplicates(typed).prefetch_related("addresses")[:MOST_SIMILAR]}
    if len(found) < MOST_SIMILAR:
        found |= {partner.pk: partner for partner in _of_near_name(name) if partner.pk not in found}
    return list(found.values())[:MOST_SIMILAR]


def _of_near_name(name: str) -> Iterator[Partner]:
    """Yield the customers of a near name, the nearest first."""
    words = fold(name[:_LONGEST_NAME]).split()[:MOST_WORDS]
    ranks = {pk: _nearness(words, fold(other).split()) for pk, other in _likely_names(words)}
    near = sorted((pk for pk, rank in ranks.items() if rank), key=lambda pk: -ranks[pk])[:MOST_SIMILAR]
    rows = Partner.objects.prefetch_related("addresses").in_bulk(near)
    yield from (rows[pk] for pk in near)


def _likely_names(words: list[str]) -> Iterator[tuple[int, str]]:
    """Yield (id, name) of the customers most like these words by their letters in threes, at most `_MOST_READ`; of two as
    like, the shorter name first. Elsewhere than on PostgreSQL they hold the beginning of a word.
    """
    long_words = [word for word in words if len(word) >= _BEGINNING]
    if not long_words:
        return
    beginnings = {word[:_BEGINNING] for word in long_words}
    is_like = reduce(or_, (Q(search_text__contains=beginning) for beginning in sorted(beginnings)))
    rank: Combinable
    if connection.vendor == "postgresql":
        is_like |= reduce(or_, (Q(HoldsNearWord(F("search_text"), Value(word))) for word in long_words))
        rank = WordNearness(Value(" ".join(words)), F("search_text"))
    else:
        held = (
            Case(When(search_text__contains=part, then=1), default=0, output_field=IntegerField())
            for part in sorted({word[at : at + 3] for word in words for at in range(len(word))})[:_MOST_PARTS]
        )
        rank = reduce(add, held)
    found = Partner.objects.filter(is_like, merged_into=None).order_by(
        OrderBy(rank, descending=True), Length("name"), "pk"
    )
    yield from found.values_list("pk", "name")[:_MOST_READ]


def _nearness(words: list[str], others: list[str]) -> float:
    """Return how near two names are: 1 when one holds all the words of the other, 0 when one of its words has none near."""
    shorter, longer = sorted((words, others), key=len)
    ratios = [max(SequenceMatcher(None, word, other).ratio() for other in longer) for word in shorter]
    return sum(ratios) / len(ratios) if ratios and min(ratios) >= _NEAR else 0.0


def merge_partners(duplicate: Partner, *, into: Partner, by: By) -> Partner:
    """Move all rows of `duplicate` to `into`, and archive `duplicate`. Accounting documents keep their partner.

    Returns `into`. Raises BusinessError when both are the same record, one was merged before,
    or one has documents of a company that `by` does not work for.
    """
    with atomic():
        ends = lock_to_merge(duplicate, into)
        if len(ends) != 2:
            raise BusinessError(_("Choisissez une autre fiche : un client ne se fusionne pas avec lui-même."))
        duplicate, into = ends[duplicate.pk], ends[into.pk]
        for partner in (duplicate, into):
            if partner.merged_into_id:
                raise BusinessError(
                    _("« %(name)s » a déjà été fusionné dans « %(kept)s » : prenez cette fiche.")
                    % {"name": partner, "kept": partner.merged_into}
                )
            if by is not None and used_by_others(partner, by):
                raise BusinessError(
                    _(
                        "« %s » a des documents d'une autre société : la fusion se fait par une personne qui travaille pour "
                        "toutes."
                    )
                    % partner
                )
        _move_addresses(duplicate, into)
        _fill_blanks(duplicate, into)
        for relation in Partner._meta.related_objects:
            _move(relation, duplicate, into)
        for model in (Attachment, FollowUp):
            model.objects.filter(
                content_type=ContentType.objects.get_for_model(Partner), object_id=duplicate.pk
            ).update(object_id=into.pk)
        duplicate.merged_into, duplicate.is_active, duplicate.bill_to = into, False, None
        if duplicate.store_code == into.store_code:  # moved to `into`: the code is unique
            duplicate.store_code = ""
        duplicate.save(update_fields=["merged_into", "is_active", "bill_to", "store_code"])
        record(duplicate, "merged", by=by, text=_("Fusionné dans « %s »") % into)
        record(
            into,
            "merged",
            by=by,
            text=_("« %(name)s » (fiche %(pk)s) fusionné ici") % {"name": duplicate, "pk": duplicate.pk},
        )
    return into


def _move_addresses(duplicate: Partner, into: Partner) -> None:
    """Move the addresses. The default and billing addresses of `into` stay so."""
    for flag in ("is_default", "is_billing"):
        if into.addresses.filter(**{flag: True}).exists():
            duplicate.addresses.filter(**{flag: True}).update(**{flag: False})
    duplicate.addresses.update(partner=into)


def _fill_blanks(duplicate: Partner, into: Partner) -> None:
    """Fill the empty fields of `into`, join notes and tags, and keep each payer a partner that pays for itself."""
    for name in ("email", "billing_email", "phone", "mobile", "store_code", "vat_number", "siren"):
        if not getattr(into, name):
            setattr(into, name, getattr(duplicate, name))
    if into.store_code and into.store_code.lower() == duplicate.store_code.lower():
        Partner.objects.filter(pk=duplicate.pk).update(store_code="")  # the code is one customer's
    into.note = "\n".join(filter(None, (into.note, duplicate.note)))
    if into.bill_to_id == duplicate.pk:
        into.bill_to = None
    into.save()
    into.tags.add(*duplicate.tags.all())
    Partner.objects.filter(bill_to=duplicate).exclude(pk=into.pk).update(bill_to=into.payer)


def _move(relation: ForeignObjectRel, duplicate: Partner, into: Partner) -> None:
    """Move the rows of one relation; `MOVED_WHEN_MERGED` of their model limits which."""
    name, model = relation.field.name, relation.related_model
    rows = rows_to_move(relation, duplicate.pk)
    if not (relation.one_to_one and model._base_manager.filter(**{name: into}).exists()):
        rows.update(**{name: into})
