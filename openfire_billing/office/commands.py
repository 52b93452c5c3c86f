"""Commands of the search box: lists to open and records to create, by their names."""

from collections.abc import Iterator

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from unfold.dataclasses import SearchResult

from openfire_billing.kernel.folding import fold
from openfire_billing.office.navigation import lists_of, navigation

MOST = 5
_CREATE = "nouveau nouvelle creer ajouter"


def commands_for(request: HttpRequest, words: str) -> list[SearchResult]:
    """Return the commands whose name holds every word typed, for this user."""
    typed = fold(words).split()
    found = [
        command for names, command in _commands(request) if all(any(n.startswith(w) for n in names) for w in typed)
    ]
    return found[:MOST]


def _commands(request: HttpRequest) -> Iterator[tuple[list[str], SearchResult]]:
    """Yield (words of its name, command): a list of the sidebar, or a new record of one."""
    for model in lists_of(request):
        if admin.site.get_model_admin(model).has_add_permission(request):
            meta = model._meta
            name = str(meta.verbose_name)
            url = reverse(f"admin:{meta.app_label}_{meta.model_name}_add")
            title = _("Créer : %s") % name
            known = f"{_CREATE} {name} {_SHORT.get(meta.label, '')}"
            yield fold(known).split(), SearchResult(title=title, description=_("commande"), link=url, icon="add")
    for group in navigation(request):
        for entry in group["items"]:
            title = str(entry["title"])
            yield (
                fold(f"{_('liste')} {title}").split(),
                SearchResult(title=title, description=_("ouvrir"), link=str(entry["link"]), icon=entry["icon"]),
            )


_SHORT = {"interventions.InterventionRequest": "DI", "appointments.Appointment": "RDV"}
