"""Addresses of the phone."""

from django.urls import path

from appointments.mobile import views

app_name = "mobile"
urlpatterns = [
    path("", views.today, name="today"),
    path("week/", views.week, name="week"),
    path("login/", views.MobileLogin.as_view(), name="login"),
    path("logout/", views.MobileLogout.as_view(), name="logout"),
    path("appointments/<int:pk>/", views.appointment_page, name="appointment"),
    path("appointments/<int:pk>/done/", views.done, name="done"),
    path("appointments/<int:pk>/unfinished/", views.unfinished, name="unfinished"),
    path("appointments/<int:pk>/report/", views.note, name="note"),
    path("appointments/<int:pk>/lines/", views.lines, name="lines"),
    path("appointments/<int:pk>/products/", views.parts, name="parts"),
    path("appointments/<int:pk>/photos/", views.photos, name="photos"),
]
