"""The towns of a post code, proposed while an address is typed."""

from typing import Any

from django import forms
from django.http import HttpRequest, JsonResponse
from django.urls import reverse
from django.views.decorators.http import require_GET
from unfold.widgets import INPUT_CLASSES

from openfire_billing.kernel.postcodes import towns_of

A_DAY = 86_400  # seconds


@require_GET
def towns_view(request: HttpRequest, code: str) -> JsonResponse:
    """Answer the towns of a French post code, the largest first. The browser keeps the answer for a day."""
    answer = JsonResponse({"towns": towns_of(code)})
    answer["Cache-Control"] = f"private, max-age={A_DAY}"
    return answer


class PostcodeInput(forms.TextInput):
    """The box of a post code. static/openfire/office/towns.js asks for its towns and fills the box of the town."""

    def __init__(self) -> None:
        super().__init__({"autocomplete": "off", "class": " ".join(INPUT_CLASSES)})

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        url = reverse("towns", args=["code"])
        return super().get_context(name, value, {**(attrs or {}), "data-towns": url})
