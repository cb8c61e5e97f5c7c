"""Who stands behind sockets' sessions, read again from time to time for many at once."""

from __future__ import annotations

from collections.abc import Collection
from importlib import import_module

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from bureau.models import User


def users_of_sessions(session_keys: Collection[str]) -> dict[str, User]:
    """Session key → its user as the database has it now, in two queries.

    Missing is what opens nothing: no such session, signed out, account closed, password changed
    elsewhere or to be changed first (as on every page).
    """
    store = import_module(settings.SESSION_ENGINE).SessionStore()
    rows = store.get_model_class().objects.filter(
        session_key__in=[key for key in session_keys if key], expire_date__gt=timezone.now()
    )
    opened = {
        key: session
        for key, data in rows.values_list("session_key", "session_data")
        if (session := store.decode(data)).get(BACKEND_SESSION_KEY)
        in settings.AUTHENTICATION_BACKENDS
    }
    users = {
        str(user.pk): user
        for user in User.objects.filter(
            pk__in={session.get(SESSION_KEY) for session in opened.values()},
            is_active=True,
            must_change_password=False,
        ).select_related("unit")
    }
    found = {}
    for key, session in opened.items():
        user = users.get(str(session.get(SESSION_KEY)))
        if user is not None and constant_time_compare(
            session.get(HASH_SESSION_KEY, ""), user.get_session_auth_hash()
        ):
            found[key] = user
    return found
