"""Nothing of the product is for search engines, customers' papers least of all."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.views.decorators.http import require_safe


class RobotsMiddleware:
    """Adds `X-Robots-Tag` to every answer: a page or file whose address was published is not indexed."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        response["X-Robots-Tag"] = "noindex, nofollow"
        return response


@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    """Answer `/robots.txt`."""
    return HttpResponse("User-agent: *\nDisallow: /\n", content_type="text/plain")
