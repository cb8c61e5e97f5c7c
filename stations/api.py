"""Endpoints for stations."""

urlpatterns: list = []
