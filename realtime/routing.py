"""Socket addresses: live picture, officers' pages, phones. Any other address is refused."""

from channels.auth import AuthMiddlewareStack
from channels.routing import URLRouter
from channels.security.websocket import AllowedHostsOriginValidator, WebsocketDenier
from channels.sessions import SessionMiddlewareStack
from django.urls import path, re_path

from patrols.api.phone_socket import PhoneSocket
from realtime.consumers import Live
from realtime.my_socket import My
from realtime.straight import straight

sockets = URLRouter(
    [
        path(
            "ws/live/",
            straight(AllowedHostsOriginValidator(SessionMiddlewareStack(Live.as_asgi()))),
        ),
        path("ws/my/", AllowedHostsOriginValidator(SessionMiddlewareStack(My.as_asgi()))),
        path("ws/phone/", AuthMiddlewareStack(PhoneSocket.as_asgi())),
        re_path(r"", WebsocketDenier.as_asgi()),
    ]
)
