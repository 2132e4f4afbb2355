"""What people and drivers call an accelerator, folded: the words that tell parts apart, and the GiB they said."""

from __future__ import annotations

import re
from functools import lru_cache

from qwenpick.values import dataclass

# Words that people leave out or add without meaning another part.
_NOISE = frozenset(
    "nvidia grid geforce rtx gtx amd radeon rx intel arc apple tesla instinct gpu gpus graphics card generation edition chip r tm with design "
    "hygon metax cambricon iluvatar enflame biren mtt 英伟达 华为 昇腾 华为昇腾 海光 昆仑芯 沐曦 曦云 摩尔线程 寒武纪 思元 平头哥 真武 "
    "天数智芯 天数 燧原 壁仞 壁砺 苹果 英特尔 显卡 加速卡 魔改 改装".split()
)
_FORM_FACTORS = frozenset("pcie sxm sxm2 sxm3 sxm4 sxm5 sxm6 nvl oam custom".split())
_LAPTOP = frozenset({"laptop", "mobile", "notebook", "max-q", "笔记本"})
_MEMORY = re.compile(r"\b(\d+(?:\.\d+)?)\s*(gib|gb|g)\b")
# The computers that Apple's chips are sold in: a Mac mini M4 Pro is an M4 Pro
_MACS = re.compile(r"\b(macbook[ -](pro|air)|mac[ -](mini|studio|pro)|macbook(?! neo)|imac|mac|air|mini)\b")
_MOBILE = re.compile(r"\b([345]0[5-9]0)m\b")  # a 4090M is the laptop's 4090
# or letters of another script: a range such as all Chinese ones takes 0.5 ms to compile
_WORD = re.compile(r"[a-z0-9.]+|[^\W\da-z_]+")
PROCESSOR = r"(?i)\b(i[3579][ -]?\d{4,5}[a-z]{0,2}|core ultra \d|ryzen (?!ai)\w+ \d{4}|(xeon|epyc|threadripper|celeron|pentium|athlon)\b)"

# Graphics in a processor that the catalogue does not know, and whole machines: what runs there reads the one memory that they have
SHARES_MEMORY = (
    r"(?i)\b(iris|hd graphics|uhd|vega (3|6|7|8|10|11)|radeon graphics|igpu|integrated|steam deck|rog ally|legion go|raspberry|rpi ?\d"
    r"|iphone|ipad|android|pixel \d|galaxy|phone|snapdragon \d|dimensity|mali|adreno)\b|手机|核显|集显|树莓派"
)


@dataclass(frozen=True, slots=True)
class Named:
    """A part as people name it: its significant words, and the GiB they said, if any."""

    words: tuple[str, ...]
    gib: float | None

    @property
    def key(self) -> str:
        return "".join(self.words)


@lru_cache(maxsize=4096)
def read_name(text: str) -> Named:
    """The significant words of a name.

    >>> read_name("NVIDIA GeForce RTX 4060 Ti 16GB"), read_name("rtx4090").key, read_name("海光K100").key
    (Named(words=('4060', 'ti'), gib=16.0), '4090', 'k100')
    """
    folded = re.sub(r"\((?:r|tm|c)\)", " ", text.casefold()).replace("max-q", "maxq")
    folded = _MOBILE.sub(r"\1 laptop", _MACS.sub(" ", folded))
    memory = _MEMORY.search(folded)
    folded = re.sub(r"\b(rtx|gtx|rx|arc)(?=[a-z]?\d|pro)", r"\1 ", _MEMORY.sub(" ", folded))
    words = tuple("laptop" if w in _LAPTOP else w for w in _WORD.findall(folded) if w not in _NOISE)
    return Named(words, float(memory[1]) if memory else None)


def family_of(name: str) -> str:
    """A part's name without memory and form factor: equal for the variants of one part."""
    return "".join(w for w in read_name(outside_parentheses(name)).words if w not in _FORM_FACTORS)


def telling_word(name: str) -> str:
    """A word that stands, in any case, in every name of the part's family as it does in this one; "" where there is none.

    >>> telling_word("NVIDIA GeForce RTX 4060 Ti 16GB")
    '4060'
    """
    changed = {"laptop", "maxq"}  # how read_name spells what may be spelled otherwise
    words = [w for w in read_name(outside_parentheses(name)).words if w not in _FORM_FACTORS and w not in changed]
    return max(words, key=len, default="")


def outside_parentheses(name: str) -> str:
    """The name without what stands in parentheses."""
    return re.sub(r"\([^)]*\)", " ", name)
