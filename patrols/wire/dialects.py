"""The list of apps that Tandem understands, and how a body of each is read.

The path names the app; the shape of a JSON body says which of the known forms it is, because one
app may send another's form (Colota has templates for four, Overland one for OwnTracks). What the
path decides is the unit of `speed` and the dialect of the answer.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from patrols.wire import colota, fields, osmand, overland, owntracks, traccar_json
from patrols.wire.reading import Contact, Delivery, Message, Quarantined, Unreadable

# More readings than this in one message go to quarantine. Overland sends up to 1,000, Colota 500.
MOST_ITEMS = 5_000


@dataclass(frozen=True)
class Dialect:
    """One app's units. `query_mps` is for query and form, `json_mps` for flat JSON."""

    app: str
    query_mps: float
    json_mps: float
    vel_mps: float  # OwnTracks' `vel`


DIALECTS = {
    "traccar": Dialect("traccar", fields.KNOT_MPS, fields.KNOT_MPS, fields.KMH_MPS),
    "owntracks": Dialect("owntracks", fields.KNOT_MPS, fields.KMH_MPS, fields.KMH_MPS),
    "overland": Dialect("overland", fields.KNOT_MPS, fields.MPS, fields.KMH_MPS),
    "gpslogger": Dialect("gpslogger", fields.MPS, fields.MPS, fields.KMH_MPS),
    # Colota writes m/s in every template.
    "colota": Dialect("colota", fields.MPS, fields.MPS, fields.MPS),
    # Tandem's own page.
    "socket": Dialect("socket", fields.MPS, fields.MPS, fields.MPS),
}
DIALECTS["osmand"] = DIALECTS["traccar"]

decode = msgspec.json.Decoder().decode


def read(dialect: Dialect, message: Message, received_us: int) -> Delivery:
    """All readings of a message. Raises Unreadable if the body as a whole cannot be read.

    A single bad item is never raised: it is in `quarantined`. A message without any place, an
    empty one too, is a contact.
    """
    delivery = Delivery()
    body = message.body
    if body[:1] in (b"{", b"[") or body.lstrip()[:1] in (b"{", b"["):
        add_json(delivery, dialect, read_json(body), received_us)
    elif body and "json" in message.content_type:
        raise Unreadable("not_json", "The body is said to be JSON and is not.")
    elif body and b"=" not in body:
        raise Unreadable("not_a_form", "The body is neither JSON nor a form.")
    else:
        values = osmand.pairs(message.query) if message.query else {}
        if body and not ("lat" in values or "location" in values):
            values = {**values, **osmand.pairs(body)}
        osmand.add_flat(delivery, values, received_us, unit_mps=dialect.query_mps)
    return delivery


def read_json(body: bytes) -> object:
    """The decoded body. Raises Unreadable for bad JSON and for one nested too deeply."""
    try:
        return decode(body)
    except RecursionError as error:
        raise Unreadable("too_deep", "The JSON is nested too deeply.") from error
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
        raise Unreadable("not_json", f"The body is no JSON: {str(error)[:120]}") from error


def add_json(delivery: Delivery, dialect: Dialect, value: object, received_us: int) -> None:
    """Any of the known JSON bodies: an object, a list, or an object that holds a list."""
    items: object = value
    if isinstance(value, dict):
        for name in ("locations", "location"):
            if isinstance(value.get(name), list):
                items = value[name]
                break
        else:
            if isinstance(value.get("location"), dict):
                add_enveloped(delivery, value, received_us)
                return
            if isinstance(value.get("position"), dict):
                traccar_json.add_forwarded(delivery, value["position"], received_us)
                return
            items = [value]
    if not isinstance(items, list):
        raise Unreadable("not_readings", "The body holds no readings.")
    if not items:
        delivery.contacts.append(Contact(received_us))
    for item in items:
        add_item(delivery, dialect, item, received_us)
    if dialect.app == "colota":
        colota.mark_anchors(delivery.readings)


def add_enveloped(delivery: Delivery, item: dict[str, object], received_us: int) -> None:
    """`{"location": {…}}`; an alarm that stands beside the location counts too."""
    location = item["location"]
    assert isinstance(location, dict)  # noqa: S101  (the caller looked)
    if "alarm" in item and not location.get("alarm"):
        location = {**location, "alarm": item["alarm"]}
    traccar_json.add_location(delivery, location, received_us)


def add_item(delivery: Delivery, dialect: Dialect, item: object, received_us: int) -> None:
    """One item of a JSON body, told by its shape."""
    if not isinstance(item, dict):
        delivery.quarantined.append(
            Quarantined("not_an_object", "The reading is no JSON object.", fields.encode(item))
        )
    elif "coords" in item or "extras" in item:
        traccar_json.add_location(delivery, item, received_us)
    elif "geometry" in item or "properties" in item:
        overland.add_feature(delivery, item, received_us)
    elif "_type" in item:
        owntracks.add_message(delivery, item, received_us, unit_mps=dialect.vel_mps)
    elif isinstance(item.get("location"), dict):
        add_enveloped(delivery, item, received_us)
    else:
        osmand.add_flat(delivery, item, received_us, unit_mps=dialect.json_mps)
