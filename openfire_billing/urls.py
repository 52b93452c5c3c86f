"""Doors of the web: the back office, the technician's phone, the customer's page, the health check."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from openfire_billing.office.customer_page import customer_page, customer_pdf
from openfire_billing.office.health import healthz

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    path("p/<str:token>/", customer_page, name="customer_page"),
    path("p/<str:token>/pdf/", customer_pdf, name="customer_pdf"),
    path("mobile/", include("appointments.mobile.urls")),
    path("healthz", healthz, name="healthz"),
]
