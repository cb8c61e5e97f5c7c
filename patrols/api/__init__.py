"""Endpoints for patrols: one file per walk, each with its own `urlpatterns`."""

from django.urls import include, path

urlpatterns: list = [
    path("", include("patrols.api.leads")),
    path("", include("patrols.api.live")),
    path("", include("patrols.api.live_finding")),
    path("", include("patrols.api.orders")),
    path("", include("patrols.api.routes")),
]
