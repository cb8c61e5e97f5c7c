"""One shape for every error of the API: {"error": {"code", "message", "fields"?}}."""

from typing import Any

from rest_framework import status
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.response import Response
from rest_framework.views import exception_handler

from geo.errors import Refused

FORBIDDEN_CODES = {"trail_denied", "not_yours", "self_review"}


def answer(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler: refusals and API errors in Tandem's shape; bugs propagate."""
    if isinstance(error, Refused):
        code = (
            status.HTTP_403_FORBIDDEN
            if error.code in FORBIDDEN_CODES
            else status.HTTP_409_CONFLICT
        )
        return Response({"error": {"code": error.code, "message": error.message}}, code)
    response = exception_handler(error, context)
    if response is None:
        return None
    body: dict[str, Any] = {"code": "error", "message": str(error)}
    if isinstance(error, ValidationError):
        body = {
            "code": "invalid",
            "message": "Some values cannot be taken; see fields.",
            "fields": error.detail,
        }
    elif isinstance(error, APIException):
        body = {"code": error.get_codes(), "message": str(error.detail)}
    response.data = {"error": body}
    return response
