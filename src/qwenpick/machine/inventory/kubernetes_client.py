"""A running Kubernetes cluster, asked through its API with the person's own kubeconfig (extra `[kubernetes]`). Only lists are read."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from qwenpick.errors import QwenpickError
from qwenpick.i18n import N_, _
from qwenpick.machine.inventory.cluster import Cluster
from qwenpick.machine.inventory.kubernetes import parse

PAGE, SECONDS, TRIES = 500, 30.0, 3
NODES, PODS = "/api/v1/nodes", "/api/v1/pods"
CLAIMS = ("v1", "v1beta2", "v1beta1")  # resource.k8s.io, newest first
Get = Callable[[str], tuple[int, bytes]]


class ListError(Exception):
    """A list that could not be had: the HTTP status, and what the server said."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def read(context: str | None = None) -> Cluster:
    """The cluster of the kubeconfig's current (or this) context, or of the pod that this runs in. Raises QwenpickError where it cannot be asked."""
    return of(getter(context))


def getter(context: str | None) -> Get:
    """GET through the official client: its kubeconfig, its certificates, its log-in plugins."""
    try:
        from kubernetes import client, config
        from urllib3.exceptions import HTTPError
    except ImportError:
        raise QwenpickError(
            _(
                "reading a Kubernetes cluster needs its client: pip install 'qwenpick[kubernetes]' "
                "(or kubectl get nodes,pods -A -o json | qwenpick fleet --cluster -)"
            )
        ) from None
    try:
        file = os.environ.get("KUBECONFIG")
        inside = (
            "KUBERNETES_SERVICE_HOST" in os.environ and not file and not (Path.home() / ".kube" / "config").exists()
        )
        config.load_incluster_config() if inside else config.load_kube_config(config_file=file, context=context)
    except (config.ConfigException, OSError, ValueError, TypeError) as problem:
        raise QwenpickError(_("the kubeconfig cannot be used: {problem}", problem=_line(problem))) from None
    settings = client.Configuration.get_default_copy()
    settings.retries = False
    asked = client.ApiClient(settings)

    def get(path: str) -> tuple[int, bytes]:
        login = {one["key"]: one["value"] for one in settings.auth_settings().values() if one["in"] == "header"}
        try:
            words = {**asked.default_headers, **login, "Accept": "application/json"}
            pool = asked.rest_client.pool_manager
            found = pool.request("GET", settings.host.rstrip("/") + path, headers=words, timeout=SECONDS, retries=False)
            return int(found.status), bytes(found.data)
        except (HTTPError, OSError) as problem:
            raise QwenpickError(
                _("the Kubernetes API at {host} cannot be asked: {problem}", host=settings.host, problem=_line(problem))
            ) from None

    return get


def of(get: Get) -> Cluster:
    """The cluster behind `get`. Without the right to list pods what they hold is not known, and that is said."""
    try:
        documents: list[object] = [listed(get, NODES, "NodeList")]
    except ListError as problem:
        raise QwenpickError(_refusal(problem)) from None
    unclear = []
    try:
        documents.append(listed(get, PODS, "PodList"))
    except ListError as problem:
        unclear.append(N_("pods could not be listed ({problem})", problem=_line(problem)))
    for name, kind in (("resourceslices", "ResourceSliceList"), ("resourceclaims", "ResourceClaimList")):
        for version in CLAIMS:
            try:
                documents.append(listed(get, f"/apis/resource.k8s.io/{version}/{name}", kind))
                break
            # not served in this version, or not ours to see: then devices are not handed out that way, or not to us
            except ListError:
                continue
    found = parse(documents)
    return Cluster(found.source, found.nodes, (*found.unclear, *unclear))


def listed(get: Get, path: str, kind: str) -> dict[str, Any]:
    """A whole list, page by page; begun anew where the server forgot the state that the pages were of (410). Raises ListError."""
    for attempt in range(TRIES):
        try:
            return {"kind": kind, "items": [item for page in _pages(get, path) for item in page]}
        except ListError as problem:
            if problem.status != 410 or attempt == TRIES - 1:
                raise
    raise AssertionError("unreachable")


def _pages(get: Get, path: str) -> Iterator[list[Any]]:
    from urllib.parse import quote

    mark = ""
    while True:
        status, content = get(f"{path}?limit={PAGE}" + (f"&continue={quote(mark)}" if mark else ""))
        try:
            document = json.loads(content)
        except (ValueError, RecursionError):
            document = {}
        if status != 200:
            said = document.get("message") if isinstance(document, dict) else None
            raise ListError(status, str(said or f"HTTP {status}"))
        if not isinstance(document, dict) or not isinstance(document.get("items"), list):
            raise ListError(status, _("the answer is not a list"))
        yield document["items"]
        mark = str((document.get("metadata") or {}).get("continue") or "")
        if not mark:
            return


def _refusal(problem: ListError) -> str:
    """Why the nodes cannot be listed, and what to do."""
    if problem.status == 401:
        return _("the Kubernetes API does not know you (401): log in again, or name another context in the kubeconfig")
    if problem.status == 403:
        return _(
            "you may not list nodes (403: {problem}); ask for get and list on nodes, and list on pods",
            problem=_line(problem),
        )
    return _("the nodes cannot be listed ({status}: {problem})", status=problem.status, problem=_line(problem))


def _line(problem: Exception) -> str:
    return (str(problem).strip().splitlines() or [type(problem).__name__])[0][:300]
