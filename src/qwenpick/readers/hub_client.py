"""The one place where qwenpick asks a network: bytes of a repository's files, on request only, kept once read."""

from __future__ import annotations

import os
from http.client import HTTPException, HTTPMessage
from pathlib import Path
from typing import IO
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from qwenpick.bounded import INDEX_LIMIT
from qwenpick.errors import QwenpickError
from qwenpick.i18n import _
from qwenpick.readers.hub import is_modelscope
from qwenpick.readers.reading import Fetch

MODELSCOPE = "https://modelscope.cn/models/{repo}/resolve/master/{file}"
SECONDS = 20


def online_fetch(text: str, cache: Path) -> Fetch:
    """A Fetch that asks ModelScope for a `modelscope:` id and Hugging Face for any other, and keeps every answer under `cache`."""
    modelscope = is_modelscope(text)
    if not modelscope and not _has_hub():
        raise QwenpickError(
            _("asking Hugging Face needs huggingface_hub: pip install 'qwenpick[hub]' (or write modelscope:OWNER/NAME)")
        )

    def fetch(repo: str, file: str, first: int, last: int) -> bytes | None:
        kept = (
            cache
            / ("modelscope" if modelscope else "huggingface")
            / repo
            / f"{file}.{first}-{last if last >= 0 else 'end'}"
        )
        if kept.is_file():
            return kept.read_bytes()
        answer = _from_modelscope(repo, file, first, last) if modelscope else _from_huggingface(repo, file, first, last)
        if answer is not None:
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_bytes(answer)
        return answer

    return fetch


def _has_hub() -> bool:
    from importlib.util import find_spec

    return find_spec("huggingface_hub") is not None


def _from_modelscope(repo: str, file: str, first: int, last: int) -> bytes | None:
    return download(MODELSCOPE.format(repo=repo, file=file), first, last, {})


def _from_huggingface(repo: str, file: str, first: int, last: int) -> bytes | None:
    """Through huggingface_hub's own address (HF_ENDPOINT, so mirrors work) and token."""
    from huggingface_hub import get_token, hf_hub_url

    if os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}:
        raise QwenpickError(_("HF_HUB_OFFLINE is set: nothing is asked; give a local path or a catalogue name"))
    token = get_token()
    return download(hf_hub_url(repo, file), first, last, {"Authorization": f"Bearer {token}"} if token else {})


def download(url: str, first: int, last: int, headers: dict[str, str]) -> bytes | None:
    """Bytes `first` to `last` of a file, all of it (up to 64 MiB) if `last` is negative; None where there is none. Raises QwenpickError offline."""
    if urlsplit(url).scheme not in ("http", "https"):
        raise QwenpickError(_("'{url}' is not a web address", url=url))
    ranged = {"Range": f"bytes={first}-{last}"} if last >= 0 else {}
    wanted = last - first + 1 if last >= 0 else INDEX_LIMIT + 1
    request = Request(url, headers={"User-Agent": "qwenpick", **ranged, **headers})  # noqa: S310 - http and https only, see above
    try:
        with build_opener(_NoTokenElsewhere).open(request, timeout=SECONDS) as answer:
            data: bytes = answer.read(first + wanted if last >= 0 and answer.status == 200 else wanted)
            return data[first:] if last >= 0 and answer.status == 200 else data
    except HTTPError as problem:
        if problem.code in (404, 416):
            return None
        hint = _(" (private or gated: log in with `hf auth login`)") if problem.code in (401, 403) else ""
        raise QwenpickError(
            _("'{url}' could not be read: the hub answered {code}{hint}", url=url, code=problem.code, hint=hint)
        ) from None
    except (OSError, ValueError, HTTPException) as problem:
        cause = getattr(problem, "reason", problem)
        raise QwenpickError(
            _(
                "the hub could not be asked ({cause}); without a network give a local path or a catalogue name",
                cause=cause,
            )
        ) from None


class _NoTokenElsewhere(HTTPRedirectHandler):
    """Follows redirects, and leaves the token behind when they lead to another host (the store that holds large files)."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        """The request to the new address."""
        following = super().redirect_request(req, fp, code, msg, headers, newurl)
        if following is not None and urlsplit(newurl).hostname != urlsplit(req.full_url).hostname:
            following.remove_header("Authorization")
        return following
