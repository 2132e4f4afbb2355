"""What is said to a name that is no model's of the catalogue: what it is instead, what was probably meant, where to ask."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from qwenpick.catalog.entries import records
from qwenpick.catalog.names.derivatives import derived, starting
from qwenpick.catalog.names.spelling import fold, spellings
from qwenpick.errors import edits
from qwenpick.i18n import _

if TYPE_CHECKING:
    from qwenpick.catalog.load import Catalog

_PLAIN = re.compile(r"(a\d+b)?-?(instruct|chat)?")  # what may follow the size of a series' main models
_SIZED = re.compile(r"(?P<series>[a-z]+[\d.]*(?:-[a-z]+)*)-(?P<size>\d+(?:\.\d+)?)(?P<unit>[bt])(?:-(?P<rest>.*))?")
# what a name may say after its size and still be the maker's
_ROLES = re.compile(r"(a\d+(\.\d+)?b)?-?(instruct|chat|it|base|thinking|\d{4}|-)*")
_PICTURES = re.compile(
    r"qwen-?image|(?<![a-z])wan-?[12]|z-image|通义万相|万相|tongyi-?wanxiang|stable-?diffusion|sdxl|(?<![a-z])flux|hunyuan-?video"
    r"|midjourney|dall-?e|ltx-?video|kolors|即梦|可灵"
)
_OTHERS = re.compile(
    r"(?<![a-z])(code-?)?(llama|(chat)?gpt|(med|code|shield|t5)?gemma|mi[sx]tral|pixtral|voxtral|mathstral|ministral|devstral|codestral|magistral|deepseek|phi|chatglm|glm|kimi|minimax|yi|internlm|internvl"
    r"|falcon|granite|nemotron|command-?[ra]|claude|gemini|grok|baichuan|hunyuan|ernie|seed-oss|seed-coder|bge|olmo|smollm|exaone|lfm|starcoder|vicuna|whisper|mimo"
    r"|step|solar|jamba|mamba|rwkv|bloom|opt|pythia|stablelm|tinyllama|orca|zephyr|dbrx|arctic|aya|laguna|longcat|ling|ring)(?=\d|-|$|\.)"
    r"|豆包|文心|星火|混元|智谱|盘古|百川|书生|月之暗面|零一万物"
)
_SIZES = re.compile(r"\d+(?:\.\d+)?[bt]")
_EDITS = 2  # letters that may differ for a name to be meant; one where the name is short


def unknown(catalog: Catalog, name: str, folded: str) -> str:
    """The sentence: other makers' and image models are told as such, else the nearest size of its series, else a name that is two edits away."""
    if _PICTURES.search(folded):
        return _(
            "'{name}' makes pictures or video; qwenpick knows the Qwen models that read and write (qwenpick models lists them)",
            name=name,
        )
    if found := derived(catalog, name):
        return _(
            "'{name}' was made by others from {base}: name {id} here", name=name, base=found.base.name, id=found.base.id
        )
    open_ids = [i for i, record in records(catalog.models).items() if record["open_weights"]]
    sized = {i: match for i in open_ids if (match := _SIZED.fullmatch(i))}
    members = [i for i, match in sized.items() if match["series"] == folded and _PLAIN.fullmatch(match["rest"] or "")]
    if members:
        order = sorted(members, key=lambda i: (_billions(sized[i]), i))
        return _("'{name}' is a series: {order}; choose one", name=name, order=", ".join(order))
    if newest_series := _newest_series(catalog, folded, open_ids):
        return _("'{name}' is a series: {order}; choose one", name=name, order=", ".join(newest_series))
    words = name.split()
    if len(words) > 1 and all(fold(word) in records(catalog.models) for word in words):
        return _("'{name}' are several models; name one, or: qwenpick compare {name}", name=name)
    if len(words) > 1 and (meant := _first_words(catalog, words)):
        return _("there is no model '{name}'; did you mean {near}? (qwenpick models lists them)", name=name, near=meant)
    if made := starting(catalog, name):
        return _("'{name}' is several models: {made}; choose one", name=name, made=", ".join(made))
    if "qwen" not in folded and "qwq" not in folded and _OTHERS.search(folded):
        return _(
            "'{name}' is not a Qwen model; qwenpick knows Qwen models and those made from them (qwenpick models lists them)",
            name=name,
        )
    said = _SIZED.fullmatch(folded)
    if said and said["series"] == "qwen" and (newest := _newest_of(catalog, sized, said)):
        return _("there is no {as_written}; did you mean {nearest}?", as_written=_as_written(name), nearest=newest)
    if said and _ROLES.fullmatch(said["rest"] or "") and not re.match(r"a\d", said["rest"] or ""):
        series = {i: match for i, match in sized.items() if match["series"] == said["series"]}
        if series:
            nearest = min(series, key=lambda i: _unlike(catalog, i, series[i], said))
            return _("there is no {as_written}; did you mean {nearest}?", as_written=_as_written(name), nearest=nearest)
    if begun := [i for i in records(catalog.models) if len(folded) > 3 and i.startswith(f"{folded}-")][:8]:
        return _("'{name}' is several models: {made}; choose one", name=name, made=", ".join(begun))
    if folded.isascii() and (near := nearest_names(folded, catalog)):
        return _(
            "there is no model '{name}'; did you mean {near}? (qwenpick models lists them)", name=name, near=near[0]
        )
    return _(
        "there is no model '{name}' in the catalog (qwenpick models lists them; fit --online asks the hub about owner/name)",
        name=name,
    )


