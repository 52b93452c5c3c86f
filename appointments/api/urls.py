"""Addresses of appointments under /api/v1/."""

from django.urls import re_path
from rest_framework.routers import SimpleRouter

from appointments.api.absences import AbsenceView
from appointments.api.appointments import AppointmentView, AppointView
from appointments.api.slots import SlotView
from appointments.api.tours import TourView

router = SimpleRouter()
router.register("absences", AbsenceView)
router.register("appointments", AppointmentView)
router.register("slots", SlotView, basename="slots")
router.register("tours", TourView)

urlpatterns = [
    re_path(
        r"^interventions/(?P<pk>[0-9]+)/appointment/$",
        AppointView.as_view({"post": "appointment"}),
        name="intervention-appointment",
    ),
    *router.urls,
]
