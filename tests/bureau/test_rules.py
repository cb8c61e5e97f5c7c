"""Rules: every threshold explains itself; a bureau's values are checked before they judge."""

import re
from pathlib import Path

import pytest
from django.utils import translation

from bureau.rule_words import value_words
from bureau.rules import RULES, UNITS, Rules, Source, check, described

ROOT = Path(__file__).resolve().parent.parent.parent


def test_every_rule_has_unit_default_source_and_meaning() -> None:
    for key, default, unit, source, meaning in described():
        assert default is not None, key
        assert unit in UNITS if unit else isinstance(default, bool | str), key
        assert source in Source, key
        assert len(meaning) > 10, key


def test_a_suffix_names_the_unit() -> None:
    for key, _default, unit, _source, _meaning in described():
        for suffix, name in (("_mps", "m/s"), ("_m", "m"), ("_s", "s"), ("_days", "days")):
            if key.endswith(suffix):
                assert unit == name, key
                break


def test_every_key_of_the_domain_guide_is_there() -> None:
    """Its section 4, line by line, in seconds and metres (the week's start and zone are fixed)."""
    rules = Rules()
    assert (rules.weekly_required_s, rules.weekly_scope) == (7200, "officer")
    assert (rules.weekly_counts_vehicle, rules.weekly_counts_bicycle) == (True, True)
    assert rules.min_group == 2
    assert (rules.near_m, rules.far_m, rules.pair_min_s, rules.pair_bridge_s) == (30, 45, 300, 120)
    assert (rules.comove_ratio, rules.comove_window_s) == (0.5, 120)
    assert (rules.alone_grace_s, rules.pair_required_share) == (300, 0.8)
    assert (rules.parked_after_s, rules.stay_candidate_s, rules.stay_radius_m) == (600, 420, 40)
    assert rules.min_certified == 2
    assert (rules.max_accuracy_m, rules.max_gap_s, rules.max_speed_foot_mps) == (100, 300, 12)
    assert rules.min_signal_share == 0.6
    assert (rules.min_dwell_s, rules.min_visit_share, rules.visit_gap_s) == (300, 0.5, 3600)
    assert (
        rules.hotspot_strict_per_day,
        rules.hotspot_first_per_day,
        rules.hotspot_second_per_day,
        rules.hotspot_third_per_week,
    ) == (4, 2, 1, 2)
    assert not rules.hotspot_advice
    assert (rules.hotspot_advice_dwell_s, rules.hotspot_advice_dwell_max_s) == (600, 960)
    assert rules.hotspot_advice_every_s == 7200
    assert (rules.drill_required_s, rules.drill_weekdays, rules.drill_makeup) == (10800, "24", True)
    assert (rules.recorder_min, rules.recorder_on_patrol) == (2, True)
    assert rules.footage_retention_months == 3
    assert (rules.complaint_respond_s, rules.complaint_result_workdays) == (86400, 3)
    assert (rules.staffing_low, rules.staffing_high) == (5, 8)
    assert rules.model_squad_share == 0.7
    assert rules.reach_s * rules.walking_mps == pytest.approx(792)  # about 800 m
    assert rules.desks_per_auxiliary == 1
    assert (rules.retention_days, rules.impact_assessment_required) == (90, True)
    assert rules.stillness_check_s == 1800


def test_rules_without_a_source_say_that_they_are_ours() -> None:
    """No document gives a number for these: neither law nor practice may stand beside them."""
    for key in RULES:
        if key.startswith(("hotspot_strict", "hotspot_first", "hotspot_second", "hotspot_third")):
            assert RULES[key].metadata["source"] == Source.OURS
    for key in ("pair_required_share", "alone_grace_s", "min_signal_share", "retention_days"):
        assert RULES[key].metadata["source"] == Source.OURS
    lawful = {key for key, rule in RULES.items() if rule.metadata["source"] == Source.LAW}
    assert lawful == {"min_certified", "impact_assessment_required"}
    for key in lawful:
        assert "art." in RULES[key].metadata["meaning"]


# Judges that nothing calls yet: a rule that only they read is not used.
WAITING = {"weekly_drill.py", "desk_chair.py"}


def test_not_used_yet_is_said_of_the_rules_nothing_reads_and_of_no_other() -> None:
    code = ""
    for app in ("geo", "stations", "patrols", "realtime", "frontend"):
        for path in (ROOT / app).rglob("*.py"):
            if "node_modules" not in path.parts and path.name not in WAITING:
                code += path.read_text(encoding="utf-8")
    unread = {key for key in RULES if not re.search(rf"\brules\.{key}\b|\"{key}\"", code)}
    # Read by its judge, but no stage tells bicycles from fast walking yet.
    unread.add("weekly_counts_bicycle")
    assert "bicycle_s=" not in code
    assert unread == {key for key, rule in RULES.items() if rule.metadata["later"]}


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("hotspot_second_per_day", 1, "1 visit a day"),
        ("hotspot_strict_per_day", 4, "4 visits a day"),
        ("hotspot_third_per_week", 0, "0 visits a week"),
        ("min_group", 2, "2 members"),
        ("staffing_low", 5.0, "5 officers per 10,000 residents"),
        ("staffing_low", 1.5, "1.5 officers per 10,000 residents"),
        ("footage_retention_months", 1, "1 month"),
        ("weekly_required_s", 7200, "120 min"),
        ("alone_grace_s", 90, "90 s"),
        ("pair_required_share", 0.8, "80 %"),
        ("weekly_pro_rata", False, "no"),
        ("weekly_scope", "squad", "the squad, time counted once"),
        ("drill_weekdays", "24", "Tuesday, Thursday"),
    ],
)
def test_a_value_is_written_as_a_person_writes_it(key: str, value: object, words: str) -> None:
    with translation.override("en"):
        assert value_words(value, RULES[key]) == words


def test_what_a_bureau_leaves_out_has_its_default() -> None:
    rules = Rules.of({"weekly_required_s": 5400})
    assert rules.weekly_required_s == 5400
    assert rules.near_m == 30
    assert Rules.of({"near_m": 27.5}).near_m == 27.5


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"nearm": 3}, "There is no rule called nearm."),
        ({"near_m": "30"}, "near_m takes a number."),
        ({"near_m": True}, "near_m takes a number."),
        ({"near_m": float("nan")}, "near_m must lie between 5 and 200."),
        ({"weekly_required_s": 7200.5}, "weekly_required_s takes a whole number."),
        ({"weekly_required_s": 0}, "weekly_required_s must lie between 60 and 144000."),
        ({"weekly_pro_rata": 1}, "weekly_pro_rata takes true or false."),
        ({"near_m": 50}, "far_m must not be smaller than near_m."),
        ({"parked_after_s": 300}, "parked_after_s must not be smaller than stay_candidate_s."),
        ({"staffing_high": 4}, "staffing_high must not be smaller than staffing_low."),
        ({"weekly_scope": "brigade"}, "weekly_scope takes one of officer, squad."),
        ({"weekly_scope": 1}, "weekly_scope takes one of officer, squad."),
        ({"drill_weekdays": "42"}, "drill_weekdays takes one or more of 1, 2, 3, 4, 5, 6, 7."),
        ({"drill_weekdays": ""}, "drill_weekdays takes one or more of 1, 2, 3, 4, 5, 6, 7."),
    ],
)
def test_a_bad_value_is_named(values: dict[str, object], sentence: str) -> None:
    assert [str(problem) for problem in check(values)] == [sentence]
    with pytest.raises(ValueError, match=re.escape(sentence)):
        Rules.of(values)
