"""Addresses of appointments under /api/v1/."""

from django.urls import re_path
from rest_framework.routers import SimpleRouter

from appointments.api.appointments import AppointmentView, AppointView

router = SimpleRouter()
router.register("appointments", AppointmentView)

urlpatterns = [
    re_path(
        r"^interventions/(?P<pk>[0-9]+)/appointment/$",
        AppointView.as_view({"post": "appointment"}),
        name="intervention-appointment",
    ),
    *router.urls,
]
