"""Are there two certified officers? (行政处罚法 art. 42, 行政强制法 art. 18; C9)

The legal rule, not the patrol rule: an officer with an auxiliary is a patrol pair and no
enforcement pair. An auxiliary never counts, nor does anybody twice.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from bureau.rules import Rules
from patrols.judges.judgement import Judgement, Outcome, Reason


@dataclass(frozen=True, slots=True)
class Handler:
    """Somebody who handles an enforcement action.

    certificates: first and last day of each, both included · phones: ids of the phones reporting
    for this account on that day.
    """

    person: int
    is_officer: bool
    certificates: tuple[tuple[date, date], ...] = ()
    phones: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Lack:
    """What is missing: a reason, and whom it is about (None: somebody who is not there)."""

    reason: Reason
    person: int | None = None


@dataclass(frozen=True, slots=True)
class EnforcementJudgement(Judgement):
    """The answer, with everything that is missing by name; counts: who counts."""

    lacks: tuple[Lack, ...] = ()
    counts: tuple[int, ...] = ()


def judge(
    day: date,
    handlers: Sequence[Handler],
    rules: Rules,
    *,
    identical: Collection[frozenset[int]] = (),
) -> EnforcementJudgement:
    """Met with `min_certified` certified officers on that local day; not met with fewer.

    Two accounts on one phone, or two whose tracks are `identical` (sets of person ids), are not
    two: where that decides the answer is *cannot judge*, for a person to look at, since a shared
    phone is no proof that one of them was not there.
    """
    lacks: list[Lack] = []
    certified: list[Handler] = []
    for handler in {one.person: one for one in handlers}.values():
        lack = _lack_of(handler, day)
        if lack is None:
            certified.append(handler)
        else:
            lacks.append(Lack(lack, handler.person))
    apart: list[Handler] = []
    for handler in certified:
        doubt = next(filter(None, (_doubt(handler, one, identical) for one in apart)), None)
        if doubt is None:
            apart.append(handler)
        else:
            lacks.append(Lack(doubt, handler.person))
    missing = max(0, rules.min_certified - len(apart))
    if missing:
        lacks.extend([Lack(Reason.OFFICER_MISSING)] * max(0, rules.min_certified - len(certified)))
    numbers: dict[str, float | list[float]] = {
        "certified": float(len(apart)),
        "required": float(rules.min_certified),
        "missing": float(missing),
    }
    if not missing:
        outcome, reason = Outcome.MET, Reason.ENOUGH
    elif len(certified) >= rules.min_certified:
        doubts = [one.reason for one in lacks if one.reason in _DOUBTS]
        outcome, reason = Outcome.CANNOT_JUDGE, doubts[0]
    else:
        outcome, reason = Outcome.NOT_MET, Reason.OFFICER_MISSING
    counts = tuple(one.person for one in apart)
    return EnforcementJudgement(outcome, numbers, (reason,), tuple(lacks), counts)


_DOUBTS = frozenset({Reason.ONE_PHONE, Reason.IDENTICAL_TRACK})


def _lack_of(handler: Handler, day: date) -> Reason | None:
    if not handler.is_officer:
        return Reason.AUXILIARY
    if not handler.certificates:
        return Reason.NO_CERTIFICATE
    if not any(first <= day <= last for first, last in handler.certificates):
        return Reason.CERTIFICATE_OUT_OF_DATE
    return None


def _doubt(one: Handler, other: Handler, identical: Collection[frozenset[int]]) -> Reason | None:
    if one.phones & other.phones:
        return Reason.ONE_PHONE
    if any({one.person, other.person} <= both for both in identical):
        return Reason.IDENTICAL_TRACK
    return None
