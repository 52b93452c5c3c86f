"""French throughout: none of the words that Django, unfold and the others leave in English."""

import re
from html import unescape
from html.parser import HTMLParser
from typing import Any

import pytest
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from django.conf import settings
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.templatetags.static import static
from django.test import Client
from django.urls import reverse
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from openfire_billing.office.roles import MANAGER, PLANNER
from openfire_billing.web.actions import ActionsMixin
from tests.factories import World, nothing_changed
from tests.factories.api import Api
from tests.factories.pages import address
from tests.office.subjects import one_of_each, our_pages

# Words of an English interface that are no French words too.
WORDS = """
    add all another any apply available back cancel change changed choose chosen clear click close collapse confirm
    continue current dark default delete deleted details done drag dropdown edit empty enter error errors expand false
    file filter filters first found from go hide history home hour last light loading log login logout more
    move navigation new next none not now of one open option or password please previous recent record records
    remove required reset results row rows run save saved search select selected show showing sort submit
    successfully system the this time today toggle total true try unknown update upload user users value view
    warning was welcome were with yes yesterday you your
""".split()
# « change » (de change), « option », « message », « date », « total »… are French.
FRENCH = {"change", "option", "total", "or", "file", "sort", "message", "log", "note"}
ENGLISH = re.compile(rf"\b({'|'.join(word for word in WORDS if word not in FRENCH)})\b", re.IGNORECASE)
SPOKEN = ("title", "placeholder", "aria-label", "alt", "data-placeholder", "data-confirm")


class _Said(HTMLParser):
    """What a page says: its texts and the attributes that are read or spoken."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self.mute = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        # names of icons are drawn, not read; <code> is for programs
        icon = "material-symbols-outlined" in (found.get("class") or "")
        self.mute += tag in ("script", "style", "code") or (self.mute > 0 and tag == "span") or icon
        self.said += [found[name] or "" for name in SPOKEN if name in found]
        if tag == "input" and found.get("type") in ("submit", "button"):
            self.said.append(found.get("value") or "")

    def handle_endtag(self, tag: str) -> None:
        if self.mute and tag in ("script", "style", "code", "span"):
            self.mute -= 1

    def handle_data(self, data: str) -> None:
        if not self.mute:
            self.said.append(data)


def english_in(response: Any) -> set[str]:
    reader = _Said()
    reader.feed(response.content.decode())
    return {f"{word.lower()}: {' '.join(text.split())[:60]}" for text in reader.said for word in ENGLISH.findall(text)}


@pytest.mark.parametrize("part", ["lists", "forms", "acts"])
def test_no_page_speaks_english(world: World, part: str) -> None:
    records, office = one_of_each(world), world.office(MANAGER)
    found: dict[str, set[str]] = {}
    for model, page in our_pages().items():
        urls = {
            "lists": [address(model, "changelist"), address(model, "changelist") + "?q=introuvable"],
            "forms": [address(records[model]), address(model, "add"), *_delete(records[model], office)],
            "acts": [
                address(records[model], "act", act.name)
                for act in (page.all_actions() if isinstance(page, ActionsMixin) else ())
                if act.run and (act.states is None or records[model].state in act.states)
            ],
        }[part]
        for url in urls:
            answer = office.get(url)
            if answer.status_code == 200 and (words := english_in(answer)):
                found[url] = words
    assert found == {}


def _delete(record: Any, office: Any) -> list[str]:
    """The page that asks before deleting."""
    url = address(record, "delete")
    return [url] if office.get(url).status_code == 200 else []


def _key(text: Any) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text)


def test_compiled_translations_are_those_written() -> None:
    folder = settings.LOCALE_PATHS[0] / "fr" / "LC_MESSAGES"
    with (folder / "django.po").open("rb") as written, (folder / "django.mo").open("rb") as compiled:
        wanted, found = (
            {_key(message.id): _key(message.string) for message in read(file) if message.id and message.string}
            for read, file in ((read_po, written), (read_mo, compiled))
        )

    assert found == wanted


def test_first_page_and_door_are_french(world: World) -> None:
    found = english_in(world.office(MANAGER).get(reverse("admin:index"))) | english_in(
        Client().get(reverse("admin:login"))
    )

    assert found == set()


def test_wrong_password_is_told_in_french(world: World) -> None:
    answer = Client().post(reverse("admin:login"), {"username": "fanny", "password": "faux"})

    assert english_in(answer) == set()


def test_form_in_error_is_french(world: World) -> None:
    office = world.office(MANAGER)
    found = set()
    for model in our_pages():
        answer = office.client.post(address(model, "add"), {"_save": "1"})
        if answer.status_code == 200:
            found |= english_in(answer)
    assert found == set()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('{"name":\n  oui}', "Le corps de la demande n'est pas du JSON : voyez ligne 2, colonne 3."),
        (b'"\xff"', "Le corps de la demande n'est pas lisible : vérifiez sa forme et son encodage (UTF-8)."),
    ],
)
def test_body_the_api_cannot_read_is_told_in_french(world: World, body: Any, said: str) -> None:
    with nothing_changed():
        answer = Api(world.manager).client.post("/api/v1/partners/", body, content_type="application/json")
    assert (answer.status_code, answer.json()) == (
        400,
        {"code": "parse_error", "detail": said, "fields": {}, "documents": [], "step": None},
    )


def test_act_on_many_and_its_report_are_french(world: World) -> None:
    office = world.office(MANAGER)
    documents = [world.intervention(), world.intervention(code=None)]
    chosen = {"action": "act_invoice-many", ACTION_CHECKBOX_NAME: [document.pk for document in documents]}
    url = address(type(documents[0]), "changelist")

    question = office.client.post(url, chosen)
    answer = office.client.post(url, {**chosen, "_confirmed": "1", "act-on": "2026-11-24"})

    assert english_in(question) | english_in(answer) == set()
    assert "1 document traité, 1 refus" in answer.content.decode()


def test_automatic_tasks_are_called_as_people_call_them(world: World) -> None:
    """The page of celery-beat's table: its list, one task, and the words its author translated his own way."""
    every_five = IntervalSchedule.objects.create(every=5, period="minutes")
    names = list(settings.CELERY_BEAT_SCHEDULE)
    tasks = [PeriodicTask.objects.create(name=name, task=name, interval=every_five) for name in names]
    office = world.office(MANAGER)

    pages = [office.get(address(PeriodicTask, "changelist")), office.get(address(tasks[0]))]

    said = unescape(" ".join(page.content.decode() for page in pages))
    assert [english_in(page) for page in pages] == [set(), set()]
    assert [word for word in ("Périodique", "Task Name", "Datetime", *names[1:]) if word in said] == []
    assert "Tâches automatiques" in said
    assert "En marche" in said


def test_rows_are_added_in_plain_french(world: World) -> None:
    page = unescape(world.office(MANAGER).get(address(world.customer)).content.decode())

    assert "Ajouter une ligne (Adresse)" in page
    assert "supplémentaire" not in page


def test_icon_asked_for_by_the_browser_is_the_flame() -> None:
    answer = Client().get("/favicon.ico")

    assert (answer.status_code, answer["Location"]) == (302, static("openfire/flame.svg"))


@pytest.mark.parametrize(
    ("url", "code", "said"),
    [("/p/rien/", 404, "Page introuvable"), ("/admin/invoicing/invoice/", 403, "Accès refusé")],
)
def test_page_that_is_not_there_says_so_in_french(world: World, url: str, code: int, said: str) -> None:
    page = world.office(PLANNER).get(url)
    assert (page.status_code, said in page.content.decode()) == (code, True)
