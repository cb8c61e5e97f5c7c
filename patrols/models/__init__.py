"""The patrol records, one file per noun."""

from patrols.models.duty import Leave, LeaveKind, Shift
from patrols.models.keeping import HeldPosition, HoldReason, LateDay, SealedWeek, TrailHold
from patrols.models.live import LiveState, LiveWatch
from patrols.models.looks import TrailLook
from patrols.models.notices import PhoneNotice, PhoneNoticeKind
from patrols.models.orders import Alarm, AlarmKind
from patrols.models.patrols import Mode, Patrol, PatrolMember, PatrolRoute
from patrols.models.people import (
    Category,
    Certificate,
    NoticeAccepted,
    Person,
    Phone,
    PhoneApp,
    PhoneHolding,
    PhoneMake,
)
from patrols.models.positions import (
    Latest,
    Position,
    Quarantine,
    RefusedCount,
    TouchedDay,
)
from patrols.models.verdicts import (
    Company,
    CompanySpan,
    Decision,
    Dispute,
    Outcome,
    PersonDay,
    Review,
    SegmentVisit,
    Subject,
    Verdict,
)

__all__ = [
    "Alarm",
    "AlarmKind",
    "Category",
    "Certificate",
    "Company",
    "CompanySpan",
    "Decision",
    "Dispute",
    "HeldPosition",
    "HoldReason",
    "LateDay",
    "Latest",
    "Leave",
    "LeaveKind",
    "LiveState",
    "LiveWatch",
    "Mode",
    "NoticeAccepted",
    "Outcome",
    "Patrol",
    "PatrolMember",
    "PatrolRoute",
    "Person",
    "PersonDay",
    "Phone",
    "PhoneApp",
    "PhoneHolding",
    "PhoneMake",
    "PhoneNotice",
    "PhoneNoticeKind",
    "Position",
    "Quarantine",
    "RefusedCount",
    "Review",
    "SealedWeek",
    "SegmentVisit",
    "Shift",
    "Subject",
    "TouchedDay",
    "TrailHold",
    "TrailLook",
    "Verdict",
]
