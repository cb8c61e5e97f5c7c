"""Who the demo is about: 24 people of two squads, what each week holds for them, six accounts.

Pure data. Each person's story is there to show one thing that a supervisor or dispatcher meets.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

BUREAU_CODE = "demo"
BUREAU_NAME = "Demo bureau 演示局"
TIME_ZONE = "Asia/Shanghai"  # whatever the city: the demo shows the product as it is used

# Written on the console: the demo stands beside no real data and holds no secret.
PASSWORD = "tandem-demo"  # noqa: S105


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who signs in. `unit` is a key of UNITS, `badge` links the account to a person."""

    username: str
    role: str
    name: str
    unit: str
    badge: str = ""
    came_for: str = ""


ACCOUNTS = (
    Account("dispatcher", "dispatcher", "何静", "bureau", came_for="the live map"),
    Account("supervisor", "supervisor", "宋国华", "brigade", came_for="the week's verdicts"),
    Account("planner", "planner", "唐晓雯", "bureau", came_for="stations and hotspots"),
    Account("officer", "officer", "张伟", "squad-1", "1001", came_for="my own week"),
    Account("administrator", "administrator", "邓丽", "bureau", came_for="people and settings"),
    Account("inspector", "inspector", "郭建平", "bureau", came_for="records and reviews"),
)

# code → (kind, name, code of the unit above)
UNITS = {
    "bureau": ("bureau", BUREAU_NAME, None),
    "brigade": ("brigade", "Brigade 1 一大队", "bureau"),
    "squad-1": ("squad", "Squad 1 一中队", "brigade"),
    "squad-2": ("squad", "Squad 2 二中队", "brigade"),
}
SQUADS = ("squad-1", "squad-2")


class Habit(StrEnum):
    """What one person's phone or patrol does differently."""

    ON_LEAVE = "on_leave"  # the whole of the last week
    SILENT = "silent"  # the phone says nothing all of the last week
    WEAK = "weak"  # half an hour without signal in most outings
    LATE = "late"  # uploads hours later, in any order
    NO_NOTICE = "no_notice"  # has not accepted the location notice
    EXPIRED = "expired"  # the certificate ran out


@dataclass(frozen=True, slots=True)
class Member:
    """One person."""

    badge: str
    name: str
    category: str  # officer or auxiliary
    app: str = "traccar"
    habits: frozenset[Habit] = frozenset()


class Way(StrEnum):
    """How a crew goes about its patrols."""

    TOGETHER = "together"
    PARTS_AND_MEETS = "parts_and_meets"  # the last one goes another way and comes back
    PARTS = "parts"  # … and does not come back
    PARKS = "parks"  # stands long in the middle of it


@dataclass(frozen=True, slots=True)
class Crew:
    """People who share outings. `weekly_min`: minutes of patrol in a week, the older week first."""

    key: str
    squad: str
    members: tuple[Member, ...]
    weekly_min: tuple[float, float]
    way: Way = Way.TOGETHER
    outings: int = 4
    column: bool = False
    live: str = "walks"  # walks, parked, weak, or off
    weekend: bool = False
    habits: frozenset[Habit] = field(default_factory=frozenset)


def _officer(badge: str, name: str, *habits: Habit, app: str = "traccar") -> Member:
    return Member(badge, name, "officer", app, frozenset(habits))


def _auxiliary(badge: str, name: str, *habits: Habit, app: str = "traccar") -> Member:
    return Member(badge, name, "auxiliary", app, frozenset(habits))


CREWS = (
    Crew("1a", "squad-1", (_officer("1001", "张伟"), _officer("1002", "李娜")), (148, 152)),
    Crew(
        "1b",
        "squad-1",
        (_officer("1003", "王强", app="owntracks"), _auxiliary("1004", "刘洋")),
        (140, 136),
        Way.PARTS_AND_MEETS,
    ),
    Crew(
        "1c",
        "squad-1",
        (_officer("1005", "陈静"), _auxiliary("1006", "杨帆")),
        (121, 118),
        outings=3,
    ),
    Crew(
        "1d",
        "squad-1",
        (_officer("1007", "赵磊"), _auxiliary("1008", "黄敏"), _auxiliary("1009", "周涛")),
        (138, 144),
        column=True,
        weekend=True,
    ),
    Crew("1e", "squad-1", (_officer("1010", "吴刚"),), (132, 139)),
    Crew("1f", "squad-1", (_auxiliary("1011", "徐丽", Habit.SILENT),), (134, 140), live="off"),
    Crew("1g", "squad-1", (_officer("1012", "孙浩", Habit.ON_LEAVE),), (137, 0), live="off"),
    Crew(
        "2a",
        "squad-2",
        (_officer("2001", "马超"), _officer("2002", "朱琳")),
        (131, 74),
        outings=3,
    ),
    Crew(
        "2b",
        "squad-2",
        (_officer("2003", "胡勇", app="owntracks"), _auxiliary("2004", "郭芳")),
        (126, 83),
        Way.PARKS,
        live="parked",
    ),
    Crew(
        "2c",
        "squad-2",
        (_officer("2005", "林峰", Habit.LATE), _officer("2006", "何洁", Habit.LATE)),
        (150, 158),
        outings=5,
    ),
    Crew(
        "2d",
        "squad-2",
        (_officer("2007", "高飞"), _auxiliary("2008", "梁艳"), _auxiliary("2009", "谢军")),
        (142, 147),
        Way.PARTS,
        column=True,
        weekend=True,
    ),
    Crew(
        "2e",
        "squad-2",
        (_officer("2010", "罗斌", Habit.WEAK), _officer("2011", "韩雪", Habit.EXPIRED)),
        (139, 126),
        live="weak",
    ),
    Crew("2f", "squad-2", (_auxiliary("2012", "唐宁", Habit.NO_NOTICE),), (135, 133), live="off"),
)


def people() -> list[tuple[str, Member]]:
    """(squad, member) of everybody, in badge order."""
    found = [(crew.squad, member) for crew in CREWS for member in crew.members]
    return sorted(found, key=lambda pair: pair[1].badge)


def crew_of(badge: str) -> Crew:
    """The crew that somebody walks with."""
    return next(c for c in CREWS if any(m.badge == badge for m in c.members))


NOTICE_EN = (
    "While you are on duty, and for fifteen minutes before and after, your phone's position is "
    "stored to show patrol time, company and visits to hotspots, and to find help in an "
    "emergency. Off duty nothing is stored, except during an SOS that you raise. Positions are "
    "deleted after 90 days. You can see your own track, every verdict about you, and everybody "
    "who looked at your track; you can object to a verdict. The data stays with the bureau. It is "
    "used for nothing else, and never to rank people by punishments."
)
NOTICE_ZH = (
    "执勤期间以及前后各十五分钟，系统会保存您手机的位置，用于计算巡查时长、结伴情况和重点路段巡查，"
    "并在紧急情况下找到您。非执勤时间不保存任何位置，您自己发起的紧急求助除外。位置数据保存90天后删除。"
    "您可以查看自己的轨迹、对您的各项结论以及谁查看过您的轨迹，也可以对结论提出异议。"
    "数据只保存在本局，不作他用，绝不用于按处罚数量给个人排名。"
)
