"""« The same file sent twice at once doubles everything »: imports write one after the other, each on what is there."""

from collections.abc import Callable
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile

from invoicing.models import Partner
from openfire_billing.office.importing import KINDS, apply_import, prepare_import
from openfire_billing.office.roles import MANAGER
from tests.factories import Office, UserFactory, make_world

Threads = Callable[..., list[Any]]
ROWS = "".join(f"Client {n};{n} rue du Moulin;35000;Rennes\n" for n in range(300))
NAMED = f"Nom;Rue;CP;Ville\n{ROWS}"
CODED = "Nom;Code;Rue;CP;Ville\n" + "".join(f"Magasin {n};K{n};{n} rue;35000;Rennes\n" for n in range(300))


def test_same_file_written_twice_at_once_doubles_nothing(in_threads: Threads) -> None:
    world = make_world()
    for text in (NAMED, CODED):
        previews = [
            prepare_import(
                KINDS["clients"], name="c.csv", content=text.encode(), company=world.company, by=world.manager
            )
            for _turn in range(2)
        ]
        assert [preview.new for preview in previews] == [300, 300]

        done = in_threads(2, lambda n, p=previews: apply_import(p[n], company=world.company, by=world.manager))

        assert sorted((one.new, one.changed, one.same) for one in done) == [(0, 0, 300), (300, 0, 0)]
    assert Partner.objects.filter(name__startswith="Client ").count() == 300
    assert Partner.objects.filter(store_code__startswith="K").count() == 300


def test_two_people_send_the_same_file_by_the_page(in_threads: Threads) -> None:
    world = make_world()
    other = UserFactory(username="autre", role=MANAGER, company=world.company)
    clients, url = [world.office(MANAGER).client, Office(other).client], "/admin/import/customers/"
    tokens = [
        client.post(url, {"file": SimpleUploadedFile("c.csv", NAMED.encode())}).context["token"] for client in clients
    ]

    done = in_threads(2, lambda n: clients[n].post(url, {"token": tokens[n]}).status_code)

    assert done == [302, 302]
    assert Partner.objects.filter(name__startswith="Client ").count() == 300
