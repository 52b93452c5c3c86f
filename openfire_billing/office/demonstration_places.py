"""The towns and the invented customers of the demonstration's contracts and appointments, all of Ille-et-Vilaine."""

from decimal import Decimal

from interventions.models import InstalledProduct
from invoicing.models import Address, Partner, PartnerTerms, PaymentTerm

# {town: (postcode, latitude, longitude)}; the coordinates are of its centre.
TOWNS = {
    "Acigné": ("35690", "48.1336", "-1.5369"),
    "Betton": ("35830", "48.1828", "-1.6439"),
    "Bruz": ("35170", "48.0247", "-1.7450"),
    "Cesson-Sévigné": ("35510", "48.1212", "-1.6039"),
    "Chantepie": ("35135", "48.0889", "-1.6150"),
    "Châteaugiron": ("35410", "48.0469", "-1.5031"),
    "Fougères": ("35300", "48.3525", "-1.2019"),
    "Guichen": ("35580", "47.9669", "-1.7961"),
    "Janzé": ("35150", "47.9606", "-1.4989"),
    "La Mézière": ("35520", "48.2192", "-1.7550"),
    "Le Rheu": ("35650", "48.1017", "-1.7956"),
    "Liffré": ("35340", "48.2136", "-1.5081"),
    "Montfort-sur-Meu": ("35160", "48.1386", "-1.9556"),
    "Mordelles": ("35310", "48.0728", "-1.8456"),
    "Noyal-Châtillon-sur-Seiche": ("35230", "48.0456", "-1.6681"),
    "Pacé": ("35740", "48.1478", "-1.7733"),
    "Rennes": ("35700", "48.1147", "-1.6794"),
    "Saint-Aubin-d'Aubigné": ("35250", "48.2611", "-1.6044"),
    "Saint-Grégoire": ("35760", "48.1508", "-1.6864"),
    "Thorigné-Fouillard": ("35235", "48.1597", "-1.5800"),
    "Vern-sur-Seiche": ("35770", "48.0453", "-1.6014"),
    "Vitré": ("35500", "48.1242", "-1.2097"),
}
_FIRST = ("Anna", "Bleuenn", "Corentine", "Denez", "Ewen", "Fañch", "Gwenaëlle", "Herri", "Ivona", "Jakez")
_LAST = ("Abgrall", "Bihan", "Cozic", "Derrien", "Elies", "Favennec", "Guivarch", "Huon", "Inizan")
_STREETS = ("rue du Lavoir", "rue des Tilleuls", "allée du Verger", "chemin du Bois", "rue de la Fontaine")


def locate(address: Address, rank: int) -> Address:
    """Give an address of a known town coordinates near its centre, others for each `rank`. Does not save it."""
    if address.city in TOWNS:
        _zip, latitude, longitude = TOWNS[address.city]
        address.latitude = Decimal(latitude) + Decimal(rank * 37 % 21 - 10) / 1000
        address.longitude = Decimal(longitude) + Decimal(rank * 53 % 21 - 10) / 1000
        address.follow_place()
    return address


def make_neighbours(count: int) -> list[Partner]:
    """Make `count` customers, at most 90, each with an address, an appliance and terms of payment."""
    term = PaymentTerm.objects.get(name="30 jours")
    partners = Partner.objects.bulk_create(
        Partner(
            name=f"{_LAST[rank % len(_LAST)]} {_FIRST[rank % len(_FIRST)]}",
            email=f"voisin{rank + 1}@exemple.example",
            phone=f"02 61 91 {40 + rank // 100} {rank % 100:02d}",
            mobile=f"06 39 98 {50 + rank // 100} {rank % 100:02d}",
        )
        for rank in range(count)
    )
    PartnerTerms.objects.bulk_create(PartnerTerms(partner=partner, payment_term=term) for partner in partners)
    towns = sorted(TOWNS)
    addresses = Address.objects.bulk_create(
        locate(
            Address(
                partner=partner,
                street=f"{rank * 7 % 89 + 1} {_STREETS[rank % len(_STREETS)]}",
                zip=TOWNS[town][0],
                city=town,
                is_default=True,
                is_billing=True,
            ),
            rank,
        )
        for rank, partner in enumerate(partners)
        for town in [towns[rank % len(towns)]]
    )
    InstalledProduct.objects.bulk_create(
        InstalledProduct(
            partner=partner,
            address=address,
            name="Poêle à granulés Armor 9" if rank % 3 else "Chaudière Kantik 24",
            brand="Fonderie Fictive",
            serial_number=f"FF-2024-{3000 + rank * 13}",
        )
        for rank, (partner, address) in enumerate(zip(partners, addresses, strict=True))
    )
    return partners
