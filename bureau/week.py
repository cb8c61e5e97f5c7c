"""The week that verdicts are about: Monday 00:00 to Monday 00:00 in the bureau's own zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True, order=True)
class Week:
    """A local week, half-open, named by its Monday.

    `zone` is an IANA name such as "Asia/Shanghai". Raises ValueError if `monday` is no Monday.
    """

    monday: date
    zone: str = "Asia/Shanghai"

    def __post_init__(self) -> None:
        if self.monday.weekday() != 0:
            raise ValueError(f"{self.monday} is not a Monday")

    @classmethod
    def containing(cls, moment: datetime, zone: str = "Asia/Shanghai") -> Week:
        """The week in which an aware moment falls, in that zone."""
        day = moment.astimezone(ZoneInfo(zone)).date()
        return cls.of(day, zone)

    @classmethod
    def of(cls, day: date, zone: str = "Asia/Shanghai") -> Week:
        """The week in which a local date falls."""
        return cls(day - timedelta(days=day.weekday()), zone)

    @property
    def days(self) -> list[date]:
        """Its seven local dates, Monday first."""
        return [self.monday + timedelta(days=i) for i in range(7)]

    @property
    def start(self) -> datetime:
        """Monday 00:00 local, in UTC."""
        return day_bounds(self.monday, self.zone)[0]

    @property
    def end(self) -> datetime:
        """Next Monday 00:00 local, in UTC (not part of the week)."""
        return day_bounds(self.monday + timedelta(days=7), self.zone)[0]

    def shifted(self, weeks: int) -> Week:
        """The week that many weeks later (negative: earlier)."""
        return Week(self.monday + timedelta(weeks=weeks), self.zone)


def day_bounds(day: date, zone: str) -> tuple[datetime, datetime]:
    """Start (included) and end (excluded) of a local date, in UTC."""
    local = ZoneInfo(zone)
    return (
        datetime.combine(day, time(), local).astimezone(UTC),
        datetime.combine(day + timedelta(days=1), time(), local).astimezone(UTC),
    )
