"""Socket addresses: the live picture and the phones' page. Any other address is refused."""

from channels.auth import AuthMiddlewareStack
from channels.routing import URLRouter
from channels.security.websocket import AllowedHostsOriginValidator, WebsocketDenier
from channels.sessions import SessionMiddlewareStack
from django.urls import path, re_path

from patrols.api.phone_socket import PhoneSocket
from realtime.consumers import Live

sockets = URLRouter(
    [
        path("ws/live/", AllowedHostsOriginValidator(SessionMiddlewareStack(Live.as_asgi()))),
        path("ws/phone/", AuthMiddlewareStack(PhoneSocket.as_asgi())),
        re_path(r"", WebsocketDenier.as_asgi()),
    ]
)
