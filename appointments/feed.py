"""`/calendar/<key>.ics`: the RDVs of a technician for his calendar program; 404 for a wrong key and a revoked one."""

from hashlib import sha256

from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.views.decorators.http import condition, require_safe

from appointments.services.feeds import technician_at
from appointments.services.ics import MIME_TYPE, technician_calendar


@require_safe
def calendar_feed(request: HttpRequest, key: str) -> HttpResponse:
    """Answer the calendar of the technician whose key it is; 304 when the program has it already."""
    technician = technician_at(key)
    if technician is None:
        raise Http404
    content = technician_calendar(technician, now=timezone.now())

    @condition(etag_func=lambda _request: f'"{sha256(content).hexdigest()}"')
    def answer(_request: HttpRequest) -> HttpResponse:
        return HttpResponse(content, content_type=f"{MIME_TYPE}; charset=utf-8")

    response: HttpResponse = answer(request)
    patch_cache_control(response, private=True, no_cache=True)
    return response
