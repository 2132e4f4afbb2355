"""Who makes accelerators: the word in the data, and the name that people know in English and in Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Vendor = Literal[
    "nvidia", "amd", "intel", "apple", "ascend", "hygon", "kunlunxin", "metax", "mthreads", "cambricon", "thead", "iluvatar",
    "enflame", "biren", "qualcomm", "other",
]  # fmt: skip
MAKERS: Mapping[str, tuple[str, str]] = {
    "nvidia": ("NVIDIA", "英伟达"),
    "amd": ("AMD", "AMD"),
    "intel": ("Intel", "英特尔"),
    "apple": ("Apple", "苹果"),
    "ascend": ("Huawei Ascend", "华为昇腾"),
    "hygon": ("Hygon", "海光"),
    "kunlunxin": ("Kunlunxin (Baidu)", "昆仑芯"),
    "metax": ("MetaX", "沐曦"),
    "mthreads": ("Moore Threads", "摩尔线程"),
    "cambricon": ("Cambricon", "寒武纪"),
    "thead": ("T-Head (Alibaba)", "平头哥"),
    "iluvatar": ("Iluvatar CoreX", "天数智芯"),
    "enflame": ("Enflame", "燧原"),
    "biren": ("Biren", "壁仞"),
    "qualcomm": ("Qualcomm", "高通"),
}


def maker(vendor: str, language: str = "en") -> str:
    """The maker's name as people say it.

    >>> maker("mthreads"), maker("mthreads", "zh"), maker("other")
    ('Moore Threads', '摩尔线程', 'other')
    """
    english, chinese = MAKERS.get(vendor, (vendor, vendor))
    return chinese if language == "zh" else english
