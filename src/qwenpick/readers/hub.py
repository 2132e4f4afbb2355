"""A model on Hugging Face or ModelScope: its config and the headers of its weights, never the weights."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from qwenpick.bounded import CONFIG_LIMIT, INDEX_LIMIT, parse_json
from qwenpick.catalog.names.spelling import bare
from qwenpick.errors import QwenpickError
from qwenpick.i18n import _
from qwenpick.readers import hub_gguf, safetensors
from qwenpick.readers.describe import describe
from qwenpick.readers.local import card_bases, from_config, from_gguf
from qwenpick.readers.reading import Fetch, Reading

if TYPE_CHECKING:
    from qwenpick.catalog import Catalog

_ID = re.compile(r"([A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95})(?::([\w.-]{1,40})|/((?:[\w.-]+/)?[\w.-]+\.gguf))?")
SHARDS_LIMIT = 512


def is_id(text: str) -> bool:
    """Whether a text is written like owner/name, owner/name:FORMAT or hf:owner/name/file.gguf, perhaps with hf: or modelscope: before it."""
    match = _ID.fullmatch(bare(text))
    return match is not None and ".." not in text and (match[3] is None or bare(text) != text)


def is_modelscope(text: str) -> bool:
    """Whether an id is written with modelscope: or ms: before it."""
    return text.startswith(("modelscope:", "ms:"))


def read_id(text: str, catalog: Catalog, fetch: Fetch, date: str) -> Reading:
    """The model of a repository as it is on `date`. Asks for config.json, the card, the index and each weight file's header; of a GGUF
    repository for the first bytes of the file that FORMAT or the path means."""
    match = _ID.fullmatch(bare(text))
    if match is None:
        raise QwenpickError(_("'{text}' is not a repository", text=text))
    repo, where = match[1], f"https://{'modelscope.cn/models' if is_modelscope(text) else 'huggingface.co'}/{match[1]}"
    if match[2] or match[3]:
        return _gguf(repo, match[2], match[3], where, catalog, fetch, date)
    raw = fetch(repo, "config.json", 0, -1)
    if raw is None:
        raise QwenpickError(
            _(
                "there is no '{repo}' with a config.json; of a GGUF repository give the format too: {repo}:Q4_K_M",
                repo=repo,
            )
        )
    if len(raw) > CONFIG_LIMIT:
        raise QwenpickError(
            _("config.json of '{repo}' has {count:,} bytes: that is no config", repo=repo, count=len(raw))
        )
    config = parse_json(raw, f"{repo}/config.json")
    card = (fetch(repo, "README.md", 0, 2**20) or b"").decode("utf-8", "replace")
    tensors = tuple(t for name in _weight_files(repo, fetch) for t in _header(repo, name, fetch))
    found = from_config(
        config,
        (repo,),
        card_bases(card),
        where,
        date,
        tensors,
    )
    found = replace(found, checkpoint={**found.checkpoint, "repo": repo})
    return describe(catalog, found)


def _gguf(
    repo: str, quant: str | None, file: str | None, where: str, catalog: Catalog, fetch: Fetch, date: str
) -> Reading:
    """The model of a GGUF file: the one that is named, else the first that publishers would call so."""
    for name in [file] if file else hub_gguf.candidates(repo, quant or ""):
        if files := hub_gguf.read_files(repo, name, fetch):
            return describe(
                catalog, from_gguf(files, (name.rsplit("/", 1)[-1].removesuffix(".gguf"), repo), where, date, repo)
            )
    wanted = file or _("file called like {example}", example=next(hub_gguf.candidates(repo, quant or "")))
    raise QwenpickError(_("'{repo}' has no {wanted}; name it: hf:{repo}/FILE.gguf", repo=repo, wanted=wanted))


def _weight_files(repo: str, fetch: Fetch) -> list[str]:
    raw = fetch(repo, safetensors.INDEX, 0, -1)
    if raw is None:
        return ["model.safetensors"]
    if len(raw) > INDEX_LIMIT:
        raise QwenpickError(_("the index of '{repo}' has {count:,} bytes: that is no index", repo=repo, count=len(raw)))
    names = parse_json(raw, f"{repo}/{safetensors.INDEX}").get("weight_map")
    if not isinstance(names, dict) or not all(
        isinstance(n, str) and re.fullmatch(r"[\w.-]+\.safetensors", n) for n in names.values()
    ):
        raise QwenpickError(_("the index of '{repo}' names no weight files", repo=repo))
    files = sorted(set(names.values()))
    if len(files) > SHARDS_LIMIT:
        raise QwenpickError(
            _(
                "'{repo}' has {count:,} weight files; the headers of at most {limit} are read",
                repo=repo,
                count=len(files),
                limit=SHARDS_LIMIT,
            )
        )
    return files


def _header(repo: str, name: str, fetch: Fetch) -> tuple[safetensors.StoredTensor, ...]:
    start = fetch(repo, name, 0, 7)
    if start is None:
        return ()
    length = int.from_bytes(start[:8], "little")
    if len(start) < 8 or not 2 <= length <= safetensors.HEADER_LIMIT:
        raise QwenpickError(_("'{repo}/{name}' is not a safetensors file that can be read", repo=repo, name=name))
    header = fetch(repo, name, 8, 7 + length) or b""
    if len(header) != length:
        raise QwenpickError(_("'{repo}/{name}' ended inside its header", repo=repo, name=name))
    return safetensors.parse_header(header, 2**62, f"{repo}/{name}")
