"""Which capability a published benchmark measures, under which name, and how its score becomes a share of what can be had.

The same test goes by many names (`GPQA-Diamond`, `GPQA Diamond`) and one name can mean several tests (`Math` in a multilingual table): the
table's heading decides. Averages over other rows are left out, because their parts are there.
"""

from __future__ import annotations

import math
import re

# capability -> patterns of benchmark names (matched from the start, case folded); the first capability that matches wins.
CAPABILITIES: dict[str, tuple[str, ...]] = {
    "long context": ("longbench", "aa-lcr", "mrcr", "l-eval"),
    "vision": (
        "mmmu", "mathvista", "mathvision", "docvqa", "chartqa", "infovqa", "textvqa", "ocrbench", "realworldqa", "mmstar", "mmbench", "mme", "mmvet",
        "mmt-bench", "mtvqa", "hallbench", "vcr", "ai2d", "muirbench", "mm-mt-bench", "omnidocbench", "charxiv", "erqa", "lvbench", "videomme",
        "video-mme", "mvbench", "perceptiontest", "egoschema", "crperelation", "odinw", "pointgrounding", "refcoco",
    ),
    "agents": (
        "bfcl", "tau1", "tau2", "swe-bench", "terminal", "osworld", "androidworld", "toolathlon", "coworkbench", "jobbench", "deepswe", "nl2repo",
        "paperbench", "widesearch",
    ),
    "multilingual": (
        "multi-", "mulit-", "include", "mmmlu", "polymath", "mt-aime", "mlogiqa", "m-mmlu", "mgsm", "ammlu", "blend", "ifeval (multilingual)",
        "indommlu", "jmmlu", "kmmlu", "turkishmmlu", "okapi", "multilingual",
    ),
    "code": (
        "humaneval", "mbpp", "multipl-e", "evalplus", "livecodebench", "codeforces", "cfeval", "ojbench", "cruxeval", "mceval", "mdeval", "aider",
    ),
    "reasoning": (
        "gsm8k", "math", "aime", "hmmt", "gpqa", "zebralogic", "autologi", "theorem", "theroem", "hle", "imoanswer", "olympiad", "amc",
        "collegemath", "gaokao",
    ),
    "knowledge": ("mmlu", "c-eval", "ceval", "cmmlu", "supergpqa", "arc-c", "truthfulqa", "trurhfulqa"),
    "general": (
        "bbh", "wino", "windo", "hellaswag", "ifeval", "ifbench", "multichallenge", "arena-hard", "alignbench", "mt-bench", "mtbench", "livebench",
        "writingbench", "creative writing",
    ),
}  # fmt: skip

# Tables whose names mean something else than elsewhere: heading -> capability.
TABLES = {
    "Multilingual Understanding of Base Models": "multilingual",
    "Multilingual capability of instruction-tuned models": "multilingual",
    "Support of Long Context": "long context",
    "Long-Context Understanding": "long context",
    "Base Model: A Good Starting Point for Alignment": "long context",
    "MTEB (Multilingual)": "embedding",
    "MTEB (Eng v2)": "embedding",
    "C-MTEB (MTEB Chinese)": "embedding",
    "Evaluation Results on [MMTEB](https://huggingface.co/spaces/mteb/leaderboard)": "embedding",
    "Evaluation Results on [MMEB-V2](https://huggingface.co/spaces/TIGER-Lab/MMEB-Leaderboard)": "embedding",
    "Reranker": "reranking",
    "Reranking Model": "reranking",
    "blur: false": "reranking",
}

# Tables that do not measure a model's ability to do the thing: AgentWorld's own simulation of environments, one model's game scores.
OTHER = {
    ("https://github.com/QwenLM/Qwen-AgentWorld README", "Performance"),
    ("https://github.com/QwenLM/Qwen2-VL README", "Agent Benchmarks"),
}

