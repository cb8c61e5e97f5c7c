"""Chinese names as they are typed on a keyboard: "wang wei" for 王伟. Pure.

A spelling is a text of syllables with spaces between; one with several current readings has them
all, the likeliest first, with slashes: "zhang le/yue". Tones are left out, ü is v. Latin letters
and digits stay as words of their own. The browser searches people by the same rule
(frontend/static/tandem/js/pinyin.js).
"""

from __future__ import annotations

import re
from functools import cache, lru_cache

from pypinyin import lazy_pinyin

# Characters that common dictionaries read otherwise as a surname than elsewhere. Where families
# differ, both are given.
SURNAMES = {
    "单": "shan", "曾": "zeng", "解": "xie", "仇": "qiu", "区": "ou", "查": "zha", "朴": "piao",
    "盖": "ge/gai", "缪": "miao", "翟": "zhai", "覃": "qin/tan", "乐": "yue/le", "员": "yun",
    "种": "chong", "繁": "po", "秘": "bi", "折": "she", "召": "shao", "宓": "mi/fu",
    "隗": "wei/kui", "郇": "xun/huan", "薄": "bo", "盛": "sheng", "祭": "zhai", "洗": "xian",
    "柏": "bai", "都": "du", "重": "chong", "长": "chang", "牟": "mu/mou", "阚": "kan",
    "黑": "he", "句": "gou", "佴": "nai", "藏": "zang", "吕": "lv/lu", "卜": "bu",
    "谌": "chen/shen", "莘": "shen/xin", "乜": "nie", "郗": "xi/chi",
}  # fmt: skip
DOUBLE_SURNAMES = {
    "尉迟": "yu chi", "万俟": "mo qi", "长孙": "zhang sun", "澹台": "tan tai", "令狐": "ling hu",
    "单于": "chan yu", "宇文": "yu wen", "夏侯": "xia hou", "鲜于": "xian yu", "呼延": "hu yan",
    "独孤": "du gu", "皇甫": "huang fu", "欧阳": "ou yang", "上官": "shang guan",
    "司马": "si ma", "诸葛": "zhu ge", "东方": "dong fang", "慕容": "mu rong", "公孙": "gong sun",
    "淳于": "chun yu", "轩辕": "xuan yuan", "端木": "duan mu", "濮阳": "pu yang",
    "宗政": "zong zheng", "赫连": "he lian", "钟离": "zhong li", "闾丘": "lv qiu",
}  # fmt: skip
# In given names several readings are current: whoever searches may mean either.
GIVEN = {
    "乐": "le/yue", "长": "chang/zhang", "朝": "chao/zhao", "重": "zhong/chong",
    "行": "xing/hang", "茜": "qian/xi", "盛": "sheng/cheng", "晟": "sheng/cheng",
    "曾": "zeng/ceng", "娜": "na/nuo", "莘": "shen/xin", "朴": "pu/piao", "传": "chuan/zhuan",
    "单": "dan/shan", "和": "he/huo", "佛": "fo/fu", "柏": "bai/bo", "翟": "zhai/di",
    "参": "can/shen", "藏": "zang/cang", "吕": "lv/lu", "绿": "lv/lu", "蕃": "fan/bo",
    "弹": "dan/tan",
}  # fmt: skip
HAN = re.compile(r"[㐀-鿿豈-﫿\U00020000-\U0003ffff]")
PARTS = re.compile(r"[㐀-鿿豈-﫿\U00020000-\U0003ffff]+|[0-9a-z]+")
LEAST_LATIN = re.compile(r"[^0-9a-z]+")


@cache
def _reading(letter: str) -> str:
    return "".join(lazy_pinyin(letter, errors="ignore"))


@lru_cache(maxsize=50_000)
def spell_person(name: str) -> str:
    """A person's name, the surname read as a surname; "" for a name without Chinese characters."""
    name = name.replace(" ", "").replace("·", "")
    if not HAN.search(name):
        return ""
    found: list[str] = []
    rest = name
    if len(name) > 2 and name[:2] in DOUBLE_SURNAMES:
        found.append(DOUBLE_SURNAMES[name[:2]])
        rest = name[2:]
    elif name[0] in SURNAMES:
        found.append(SURNAMES[name[0]])
        rest = name[1:]
    found += [GIVEN.get(letter) or _reading(letter) or letter.lower() for letter in rest]
    return " ".join(found)


@lru_cache(maxsize=50_000)
def spell_place(name: str) -> str:
    """The name of a street, a unit or another place, read as words; "" without Chinese characters.

    重庆路 is "chong qing lu" and 银行街 "yin hang jie": the dictionary knows words.
    """
    if not HAN.search(name):
        return ""
    found: list[str] = []
    for part in PARTS.findall(name.lower()):
        found += lazy_pinyin(part) if HAN.match(part) else [part]
    return " ".join(found)


def plain_query(text: str) -> str:
    """What somebody typed, ready for `is_spelled`: small letters and digits only, ü as v."""
    small = text.lower().replace("ü", "v").replace("lyu", "lv").replace("nyu", "nv")
    return LEAST_LATIN.sub("", small)


def is_spelled(query: str, spelling: str) -> bool:
    """Whether a query (of `plain_query`) is the beginning of each of some syllables in a row.

    "wangwei", "wangw", "ww" and "wei" all find "wang wei".
    """
    if not query or not spelling:
        return False
    reached: set[int] = set()  # how much of the query the syllables so far can have spelled
    for syllable in spelling.split(" "):
        reached = {
            at + size
            for at in reached | {0}
            for reading in syllable.split("/")
            for size in _shared(query, at, reading)
        }
        if len(query) in reached:
            return True
    return False


def _shared(query: str, at: int, reading: str) -> range:
    """1 … as many letters as the query from `at` on and the reading have in common."""
    common = 0
    for one, other in zip(query[at:], reading, strict=False):
        if one != other:
            break
        common += 1
    return range(1, common + 1)
