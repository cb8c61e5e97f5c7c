"""Addresses: pages, API, admin, health."""

from django.contrib import admin
from django.urls import include, path
from django.views.i18n import JavaScriptCatalog

from config.health import health

api = [
    path("", include("geo.api")),
    path("", include("stations.api")),
    path("", include("patrols.api")),
]

urlpatterns = [
    path("", include("frontend.urls")),
    path("api/", include(api)),
    path("admin/", admin.site.urls),
    path("jsi18n/", JavaScriptCatalog.as_view(domain="djangojs"), name="jsi18n"),
    path("i18n/", include("django.conf.urls.i18n")),
    path("health", health, name="health"),
]
