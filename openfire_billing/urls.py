"""URLs: the back office, the technician's phone, the customer's page, the API, the health check."""

from django.contrib import admin
from django.templatetags.static import static
from django.urls import include, path
from django.utils.functional import lazy
from django.views.generic import RedirectView

from appointments.feed import calendar_feed
from openfire_billing.office import account_pages
from openfire_billing.office.components import components
from openfire_billing.office.customer_page import customer_answer, customer_page, customer_pdf
from openfire_billing.office.files import attached_file
from openfire_billing.office.health import healthz
from openfire_billing.office.import_page import import_left, import_page, import_sample
from openfire_billing.office.login import enter
from openfire_billing.office.own_account import office_urls, phone_urls
from openfire_billing.office.search import search_now
from openfire_billing.office.sms_calls import sms_inbound, sms_status
from openfire_billing.web.api.docs import DocsView, SchemaView, unknown_address
from openfire_billing.web.choice_view import ChoiceView
from openfire_billing.web.robots import robots
from openfire_billing.web.towns import towns_view
from openfire_billing.web.undo import undo_view

api = [
    path("schema/", SchemaView.as_view(), name="schema"),
    path("docs/", DocsView.as_view(), name="docs"),
    path("", include("invoicing.api.urls")),
    path("", include("interventions.api.urls")),
    path("", include("appointments.api.urls")),
    path("", include("contracts.api.urls")),
    path("", unknown_address),
    path("<path:path>", unknown_address, name="unknown"),
]
urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/import/", admin.site.admin_view(import_page), name="import_pages"),
    path("admin/import/<slug:slug>/", admin.site.admin_view(import_page), name="import_page"),
    path("admin/import/<slug:slug>/sample/", admin.site.admin_view(import_sample), name="import_sample"),
    path("admin/import/<slug:slug>/left/", admin.site.admin_view(import_left), name="import_left"),
    path("sms/status/<slug:backend>/", sms_status, name="sms_status"),
    path("sms/inbound/<slug:backend>/", sms_inbound, name="sms_inbound"),
    path("admin/undo/", admin.site.admin_view(undo_view), name="undo"),
    path("admin/search/", admin.site.admin_view(search_now), name="search_now"),
    path("admin/composants/", admin.site.admin_view(components), name="components"),
    path("admin/autocomplete/", admin.site.admin_view(ChoiceView.as_view(admin_site=admin.site))),
    path("admin/towns/<slug:code>/", admin.site.admin_view(towns_view, cacheable=True), name="towns"),
    path("admin/", include(account_pages.urlpatterns)),
    path("admin/login/", enter),
    path("admin/account/", include(office_urls)),
    path("admin/", admin.site.urls),
    path("planning/", include("appointments.planning.urls")),
    path("api/v1/", include(api)),
    path("p/<str:token>/", customer_page, name="customer_page"),
    path("p/<str:token>/answer/", customer_answer, name="customer_answer"),
    path("p/<str:token>/pdf/", customer_pdf, name="customer_pdf"),
    path("calendar/<str:key>.ics", calendar_feed, name="calendar_feed"),
    path("files/<int:pk>/<path:name>", attached_file, name="attached_file"),
    path("mobile/account/", include(phone_urls)),
    path("mobile/", include("appointments.mobile.urls")),
    path("healthz", healthz, name="healthz"),
    path("robots.txt", robots, name="robots"),
    # asked for by browsers where a page names no icon: a PDF, a file, a JSON answer
    path("favicon.ico", RedirectView.as_view(url=lazy(static, str)("openfire/flame.svg")), name="favicon"),
]
handler400 = "openfire_billing.web.unreadable.bad_request"
