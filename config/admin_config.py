"""Puts our administration site in the place of Django's own."""

from django.contrib.admin.apps import AdminConfig


class TandemAdminConfig(AdminConfig):
    """`django.contrib.admin`, with `bureau.admin_site.TandemAdmin`."""

    default_site = "bureau.admin_site.TandemAdmin"
