"""From a name as people write it to the model that is meant: ids, repositories, addresses, Ollama tags, names of quantized files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from weakref import WeakKeyDictionary

from qwenpick.catalog.entries import Record, records
from qwenpick.catalog.load import Catalog
from qwenpick.catalog.names.spelling import fold, spellings, without_address
from qwenpick.catalog.schema import Model
from qwenpick.errors import QwenpickError
from qwenpick.i18n import _
from qwenpick.values import dataclass

_QUANTIZED = (
    r"-(gguf|mlx|mtp|unsloth|i1|awq|gptq|fp8(-dynamic|-block)?|nvfp4(a16)?(-fast)?|mxfp4(a16)?|auto-?round|mixed|gs?(32|64|128)"
    r"|dwq|oq\d|exl[23]|\d+(\.\d+)?-?bpw|nf4|bnb|(gptq-)?int[48]|w[48]a(8|16)|b?fp?(16|32)|\dbit|(ud-)?i?q\d(-[0-9a-z]+)*)$"
)

# Tags of qwen: that name a format and not v1.5 are the generation before (their sizes are its files'); qwen:7b-q4_0 does not say which of two
_FIRST = r"(?P<size>1\.8b|7b|14b|72b)-(?P<kind>chat|text)-(q\d_\w+|fp16)"


@dataclass(frozen=True, slots=True)
class _Names:
    """Ids by folded name, and by Ollama tag, where a colon has a meaning."""

    folded: dict[str, str]
    tags: dict[str, str]


_names: WeakKeyDictionary[Catalog, _Names] = WeakKeyDictionary()


def find_model(catalog: Catalog, name: str) -> Model:
    """The model of that id, name, repository, address, Ollama tag or quantized file. Raises QwenpickError with the nearest name.

    A name that only the API offers is found too: its entry says so (`open_weights`, `open_alternative`).

    >>> find_model(load(), "https://huggingface.co/Qwen/Qwen3-8B-AWQ").id, find_model(load(), "qwen3:30b-a3b-instruct-2507-q4_K_M").id
    ('qwen3-8b', 'qwen3-30b-a3b-instruct-2507')
    """
    spelled = without_address(name)
    if spelled.casefold() in catalog.models:  # before the names of all models are gathered
        return catalog.models[spelled.casefold()]
    known = _known(catalog)
    if found := _by_tag(known, spelled.casefold()):
        return catalog.models[found]
    meant = fold(spelled)
    block = spelled.casefold().startswith("mlx-community/") and "-mtp-" in meant  # the MTP block alone
    for meant in () if block else spellings(spelled):
        for folded in _shorter(meant):
            found = known.folded.get(folded) or _other_role(catalog, known, folded) or _experts(known, folded)
            found = found or _snapshot(catalog, known, folded) or _newest_of_kind(catalog, folded)
            if found:
                return catalog.models[found]
    if not spelled:
        raise QwenpickError(_("no model was named (qwenpick models lists them)"))
    from qwenpick.catalog.unknown import unknown

    raise UnknownModelError(unknown(catalog, name.strip(), meant))


class UnknownModelError(QwenpickError):
    """A name that is no catalogue model's."""


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
    if slug == "qwen" and (first := re.fullmatch(_FIRST, tag)):
        return f"qwen-{first['size']}{'-chat' if first['kind'] == 'chat' else ''}"
    return next((known.tags[f"{slug}:{t}"] for t in (tag, *_shorter(fold(tag))) if f"{slug}:{t}" in known.tags), None)


def _shorter(folded: str) -> Iterator[str]:
    """A folded name, then the name without each quantization word at its end."""
    yield folded
    while (shorter := re.sub(_QUANTIZED, "", folded)) != folded:
        folded = shorter
        yield folded


def _experts(known: _Names, folded: str) -> str | None:
    """The mixture whose name was written without the size of what is active: Qwen3-VL-30B is Qwen3-VL-30B-A3B, if there is only one."""
    said = re.fullmatch(r"(?P<stem>qwen[\d.]+(?:-[a-z]+)*-\d+(?:\.\d+)?[bt])(?P<rest>(?:-.*)?)", folded)
    if said is None:
        return None
    pattern = re.compile(re.escape(said["stem"]) + r"-a\d+(\.\d+)?b")
    stems = {match[0] for name in known.folded if (match := pattern.match(name))}
    if len(stems) != 1:
        return None
    whole = stems.pop() + re.sub(r"^-moe(?=-|$)", "", said["rest"])
    return next((known.folded[n] for n in (whole, whole + "-instruct") if n in known.folded), None)


def _snapshot(catalog: Catalog, known: _Names, folded: str) -> str | None:
    """The API's name behind one of its dated or moving ones: qwen-plus-latest, qwen-max-2025-01-25."""
    stem = re.sub(r"-(latest|\d{4}-\d{2}-\d{2}|[01]\d[0-3]\d)$", "", folded)
    found = known.folded.get(stem) if stem != folded else None
    return found if found and not catalog.models[found].open_weights else None


def _newest_of_kind(catalog: Catalog, folded: str) -> str | None:
    """The newest model of a kind and size whose version was not said: "qwen coder 7b". Qwen-VL and Qwen-Audio, which have none, come first."""
    said = re.fullmatch(
        r"qwen-(?P<kind>vl|coder|math|omni|embedding|reranker)-(?P<size>\d+(?:\.\d+)?b)(?P<rest>-.*)?", folded
    )
    if said is None:
        return None
    pattern = re.compile(rf"qwen[\d.]+-{said['kind']}-{re.escape(said['size'])}(-a\d+b)?(?P<rest>-.*)?")
    everything = records(catalog.models)
    alike = [
        i
        for i, record in everything.items()
        if record["open_weights"]
        and (match := pattern.fullmatch(i))
        and (match["rest"] or "") in ((said["rest"],) if said["rest"] else ("", "-instruct"))
        and (record["kind"] != "base" or said["rest"])
    ]
    return max(alike, key=lambda i: (str(everything[i].get("released") or ""), i), default=None)


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
            "the architecture of {name} is not in the catalog, so its memory is not known.{detail}",
            name=model.name,
            detail=detail,
        )
    return _(
        "{name} is offered as an API only: its weights are not published, so no hardware runs it.{twin}{detail}",
        name=model.name,
        twin=twin,
        detail=detail,
    )
