"""One shape for every error of the API: {"error": {"code", "message", "fields"?}}.

`message` says what to do; `fields` maps the name of a value to its sentences.
"""

from __future__ import annotations

from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions, status
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import exception_handler

from bureau.errors import Refused

# Which HTTP status a refusal of the domain has; 409, a conflict with the state of things, is plain.
FORBIDDEN_CODES = {"trail_denied", "not_yours", "self_review"}
UNPROCESSABLE_CODES = {"no_way", "purpose_missing"}
GEOMETRY = "geometry_"  # every fault of geo.validation begins so


def answer(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler: refusals and API errors in Tandem's shape; bugs propagate."""
    if isinstance(error, Refused):
        return Response(
            {"error": {"code": error.code, "message": str(error.message)}}, status_of(error)
        )
    if isinstance(error, RequestDataTooBig):
        error = TooLarge()
    if isinstance(error, RecursionError):
        error = exceptions.ParseError("It is nested too deeply.")
    response = exception_handler(error, context)
    if response is None:
        return None
    if isinstance(error, exceptions.NotAuthenticated | exceptions.AuthenticationFailed):
        response.status_code = status.HTTP_401_UNAUTHORIZED
    response.data = {"error": body_of(error, response)}
    return response


def status_of(refusal: Refused) -> int:
    """The HTTP status of a refusal."""
    if refusal.code in FORBIDDEN_CODES:
        return status.HTTP_403_FORBIDDEN
    if refusal.code in UNPROCESSABLE_CODES or refusal.code.startswith(GEOMETRY):
        return status.HTTP_422_UNPROCESSABLE_ENTITY
    return status.HTTP_409_CONFLICT


def body_of(error: Exception, response: Response) -> dict[str, Any]:
    """Code, message and fields of an API error."""
    match error:
        case exceptions.ValidationError():
            fields = flat_fields(error.detail)
            return {"code": "invalid", "message": first_sentence(fields), "fields": fields}
        case exceptions.AuthenticationFailed() if error.get_codes() == "bad_key":
            return {"code": "bad_key", "message": str(error.detail)}
        case exceptions.NotAuthenticated() | exceptions.AuthenticationFailed():
            return {"code": "not_authenticated", "message": _("Sign in first.")}
        case exceptions.ParseError():
            return {
                "code": "parse_error",
                "message": _("The body is not valid JSON: %(why)s") % {"why": error.detail},
            }
        case exceptions.PermissionDenied() if "CSRF" in str(error.detail):
            return {
                "code": "csrf_failed",
                "message": _("Reload the page and try again: its form token is missing or old."),
            }
        case exceptions.UnsupportedMediaType():
            return {
                "code": "unsupported_media_type",
                "message": _("Send JSON, with the header Content-Type: application/json."),
            }
        case exceptions.APIException():
            codes = error.get_codes()
            return {
                "code": codes if isinstance(codes, str) else "error",
                "message": str(error.detail),
            }
    # Django's own Http404 and PermissionDenied, which DRF has translated.
    detail = response.data.get("detail") if isinstance(response.data, dict) else None
    code = {404: "not_found", 403: "permission_denied"}.get(response.status_code, "error")
    return {"code": code, "message": str(detail or error)}


def flat_fields(detail: Any, name: str = "body") -> dict[str, list[str]]:
    """Nested details as {dotted name: [sentences]}."""
    if isinstance(detail, dict):
        fields: dict[str, list[str]] = {}
        for key, value in detail.items():
            inner = str(key) if name == "body" else f"{name}.{key}"
            if key in ("non_field_errors", "detail"):
                inner = name
            fields |= flat_fields(value, inner)
        return fields
    if isinstance(detail, list) and any(isinstance(item, dict | list) for item in detail):
        fields = {}
        for place, item in enumerate(detail):
            if item:
                fields |= flat_fields(item, f"{name}.{place}")
        return fields
    return {name: [str(item) for item in (detail if isinstance(detail, list) else [detail])]}


def first_sentence(fields: dict[str, list[str]]) -> str:
    """What is wrong first, with how much more there is."""
    name, sentences = next(iter(fields.items()))
    first = sentences[0] if name == "body" else f"{name}: {sentences[0]}"
    more = sum(len(each) for each in fields.values()) - 1
    return (
        first
        if more == 0
        else _("%(first)s (and %(more)d more)")
        % {
            "first": first,
            "more": more,
        }
    )


class TooLarge(exceptions.APIException):
    """A body over the limit of the settings."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "too_large"
    default_detail = "The body is too large; send it in parts."


@extend_schema(exclude=True)
@api_view(["GET", "POST", "PUT", "PATCH", "DELETE"])
def no_such_endpoint(request: Request, rest: str) -> Response:
    """The end of the API's addresses: a 404 in the API's shape."""
    raise exceptions.NotFound(
        _("There is no endpoint /api/%(rest)s. See /api/docs for those there are.") % {"rest": rest}
    )
