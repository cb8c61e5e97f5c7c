"""Socket addresses: the live picture and the phones' page."""

from channels.auth import AuthMiddlewareStack
from channels.routing import URLRouter
from django.urls import path

from patrols.api.phone_socket import PhoneSocket

sockets = AuthMiddlewareStack(URLRouter([path("ws/phone/", PhoneSocket.as_asgi())]))
