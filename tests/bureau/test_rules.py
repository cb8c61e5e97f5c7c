"""Rules: every threshold explains itself; a bureau's values are checked before they judge."""

import re

import pytest

from bureau.rules import Rules, Source, check, described


def test_every_rule_has_unit_default_source_and_meaning() -> None:
    for key, default, unit, source, meaning in described():
        assert default is not None, key
        assert unit or isinstance(default, bool), key
        assert source in Source, key
        assert len(meaning) > 10, key


def test_a_suffix_names_the_unit() -> None:
    for key, _default, unit, _source, _meaning in described():
        for suffix, name in (("_mps", "m/s"), ("_m", "m"), ("_s", "s"), ("_days", "days")):
            if key.endswith(suffix):
                assert unit == name, key
                break


def test_shipped_defaults_are_those_of_the_domain_guide() -> None:
    rules = Rules()
    assert rules.weekly_required_s == 120 * 60
    assert (rules.near_m, rules.far_m, rules.pair_min_s, rules.pair_bridge_s) == (30, 45, 300, 120)
    assert (rules.parked_after_s, rules.stay_candidate_s, rules.stay_radius_m) == (600, 420, 40)
    assert rules.reach_s * rules.walking_mps == pytest.approx(792)  # about 800 m


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
    ],
)
def test_a_bad_value_is_named(values: dict[str, object], sentence: str) -> None:
    assert [str(problem) for problem in check(values)] == [sentence]
    with pytest.raises(ValueError, match=re.escape(sentence)):
        Rules.of(values)
