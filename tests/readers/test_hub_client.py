"""The one place that asks a network, against a server on this machine."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from qwenpick.errors import QwenpickError
from qwenpick.readers import hub_client
from qwenpick.readers.hub_client import download, online_fetch

BODY = bytes(range(256)) * 4
SEEN: list[tuple[str, str | None, str | None]] = []


class Hub(BaseHTTPRequestHandler):
    """Serves BODY: in ranges, whole, elsewhere, or not."""

    def do_GET(self) -> None:
        SEEN.append((self.path, self.headers.get("Authorization"), self.headers.get("Range")))
        codes = {"/none": 404, "/private": 403, "/broken": 500}
        if self.path in codes:
            self.send_error(codes[self.path])
        elif self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", f"http://localhost:{self.server.server_address[1]}/ranges")
            self.end_headers()
        else:
            self._body()

    def _body(self) -> None:
        first, last = 0, len(BODY) - 1
        if (asked := self.headers.get("Range")) and self.path != "/whole":
            first, last = map(int, asked.removeprefix("bytes=").split("-"))
        part = BODY[first : last + 1]
        self.send_response(206 if len(part) < len(BODY) else 200)
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        self.wfile.write(part)

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture(scope="module")
def hub() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("path", ["/ranges", "/whole", "/moved"])
def test_a_part_is_that_part_whether_or_not_the_server_knows_ranges(path: str, hub: str) -> None:
    assert download(hub + path, 8, 15, {}) == BODY[8:16]
    assert download(hub + path, 0, -1, {}) == BODY


def test_what_is_not_there_is_none_and_what_is_refused_gets_a_sentence(hub: str) -> None:
    assert download(f"{hub}/none", 0, -1, {}) is None
    with pytest.raises(QwenpickError, match=r"answered 403 \(private or gated: log in"):
        download(f"{hub}/private", 0, -1, {})
    with pytest.raises(QwenpickError, match="answered 500"):
        download(f"{hub}/broken", 0, -1, {})
    with pytest.raises(QwenpickError, match=r"the hub could not be asked .*without a network give a local path"):
        download("http://127.0.0.1:9/x", 0, -1, {})
    with pytest.raises(QwenpickError, match="is not a web address"):
        download("file:///etc/passwd", 0, -1, {})


def test_a_token_does_not_follow_to_another_host(hub: str) -> None:
    SEEN.clear()
    assert download(f"{hub}/moved", 0, 3, {"Authorization": "Bearer secret"}) == BODY[:4]
    assert [(path, token) for path, token, _ in SEEN] == [("/moved", "Bearer secret"), ("/ranges", None)]


def test_an_answer_is_kept(hub: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_client, "MODELSCOPE", hub + "/ranges?{repo}/{file}")
    fetch = online_fetch("modelscope:a/b", tmp_path)
    assert fetch("a/b", "model.safetensors", 0, 7) == BODY[:8]
    SEEN.clear()
    assert fetch("a/b", "model.safetensors", 0, 7) == BODY[:8] and not SEEN


def test_hugging_face_needs_its_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_client, "_has_hub", lambda: False)
    with pytest.raises(QwenpickError, match=r"pip install 'qwenpick\[hub\]'"):
        online_fetch("a/b", tmp_path)
