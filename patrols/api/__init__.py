"""Endpoints for patrols."""

urlpatterns: list = []
