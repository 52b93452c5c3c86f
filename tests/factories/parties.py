"""Companies, customers, addresses, users."""

from typing import Any

import factory
from django.contrib.auth.models import Group, User
from factory.django import DjangoModelFactory, Password

from invoicing.models import Address, Company, CompanyAccess, Partner
from invoicing.services.catalogue import open_journals


class CompanyFactory(DjangoModelFactory):
    """A seller that may post: its mentions are complete, its journals are there."""

    class Meta:
        model = Company
        skip_postgeneration_save = True

    name = factory.Sequence(lambda n: f"Flammes d'Armor {n}")
    street = "14 rue de la Tuilerie"
    zip = "35530"
    city = "Servon-sur-Vilaine"
    siren = "999123458"
    siret = "99912345800013"

    @factory.post_generation
    def journals(self, create: bool, extracted: Any, **options: Any) -> None:
        open_journals(self)  # type: ignore[arg-type]


class AddressFactory(DjangoModelFactory):
    class Meta:
        model = Address

    street = factory.Sequence(lambda n: f"{n + 1} allée des Genêts")
    zip = "35235"
    city = "Thorigné-Fouillard"


class PartnerFactory(DjangoModelFactory):
    """A private customer at one address, where its invoices go too."""

    class Meta:
        model = Partner
        skip_postgeneration_save = True

    name = factory.Sequence(lambda n: f"Client {n:04d}")
    email = factory.Sequence(lambda n: f"client{n}@exemple.example")

    @factory.post_generation
    def address(self, create: bool, extracted: Any, **options: Any) -> None:
        if extracted is not False:
            AddressFactory(partner=self, is_default=True, is_billing=True, **options)


class UserFactory(DjangoModelFactory):
    """Somebody of a role (the name of a group, or "" for none) who works for `company`."""

    class Meta:
        model = User
        skip_postgeneration_save = True

    username = factory.Sequence(lambda n: f"user{n}")
    first_name = "Fanny"
    last_name = factory.Sequence(lambda n: f"Morvan {n}")
    password = Password("secret")
    is_staff = True

    @factory.post_generation
    def role(self, create: bool, extracted: str | None, **options: Any) -> None:
        if extracted:
            self.groups.add(Group.objects.get(name=extracted))  # type: ignore[attr-defined]

    @factory.post_generation
    def company(self, create: bool, extracted: Company | None, **options: Any) -> None:
        if extracted:
            CompanyAccess.objects.create(user=self, company=extracted, is_default=True)
