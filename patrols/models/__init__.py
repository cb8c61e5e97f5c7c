"""The patrol records, one file per noun."""

from patrols.models.duty import Leave, LeaveKind, Shift
from patrols.models.handover import HandoverNote
from patrols.models.keeping import (
    FormerGround,
    HeldPosition,
    HoldReason,
    LateDay,
    SealedWeek,
    TrailHold,
)
from patrols.models.leads import Intake, Lead, LeadKind, LeadSource
from patrols.models.live import LiveState, LiveWatch
from patrols.models.looks import TrailLook
from patrols.models.notices import PhoneNotice, PhoneNoticeKind
from patrols.models.orders import (
    Alarm,
    AlarmKind,
    Order,
    OrderMember,
    OrderState,
    OrderStep,
)
from patrols.models.patrols import Mode, Patrol, PatrolMember, PatrolRoute
from patrols.models.people import (
    Category,
    Certificate,
    FormerUnit,
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
from patrols.models.push import PushSetting, PushSubscription
from patrols.models.reach import AlarmReach
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
from patrols.models.welfare import WelfareCheck

__all__ = [
    "Alarm",
    "AlarmKind",
    "AlarmReach",
    "Category",
    "Certificate",
    "Company",
    "CompanySpan",
    "Decision",
    "Dispute",
    "FormerGround",
    "FormerUnit",
    "HandoverNote",
    "HeldPosition",
    "HoldReason",
    "Intake",
    "LateDay",
    "Latest",
    "Lead",
    "LeadKind",
    "LeadSource",
    "Leave",
    "LeaveKind",
    "LiveState",
    "LiveWatch",
    "Mode",
    "NoticeAccepted",
    "Order",
    "OrderMember",
    "OrderState",
    "OrderStep",
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
    "PushSetting",
    "PushSubscription",
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
    "WelfareCheck",
]
