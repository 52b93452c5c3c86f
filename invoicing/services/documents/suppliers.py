"""Which partners are suppliers: nothing in their record says so, what names them does."""

from collections.abc import Collection

from django.db.models import Exists, OuterRef

from invoicing.models import Invoice, Partner, Product, PurchaseOrder, Quote, SupplierBill

_KEPT = "_is_supplier_alone"


def is_supplier_alone(partner: Partner) -> bool:
    """Return whether an article, an order or a bill names a partner as supplier, and no quote or invoice as customer.

    The answer is kept with the record: a page asks it several times.
    """
    if _KEPT not in vars(partner):
        find_suppliers([partner])
    return bool(vars(partner)[_KEPT])


def find_suppliers(partners: Collection[Partner]) -> None:
    """Read what `is_supplier_alone` returns of these partners, in one query."""
    pk = OuterRef("pk")
    supplies = (
        Exists(Product.objects.filter(supplier=pk))
        | Exists(PurchaseOrder.objects.filter(supplier=pk))
        | Exists(SupplierBill.objects.filter(supplier=pk))
    )
    buys = Exists(Quote.objects.filter(partner=pk)) | Exists(Invoice.objects.filter(customer=pk))
    found = Partner.objects.filter(supplies, ~buys, pk__in=[partner.pk for partner in partners])
    alone = set(found.values_list("pk", flat=True))
    for partner in partners:
        vars(partner)[_KEPT] = partner.pk in alone
