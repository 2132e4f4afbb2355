"""The one place that asks a network, against a server on this machine."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from qwenpick.errors import QwenpickError
from qwenpick.readers import hub_client
from qwenpick.readers.hub_client import download, forget, online_fetch

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
        elif self.path == "/moved-to-a-file":
            self._redirect("file:///etc/passwd")
        elif self.path.startswith("/to?"):
            self._redirect(self.path.removeprefix("/to?"))
        elif self.path == "/short":
            self.send_response(200)
            self.send_header("Content-Length", "5000")
            self.end_headers()
            self.wfile.write(BODY[:100])
        elif self.path.startswith("/drips"):
            self._drip()
        elif self.path.startswith("/page"):
            self._whole(b"<!DOCTYPE html><title>Log in</title>")
        elif self.path.startswith("/not-json"):
            self._whole(b'{"layers": ')
        else:
            self._body()

    def _redirect(self, where: str) -> None:
        self.send_response(302)
        self.send_header("Location", where)
        self.end_headers()

    def _whole(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _drip(self) -> None:
        """A byte now and then, without end."""
        self.send_response(200)
        self.end_headers()
        with suppress(OSError):
            for _ in range(200):
                self.wfile.write(b"x")
                self.wfile.flush()
                time.sleep(0.05)

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


def test_a_token_does_not_follow_to_another_port_of_the_same_host(hub: str) -> None:
    other = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=other.serve_forever, daemon=True).start()
    SEEN.clear()
    try:
        port = other.server_address[1]
        assert (
            download(f"{hub}/to?http://127.0.0.1:{port}/ranges", 0, 3, {"Authorization": "Bearer secret"}) == BODY[:4]
        )
    finally:
        other.shutdown()
        other.server_close()
    assert [token for _, token, _ in SEEN] == ["Bearer secret", None]
    SEEN.clear()
    assert download(f"{hub}/to?{hub}/ranges", 0, 3, {"Authorization": "Bearer secret"}) == BODY[:4]
    assert [token for _, token, _ in SEEN] == ["Bearer secret", "Bearer secret"]  # the same host and port


def test_a_redirect_leads_to_web_addresses_only(hub: str) -> None:
    with pytest.raises(QwenpickError, match=r"not a web address|could not be asked|answered 302"):
        download(f"{hub}/moved-to-a-file", 0, -1, {})


def test_a_body_that_ends_early_is_refused(hub: str) -> None:
    with pytest.raises(QwenpickError, match="ended after 100 of 5000 bytes"):
        download(f"{hub}/short", 0, -1, {})


@pytest.mark.parametrize(
    ("path", "file", "said"),
    [("/page", "model.safetensors", "log-in page"), ("/not-json", "config.json", "config.json")],
)
def test_an_answer_is_checked_before_it_is_kept(
    hub: str, path: str, file: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_client, "MODELSCOPE", hub + path + "?{repo}/{file}")
    with pytest.raises(QwenpickError, match=said):
        online_fetch("modelscope:a/b", tmp_path)("a/b", file, 0, -1)
    assert not [*tmp_path.iterdir()]


def test_a_hub_that_drips_is_left_at_the_deadline(hub: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_client, "MODELSCOPE", hub + "/drips?{repo}/{file}")
    monkeypatch.setattr(hub_client, "DEADLINE", 0.4)
    begin = time.monotonic()
    with pytest.raises(QwenpickError, match=r"did not answer in 0\.4 s"):
        online_fetch("modelscope:a/b", None)("a/b", "config.json", 0, -1)
    assert time.monotonic() - begin < 3


def test_an_answer_that_was_changed_or_is_a_day_old_is_asked_again_and_refresh_forgets_all(
    hub: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_client, "MODELSCOPE", hub + "/ranges?{repo}/{file}")
    fetch = online_fetch("modelscope:a/b", tmp_path)
    assert fetch("a/b", "model.safetensors", 0, 7) == BODY[:8]
    (kept,) = tmp_path.iterdir()
    whole = kept.read_bytes()
    for spoil in (whole[:-1], whole[:-1] + b"?", b"", b"\n" * 80):
        kept.write_bytes(spoil)
        SEEN.clear()
        assert fetch("a/b", "model.safetensors", 0, 7) == BODY[:8] and len(SEEN) == 1, spoil
    os.utime(kept, (time.time() - 90_000,) * 2)
    SEEN.clear()
    assert fetch("a/b", "model.safetensors", 0, 7) == BODY[:8] and len(SEEN) == 1
    assert forget(tmp_path) == 1 and not [*tmp_path.iterdir()]
