"""Orders in words: why somebody is not proposed, what a choice costs, what a step was."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import get_language, gettext_lazy, ngettext, pgettext
from django.utils.translation import gettext as _

from patrols.crews import Proposal
from patrols.models import Lead, OrderState
from patrols.nearest import Choice, Out

# State → the sign beside its word; the same signs stand on the map (liveorders.js).
SIGNS = {
    "waiting": "!",
    "open": "!",
    "offered": "?",
    "accepted": "→",
    "arrived": "●",
    "disposed": "✓",
    "declined": "✕",
    "expired": "◷",
    "reassigned": "↩",
    "cancelled": "–",
    "closed": "–",
}

WHY = {
    Out.OFF_DUTY: gettext_lazy("Off duty"),
    Out.SOS: gettext_lazy("Own SOS is open"),
    Out.ON_ORDER: gettext_lazy("On another order"),
    Out.AUXILIARY: gettext_lazy("Auxiliary: does not enforce"),
    Out.NOT_CERTIFIED: gettext_lazy("No certificate valid today"),
    Out.NO_FIX: gettext_lazy("No position in this shift"),
    Out.FIX_TOO_OLD: gettext_lazy("Position too old"),
    Out.NO_WAY: gettext_lazy("Too far away, or no way along our streets"),
    Out.NO_PAIR: gettext_lazy("Walks in no pair now"),
    Out.PARTNER_OUT: gettext_lazy("The partner cannot come"),
}


# What keeps somebody from being proposed and not from being sent, if the radio reaches them.
BY_RADIO = frozenset({Out.NO_FIX, Out.FIX_TOO_OLD, Out.NO_WAY, Out.NO_PAIR, Out.PARTNER_OUT})


@dataclass(frozen=True)
class ChoiceLine:
    """A choice as the panel shows it."""

    ids: str
    people: list[dict[str, Any]]
    minutes: str
    together: bool
    warnings: list[str]


def minutes_of(seconds: float) -> str:
    """Whole minutes of a way, never less than one."""
    n = max(1, round(seconds / 60))
    return ngettext("%(n)d min", "%(n)d min", n) % {"n": n}


def choice_line(choice: Choice, proposal: Proposal) -> ChoiceLine:
    """Who, how long each, and what is lost."""
    warnings = [
        _("leaves %(name)s alone") % {"name": proposal.people[k].name} for k in choice.left_alone
    ]
    warnings += [
        _("%(place)s loses its only pair") % {"place": proposal.places[number]}
        for number in choice.uncovered
    ]
    silent = [proposal.people[k] for k in choice.people if proposal.people[k].user_id is None]
    if silent and (not choice.together or len(silent) == len(choice.people)):
        names = _(", ").join(one.name for one in silent)
        warnings.append(_("no account, answers by radio: %(names)s") % {"names": names})
    return ChoiceLine(
        ids=",".join(str(proposal.people[k].pk) for k in choice.people),
        people=[
            {
                "id": proposal.people[k].pk,
                "name": proposal.people[k].name,
                "unit": proposal.people[k].unit.name,
                "minutes": minutes_of(seconds),
            }
            for k, seconds in zip(choice.people, choice.seconds, strict=True)
        ],
        minutes=minutes_of(choice.arrives_s),
        together=choice.together,
        warnings=warnings,
    )


def fallen_lines(proposal: Proposal) -> list[tuple[str, list[str]]]:
    """(reason, names) of everybody who fell out; those who are off duty last."""
    found: dict[Out, list[str]] = defaultdict(list)
    for one in proposal.ranking.fallen:
        found[one.why].append(proposal.people[one.person].name)
    order = [why for why in Out if why is not Out.OFF_DUTY] + [Out.OFF_DUTY]
    return [(str(WHY[why]), sorted(found[why])) for why in order if found[why]]


def radio_lines(proposal: Proposal) -> list[dict[str, Any]]:
    """Those who fell out only because of their phone, their way or their partner, by unit."""
    return sorted(
        (
            {
                "id": proposal.people[one.person].pk,
                "name": proposal.people[one.person].name,
                "unit": proposal.people[one.person].unit.name,
                "why": str(WHY[one.why]),
            }
            for one in proposal.ranking.fallen
            if one.why in BY_RADIO
        ),
        key=lambda line: (line["unit"], line["name"]),
    )


def state_word(state: str) -> str:
    """The word for how a lead stands."""
    if state in OrderState.values:
        return str(OrderState(state).label)
    return pgettext("lead", "waiting") if state == "waiting" else pgettext("lead", "closed")


def step_word(before: str, after: str) -> str:
    """The word for one step of an order."""
    # One of two has said yes; the order itself waits for the other.
    if before == after == OrderState.OFFERED:
        return _("one has said yes")
    return state_word(after)


def where_words(lead: Lead) -> str:
    """The place in words with the street, each once; the street in the page's language."""
    english = (get_language() or "").startswith("en")
    street = (lead.street_en if english else "") or lead.street or lead.street_en
    return " · ".join(dict.fromkeys(filter(None, (lead.place, street))))


def step_line(step: dict[str, Any], zone: Any) -> dict[str, Any]:
    """One step of an order for the timeline."""
    moment = datetime.fromtimestamp(step["at"] / 1000, zone)
    stranger = _("somebody of another unit")
    by = step["by"] or (_("by itself") if step["by_tandem"] else stranger)
    if step["by_radio"]:
        by = _("said by radio by %(person)s, entered by %(name)s") % {
            "person": step["said_by"] or stranger,
            "name": by,
        }
    yes = step["from"] == step["to"] == OrderState.OFFERED
    return {
        "at": moment,
        "sign": SIGNS["accepted"] if yes else SIGNS[step["to"]],
        "word": step_word(step["from"], step["to"]),
        "by": by,
        "by_radio": step["by_radio"],
        "people": [one["name"] for one in step["people"]],
        "others": step["others"],
        "distance_m": step["distance_m"],
        "flagged": step["flagged"],
        "note": step["note"],
    }


def due_line(due_ms: int, done_ms: int | None, now: datetime, zone: Any) -> dict[str, Any]:
    """One clock of a lead: until when, and whether it was kept or has run out."""
    due = datetime.fromtimestamp(due_ms / 1000, zone)
    done = None if done_ms is None else datetime.fromtimestamp(done_ms / 1000, zone)
    return {"due": due, "ms": due_ms, "done": done, "late": (done or now) > due}
