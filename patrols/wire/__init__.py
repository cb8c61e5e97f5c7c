"""Wire formats of phone apps: bytes → readings. Pure; knows no database and no clock."""

from patrols.wire.dialects import DIALECTS, MOST_ITEMS, Dialect, add_json, read, read_json
from patrols.wire.names import each_name, named_in_body, names
from patrols.wire.reading import (
    Contact,
    Delivery,
    Flag,
    Message,
    Quarantined,
    Reading,
    Unreadable,
)

__all__ = [
    "DIALECTS",
    "MOST_ITEMS",
    "Contact",
    "Delivery",
    "Dialect",
    "Flag",
    "Message",
    "Quarantined",
    "Reading",
    "Unreadable",
    "add_json",
    "each_name",
    "named_in_body",
    "names",
    "read",
    "read_json",
]
