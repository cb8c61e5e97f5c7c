"""What the API takes and gives, whatever the headers ask for."""

from __future__ import annotations

from typing import Any

from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request


class AnyAccept(BaseContentNegotiation):
    """JSON (or a tile) is what there is; an Accept header never turns an answer into a 406."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        """The first parser for the body's media type."""
        media_type = (request.content_type or "").partition(";")[0].strip()
        return next((parser for parser in parsers if parser.media_type == media_type), None)

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> Any:
        """The first renderer, whatever is asked for."""
        return renderers[0], renderers[0].media_type
