"""From a name as people write it to the model that is meant: ids, repositories, addresses, Ollama tags, names of quantized files."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from qwenpick.catalog.entries import Record, records
from qwenpick.catalog.load import Catalog
from qwenpick.catalog.schema import Model
from qwenpick.errors import QwenpickError, did_you_mean
from qwenpick.i18n import _

_ADDRESS = re.compile(
    r"^(https?://)?(www\.)?(huggingface\.co|hf\.co|modelscope\.(cn|ai)(/models)?|ollama\.com(/library)?)/",
    re.IGNORECASE,
)
_INSIDE = re.compile(r"/(tree|blob|resolve|files|summary|tags)(/.*)?$|[?#].*$|\.(gguf|safetensors)$", re.IGNORECASE)
_PLAIN = re.compile(r"(a\d+b)?-?(instruct|chat)?")  # what may follow the size of a series' main models
_QUANTIZED = re.compile(
    r"-(gguf|mlx|awq|gptq|fp8|nvfp4|mxfp4|nf4|bnb|(gptq-)?int[48]|w[48]a(8|16)|b?fp?(16|32)|\dbit|(ud-)?i?q\d(-[0-9a-z]+)*)$"
)
_SIZED = re.compile(r"(?P<series>[a-z]+[\d.]*(?:-[a-z]+)*)-(?P<size>\d+(?:\.\d+)?)(?P<unit>[bt])(?:-(?P<rest>.*))?")


@dataclass(frozen=True, slots=True)
class _Names:
    """Ids by folded name, and by Ollama tag, where a colon has a meaning."""

    folded: dict[str, str]
    tags: dict[str, str]


_names: WeakKeyDictionary[Catalog, _Names] = WeakKeyDictionary()


def fold(name: str) -> str:
    """A name without what people vary: case, owner, separators.

    >>> fold("Qwen/Qwen3-8B"), fold("qwen3_8b"), fold("Qwen3:8b")
    ('qwen3-8b', 'qwen3-8b', 'qwen3-8b')
    """
    return re.sub(r"[\s_:-]+", "-", name.strip().rsplit("/", 1)[-1].casefold()).strip("-")


def find_model(catalog: Catalog, name: str) -> Model:
    """The model of that id, name, repository, address, Ollama tag or quantized file. Raises QwenpickError with the nearest name.

    A name that only the API offers is found too: its entry says so (`open_weights`, `open_alternative`).

    >>> find_model(load(), "https://huggingface.co/Qwen/Qwen3-8B-AWQ").id, find_model(load(), "qwen3:30b-a3b-instruct-2507-q4_K_M").id
    ('qwen3-8b', 'qwen3-30b-a3b-instruct-2507')
    """
    known = _known(catalog)
    spelled = _INSIDE.sub("", _ADDRESS.sub("", name.strip())).strip("/")
    if found := _by_tag(known, spelled.casefold()):
        return catalog.models[found]
    for folded in _shorter(fold(spelled)):
        if found := known.folded.get(folded) or _other_role(catalog, known, folded):
            return catalog.models[found]
    if not spelled:
        raise QwenpickError(_("no model was named (qwenpick models lists them)"))
    raise QwenpickError(_unknown(catalog, name.strip(), fold(spelled)))


def hint(catalog: Catalog, model: Model) -> str | None:
    """What a person who asked for `model` may not know: that it is a base model, and which one chats."""
    if model.kind != "base":
        return None
    stem = model.id.removesuffix("-base")
    chat = next((i for i in (f"{stem}-instruct", f"{stem}-chat", stem) if i in catalog.models and i != model.id), None)
    return _(
        "{id} is a base model: it continues text{value}",
        id=model.id,
        value=_("; the chat model is {chat}", chat=chat) if chat else "",
    )


def _known(catalog: Catalog) -> _Names:
    """The names of a catalogue, gathered once."""
    if catalog not in _names:
        folded: dict[str, str] = {}
        tags: dict[str, str] = {}
        everything = records(catalog.models)
        for gather in (_own_names, _given_names, _repositories):
            for model_id, record in everything.items():
                for given in gather(record):
                    (tags if ":" in given else folded).setdefault(
                        given.casefold() if ":" in given else fold(given), model_id
                    )
        _names[catalog] = _Names(folded, tags)
    return _names[catalog]


def _own_names(record: Record) -> Iterator[str]:
    yield record["id"]


def _given_names(record: Record) -> Iterator[str]:
    tag = record.get("ollama")
    latest = f"{tag}:latest" if tag and ":" not in tag else None
    yield from (n for n in (record["name"], record.get("huggingface"), tag, latest, *record.get("aliases", ())) if n)


def _repositories(record: Record) -> Iterator[str]:
    for checkpoint in record.get("checkpoints", ()):
        repo = checkpoint.get("repo") if isinstance(checkpoint, dict) else checkpoint.repo
        if repo:
            yield repo


def _by_tag(known: _Names, spelled: str) -> str | None:
    """An Ollama tag, with or without the quantization at its end: qwen3:8b, qwen3:8b-q4_K_M."""
    if ":" not in spelled:
        return None
    slug, _unused, tag = spelled.rpartition("/")[2].partition(":")
    return next((known.tags[f"{slug}:{t}"] for t in (tag, *_shorter(fold(tag))) if f"{slug}:{t}" in known.tags), None)


def _shorter(folded: str) -> Iterator[str]:
    """A folded name, then the name without each quantization word at its end."""
    yield folded
    while (shorter := _QUANTIZED.sub("", folded)) != folded:
        folded = shorter
        yield folded


def _other_role(catalog: Catalog, known: _Names, folded: str) -> str | None:
    """The model whose role goes by another word in its generation: Qwen3-8B-Instruct is Qwen3-8B, Qwen2.5-7B-Chat is the Instruct one."""
    stem = re.sub(r"-(instruct|chat|it|thinking|base)$", "", folded)
    role = folded[len(stem) + 1 :]
    for other in {
        "": (),
        "base": ("",),
        "thinking": ("",),
        "chat": ("-instruct", ""),
        "it": ("-instruct", "-chat", ""),
    }.get(role, ("-chat", "")):
        found = known.folded.get(stem + other)
        if found is None:
            continue
        model = catalog.models[found]
        if (model.kind == "base") == (role == "base") and (role != "thinking" or model.thinking == "hybrid"):
            return found
    return None


def _unknown(catalog: Catalog, name: str, folded: str) -> str:
    """The sentence for a name that means nothing: the nearest size of its series, else the nearest spelling."""
    open_ids = [i for i, record in records(catalog.models).items() if record["open_weights"]]
    sized = {i: match for i in open_ids if (match := _SIZED.fullmatch(i))}
    said = _SIZED.fullmatch(folded)
    if said:
        series = {i: match for i, match in sized.items() if match["series"] == said["series"]}
        if series:
            nearest = min(series, key=lambda i: _unlike(catalog, i, series[i], said))
            return _("there is no {as_written}; did you mean {nearest}?", as_written=_as_written(name), nearest=nearest)
        same = [i for i, match in sized.items() if (match["size"], match["unit"]) == (said["size"], said["unit"])]
        return _(
            "there is no model '{name}'{near} (qwenpick models lists them)",
            name=name,
            near=did_you_mean(folded, same or open_ids),
        )
    members = [i for i, match in sized.items() if match["series"] == folded and _PLAIN.fullmatch(match["rest"] or "")]
    if members:
        order = sorted(members, key=lambda i: (_billions(sized[i]), i))
        return _("'{name}' is a series: {order}; say which", name=name, order=", ".join(order))
    return _(
        "there is no model '{name}'{near} (qwenpick models lists them)",
        name=name,
        near=did_you_mean(folded, catalog.models),
    )


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


def closed_weights(model: Model) -> str:
    """Why a name without open weights cannot be planned."""
    detail = f" {model.notes}." if model.notes else ""
    twin = (
        _(" The nearest open model is {alternative}.", alternative=model.open_alternative)
        if model.open_alternative
        else ""
    )
    if model.open_weights:
        return _(
            "the architecture of {name} is not in the catalogue, so its memory is not known.{detail}",
            name=model.name,
            detail=detail,
        )
    return _(
        "{name} is offered as an API only: its weights are not published, so no hardware runs it.{twin}{detail}",
        name=model.name,
        twin=twin,
        detail=detail,
    )