def _first_words(catalog: Catalog, words: list[str]) -> str | None:
    """The model that the longest beginning of a name of several words names: of "qwen3 8b on 4090" qwen3-8b."""
    begun = (" ".join(words[:count]) for count in range(len(words) - 1, 0, -1))
    names = (name for said in begun for spelled in spellings(said) for name in (spelled, f"{spelled}-instruct"))
    return next((name for name in names if name in records(catalog.models) or name in catalog.derivatives), None)


def _newest_series(catalog: Catalog, folded: str, open_ids: list[str]) -> list[str]:
    """The members of the newest series of a kind that was named without a version: of qwen-embedding those of Qwen3-Embedding."""
    said = re.fullmatch(r"qwen-(coder|math|omni|embedding|reranker|guard|next|tts|asr)", folded)
    if said is None:
        return []
    kinds = {i: record["kind"] for i, record in records(catalog.models).items()}
    versions = {
        i: float(match[1])
        for i in open_ids
        if (match := re.match(rf"qwen([\d.]+)-?{said[1]}(-|$)", i)) and kinds[i] not in ("base", "reward")
    }
    return [i for i in versions if versions[i] == max(versions.values())][:8]


def is_no_qwen(name: str) -> bool:
    """Whether a name is another maker's, or one of a model that makes pictures."""
    folded = fold(name)
    return bool(_PICTURES.search(folded) or ("qwen" not in folded and "qwq" not in folded and _OTHERS.search(folded)))


def _newest_of(catalog: Catalog, sized: dict[str, re.Match[str]], said: re.Match[str]) -> str | None:
    """The newest model of exactly that size that chats, for a size without a series: Qwen-8B."""
    everything = records(catalog.models)
    alike = [
        i
        for i, match in sized.items()
        if (match["size"], match["unit"]) == (said["size"], said["unit"]) and everything[i]["kind"] == "chat"
    ]
    return min(alike, key=lambda i: (_older(everything[i].get("released")), i), default=None)


def nearest_names(folded: str, catalog: Catalog) -> list[str]:
    """Ids that are at most two edits away (one where the name has fewer than six letters), the nearest and newest first."""
    most = _EDITS if len(folded) > 5 else 1
    everything = records(catalog.models)
    numbers = _SIZES.findall if _SIZES.search(folded) else re.compile(r"\d+").findall
    alike = (i for i in everything if numbers(i) == numbers(folded))  # another size is another model
    far = {i: d for i in alike if abs(len(i) - len(folded)) <= most and (d := edits(folded, i, most)) <= most}
    return sorted(
        far, key=lambda i: (far[i], _older(everything[i].get("released")), not everything[i]["open_weights"], i)
    )


def _older(released: object) -> int:
    """A number that is the smaller the newer a model is."""
    return -int(str(released or "0").replace("-", "").ljust(8, "0")[:8])


def _unlike(
    catalog: Catalog, model_id: str, match: re.Match[str], said: re.Match[str]
) -> tuple[float, bool, bool, int]:
    """How far a sibling is from what was said: size first, then role; a base model only where one was said."""
    ratio = abs(math.log(_billions(match) / max(_billions(said), 1e-9)))
    base = catalog.models[model_id].kind == "base"
    rest = said["rest"] or ""
    return round(ratio, 6), (match["rest"] or "") != rest and bool(rest), base != rest.endswith("base"), len(model_id)


def _billions(match: re.Match[str]) -> float:
    return float(match["size"]) * (1000 if match["unit"] == "t" else 1)


def _as_written(name: str) -> str:
    """A name in the makers' spelling: Qwen3-7B."""
    last = name.rsplit("/", 1)[-1]
    return re.sub(r"(?<=\d)[bt](?![a-z])", lambda m: m[0].upper(), re.sub("qwen", "Qwen", last, flags=re.IGNORECASE))
