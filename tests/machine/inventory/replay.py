"""A loopback server that answers as the Kubernetes API does: pages, 401, 403, 410, a body cut in half. It logs every request."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKENS = {
    "reader": "reader",
    "nobody": "nobody",
    "no-pods": "no-pods",
    "expires-once": "expires-once",
    "expires": "expires",
    "cut": "cut",
}
EXPIRED = "The provided continue parameter is too old to display a consistent list result."


def status(code: int, reason: str, message: str) -> tuple[int, dict[str, Any]]:
    """The API's way to refuse."""
    return code, {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "reason": reason,
        "message": message,
        "code": code,
    }


@contextmanager
def replay(lists: dict[str, list[dict[str, Any]]], most: int = 2) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """(address, log of (method, path)) of a server that serves these lists by path, `most` items a page."""
    log: list[tuple[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *words: Any) -> None:
            pass

        def answer(self, code: int, body: dict[str, Any], cut: bool = False) -> None:
            content = json.dumps(body).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) // 2] if cut else content)
            self.close_connection = cut

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(url.query).items()}
            log.append((self.command, url.path))
            who = TOKENS.get((self.headers.get("Authorization") or "").removeprefix("Bearer "))
            if who is None:
                return self.answer(*status(401, "Unauthorized", "Unauthorized"))
            if who == "nobody" or (who == "no-pods" and url.path.endswith("/pods")):
                return self.answer(
                    *status(403, "Forbidden", f'User "{who}" cannot list resource "{url.path.rpartition("/")[2]}"')
                )
            if url.path not in lists:
                return self.answer(*status(404, "NotFound", "the server could not find the requested resource"))
            items, mark = lists[url.path], query.get("continue")
            start = json.loads(base64.urlsafe_b64decode(mark))["start"] if mark else 0
            once = who == "expires-once" and sum(path == url.path for _method, path in log) == 2
            if start and (who == "expires" or once):
                return self.answer(*status(410, "Expired", EXPIRED))
            end = min(start + min(int(query.get("limit") or most), most), len(items))
            metadata: dict[str, Any] = {"resourceVersion": "1000"}
            if end < len(items):
                metadata["continue"] = base64.urlsafe_b64encode(json.dumps({"start": end}).encode()).decode()
                metadata["remainingItemCount"] = len(items) - end
            return self.answer(200, {"kind": "List", "metadata": metadata, "items": items[start:end]}, cut=who == "cut")

        do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", log
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
