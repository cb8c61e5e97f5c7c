"""Endpoints for places: one file per noun, each with its own `urlpatterns`."""

from django.urls import include, path

urlpatterns: list = [
    path("", include("geo.api.tiles")),
    path("", include("geo.api.areas")),
    path("", include("geo.api.hotspots")),
]
