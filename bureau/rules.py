"""Every threshold a verdict rests on: its default, unit, source and meaning, in one list.

A bureau's own values are dated `RuleSet` rows; `Rules.of(values)` fills what they leave out from
the defaults here. The set valid on Monday judges the whole week.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any


class Source(StrEnum):
    """Where a number comes from; shown beside it on screen."""

    LAW = "law"
    PRACTICE = "bureau practice, no published standard"
    MEASURED = "our default, measured"
    OURS = "our default, no standard"


def rule(
    default: Any,
    unit: str,
    source: Source,
    meaning: str,
    *,
    low: float = 0,
    high: float = 1e9,
) -> Any:
    """A dataclass field that carries unit, source, meaning and sane bounds of one threshold."""
    return field(
        default=default,
        metadata={
            "unit": unit,
            "source": source,
            "meaning": meaning,
            "low": low,
            "high": high,
        },
    )


@dataclass(frozen=True)
class Rules:
    """The thresholds of one rule set. Units are in the names; no suffix is a count or a ratio."""

    # Weekly patrol time
    weekly_required_s: int = rule(
        7200,
        "s",
        Source.PRACTICE,
        "Patrol time each person owes in a week",
        low=60,
        high=144000,
    )
    weekly_pro_rata: bool = rule(
        False, "", Source.OURS, "Owe less in a short week: required × working days ÷ 5"
    )
    error_band: float = rule(
        0.05,
        "ratio",
        Source.OURS,
        "Error band of credited time; inside it: borderline",
        high=0.5,
    )
    min_signal_share: float = rule(
        0.6,
        "ratio",
        Source.OURS,
        "Below this share of known time a warning is shown",
        high=1,
    )
    # Duty
    duty_slack_s: int = rule(
        900,
        "s",
        Source.OURS,
        "Positions this long before and after a shift count",
        high=7200,
    )
    # What a usable fix is
    max_accuracy_m: float = rule(
        100,
        "m",
        Source.MEASURED,
        "A fix less accurate is kept, labelled, not used",
        low=5,
    )
    max_speed_foot_mps: float = rule(
        12,
        "m/s",
        Source.MEASURED,
        "Faster between two fixes is a jump (tracks on foot)",
        low=3,
    )
    gap_speed_mps: float = rule(
        2.5,
        "m/s",
        Source.MEASURED,
        "A gap is credited only if it could be walked",
        low=0.5,
    )
    max_gap_s: int = rule(
        300,
        "s",
        Source.MEASURED,
        "A longer gap between fixes is unknown time",
        low=30,
        high=3600,
    )
    vehicle_speed_mps: float = rule(
        4,
        "m/s",
        Source.MEASURED,
        "Median moving speed over 2 min above this: vehicle",
        low=2,
    )
    bicycle_speed_mps: float = rule(
        2.5,
        "m/s",
        Source.MEASURED,
        "Between this and vehicle speed: bicycle or unclear",
        low=1,
    )
    # Parked
    stay_radius_m: float = rule(
        40, "m", Source.MEASURED, "A stay keeps within this", low=10
    )
    stay_candidate_s: int = rule(
        420,
        "s",
        Source.MEASURED,
        "A stay this long is looked at; to parked: long stop",
        low=60,
    )
    parked_after_s: int = rule(
        600, "s", Source.MEASURED, "A stay of this and more is not patrol", low=60
    )
    # Together
    min_group: int = rule(
        2, "people", Source.PRACTICE, "People who make a patrol", low=2, high=10
    )
    near_m: float = rule(
        30, "m", Source.MEASURED, "Together begins within this", low=5, high=200
    )
    far_m: float = rule(
        45, "m", Source.MEASURED, "Together ends beyond this", low=5, high=300
    )
    pair_min_s: int = rule(
        300, "s", Source.MEASURED, "A shorter time together is chance", low=30
    )
    pair_bridge_s: int = rule(120, "s", Source.MEASURED, "A shorter break is bridged")
    comove_ratio: float = rule(
        0.5,
        "ratio",
        Source.MEASURED,
        "Displacements may differ by this share",
        low=0.1,
        high=2,
    )
    comove_window_s: int = rule(120, "s", Source.MEASURED, "… over this time", low=30)
    alone_grace_s: int = rule(
        300, "s", Source.OURS, "A shorter span alone is no breach (a call at a door)"
    )
    pair_required_share: float = rule(
        0.8,
        "ratio",
        Source.OURS,
        "Share of judgeable patrol time to be together",
        high=1,
    )
    # Hotspot visits
    min_dwell_s: int = rule(
        300, "s", Source.OURS, "A visit stays this long on the hotspot …"
    )
    min_visit_share: float = rule(
        0.5, "ratio", Source.OURS, "… or walks this share of its length", high=1
    )
    visit_gap_s: int = rule(3600, "s", Source.OURS, "Two visits are this far apart")
    hotspot_strict_per_day: int = rule(
        4, "visits a day", Source.OURS, "Strict-control street", high=48
    )
    hotspot_first_per_day: int = rule(
        2, "visits a day", Source.OURS, "First-grade hotspot", high=48
    )
    hotspot_second_per_day: int = rule(
        1, "visits a day", Source.OURS, "Second-grade hotspot", high=48
    )
    hotspot_third_per_week: int = rule(
        2, "visits a week", Source.OURS, "Third-grade hotspot", high=336
    )
    # Enforcement, drill
    min_certified: int = rule(
        2,
        "officers",
        Source.LAW,
        "Certified officers for a punishment (行政处罚法 art. 42); auxiliaries never count",
        low=2,
        high=10,
    )
    drill_required_s: int = rule(
        10800, "s", Source.PRACTICE, "Drill time in a week", high=144000
    )
    # Stations and reach
    reach_s: int = rule(
        720, "s", Source.OURS, "Walking time within which a station serves", low=60
    )
    walking_mps: float = rule(
        1.1,
        "m/s",
        Source.OURS,
        "Walking speed for reach, siting and ranking",
        low=0.3,
        high=3,
    )
    # Live picture
    stale_floor_s: int = rule(
        30, "s", Source.OURS, "A fix is fresh up to this or 2 × interval"
    )
    no_signal_floor_s: int = rule(
        300, "s", Source.OURS, "No signal after this or 3 × interval"
    )
    # Keeping
    retention_days: int = rule(
        90, "days", Source.OURS, "Positions are kept this long", low=14
    )

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Rules:
        """Defaults, overridden by `values`. Raises ValueError naming a bad key or value."""
        errors = check(values)
        if errors:
            raise ValueError("; ".join(errors))
        return cls(**values)


def described() -> list[tuple[str, Any, str, Source, str]]:
    """(key, default, unit, source, meaning) of every rule, in order: for screens and tests."""
    return [
        (
            f.name,
            f.default,
            f.metadata["unit"],
            f.metadata["source"],
            f.metadata["meaning"],
        )
        for f in fields(Rules)
    ]


def check(values: Mapping[str, Any]) -> list[str]:
    """What is wrong with a bureau's values, a sentence each; empty if nothing is."""
    known = {f.name: f for f in fields(Rules)}
    errors = []
    for key, value in values.items():
        if key not in known:
            errors.append(f"There is no rule called {key}.")
            continue
        metadata, default = known[key].metadata, known[key].default
        if isinstance(default, bool) or isinstance(value, bool):
            if not (isinstance(default, bool) and isinstance(value, bool)):
                errors.append(
                    f"{key} takes {'yes or no' if isinstance(default, bool) else 'a number'}."
                )
        elif (
            not isinstance(value, int | float)
            or isinstance(default, int)
            and value != int(value)
        ):
            errors.append(
                f"{key} takes a {'whole ' if isinstance(default, int) else ''}number."
            )
        elif not metadata["low"] <= value <= metadata["high"]:
            errors.append(
                f"{key} must lie between {metadata['low']:g} and {metadata['high']:g}."
            )
    merged = {f.name: values.get(f.name, f.default) for f in fields(Rules)}
    if not errors and merged["far_m"] < merged["near_m"]:
        errors.append("far_m must not be smaller than near_m.")
    if not errors and merged["parked_after_s"] < merged["stay_candidate_s"]:
        errors.append("parked_after_s must not be smaller than stay_candidate_s.")
    return errors
