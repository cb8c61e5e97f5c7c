"""Socket addresses: the live picture and the phones' page."""

from channels.routing import URLRouter

sockets = URLRouter([])
