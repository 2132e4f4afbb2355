"""From a name as people write it to the spellings that a catalogue may know: Chinese, spaces, dots, hyphens that are too many or missing."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

_ADDRESS = re.compile(
    r"^(https?://)?(www\.)?(huggingface\.co|hf\.co|modelscope\.(cn|ai)(/models)?|ollama\.com(/library)?)/",
    re.IGNORECASE,
)
_INSIDE = re.compile(r"/(tree|blob|resolve|files|summary|tags)(/.*)?$|[?#].*$|\.(gguf|safetensors)$", re.IGNORECASE)
# What the series are called in Chinese, and what their members are for
_CHINESE = (
    (r"通义千问|通义|千问", "qwen-"), (r"视觉语言|视觉", "-vl-"), (r"代码|编程|程序员", "-coder-"), (r"数学", "-math-"),
    (r"语音合成", "-tts-"), (r"语音识别", "-asr-"), (r"音频|语音", "-audio-"),
    (r"全模态", "-omni-"), (r"嵌入|向量", "-embedding-"), (r"重排序?|排序", "-reranker-"), (r"思考", "-thinking-"), (r"指令|对话", "-instruct-"),
    (r"量化版?|大?语?言?模型|版本?|系列|的", "-"),
)  # fmt: skip
_KINDS = "vl|coder|math|omni|audio|next|embedding|reranker|tts|asr|agentworld"
# (pattern, what stands there instead), each tried alone and after those before it
_RULES = (
    (r"\.(?=(?:i1-)?(?:ud-)?(?:i?q\d|b?fp?16$|fp8|gguf|awq|gptq|mxfp4))", "-"),  # qwen3-8b.q4_k_m, as mradermacher names files
    (r"^qwen-(?=qw[eq]|qvq)", ""),  # Qwen_Qwen3-8B, as re-uploads write it
    (r"^(qwen|qwq|qvq)-(?=\d(?:\.\d)?(?:-|$))", r"\1"),  # qwen-3-8b
    (r"^(qwen\d(?:\.\d)?)[.-]?(" + _KINDS + r")(?=$|[-.\d])", r"\1-\2"),  # qwen3vl-8b, qwen2.5.coder
    (r"(" + _KINDS + r")(?=\d)", r"\1-"),  # qwen3-vl8b
    (r"^(qwen\d)\.0(?=$|[-.])", r"\1"),  # qwen2.0-7b
    (r"^(qwen\d(?:\.\d)?)\.(?=\d+(?:\.\d+)?b)", r"\1-"),  # qwen2.5.7b
    (r"^qwen(\d)\.(\d+b)(?=$|-)", r"qwen\1-\2"),  # qwen3.8b, which is no Qwen3.8
    (r"^qwen(\d)(\d+b)(?=$|-)", r"qwen\1-\2"),  # qwen38b
    (r"(?<=\db)-?a-?(?=\d)", "-a"),  # 30ba3b, 30b-a-3b
    (r"(?<=\d)-?a(?=\d+(?:\.\d+)?b(?:$|-))", "b-a"),  # 30a3b
    (r"(?<=\db-a)(\d+(?:\.\d+)?)(?=$|-)", r"\1b"),  # 30b-a3
    (r"^(qwen[\d.]+(?:-(?:" + _KINDS + r"))?-\d+(?:\.\d+)?)(?=$|-(?!a\d)(?!\d))", r"\1b"),  # qwen3-8
    (r"^qwen3-?guard(?!-gen|-stream)-", "qwen3guard-gen-"),
)  # fmt: skip


def without_address(name: str) -> str:
    """A name without the hub's or library's address around it.

    >>> without_address("https://huggingface.co/Qwen/Qwen3-8B/tree/main"), without_address("hf.co/unsloth/Qwen3-8B-GGUF:Q4_K_M")
    ('Qwen/Qwen3-8B', 'unsloth/Qwen3-8B-GGUF:Q4_K_M')
    """
    return _INSIDE.sub("", _ADDRESS.sub("", name.strip())).strip("/")


def bare(text: str) -> str:
    """owner/name, without the hub that is written before it.

    >>> bare("modelscope:Qwen/Qwen3-8B")
    'Qwen/Qwen3-8B'
    """
    return re.sub(r"^(hf|huggingface|modelscope|ms):(//)?", "", text)


def fold(name: str) -> str:
    """A name without what people vary: case, owner, separators.

    >>> fold("Qwen/Qwen3-8B"), fold("qwen3_8b"), fold("Qwen3:8b")
    ('qwen3-8b', 'qwen3-8b', 'qwen3-8b')
    """
    return re.sub(r"[\s_:-]+", "-", name.strip().rsplit("/", 1)[-1].casefold()).strip("-")


def spellings(name: str) -> Iterator[str]:
    """The folded name as it is written, then as it may have been meant, the nearest first.

    >>> list(spellings("Qwen 3 8B"))[-1], list(spellings("通义千问2.5 7B"))[-1], list(spellings("Qwen2.0-7B"))[-1]
    ('qwen3-8b', 'qwen2.5-7b', 'qwen2-7b')
    """
    folded = fold(name)
    yield folded
    latin = unicodedata.normalize("NFKC", name)
    for pattern, word in _CHINESE:
        latin = re.sub(pattern, word, latin)
    seen = {folded}
    meant = fold(latin)
    for pattern, word in (("", ""), *_RULES):
        meant = re.sub(pattern, word, meant) if pattern else meant
        if meant not in seen:
            seen.add(meant)
            yield meant
