"""ASGI entry: `/phone/` to the ingest, `/ws/` to Channels, the rest to Django.

Phones and sockets go past Django's request cycle (docs/benchmarks.md says what that gains).
"""

import gc
import os
from typing import Any

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
pages = get_asgi_application()  # first: it loads the apps

from channels.routing import ProtocolTypeRouter  # noqa: E402
from django.conf import settings  # noqa: E402

from config.static import StaticFiles  # noqa: E402
from patrols.api.phone import PhoneIngest  # noqa: E402
from realtime.routing import sockets  # noqa: E402

phones = PhoneIngest()
static = StaticFiles()


async def http(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Files go to WhiteNoise, the rest to Django."""
    if scope["path"].startswith(settings.STATIC_URL):
        await static(scope, receive, send)
    else:
        await pages(scope, receive, send)


others = ProtocolTypeRouter({"http": http, "websocket": sockets})


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Phones' requests go to the ingest at once: they are many and short."""
    if scope["type"] == "http" and scope["path"].startswith("/phone/"):
        await phones(scope, receive, send)
    else:
        await others(scope, receive, send)


# What the apps have loaded stays for good: the collector need not look at it again and again.
gc.collect()
gc.freeze()
