"""The components of the office's pages on one page, for developers, in DEBUG alone."""

from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _

from openfire_billing.web.date_boxes import DayInput, HourInput, MomentInput

_COLOURS = (
    ("grey", _("brouillon, archivé")),
    ("blue", _("ouvert, planifié")),
    ("amber", _("attend quelque chose de nous")),
    ("green", _("fait, payé")),
    ("red", _("en retard, refusé")),
    ("violet", _("couvert par un contrat")),
)
_TOKENS = (
    ("--of-strong", _("ce qui se lit d'abord")),
    ("--of-text", _("le texte")),
    ("--of-subtle", _("ce qui accompagne")),
    ("--of-line", _("les traits")),
    ("--of-soft", _("le fond d'une ligne survolée")),
    ("--of-paper", _("le fond d'une carte")),
    ("--of-accent", _("ce qui se clique, rien d'autre")),
    ("--of-chosen", _("la page ouverte dans le menu")),
)


class _SampleForm(forms.Form):
    text = forms.CharField(label=_("Texte"), widget=forms.TextInput({"class": "of-input"}))
    amount = forms.CharField(
        label=_("Montant"), initial="1 234,56", widget=forms.TextInput({"class": "of-input of-number"})
    )
    choice = forms.ChoiceField(
        label=_("Choix court"),
        choices=[(1, _("mensuelle")), (2, _("annuelle"))],
        widget=forms.Select({"class": "of-input"}),
    )
    day = forms.DateField(label=_("Jour"), initial=date(2026, 11, 24), widget=DayInput())
    hour = forms.TimeField(label=_("Heure"), initial=time(14, 30), widget=HourInput())
    moment = forms.DateTimeField(label=_("Jour et heure"), initial=datetime(2026, 11, 24, 14, 30), widget=MomentInput())  # noqa: DTZ001 (shown as typed)


def components(request: HttpRequest) -> HttpResponse:
    """Show each component with its class and what it is for. 404 outside DEBUG."""
    if not settings.DEBUG:
        raise Http404
    steps: list[dict[str, Any]] = [
        {"label": _("Brouillon"), "on": date(2026, 11, 2)},
        {"label": _("À planifier"), "on": date(2026, 11, 3)},
        {"label": _("Planifiée"), "on": date(2026, 11, 24), "is_current": True},
        {"label": _("Réalisée")},
    ]
    context = {
        **admin.site.each_context(request),
        "title": _("Composants"),
        "colours": _COLOURS,
        "tokens": _TOKENS,
        "steps": steps,
        "sample": _SampleForm(),
        "refusal": {
            "sentences": [_("DI/000123 est facturée en entier : il ne reste rien à facturer. Ouvrez sa facture.")]
        },
        "totals": {
            "net": Decimal(175),
            "taxes": [{"rate": Decimal("5.5"), "base": Decimal(175), "amount": Decimal("9.62")}],
            "gross": Decimal("184.62"),
        },
    }
    return TemplateResponse(request, "office/components.html", context)
