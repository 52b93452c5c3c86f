"""Notes and follow-ups at the foot of every record's page."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from invoicing.services.records.follow_ups import (
    add_follow_up,
    colleagues_of,
    finish_follow_up,
    follow_up_of,
    follow_ups_of,
)
from invoicing.services.records.notes import add_note
from openfire_billing.web.date_boxes import DayInput
from openfire_billing.web.record_links import reverse_change
from openfire_billing.web.refusals import refusals_shown
from openfire_billing.web.users import user_of


class FollowUpForm(forms.Form):
    text = forms.CharField(label=_("À faire"), max_length=200)
    due_on = forms.DateField(label=_("Pour le"), widget=DayInput, initial=timezone.localdate)
    user = forms.ModelChoiceField(label=_("Par"), queryset=User.objects.none(), required=False)

    def __init__(self, *args: Any, by: User, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["user"].queryset = colleagues_of(by)  # type: ignore[attr-defined]
        self.fields["user"].label_from_instance = lambda user: user.get_full_name() or user.username  # type: ignore[attr-defined]
        self.fields["user"].empty_label = _("moi")  # type: ignore[attr-defined]


class NotesMixin:
    """Adds notes and follow-ups to a ModelAdmin, for users who may see the record."""

    has_journal = True

    def get_urls(self) -> list[Any]:
        meta = self.model._meta  # type: ignore[attr-defined]
        name = f"{meta.app_label}_{meta.model_name}"
        view = self.admin_site.admin_view  # type: ignore[attr-defined]
        return [
            path("<path:object_id>/note/", view(require_POST(self.note_view)), name=f"{name}_note"),
            path("<path:object_id>/follow-up/", view(require_POST(self.follow_up_view)), name=f"{name}_follow_up"),
            path(
                "<path:object_id>/follow-up/<int:follow_up_id>/done/",
                view(require_POST(self.follow_up_done_view)),
                name=f"{name}_follow_up_done",
            ),
            *super().get_urls(),  # type: ignore[misc]
        ]

    def notes_context(self, request: HttpRequest, document: Any) -> dict[str, Any]:
        """Return what the foot of the page shows."""
        meta = self.model._meta  # type: ignore[attr-defined]
        name = f"admin:{meta.app_label}_{meta.model_name}"
        return {
            "office_follow_ups": follow_ups_of(document, user=user_of(request)),
            "office_follow_up_form": FollowUpForm(by=user_of(request)),
            "office_note_url": reverse(f"{name}_note", args=[document.pk]),
            "office_follow_up_url": reverse(f"{name}_follow_up", args=[document.pk]),
        }

    def _seen(self, request: HttpRequest, object_id: str) -> Any:
        document = self.get_object(request, object_id)  # type: ignore[attr-defined]
        if document is None or not self.has_journal:
            raise Http404
        if not self.has_view_permission(request, document):  # type: ignore[attr-defined]
            raise PermissionDenied
        return document

    def note_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        document = self._seen(request, object_id)
        with refusals_shown(request):
            add_note(document, request.POST.get("note", ""), by=user_of(request))
        return HttpResponseRedirect(reverse_change(document) + "#journal")

    def follow_up_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        document = self._seen(request, object_id)
        form = FollowUpForm(request.POST, by=user_of(request))
        if form.is_valid():
            data = form.cleaned_data
            with refusals_shown(request):
                who = data["user"] or user_of(request)
                add_follow_up(document, text=data["text"], due_on=data["due_on"], user=who, by=user_of(request))
                messages.success(request, _("Relance notée."))
        else:
            messages.error(request, _("Relance incomplète : dites ce qu'il y a à faire et pour quel jour."))
        return HttpResponseRedirect(reverse_change(document) + "#follow-ups")

    def follow_up_done_view(self, request: HttpRequest, object_id: str, follow_up_id: int) -> HttpResponse:
        document = self._seen(request, object_id)
        follow_up = follow_up_of(document, follow_up_id, user=user_of(request))
        if follow_up is None:
            raise Http404
        finish_follow_up(follow_up, by=user_of(request))
        messages.success(request, _("C'est noté comme fait."))
        return HttpResponseRedirect(reverse_change(document) + "#follow-ups")
