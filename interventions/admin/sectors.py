"""Pages of sectors, and « Actualiser les secteurs » of addresses."""

from typing import Any
from uuid import uuid4

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.admin import TabularInline

from interventions.models import AddressSector, Sector, SectorRange
from interventions.services.sectors import refresh_sectors, sector_moves
from invoicing.admin.base import OfficeAdmin
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.kernel.formats import read_id
from openfire_billing.web.columns import column
from openfire_billing.web.tags import badge
from openfire_billing.web.users import user_of

REFRESH = "interventions.change_addresssector"


class SectorRangeInline(TabularInline):
    model = SectorRange
    extra = 0
    add_label = _("Ajouter des codes postaux")


@admin.register(Sector)
class SectorAdmin(OfficeAdmin):
    new_title = _("Nouveau secteur")
    list_display = ("name", "code", "colour_text", "zips", "is_active")
    list_filter = ("is_active",)
    search_fields = ("name", "code")
    inlines = (SectorRangeInline,)
    empty_text = _("Vos tournées, par codes postaux : chaque adresse est dans le secteur de son code postal.")
    fieldsets = (
        (
            None,
            {
                "fields": ("name", "code", "colour", "is_active"),
                "description": _(
                    "Une adresse est dans le secteur choisi à la main pour elle, sinon dans celui de son code postal. "
                    "Quand deux secteurs actifs couvrent le même code postal, les codes postaux les plus précis "
                    "l'emportent, puis le premier nom. Un code postal se donne aussi par son début : « 35 » seul vaut de "
                    "35000 à 35999."
                ),
            },
        ),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("ranges")

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.refresh_view)
        return [path("refresh/", view, name="interventions_sector_refresh"), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        link = {
            "label": _("Actualiser les secteurs"),
            "url": reverse("admin:interventions_sector_refresh"),
            "icon": "autorenew",
        }
        links = [link] if request.user.has_perm(REFRESH) else []
        return super().changelist_view(request, {**(extra_context or {}), "office_links": links})

    def refresh_view(self, request: HttpRequest) -> HttpResponse:
        """Show how many addresses would change of sector, then write them. A second press changes nothing more."""
        if not (request.user.has_perm(REFRESH) and self.has_view_permission(request)):
            raise PermissionDenied
        here = reverse("admin:interventions_sector_refresh")
        if request.method == "POST":
            try:
                done = self.perform(
                    request, lambda: refresh_sectors(by=user_of(request)), once=self.once(request, "refresh")
                )
            except BusinessError as refusal:
                messages.error(request, str(refusal))
                return HttpResponseRedirect(here)
            messages.success(request, _refreshed(int(done.answer if done.is_repeat else done.result)))
            return HttpResponseRedirect(reverse("admin:interventions_sector_changelist"))
        moves = [
            {"before": move.before, "after": move.after, "count": move.count, "badges": _badges(move)}
            for move in sector_moves()
        ]
        context = {
            **self.admin_site.each_context(request),
            "opts": self.model._meta,
            "title": _("Actualiser les secteurs"),
            "moves": moves,
            "total": sum(move["count"] for move in moves),
            "by_hand": AddressSector.objects.filter(is_manual=True).count(),
            "once": uuid4(),
            "back": reverse("admin:interventions_sector_changelist"),
        }
        return TemplateResponse(request, "interventions/refresh_sectors.html", context)

    @column(_("Couleur"), export=lambda sector: sector.get_colour_display(), ordering="colour")
    def colour_text(self, sector: Sector) -> Any:
        return badge(sector.colour, sector.get_colour_display())

    @admin.display(description=_("Codes postaux"))
    def zips(self, sector: Sector) -> str:
        return ", ".join(map(str, sector.ranges.all()))


def _badges(move: Any) -> tuple[Any, Any]:
    """Return the sectors before and after as badges."""
    nothing = badge("grey", _("aucun"))
    return tuple(badge(one.colour, one.name) if one else nothing for one in (move.before, move.after))


def _refreshed(count: int) -> str:
    if not count:
        return str(_("Secteurs actualisés : aucune adresse n'en change."))
    return (
        ngettext(
            "Secteurs actualisés : %d adresse change de secteur.",
            "Secteurs actualisés : %d adresses changent de secteur.",
            count,
        )
        % count
    )


class AddressSectorForm(forms.ModelForm):
    """The choice of a person: it takes the place of the sector found by postcode, and stays."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        chosen = read_id(self.data.get(self.add_prefix("address"))) if self.is_bound else None
        if self.instance.pk is None and chosen:
            found = AddressSector.objects.filter(address=chosen, is_manual=False).first()
            self.instance = found or self.instance
        self.instance.is_manual, self.instance.zip = True, ""


@admin.register(AddressSector)
class AddressSectorAdmin(OfficeAdmin):
    new_title = _("Nouveau secteur d'adresse")
    form = AddressSectorForm
    list_display = ("address", "sector", "is_manual")
    list_filter = ("is_manual", "sector")
    search_fields = AddressSector.SEARCHED
    autocomplete_fields = ("address", "sector")
    list_select_related = ("address", "sector")
