"""Addresses: pages, API, admin, health."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.i18n import JavaScriptCatalog
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from config.api_errors import no_such_endpoint
from config.health import health

api: list[URLPattern | URLResolver] = [
    path("", include("geo.api")),
    path("", include("stations.api")),
    path("", include("patrols.api")),
    path("schema", SpectacularAPIView.as_view(), name="schema"),
    path("docs", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="docs"),
    path("<path:rest>", no_such_endpoint),
]

urlpatterns = [
    path("", include("frontend.urls")),
    path("api/", include(api)),
    path("admin/", admin.site.urls),
    path("jsi18n/", JavaScriptCatalog.as_view(domain="djangojs"), name="jsi18n"),
    path("i18n/", include("django.conf.urls.i18n")),
    path("health", health, name="health"),
]
