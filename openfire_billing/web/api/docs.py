"""The description of the API, for programs and for people. Open to all: it contains no data of the firm."""

from typing import Any

from django.http import HttpRequest, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.permissions import AllowAny


class SchemaView(SpectacularAPIView):
    """OpenAPI 3.1, for programs."""

    permission_classes = [AllowAny]
    authentication_classes: list[Any] = []
    throttle_classes: list[Any] = []


class DocsView(SpectacularSwaggerSplitView):
    """The same, for people. Its script has its own address, so that no inline or foreign script is allowed."""

    permission_classes = [AllowAny]
    authentication_classes: list[Any] = []
    throttle_classes: list[Any] = []
    url_name = "schema"
    title = "API OpenFire Billing"


@csrf_exempt
def unknown_address(request: HttpRequest, path: str = "") -> JsonResponse:
    """Refuse an unknown address in the shape of every refusal."""
    detail = _("Adresse inconnue. Les adresses finissent par « / » ; leur liste est à /api/v1/docs/.")
    return JsonResponse(
        {"code": "not_found", "detail": detail, "fields": {}, "documents": [], "step": None}, status=404
    )
