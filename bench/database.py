"""A database of its own for a measurement, on the server of DATABASE_URL."""

import os
from urllib.parse import urlsplit, urlunsplit

import psycopg2


def database_url(name: str) -> str:
    """DATABASE_URL with another database name."""
    return urlunsplit(urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}"))


def make_fresh(name: str) -> None:
    """A fresh, empty database with the product's tables, and Django set up on it."""
    connection = psycopg2.connect(database_url("postgres"))
    connection.autocommit = True
    connection.cursor().execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    connection.cursor().execute(f"CREATE DATABASE {name}")
    connection.close()
    set_up(name)
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


def set_up(name: str) -> None:
    """Django on a database that is there."""
    os.environ["DATABASE_URL"] = database_url(name)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.environ["LOG_LEVEL"] = "WARNING"
    import django

    django.setup()
