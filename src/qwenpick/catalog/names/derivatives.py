"""Models that others made of a Qwen: which one lies underneath, by a rule where the name says it, by a sourced list where it does not.

The rule and the list were held against the config.json of 4,649 published derivatives (llmfit 1.1.17's table): no base was wrong in layers and width.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from qwenpick.catalog.entries import records
from qwenpick.catalog.names.spelling import fold, spellings
from qwenpick.values import dataclass

if TYPE_CHECKING:
    from qwenpick.catalog.load import Catalog
    from qwenpick.catalog.schema import Derivative, Model

# Base and size inside a longer name: Josiefied-Qwen3-8B-abliterated, huihui-ai_Qwen2.5-Coder-7B-Instruct-abliterated, QwQ-32B-abliterated
_INSIDE = re.compile(
    r"(?<![a-z0-9.])(?:distill?)?(?P<series>qwen-?\d(?:\.\d)?|qwq|qvq)-?(?P<kind>vl|coder|math|omni|next|embedding|reranker)?-(?P<size>\d+(?:\.\d+)?)b"
    r"(?P<active>-?a\d+(?:\.\d+)?b)?(?P<rest>(?:-.*)?)$"
)
# The size before the series: Sakura-14B-Qwen2.5-v1.0
_BEFORE = re.compile(
    r"(?<!llama-)(?<!llama-3-)(?<!mistral-)(?<!gemma-)(?<![a-z0-9.])(?P<size>\d+(?:\.\d+)?)b-(?P<series>qwen-?\d(?:\.\d)?)(?:-(?P<kind>coder|math))?(?P<active>)(?P<rest>(?:-(?!\d+(?:\.\d+)?b).*)?)$"
)
# Words between series and size: Qwen2.5-Bakeneko-32B, and huihui_ai/qwen3-abliterated:8b in Ollama
_BETWEEN = re.compile(
    r"(?<![a-z0-9.])(?P<series>qwen-?\d(?:\.\d)?)(?:-(?P<kind>vl|coder|math))?-(?P<words>(?:[a-z][a-z.]*-){1,3}?)(?P<size>\d+(?:\.\d+)?)b"
    r"(?P<active>-?a\d+(?:\.\d+)?b)?(?P<rest>(?:-.*)?)$"
)
# What is no whole model of the base's shape: drafts, adapters, pruned, grown and merged experts, other modalities
_OTHER_SHAPE = re.compile(
    r"(?<![a-z])(eagle\d?|d-?flash\d?|dspark|draft(er)?|v?i?spec(ulator|ulative)?|mtp|lora|qlora|adapter|peft|reap|ream|prun(ed|ing)|moe|\d+x\d"
    r"|upscal\w*|llava\w*|onevision|internvl\w*|ovis\w*|vision|vl|vlm|audio|tts|asr|omni|clip|encoder|embed(ding)?s?|rerank(er)?|reward|rm|prm|classifier|onnx|openvino|mnn|mlc|imatrix"
    r"|tokenizer|sae|mini|tiny|layers?|\d+l|random|dummy|bitnet|franken\w*|passthrough|expand(ed)?|stack(ed)?|vq|mamba\d?|rwkv|linear|hybrid"
    r"|diffusion|dllm|domino|dflare)(?![a-z])"
)
# of the makers: no derivative's word before its size
_OWN_KINDS = re.compile(r"aligner|guard|world|drive|robot|vla|next|plus|max|turbo|flash")
# what the makers themselves add: no derivative
_ROLE_ALONE = re.compile(r"[\s-]*((instruct|chat|base|thinking|it|preview|\d{4})[\s-]*)*")
_ANOTHER_SIZE = re.compile(r"(?<![a-z0-9.])\d+(\.\d+)?b(?![a-z0-9])")


@dataclass(frozen=True, slots=True)
class Derived:
    """A model that others made: the catalogue model underneath, and its entry in the list where the name alone does not say it."""

    base: Model
    listed: Derivative | None = None


_names: WeakKeyDictionary[Catalog, dict[str, str]] = WeakKeyDictionary()


def derived(catalog: Catalog, name: str) -> Derived | None:
    """What lies underneath a name that is no catalogue model's; None where neither the name nor the list says it.

    Words beside a model's name are no name that a publisher gave: `qwen3-8b on 4090` asks for more than a model, and is none.

    >>> from qwenpick.catalog import load
    >>> derived(load(), "huihui-ai/Qwen3-8B-abliterated").base.id, derived(load(), "Hermes-4-14B").base.id, derived(load(), "Wan2.2-T2V-A14B")
    ('qwen3-8b', 'qwen3-14b', None)
    """
    if (found := _listed_as(catalog, name)) or re.search(r"\s", name.strip()):
        return found
    return _made_of_a_listed(catalog, name) or by_name(catalog, name)


def _listed_as(catalog: Catalog, name: str) -> Derived | None:
    """The listed model of that name, or the only one whose name begins with it."""
    known = _known(catalog)
    tag = name.strip().casefold().rsplit("/", 1)[-1]
    for spelled in (tag, *spellings(name)):
        if found := known.get(spelled):
            return _listed(catalog, found)
    folded = _plain(name)
    listed = records(catalog.derivatives)
    begun = [i for i in listed if len(folded) > 5 and i.startswith(f"{folded}-")]
    own = any(i.startswith(f"{folded}-") for i in records(catalog.models))  # qwen2.5-coder is a series of the makers'
    if "/" not in name and len(begun) == 1 and not own:
        return _listed(catalog, begun[0])
    return None


def _made_of_a_listed(catalog: Catalog, name: str) -> Derived | None:
    """The longest listed name inside it: DeepSeek-R1-Distill-Qwen-7B-abliterated is made of the listed one."""
    folded = _plain(name)
    inside = [n for n in records(catalog.derivatives) if len(n) > 5 and _holds(folded, n)]
    if not inside:
        return None
    longest = max(inside, key=len)
    around = folded.replace(longest, " ", 1)
    if _OTHER_SHAPE.search(around) or _ANOTHER_SIZE.search(around):
        return None
    return _listed(catalog, longest)


def _holds(folded: str, listed: str) -> bool:
    """Whether a listed name stands in a longer one: at its start, or behind other words where it is telling: Intern-S1-mini is no s1-mini."""
    match = re.search(rf"(?<![a-z0-9.]){re.escape(listed)}(?![0-9a-z.])", folded)
    return match is not None and (match.start() == 0 or (len(listed) > 8 and bool(_ANOTHER_SIZE.search(listed))))


def by_name(catalog: Catalog, name: str) -> Derived | None:
    """The rule: series and size stand in the name, the catalogue has that model, and no word says that the shape is another."""
    folded = _plain(name)
    match = _INSIDE.search(folded) or _BEFORE.search(folded) or _BETWEEN.search(folded)
    if match is None:
        return None
    words = match.groupdict().get("words") or ""
    if _OWN_KINDS.search(words):
        return None
    around = f"{folded[: min(match.start('series'), match.start('size'))]} {words} {match['rest'] or ''}"
    if name.casefold().startswith("mlx-community/") is False:  # its -MTP- repositories hold the block alone
        around = re.sub(r"(?<![a-z])mtp(?![a-z])", "", around)
    if _OTHER_SHAPE.search(around) or _ANOTHER_SIZE.search(around) or _ROLE_ALONE.fullmatch(around):
        return None
    stem = "-".join(filter(None, (match["series"].replace("qwen-", "qwen"), match["kind"], match["size"] + "b")))
    stem += f"-{match['active'].strip('-')}" if match["active"] else ""
    everything = records(catalog.models)
    found = [i for i in everything if (i == stem or i.startswith(f"{stem}-")) and everything[i]["open_weights"]]
    found = [i for i in found if match["active"] or not re.match(r"-a\d", i[len(stem) :])]
    if not found:
        return None
    said = set(folded[match.start() :].split("-"))

    def unlike(model_id: str) -> tuple[int, int, bool, int]:
        """A variant that the name says, then one without words that it does not say; a base model only where it is said."""
        words = set(filter(None, model_id[len(stem) + 1 :].split("-")))
        return (
            -len(words & said),
            len(words - said - {"instruct", "chat"}),
            everything[model_id]["kind"] == "base",
            len(model_id),
        )

    return Derived(catalog.models[min(found, key=unlike)])


def starting(catalog: Catalog, name: str) -> list[str]:
    """The repositories of the list whose name begins so: of AceReason-Nemotron, which is made in several sizes."""
    folded = fold(name)
    ids = sorted(i for i in records(catalog.derivatives) if len(folded) > 3 and i.startswith(f"{folded}-"))
    return [records(catalog.derivatives)[i]["repo"] for i in ids]


def _plain(name: str) -> str:
    """The folded name of a repository without the owner that re-uploads write before it: Qwen_Qwen3-8B-GGUF. Qwopus3.6-27B is a Qwen3.6-27B."""
    return re.sub(r"qwopus-?(?=\d)", "opus-qwen", re.sub(r"^(qwen)-(?=qw[eq]|qvq)", "", fold(name)))


def _listed(catalog: Catalog, found: str) -> Derived:
    entry = catalog.derivatives[found]
    return Derived(catalog.models[entry.base], entry)


def _known(catalog: Catalog) -> dict[str, str]:
    """Ids of the list by folded name, and by Ollama tag, where a colon has a meaning."""
    if catalog not in _names:
        known: dict[str, str] = {}
        for derivative_id, record in records(catalog.derivatives).items():
            for given in (derivative_id, *record.get("aliases", ())):
                known.setdefault(given.casefold() if ":" in given else fold(given), derivative_id)
        _names[catalog] = known
    return _names[catalog]
