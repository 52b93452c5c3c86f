"""What interventions are made of."""

from decimal import Decimal
from typing import Any

import factory
from factory.django import DjangoModelFactory

from interventions.models import (
    InstalledProduct,
    InterventionTemplate,
    InterventionType,
    Sector,
    Task,
    Team,
    Technician,
    TemplateLine,
)
from interventions.sectors import whole_range
from tests.factories.catalogue import ProductFactory


def kind_of_work(name: str = "SAV") -> InterventionType:
    """A type of the reference data."""
    return InterventionType.objects.get(name=name)


class TaskFactory(DjangoModelFactory):
    class Meta:
        model = Task
        django_get_or_create = ("name",)

    name = "Dépannage"
    type = factory.LazyFunction(kind_of_work)
    duration = Decimal("1.50")


class TemplateFactory(DjangoModelFactory):
    class Meta:
        model = InterventionTemplate

    name = factory.Sequence(lambda n: f"Entretien {n}")
    type = factory.LazyFunction(kind_of_work)
    task = factory.SubFactory(TaskFactory)


class TemplateLineFactory(DjangoModelFactory):
    class Meta:
        model = TemplateLine

    template = factory.SubFactory(TemplateFactory)
    product = factory.SubFactory(ProductFactory)
    label = factory.LazyAttribute(lambda line: line.product.label)
    unit_price = factory.LazyAttribute(lambda line: line.product.unit_price)
    tax = factory.LazyAttribute(lambda line: line.product.tax)


class SectorFactory(DjangoModelFactory):
    class Meta:
        model = Sector
        skip_postgeneration_save = True

    name = factory.Sequence(lambda n: f"Secteur {n}")

    @factory.post_generation
    def covers(self: Sector, is_saved: bool, prefixes: str | None, **options: Any) -> None:
        """`covers`: the beginnings of its postcodes."""
        for prefix in ("352 353" if prefixes is None else prefixes).split():
            first, last = whole_range(prefix)
            self.ranges.create(first=first, last=last)


class TechnicianFactory(DjangoModelFactory):
    class Meta:
        model = Technician

    name = factory.Sequence(lambda n: f"Intervenant {n}")


class TeamFactory(DjangoModelFactory):
    class Meta:
        model = Team

    name = factory.Sequence(lambda n: f"Équipe {n}")


class InstalledProductFactory(DjangoModelFactory):
    class Meta:
        model = InstalledProduct

    name = "Poêle à granulés Armor 9"
    serial_number = factory.Sequence(lambda n: f"FF-2024-{n:04d}")
    address = factory.LazyAttribute(lambda equipment: equipment.partner.default_address())
