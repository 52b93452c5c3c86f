"""The admin site: the theme's, without Django's list of all models, which no page of the office shows."""

from typing import Any

from django.http import HttpRequest
from unfold.sites import UnfoldAdminSite


class OfficeSite(UnfoldAdminSite):  # type: ignore[misc]  # the theme is not typed
    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[dict[str, Any]]:
        """Return the models of one app, for its own page; none for the other pages, whose sidebar names the lists."""
        found: list[dict[str, Any]] = super().get_app_list(request, app_label) if app_label else []
        return found
