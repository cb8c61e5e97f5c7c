"""Who works when: the shifts of past weeks, the outings in them, and the turns of those on now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bureau.week import Week
from patrols.demo.cast import CREWS, Crew, Habit, Member

PAST_WEEKS = 2

SHIFT_S = 4 * 3600
SHIFT_STARTS = (time(8, 0), time(13, 30), time(17, 30))

# Of those on now: short turns, renewed while the simulator runs, so that a demo that is switched
# off leaves no long silence behind.
TURN = timedelta(hours=2)
RENEW_BEFORE = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Outing:
    """One shift of a crew, with the outing in it.

    week: 0 is the older of the past weeks, 1 the last whole week, 2 the running one.
    number: which outing of the week it is (from 0); None for a day at the desk.
    out_s: seconds from the shift's start to the outing's.
    """

    crew: Crew
    week: int
    day: date
    starts_at: datetime
    ends_at: datetime
    number: int | None
    out_s: float

    @property
    def at_work(self) -> tuple[Member, ...]:
        """The crew's people without those on leave."""
        return tuple(m for m in self.crew.members if not on_leave(m, self.week))


def on_leave(member: Member, week: int) -> bool:
    """Whether somebody has the whole week off."""
    return Habit.ON_LEAVE in member.habits and week == PAST_WEEKS - 1


def weeks_of(moment: datetime, zone: str) -> list[Week]:
    """The past weeks, oldest first, and the running one."""
    this = Week.containing(moment, zone)
    return [this.shifted(-back) for back in range(PAST_WEEKS, -1, -1)]


def past_outings(moment: datetime, zone: str) -> list[Outing]:
    """Every shift of the past weeks and of the running one that was over at `moment`."""
    found = []
    for number, week in enumerate(weeks_of(moment, zone)):
        for place, crew in enumerate(CREWS):
            for outing in week_of(crew, place, number, week, zone):
                if outing.ends_at <= moment and outing.at_work:
                    found.append(outing)
    return found


def week_of(crew: Crew, place: int, number: int, week: Week, zone: str) -> list[Outing]:
    """The five shifts of a crew's week; `place` is the crew's in the list."""
    first = 1 if crew.weekend else 0  # Tuesday to Saturday, or Monday to Friday
    start = SHIFT_STARTS[(place + number) % len(SHIFT_STARTS)]
    desk_days = {(place + k * 2) % 5 for k in range(5 - crew.outings)}
    shifts = []
    outings = 0
    for nth in range(5):
        day = week.monday + timedelta(days=first + nth)
        starts_at = datetime.combine(day, start, ZoneInfo(zone)).astimezone(UTC)
        out = None
        if nth not in desk_days:
            out, outings = outings, outings + 1
        shifts.append(
            Outing(
                crew,
                number,
                day,
                starts_at,
                starts_at + timedelta(seconds=SHIFT_S),
                out,
                # Not all on the hour: half an hour to an hour and a half into the shift.
                1800.0 + 600.0 * ((place * 5 + nth * 3) % 7),
            )
        )
    return shifts


def live_members() -> list[tuple[Crew, Member]]:
    """Everybody whom the live picture shows on duty."""
    return [(crew, member) for crew in CREWS if crew.live != "off" for member in crew.members]


def next_turn(now: datetime, covered_until: datetime | None) -> tuple[datetime, datetime] | None:
    """The turn of duty to write for somebody whose duty ends at `covered_until`, if one is due.

    A turn begins on the minute at `now`, or where the present one ends.
    """
    if covered_until is not None and covered_until > now + RENEW_BEFORE:
        return None
    begins = now.replace(second=0, microsecond=0)
    if covered_until is not None and covered_until > begins:
        begins = covered_until
    return begins, begins + TURN
