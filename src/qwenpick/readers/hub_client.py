"""The one place where qwenpick asks a network: bytes of a repository's files, on request only, kept once read."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPException, HTTPMessage
from pathlib import Path
from typing import IO
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from qwenpick.bounded import INDEX_LIMIT, parse_json, read_bytes
from qwenpick.errors import QwenpickError, shown
from qwenpick.i18n import _
from qwenpick.readers.hub import is_modelscope
from qwenpick.readers.reading import Fetch
from qwenpick.storage import write_whole

MODELSCOPE = "https://modelscope.cn/models/{repo}/resolve/master/{file}"
SECONDS = 20  # without a byte
DEADLINE = 120.0  # seconds for all that is asked of a repository
KEPT_SECONDS = 86_400  # a repository changes: after a day it is asked again


def online_fetch(text: str, cache: Path | None) -> Fetch:
    """A Fetch that asks ModelScope for a `modelscope:` id and Hugging Face for any other.

    Every whole answer is kept under `cache` for a day (`qwenpick catalog refresh` forgets them); without a directory nothing is.
    """
    modelscope = is_modelscope(text)
    if not modelscope and not _has_hub():
        raise QwenpickError(
            _("asking Hugging Face needs huggingface_hub: pip install 'qwenpick[hub]' (or write modelscope:OWNER/NAME)")
        )
    deadline = time.monotonic() + DEADLINE
    where = "modelscope" if modelscope else "huggingface"

    def fetch(repo: str, file: str, first: int, last: int) -> bytes | None:
        name = hashlib.sha256(f"{where} {repo} {file} {first} {last}".encode()).hexdigest()
        path = cache / name if cache else None
        if path and (known := _kept(path)) is not None:
            return known
        ask = _from_modelscope if modelscope else _from_huggingface
        answer = _in_time(lambda: ask(repo, file, first, last), deadline)
        if answer is not None:
            _check(answer, repo, file)
            if path:
                _keep(path, answer)
        return answer

    return fetch


def forget(cache: Path | None) -> int:
    """Remove every answer that was kept; how many there were."""
    found = [path for path in cache.iterdir() if path.is_file()] if cache else []
    for path in found:
        path.unlink(missing_ok=True)
    return len(found)


def _kept(path: Path) -> bytes | None:
    """An answer that was kept less than a day ago, whole as it was."""
    try:
        if not 0 <= time.time() - path.stat().st_mtime < KEPT_SECONDS:
            return None
        digest, _unused, answer = read_bytes(path, INDEX_LIMIT + 100).partition(b"\n")
    except (OSError, QwenpickError):
        return None
    return answer if hashlib.sha256(answer).hexdigest().encode() == digest else None


def _keep(path: Path, answer: bytes) -> None:
    with suppress(OSError):  # a full disk, a directory that may not be written to: the answer holds without it
        write_whole(path, hashlib.sha256(answer).hexdigest().encode() + b"\n" + answer)


def _check(answer: bytes, repo: str, file: str) -> None:
    """Raises QwenpickError for a page where a file was asked for (a log-in page of a hotel or an office), before it is kept."""
    if file.endswith(".json"):
        parse_json(answer, f"{repo}/{file}")
    if answer[:200].lstrip().lower().startswith((b"<!doctype html", b"<html")):
        raise QwenpickError(
            _("'{repo}/{file}' is a web page: a log-in page stands before the hub", repo=repo, file=file)
        )


def _in_time(ask: Callable[[], bytes | None], deadline: float) -> bytes | None:
    """What is answered before the deadline, however slowly the other side drips: the asking is left behind in its thread. Raises QwenpickError."""
    answers: list[bytes | None] = []
    problems: list[Exception] = []

    def work() -> None:
        try:
            answers.append(ask())
        except Exception as problem:
            problems.append(problem)

    thread = threading.Thread(target=work, daemon=True, name="qwenpick-hub")
    thread.start()
    thread.join(max(0.0, deadline - time.monotonic()))
    if problems:
        raise problems[0]
    if not answers:
        raise QwenpickError(_("the hub did not answer in {seconds:g} s", seconds=DEADLINE))
    return answers[0]


def _has_hub() -> bool:
    from importlib.util import find_spec

    return find_spec("huggingface_hub") is not None


def _from_modelscope(repo: str, file: str, first: int, last: int) -> bytes | None:
    return download(MODELSCOPE.format(repo=repo, file=file), first, last, {})


def _from_huggingface(repo: str, file: str, first: int, last: int) -> bytes | None:
    """Through huggingface_hub's own address (HF_ENDPOINT, so mirrors work) and token."""
    from huggingface_hub import get_token, hf_hub_url

    if os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}:
        raise QwenpickError(_("HF_HUB_OFFLINE is set: nothing is asked; give a local path or a catalog name"))
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
            whole = last < 0 or answer.status == 200
            data: bytes = answer.read(first + wanted if last >= 0 and whole else wanted)
            _refuse_short(data, answer.headers.get("Content-Length"), first + wanted if last >= 0 and whole else wanted)
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
                "the hub could not be asked ({cause}); without a network give a local path or a catalog name",
                cause=cause,
            )
        ) from None


def _refuse_short(data: bytes, stated: str | None, wanted: int) -> None:
    """Raises ValueError for a body that ended before its Content-Length: http.client does not complain where a number of bytes is asked for."""
    if stated and stated.isascii() and stated.isdigit() and len(stated) < 18 and len(data) < min(int(stated), wanted):
        raise ValueError(_("the answer ended after {count:,} of {stated} bytes", count=len(data), stated=stated))


def _origin(url: str) -> tuple[str, str | None, int | None]:
    """Scheme, host and port: what a token was given for."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"https": 443, "http": 80}.get(parts.scheme)


class _NoTokenElsewhere(HTTPRedirectHandler):
    """Follows redirects on the web, and leaves the token behind when they lead to another scheme, host or port (the store that holds large files)."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        """The request to the new address."""
        if urlsplit(newurl).scheme not in ("http", "https"):
            raise ValueError(_("it redirects to '{url}', which is not a web address", url=shown(newurl)))
        following = super().redirect_request(req, fp, code, msg, headers, newurl)
        if following is not None and _origin(newurl) != _origin(req.full_url):
            following.remove_header("Authorization")
        return following
