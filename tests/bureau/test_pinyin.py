"""Spellings against readings taken from dictionaries by hand, and what finds what."""

import pytest

from bureau.pinyin import is_spelled, plain_query, spell_person, spell_place


@pytest.mark.parametrize(
    ("name", "spelling"),
    [
        ("王伟", "wang wei"),
        ("单雄信", "shan xiong xin"),
        ("曾国强", "zeng guo qiang"),
        ("解缙", "xie jin"),
        ("仇英", "qiu ying"),
        ("区志明", "ou zhi ming"),
        ("查良镛", "zha liang yong"),
        ("任重", "ren zhong/chong"),
        ("尉迟恭", "yu chi gong"),
        ("尉明", "wei ming"),
        ("欧阳修", "ou yang xiu"),
        ("长孙无忌", "zhang sun wu ji"),
        ("朴志洙", "piao zhi zhu"),
        ("吕布", "lv/lu bu"),
        ("张乐", "zhang le/yue"),
        ("乐毅", "yue/le yi"),
        ("阿卜杜拉·买买提", "a bo du la mai mai ti"),
        ("Li Ming", ""),
        ("", ""),
    ],
)
def test_names_of_people(name: str, spelling: str):
    assert spell_person(name) == spelling


@pytest.mark.parametrize(
    ("name", "spelling"),
    [
        ("重庆路", "chong qing lu"),
        ("银行街", "yin hang jie"),
        ("长安街", "chang an jie"),
        ("3号院A座", "3 hao yuan a zuo"),
        ("Mannerheimintie", ""),
    ],
)
def test_names_of_places(name: str, spelling: str):
    assert spell_place(name) == spelling


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("wangwei", "王伟"),
        ("ww", "王伟"),
        ("wang w", "王伟"),
        ("w wei", "王伟"),
        ("Wang Wei", "王伟"),
        ("wei", "王伟"),
        ("wangw", "王伟"),
        ("shanxx", "单雄信"),
        ("oyx", "欧阳修"),
        ("lvbu", "吕布"),
        ("lyubu", "吕布"),
        ("lübu", "吕布"),
        ("lubu", "吕布"),
        ("zhangyue", "张乐"),
        ("zhangle", "张乐"),
    ],
)
def test_what_is_typed_finds_the_name(typed: str, name: str):
    assert is_spelled(plain_query(typed), spell_person(name))


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("wangwen", "王伟"),
        ("weiwang", "王伟"),
        ("wwx", "王伟"),
        ("danxiongxin", "单雄信"),
        ("ang", "王伟"),
        ("", "王伟"),
        ("ww", "Wang Wei"),
        ("王", "王伟"),  # what is written in Chinese is compared as it is written
    ],
)
def test_what_is_typed_does_not_find_another(typed: str, name: str):
    assert not is_spelled(plain_query(typed), spell_person(name))


def test_a_long_query_over_a_long_name_ends_soon():
    assert not is_spelled("a" * 60 + "b", " ".join(["a/a"] * 60))
