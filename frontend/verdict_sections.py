"""A person's verdicts as a page shows them for review: one section a rule, with its history."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from bureau.models import User
from frontend import words
from frontend.week_list import MARKS
from patrols import reviews
from patrols.judges import Reason
from patrols.models import Dispute, Outcome, Review, Subject, Verdict
from patrols.scorecard import WeekRow


@dataclass(frozen=True)
class NewerFigures:
    """Figures that came in after the review, beside the verdict: what they say."""

    pk: int
    chip: dict[str, str]
    said: str


@dataclass(frozen=True)
class VerdictSection:
    """One verdict with what was decided about it. `seen`: the last review on these figures."""

    subject: str
    title: str
    verdict: Verdict
    reviews: list[Review]
    disputes: list[Dispute]
    seen: int | None
    newer: NewerFigures | None
    running: bool
    waiting: bool
    may_review: bool
    why_not: str

    @property
    def key(self) -> str:
        """Id of the section on the page."""
        return f"review-{self.subject}"

    @property
    def may_dispute(self) -> bool:
        """Whether the person may object now."""
        return not self.running and not self.waiting


def sections(row: WeekRow, viewer: User) -> list[VerdictSection]:
    """The sections of a row's verdicts for a viewer, weekly patrol time first."""
    return [
        section(verdict, viewer)
        for verdict in (row.verdict, row.pair_verdict)
        if verdict is not None
    ]


def section(verdict: Verdict, viewer: User) -> VerdictSection:
    """One verdict with its reviews and objections, those on earlier figures included."""
    made, raised = reviews.history(verdict)
    running = Reason.WEEK_NOT_OVER in verdict.reasons
    own = verdict.person.user_id == viewer.pk
    why_not = ""
    if own:
        why_not = _("This is your own verdict: somebody else reviews it.")
    elif running:
        why_not = _("The week is not over; there is nothing to review yet.")
    title = (
        _("Review of the company")
        if verdict.subject == Subject.PAIR_COVERAGE
        else _("Review of the patrol time")
    )
    return VerdictSection(
        verdict.subject,
        title,
        verdict,
        made,
        raised,
        next((one.pk for one in made if one.verdict_id == verdict.pk), None),
        newer_of(verdict),
        running,
        any(one.answered_at is None and one.verdict_id == verdict.pk for one in raised),
        viewer.role in reviews.REVIEWERS and not why_not,
        why_not if viewer.role in reviews.REVIEWERS else "",
    )


def newer_of(verdict: Verdict) -> NewerFigures | None:
    """The newer figures beside a reviewed verdict, in words."""
    fresh = reviews.newer_figures(verdict)
    if fresh is None:
        return None
    outcome = str(fresh.outcome)
    chip = {"outcome": outcome, "mark": MARKS[outcome], "label": str(Outcome(outcome).label)}
    return NewerFigures(fresh.pk, chip, figures_said(fresh, verdict))


def figures_said(fresh: Verdict, old: Verdict) -> str:
    """`credited 1 h 58 min (was 1 h 40 min), not known 12 min (was 30 min)`: what differs."""
    numbers: tuple[dict[str, Any], dict[str, Any]] = (fresh.numbers, old.numbers)
    names = [
        ("credited_s", _("credited %(now)s (was %(was)s)")),
        ("unknown_s", _("not known %(now)s (was %(was)s)")),
    ]
    if fresh.subject == Subject.PAIR_COVERAGE:
        names = [
            ("together_s", _("together %(now)s (was %(was)s)")),
            ("breach_s", _("alone past the grace %(now)s (was %(was)s)")),
            ("company_unknown_s", _("not known %(now)s (was %(was)s)")),
        ]
    parts = []
    for key, template in names:
        now, was = (words.duration(float(given.get(key, 0.0))) for given in numbers)
        if now != was:
            parts.append(template % {"now": now, "was": was})
    return _(", ").join(parts)
