"""Endpoints for places."""

urlpatterns: list = []
