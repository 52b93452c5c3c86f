"""Addresses under /planning/."""

from django.urls import path

from appointments.planning import absent, acts, fill, find, keeping, map_page, printing, sectors, tour, views, visits

app_name = "planning"
urlpatterns = [
    path("", views.board, name="board"),
    path("changes/", views.changes, name="changes"),
    path("cells/", views.cells, name="cells"),
    path("print/", printing.print_day, name="print"),
    path("map/", map_page.map_page, name="map"),
    path("waiting/", views.waiting, name="waiting"),
    path("absent/", absent.absent, name="absent"),
    path("sectors/", sectors.sectors, name="sectors"),
    path("tour/", tour.tour, name="tour"),
    path("visits/", visits.visits, name="visits"),
    path("rows/", keeping.keep, name="rows"),
    path("fill/", fill.fill, name="fill"),
    path("find/", find.find, name="find"),
    path("appointments/<int:pk>/", views.card, name="card"),
    path("appointments/<int:pk>/move/", acts.move, name="move"),
    path("appointments/<int:pk>/resize/", acts.resize, name="resize"),
    path("interventions/<int:pk>/place/", acts.place, name="place"),
]