# Averages, and two instruction-following scores that can be negative.
_LEFT_OUT = re.compile(
    r"^(average|avg\.?|overall|mean ?\((type|task)\)|all|.*overall|.*- avg|inst\. retri\.|followir)$", re.I
)
# also printed in the 32B post, under a general heading
_QWEN15_MULTILINGUAL = {"Exams", "Understanding", "Math", "Translation"}

# What remains of a name when spelling, harness and prompt are taken off.
_SAME: tuple[tuple[str, str], ...] = (
    (r"[’']", ""), (r"\(no ci\)|\(w/o sub\.?\)|w/o sub|w/ cot|\(pass@1\)|strict[- ]prompt|\(prompt strict-acc\.\)", ""),
    (r"^(swe-bench (?:verified|pro|multilingual)).*", r"\1"), (r"^terminal[- ]bench 2(\.0)?( .*|$)", "terminal-bench 2.0"),
    (r"^terminal[- ]bench 2\.1.*", "terminal-bench 2.1"), (r"^gpqa.*", "gpqa"), (r"^livecodebench v6.*", "livecodebench v6"),
    (r"^livecodebench ?2305-2409", "livecodebench 2305-2409"), (r"^livebench ?(2024-?11-?25|241125)", "livebench 2411"),
    (r"^livebench ?0831", "livebench 0831"), (r"^(mmmu|chartqa|docvqa|textvqa|infovqa)(val|test)?( avg)?$", r"\1"),
    (r"^mmmu-pro.*", "mmmu-pro"), (r"^mathvista.*", "mathvista"), (r"^mathvision.*", "mathvision"), (r"^realworldqa.*", "realworldqa"),
    (r"^(ifeval).*(?<!lingual\))$", r"\1"), (r"^ceval.*", "c-eval"), (r"^(the)r?o?r?em ?qa|^theroemqa", "theoremqa"),
    (r"^w(ino|indo)grande", "winogrande"),
    (r"^trurhfulqa", "truthfulqa"), (r"^mulit-", "multi-"), (r"^mt-?bench", "mt-bench"), (r"^video-?mme.*", "videomme"),
    (r"^alignbench.*", "alignbench"), (r"^aime'?(2\d)", r"aime\1"), (r"^bfcl[- ]v", "bfcl v"), (r"^evalplus", "evalplus"),
)  # fmt: skip


def benchmark(name: str, heading: str, source: str) -> tuple[str, str] | None:
    """(name of the test, capability it measures), or None for averages and for tables that measure something else."""
    if (source, heading) in OTHER or _LEFT_OUT.match(name):
        return None
    if name in _QWEN15_MULTILINGUAL and "qwen1.5" in source:
        return f"{name.casefold()} (qwen1.5)", "multilingual"
    if capability := TABLES.get(heading):
        suite = "mmteb" if "MMTEB" in heading or "Multilingual)" in heading else heading.split(" ")[0].casefold()
        return (f"{name.casefold()} ({suite})" if capability != "reranking" else name.casefold()), capability
    folded = name.casefold().strip()
    for pattern, plain in _SAME:
        folded = re.sub(pattern, plain, folded).strip()
    for capability, starts in CAPABILITIES.items():
        if folded.startswith(starts):
            return folded, capability
    return None


# of tests that are not percentages
_TOPS = (("mmesum", 2800.0), ("alignbench", 10.0), ("mt-bench", 10.0), ("mm-mt-bench", 10.0))


def share(test: str, score: float) -> float:
    """The score as a share in (0, 1) of what can be had. A rating is the chance to beat a player of 1500.

    >>> round(share("codeforces rating", 1900), 2)
    0.91
    """
    if test.startswith(("codeforces", "cfeval")):
        return 1 / (1 + 10 ** ((1500 - score) / 400))
    top = next((top for start, top in _TOPS if test.startswith(start)), 100.0)
    if test == "writingbench" and score <= 10:
        top = 10.0
    if test.startswith("ocrbench") and score > 100:
        top = 1000.0
    return min(max(score / top, 0.005), 0.995)


def logit(p: float) -> float:
    """ln(p / (1 - p))."""
    return math.log(p / (1 - p))
