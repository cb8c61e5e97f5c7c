"""Endpoints of leads: written by a dispatcher's session, sent with a source's key, read, closed."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions, serializers
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from bureau.access import visible_units
from bureau.models import User
from patrols import leads, live, orders
from patrols.api.limits import Buckets
from patrols.api.live import fresh, user_of
from patrols.models import Intake, Lead, LeadKind
from patrols.order_rows import cut, order_rows, steps_of

# A source may send so many at once, and one a second after that: more is a fault at its end.
SENT = Buckets[int](burst=60, per_s=1.0)
MOST_LISTED = 200


class IntakeKey(BaseAuthentication):
    """`Authorization: Bearer <key>` of a source of leads; its requests have no user."""

    def authenticate(self, request: Request) -> tuple[AnonymousUser, Intake] | None:
        """None without such a header; an unknown or revoked key is refused."""
        scheme, _space, key = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        intake = leads.intake_of(key.strip(), timezone.now())
        if intake is None:
            raise exceptions.AuthenticationFailed(
                _("This key is not known or was revoked. Ask the administrator for a new one."),
                code="bad_key",
            )
        return AnonymousUser(), intake

    def authenticate_header(self, request: Request) -> str:
        """What to come back with."""
        return "Bearer"


class IntakeKeyScheme(OpenApiAuthenticationExtension):
    """How the schema says it."""

    target_class = IntakeKey
    name = "intakeKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """A bearer token."""
        return {"type": "http", "scheme": "bearer"}


class Known(BasePermission):
    """A source with its key, or somebody who has signed in."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Roles are asked by the actions."""
        return isinstance(request.auth, Intake) or bool(request.user.is_authenticated)


class LeadBody(serializers.Serializer[None]):
    """One lead. `id` is the source's own and makes repeats harmless; a session has none."""

    id = serializers.CharField(max_length=80, required=False)
    kind = serializers.ChoiceField(choices=LeadKind.choices)
    text = serializers.CharField(max_length=1000)
    lon = serializers.FloatField(min_value=-180, max_value=180)
    lat = serializers.FloatField(min_value=-85, max_value=85)
    place = serializers.CharField(max_length=160, required=False, allow_blank=True, default="")
    enforcement = serializers.BooleanField(required=False, default=False)
    contact = serializers.CharField(max_length=80, required=False, allow_blank=True, default="")
    happened_at = serializers.DateTimeField(required=False, allow_null=True, default=None)


class Words(serializers.Serializer[None]):
    """A reason or a report, in words."""

    reason = serializers.CharField(allow_blank=True)


class LeadList(APIView):
    """Leads: those of the user's units, or those that the key's source has sent."""

    authentication_classes = (IntakeKey, SessionAuthentication)
    permission_classes = (Known,)

    def get(self, request: Request) -> Response:
        """The newest 200: `{"leads": […]}`. A source gets its own, with how each has ended."""
        now = timezone.now()
        if isinstance(request.auth, Intake):
            mine = Lead.objects.filter(intake=request.auth).order_by("-received_at")
            return fresh(Response({"leads": [told(lead) for lead in mine[:MOST_LISTED]]}))
        user = user_of(request)
        live.check_may_watch(user)
        newest = leads.visible_leads(user).order_by("-received_at").values("pk")[:MOST_LISTED]
        units = set(visible_units(user).values_list("pk", flat=True))
        rows = order_rows(Lead.objects.filter(pk__in=newest), now, closed_too=True)
        return fresh(Response({"leads": [cut(row, units) for row in reversed(rows)]}))

    @extend_schema(request=LeadBody)
    def post(self, request: Request) -> Response:
        """Store a lead: 201, or 200 when the source has sent the same `id` before."""
        now = timezone.now()
        body = LeadBody(data=request.data)
        body.is_valid(raise_exception=True)
        given = dict(body.validated_data)
        draft = leads.LeadDraft(
            kind=given["kind"],
            text=given["text"],
            place=(given["lon"], given["lat"]),
            words=given["place"],
            enforcement=given["enforcement"],
            contact=given["contact"],
            happened_at=given["happened_at"],
        )
        intake = request.auth
        if not isinstance(intake, Intake):
            user = user_of(request)
            return lead_response(leads.write_lead(draft, by=user, now=now), user, 201)
        if "id" not in given:
            raise serializers.ValidationError({"id": _("Give the lead your own id.")})
        if not SENT.take(intake.pk, 1.0):
            raise exceptions.Throttled(wait=1.0)
        lead, new = leads.take_in(draft, intake=intake, external_id=given["id"], now=now)
        return fresh(Response({"lead": told(lead)}, 201 if new else 200))


def told(lead: Lead) -> dict[str, Any]:
    """A lead as its source is told of it: no names, no places of people."""
    order = lead.orders.filter(ended_at=None).first()
    state = "closed" if lead.closed_at else "in_hand" if order else "waiting"
    return {
        "id": lead.external_id,
        "state": state,
        "received": live.ms(lead.received_at),
        "closed": live.ms(lead.closed_at),
        "result": lead.closed_reason,
    }


def lead_response(lead: Lead, user: User, status: int = 200) -> Response:
    """The lead as the user's live picture has it, with who told it."""
    units = set(visible_units(user).values_list("pk", flat=True))
    [row] = order_rows(Lead.objects.filter(pk=lead.pk), timezone.now(), closed_too=True)
    return fresh(Response({"lead": cut(row, units) | {"contact": lead.contact}}, status))


class LeadDetail(APIView):
    """One lead with all its orders and their steps."""

    def get(self, request: Request, pk: int) -> Response:
        """`{"lead": …, "orders": […]}`; 403 outside one's units."""
        user = user_of(request)
        lead = leads.find_lead(pk, user)
        units = set(visible_units(user).values_list("pk", flat=True))
        [row] = order_rows(Lead.objects.filter(pk=lead.pk), timezone.now(), closed_too=True)
        tried = [
            {"id": order.pk, "state": order.state, "steps": steps_of(order, units)}
            for order in lead.orders.order_by("opened_at", "pk")
        ]
        return fresh(
            Response({"lead": cut(row, units) | {"contact": lead.contact}, "orders": tried})
        )


class LeadClose(APIView):
    """A lead to which nobody is sent."""

    @extend_schema(request=Words)
    def post(self, request: Request, pk: int) -> Response:
        """Close it: `{"reason": "…"}`."""
        user = user_of(request)
        lead = leads.close_lead(pk, by=user, reason=words_of(request), now=timezone.now())
        return lead_response(lead, user)


class LeadOrder(APIView):
    """The order to a lead."""

    @extend_schema(request=None)
    def post(self, request: Request, pk: int) -> Response:
        """Open one, or get the one that is open: `{"order": id}`."""
        order = orders.open_order(pk, by=user_of(request), now=timezone.now())
        return fresh(Response({"order": order.pk}, 201))


def words_of(request: Request) -> str:
    """The words of a body `{"reason": "…"}`."""
    body = Words(data=request.data)
    body.is_valid(raise_exception=True)
    return str(body.validated_data["reason"])


urlpatterns: list = [
    path("leads", LeadList.as_view(), name="leads"),
    path("leads/<int:pk>", LeadDetail.as_view(), name="lead"),
    path("leads/<int:pk>/close", LeadClose.as_view(), name="lead-close"),
    path("leads/<int:pk>/order", LeadOrder.as_view(), name="lead-order"),
]
