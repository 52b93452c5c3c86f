"""Addresses of the phone."""

from django.urls import path

from appointments.mobile import views

app_name = "mobile"
urlpatterns = [
    path("", views.today, name="today"),
    path("semaine/", views.week, name="week"),
    path("connexion/", views.MobileLogin.as_view(), name="login"),
    path("deconnexion/", views.MobileLogout.as_view(), name="logout"),
    path("rdv/<int:pk>/", views.appointment_page, name="appointment"),
    path("rdv/<int:pk>/realise/", views.done, name="done"),
    path("rdv/<int:pk>/inacheve/", views.unfinished, name="unfinished"),
    path("rdv/<int:pk>/compte-rendu/", views.note, name="note"),
    path("rdv/<int:pk>/articles/", views.parts, name="parts"),
    path("rdv/<int:pk>/photos/", views.photos, name="photos"),
    path("rdv/<int:pk>/photos/<int:file_id>/", views.photo, name="photo"),
]
