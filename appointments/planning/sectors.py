"""« Assigner un secteur » from the board: to a day of a technician, or to those that the board shows."""

from typing import Any
from uuid import uuid4

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from appointments.planning.acts import act_named
from appointments.planning.reader import day_of
from appointments.planning.shown import planner_page
from interventions.models import Technician
from invoicing.services.records.acts import Once, perform
from openfire_billing.db.scope import visible
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.kernel.formats import read_id
from openfire_billing.web.actions import PREFIX
from openfire_billing.web.choices import narrow_choices
from openfire_billing.web.days import limit_days
from openfire_billing.web.fetched import go_to
from openfire_billing.web.refusals import shown_refusal
from openfire_billing.web.users import user_of


@planner_page
@require_http_methods(["GET", "POST"])
def sectors(request: HttpRequest) -> HttpResponse:
    """Ask the sectors of days and assign them, as the act of an RDV does."""
    assign = act_named("sectors")
    if not assign.is_allowed(request.user):
        raise PermissionDenied
    people = visible(Technician.objects.filter(is_active=True), user_of(request))
    person = get_object_or_404(people, pk=read_id(request.GET.get("technician")))
    first = day_of(request.GET.get("first", "")) or timezone.localdate()
    last = max(day_of(request.GET.get("last", "")) or first, first)
    assert assign.form is not None
    form: Any = assign.form(request.POST if "_confirmed" in request.POST else None, prefix=PREFIX)
    if not form.is_bound and first == last:
        form.prefill([person], first=first, last=last, weekdays={first.weekday()})
    elif not form.is_bound:
        form.prefill([person], first=first, last=last)
    narrow_choices(form, request.user)
    limit_days(form.fields.values())
    back = f"{reverse('planning:board')}?{urlencode({'from': first.isoformat()})}"
    refusal = None

    def assigned(data: dict[str, Any]) -> str:
        """Return what was assigned, in a sentence."""
        assert assign.run is not None
        return str(assign.run(request, None, data).notes[0])

    if form.is_bound and form.is_valid():
        once = Once(f"user:{request.user.pk}", f"sectors:{request.POST.get('_once', '')[:60]}")
        try:
            done = perform(lambda: assigned(form.cleaned_data), once=once)
        except BusinessError as error:
            refusal = shown_refusal(error, request)
        else:
            text = done.result or _("c'était déjà fait, rien de plus.")
            messages.success(request, capfirst(text))
            return go_to(request, back)
    context = {
        **admin.site.each_context(request),
        "title": assign.label,
        "explain": assign.explain,
        "form": form,
        "refusal": refusal,
        "confirm": assign.confirm,
        "once": uuid4(),
        "back": back,
    }
    return TemplateResponse(request, "appointments/planning/ask.html", context, status=409 if refusal else 200)
