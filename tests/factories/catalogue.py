"""Articles, taxes, fiscal positions."""

from decimal import Decimal

import factory
from factory.django import DjangoModelFactory

from invoicing.models import FiscalPosition, Product, Tax, Unit
from openfire_billing.office.reference import WORKS_20


def tax(name: str = WORKS_20) -> Tax:
    """A tax of the reference data."""
    return Tax.objects.get(name=name)


def position(code: str = "VEN-5.5") -> FiscalPosition:
    """A fiscal position of the reference data."""
    return FiscalPosition.objects.get(code=code)


class TaxFactory(DjangoModelFactory):
    class Meta:
        model = Tax

    name = factory.Sequence(lambda n: f"TVA {n}")
    rate = Decimal(20)
    account = "445710"


class ProductFactory(DjangoModelFactory):
    """A service at 175,00, taxed « TVA 20 % travaux »."""

    class Meta:
        model = Product
        django_get_or_create = ("code",)

    code = factory.Sequence(lambda n: f"article_{n}")
    name = "Forfait Pose"
    unit = factory.LazyFunction(lambda: Unit.objects.get(code="C62"))
    unit_price = Decimal("175.00")
    tax = factory.LazyFunction(tax)
    income_account = "706000"
