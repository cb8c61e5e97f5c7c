"""What people decide about a verdict: reviews, objections and their answers."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from bureau.errors import Refused
from bureau.models import Role, User
from patrols.access import visible_people
from patrols.judges import Reason
from patrols.models import Decision, Dispute, Review, Verdict

# Who may review; a planner and a dispatcher see no verdicts.
REVIEWERS = frozenset({Role.SUPERVISOR, Role.INSPECTOR, Role.ADMINISTRATOR})
# What a review says of the figures it stands on; newer figures are adopted by `adopt`.
DECISIONS = frozenset({Decision.UPHOLD, Decision.OVERTURN, Decision.EXCUSE})


def review(
    verdict: Verdict,
    by: User,
    decision: str,
    note: str,
    *,
    now: datetime,
    seen: int | None = None,
) -> Review:
    """A supervisor upholds, overturns or excuses a verdict, and says why.

    `seen` is the last review that the supervisor has read (its id; None: there was none).
    Raises Refused: not one's own, not without a note, not outside one's units, not an old one, not
    over a review that one has not read.
    """
    if decision not in DECISIONS:
        raise Refused("decision_unknown", _("Choose uphold, overturn or excuse."))
    if not note.strip():
        raise Refused("note_missing", _("Write a note: the officer will read why you decided so."))
    with transaction.atomic():
        current = _standing(verdict)
        _refuse_running(current)
        _refuse_reviewer(current, by, seen)
        made = Review.objects.create(
            verdict=current, by=by, decision=decision, note=note.strip(), at=now
        )
        # The reviewer has seen what changed since the last review.
        current.changed_since_review = False
        current.save(update_fields=["changed_since_review"])
    return made


def newer_figures(verdict: Verdict) -> Verdict | None:
    """The latest figures that stand beside a reviewed verdict; None if there are none since the
    last look at it."""
    if not verdict.is_current or not verdict.changed_since_review:
        return None
    beside = Verdict.objects.filter(
        bureau=verdict.bureau_id,
        person=verdict.person_id,
        monday=verdict.monday,
        subject=verdict.subject,
        is_current=False,
        judged_at__gte=verdict.judged_at,
        pk__gt=verdict.pk,
    )
    return beside.order_by("-pk").first()


def adopt(
    verdict: Verdict,
    by: User,
    note: str,
    *,
    now: datetime,
    newer: int | None,
    seen: int | None = None,
) -> Review:
    """A supervisor lets the newer figures take the place of a reviewed verdict, and says why.

    The old verdict stays with its reviews, and the new one begins with this review. `newer`: the
    figures that the supervisor has read (their id); `seen` as in `review`. Raises Refused as
    `review` does, and if there are other newer figures by now, or an objection waits.
    """
    if not note.strip():
        raise Refused("note_missing", _("Write a note: the officer will read why you decided so."))
    with transaction.atomic():
        current = _standing(verdict)
        _refuse_reviewer(current, by, seen)
        fresh = newer_figures(current)
        if fresh is None or fresh.pk != newer:
            raise Refused(
                "figures_changed",
                _("The newer figures have changed while you were reading: read them again."),
            )
        if current.disputes.filter(answered_at=None).exists():
            raise Refused(
                "dispute_waits", _("Answer the objection first; then take the newer figures.")
            )
        current.is_current = False
        current.changed_since_review = False
        current.save(update_fields=["is_current", "changed_since_review"])
        fresh.is_current = True
        fresh.save(update_fields=["is_current"])
        return Review.objects.create(
            verdict=fresh, by=by, decision=Decision.ADOPT, note=note.strip(), at=now
        )


def history(verdict: Verdict) -> tuple[list[Review], list[Dispute]]:
    """All reviews and objections of this person's week and rule, also those on earlier figures;
    the latest first."""
    same = {
        "verdict__bureau": verdict.bureau_id,
        "verdict__person": verdict.person_id,
        "verdict__monday": verdict.monday,
        "verdict__subject": verdict.subject,
    }
    made = Review.objects.filter(**same).select_related("by", "verdict").order_by("-at", "-pk")
    raised = Dispute.objects.filter(**same).select_related("by", "answered_by", "verdict")
    return list(made), list(raised)


def dispute(verdict: Verdict, by: User, text: str, *, now: datetime) -> Dispute:
    """An officer objects to the own verdict. Raises Refused for others', or without a text."""
    if not text.strip():
        raise Refused("text_missing", _("Write what is wrong, so that somebody can look at it."))
    with transaction.atomic():
        current = _standing(verdict)
        if current.person.user_id is None or current.person.user_id != by.pk:
            raise Refused("not_own_verdict", _("You can dispute your own verdict only."))
        _refuse_running(current)
        if current.disputes.filter(answered_at=None).exists():
            raise Refused("dispute_open", _("Your objection is waiting for an answer already."))
        return Dispute.objects.create(verdict=current, by=by, text=text.strip(), at=now)


def answer(objection: Dispute, by: User, text: str, *, now: datetime) -> Dispute:
    """A supervisor answers an objection. Raises Refused as `review` does."""
    if not text.strip():
        raise Refused("note_missing", _("Write an answer: the officer will read it."))
    with transaction.atomic():
        one = Dispute.objects.select_for_update().get(pk=objection.pk)
        person = one.verdict.person
        if person.user_id == by.pk:
            raise Refused("own_verdict", _("Nobody answers the own objection."))
        if by.role not in REVIEWERS or not visible_people(by).filter(pk=person.pk):
            raise Refused(
                "review_denied", _("Only a supervisor of this person's unit can answer it.")
            )
        if one.answered_at is not None:
            raise Refused("already_answered", _("This objection was answered already."))
        one.answer, one.answered_by, one.answered_at = text.strip(), by, now
        one.save(update_fields=["answer", "answered_by", "answered_at"])
    return one


def _refuse_running(verdict: Verdict) -> None:
    """A review or an objection would make a verdict stand that only says that the week runs."""
    if Reason.WEEK_NOT_OVER in verdict.reasons:
        raise Refused("week_runs", _("The week is not over; wait for its verdict."))


def _refuse_reviewer(verdict: Verdict, by: User, seen: int | None) -> None:
    """Nobody reviews the own verdict, outside the own units, or over a review not read."""
    if verdict.person.user_id == by.pk:
        raise Refused("own_verdict", _("Nobody reviews the own verdict: ask another supervisor."))
    if by.role not in REVIEWERS or not visible_people(by).filter(pk=verdict.person_id):
        raise Refused(
            "review_denied",
            _("Only a supervisor of this person's unit can review the verdict."),
        )
    if verdict.reviews.order_by("-at", "-pk").values_list("pk", flat=True).first() != seen:
        raise Refused(
            "reviewed_meanwhile",
            _("Somebody reviewed this verdict while you were reading: read that review first."),
        )


def _standing(verdict: Verdict) -> Verdict:
    """The verdict, locked; Refused if another has taken its place."""
    current = (
        Verdict.objects.select_for_update(of=("self",)).select_related("person").get(pk=verdict.pk)
    )
    if not current.is_current:
        raise Refused(
            "verdict_superseded",
            _("New data changed this verdict while you were reading: open the week again."),
        )
    return current
