"""A plan as Kubernetes objects: Deployment, Service and a claim for the weights; a LeaderWorkerSet where one copy takes several nodes.

Fields: Kubernetes 1.34 apps/v1, core/v1, resource.k8s.io/v1; LeaderWorkerSet v0.9 (leaderworkerset.x-k8s.io/v1, sigs.k8s.io/lws). Several nodes:
vLLM 0.26 engine/arg_utils.py (--nnodes, --node-rank, --master-addr, --headless), SGLang 0.5 server_args.py (--nnodes, --node-rank, --dist-init-addr).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from qwenpick.errors import QwenpickError
from qwenpick.i18n import _
from qwenpick.launch import docker, hub, llamacpp, vllm
from qwenpick.launch.facts import without_nodes
from qwenpick.launch.run import Command, Launch, Run
from qwenpick.launch.target import Target, object_name
from qwenpick.machine.mig import split_name
from qwenpick.units import GIB

LLAMA_IMAGE = "ghcr.io/ggml-org/llama.cpp:server{flavour}-b11434"
LLAMA_FLAVOURS = {"nvidia": "-cuda", "amd": "-rocm", "intel": "-intel"}
CACHE = "/cache"  # where the weights' volume is mounted; HF_HOME and LLAMA_CACHE point there
SHARED_MEMORY = "16Gi"  # ranks of tensor parallelism talk through /dev/shm; a container has 64 MiB of it by itself
RESOURCES = {"nvidia": "nvidia.com/gpu", "amd": "amd.com/gpu", "intel": "gpu.intel.com/xe"}  # where no cluster was read
# drivers that hand devices out by claims; also the names of their device classes
CLAIMED = ("gpu.nvidia.com", "gpu.amd.com", "gpu.intel.com")
STARTING, PERIOD = 180, 10  # how often a server that loads weights is asked, and every how many seconds: half an hour
GROUP_PORT = 20000


def launch(run: Run, planned: Launch, target: Target) -> Launch:
    """The objects of a plan as files, and the command that creates them. Raises QwenpickError for engines that are not served so."""
    files = {f"{kind}.yaml": _text(document) for kind, document in objects(run, planned, target).items()}
    return replace(
        planned,
        serve=Command(("kubectl", "apply", "-f", "-")),
        prepare=(),
        files=files,
        downloads=tuple(replace(item, where=_("the volume claim of the manifest")) for item in planned.downloads),
        notes=(*without_nodes(planned.notes, run), *_notes(target)),
    )


def document(planned: Launch) -> str:
    """All objects as one YAML stream, with what to know of them as comments before."""
    notes = "".join(f"# {' '.join(note.split())}\n" for note in planned.notes)
    return notes + "---\n".join(planned.files.values())


def objects(run: Run, planned: Launch, target: Target) -> dict[str, dict[str, Any]]:
    """The objects by their kind in small letters, in the order in which they are created."""
    if run.path:
        raise QwenpickError(_("a manifest cannot mount local weights; name a published model instead"))
    name = object_name(run.model.id)
    image, command, port, env = _contents(run)
    size = sum(item.bytes or 0 for item in planned.downloads)
    found: dict[str, dict[str, Any]] = {"persistentvolumeclaim": _claim(name, size, target)}
    if target.resource in CLAIMED:
        found["resourceclaimtemplate"] = _template(name, target)
    container = _container(run, target, image, command, port, env)
    pod = _pod(name, container, target)
    if target.nodes > 1:
        found["leaderworkerset"] = _group(name, pod, target, run)
        chosen = {"leaderworkerset.sigs.k8s.io/name": name, "leaderworkerset.sigs.k8s.io/worker-index": "0"}
    else:
        chosen = {"app.kubernetes.io/name": name}
        found["deployment"] = {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name, "labels": chosen},
            "spec": {
                "replicas": target.replicas,
                "selector": {"matchLabels": chosen},
                "template": {"metadata": {"labels": chosen}, "spec": pod},
            },
        }
    found["service"] = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "labels": {"app.kubernetes.io/name": name}},
        "spec": {"selector": chosen, "ports": [{"name": "http", "port": port, "targetPort": "http"}]},
    }
    return found


def _contents(run: Run) -> tuple[str, list[str], int, dict[str, str]]:
    """(image pinned by version, the whole command, port, environment)."""
    if run.runtime == "llamacpp":
        served = llamacpp.launch(run)
        if served.prepare:
            said = _(
                "nobody publishes {format} of {name}; name a format that is (--quant)",
                format=run.checkpoint.format,
                name=run.model.name,
            )
            raise QwenpickError(said)
        vendor = run.placement.devices[0].vendor if run.placement.devices else ""
        words = ["--host", "0.0.0.0"]  # noqa: S104 - inside the pod; the Service decides who reaches it
        image = LLAMA_IMAGE.format(flavour=LLAMA_FLAVOURS.get(vendor, ""))
        return (
            image,
            ["/app/llama-server", *served.serve.argv[1:], *words],
            llamacpp.PORT,
            {"LLAMA_CACHE": CACHE, **hub.environment(run)},
        )
    if run.runtime not in ("vllm", "sglang"):
        said = _("manifests are written for vLLM, SGLang and llama.cpp; choose one with --runtime")
        raise docker.other_engine(run, said)
    image, words, port, env = docker.contents(replace(run, visible={}))
    return image, words if words[0] in ("vllm", "python3") else ["vllm", "serve", *words], port, env


def _container(
    run: Run, target: Target, image: str, command: list[str], port: int, env: Mapping[str, str]
) -> dict[str, Any]:
    """The server with what it asks for and how it is watched."""
    secret = {"secretKeyRef": {"name": "huggingface", "key": "token", "optional": True}}
    limits: dict[str, Any] = {}
    if target.gpus and target.resource not in CLAIMED:
        limits[target.resource or _resource(run)] = str(target.gpus)
    watch = {"httpGet": {"path": "/health", "port": "http"}, "periodSeconds": PERIOD}
    return {
        "name": run.runtime,
        "image": image,
        "command": [_literal(word) for word in command],
        "ports": [{"name": "http", "containerPort": port}],
        "env": [
            {"name": "HF_HOME", "value": CACHE},
            *([{"name": "MODELSCOPE_CACHE", "value": CACHE}] if run.hub == hub.MODELSCOPE else []),
            *({"name": key, "value": value} for key, value in env.items()),
            {"name": "HF_TOKEN", "valueFrom": secret},
        ],
        "resources": {
            "requests": {"cpu": str(target.cores), "memory": f"{target.ram // GIB}Gi"},
            **({"limits": limits} if limits else {}),
            **({"claims": [{"name": "gpus"}]} if target.resource in CLAIMED and target.gpus else {}),
        },
        "startupProbe": watch | {"failureThreshold": STARTING},
        "readinessProbe": dict(watch),
        "livenessProbe": watch | {"periodSeconds": 3 * PERIOD},
        "volumeMounts": [{"name": "weights", "mountPath": CACHE}, {"name": "shared-memory", "mountPath": "/dev/shm"}],  # noqa: S108
    }


def _resource(run: Run) -> str:
    device = run.placement.devices[0]
    vendor = device.vendor
    # the device plugin's names where a node's instances differ
    if device.kind == "mig" and (profile := split_name(device.name)[1]):
        return f"nvidia.com/mig-{profile}"
    if vendor not in RESOURCES:
        raise QwenpickError(
            _("no Kubernetes resource is known for GPUs of {vendor}: read the cluster with --cluster", vendor=vendor)
        )
    return RESOURCES[vendor]


def _pod(name: str, container: dict[str, Any], target: Target) -> dict[str, Any]:
    claimed = (
        [{"name": "gpus", "resourceClaimTemplateName": name}] if target.resource in CLAIMED and target.gpus else []
    )
    return {
        **({"nodeSelector": dict(target.labels)} if target.labels else {}),
        **({"tolerations": tolerated} if (tolerated := _tolerations(target)) else {}),
        **({"resourceClaims": claimed} if claimed else {}),
        "containers": [container],
        "volumes": [
            {"name": "weights", "persistentVolumeClaim": {"claimName": name}},
            {"name": "shared-memory", "emptyDir": {"medium": "Memory", "sizeLimit": SHARED_MEMORY}},
        ],
    }


def _tolerations(target: Target) -> list[dict[str, str]]:
    """One for each taint that keeps pods away."""
    return [
        {"key": taint.key, "operator": "Equal", "value": taint.value, "effect": taint.effect}
        if taint.value
        else {"key": taint.key, "operator": "Exists", "effect": taint.effect}
        for taint in target.taints
        if taint.effect in ("NoSchedule", "NoExecute")
    ]


def _claim(name: str, size: int, target: Target) -> dict[str, Any]:
    """Room for the weights with a tenth to spare; several pods read one claim."""
    shared = target.replicas > 1 or target.nodes > 1
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name},
        "spec": {
            "accessModes": ["ReadWriteMany" if shared else "ReadWriteOnce"],
            "resources": {"requests": {"storage": f"{max(1, -(-size * 11 // 10 // GIB))}Gi"}},
        },
    }


def _template(name: str, target: Target) -> dict[str, Any]:
    """What a pod claims of a driver that hands devices out by claims."""
    request = {"name": "gpus", "exactly": {"deviceClassName": target.resource, "count": target.gpus}}
    return {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceClaimTemplate",
        "metadata": {"name": name},
        "spec": {"spec": {"devices": {"requests": [request]}}},
    }


def _group(name: str, pod: dict[str, Any], target: Target, run: Run) -> dict[str, Any]:
    """Groups of nodes, each one copy: the leader serves, the workers hold its other stages."""
    (container,) = pod["containers"]
    words, leading = ["--nnodes", "$(LWS_GROUP_SIZE)", "--node-rank", "$(LWS_WORKER_INDEX)"], "$(LWS_LEADER_ADDRESS)"
    if run.runtime == "sglang":
        words, following = [*words, "--dist-init-addr", f"{leading}:{GROUP_PORT}"], list[str]()
    elif run.runtime == "vllm":
        vllm.takes_nodes(run, refuse=True)
        words, following = [*words, "--master-addr", leading], ["--headless"]
    else:
        raise QwenpickError(_("only vLLM and SGLang run over several nodes"))
    leader = container | {"command": [*container["command"], *words]}
    unwatched = {key: value for key, value in container.items() if not key.endswith("Probe") and key != "ports"}
    worker = unwatched | {"command": [*container["command"], *words, *following]}
    return {
        "apiVersion": "leaderworkerset.x-k8s.io/v1",
        "kind": "LeaderWorkerSet",
        "metadata": {"name": name},
        "spec": {
            "replicas": target.replicas,
            "leaderWorkerTemplate": {
                "size": target.nodes,
                "restartPolicy": "RecreateGroupOnPodRestart",
                "leaderTemplate": {"spec": pod | {"containers": [leader]}},
                "workerTemplate": {"spec": pod | {"containers": [worker]}},
            },
        },
    }


def _notes(target: Target) -> list[str]:
    found = []
    if target.replicas > 1 or target.nodes > 1:
        found.append(_("several pods read one claim: it needs a storage class with ReadWriteMany"))
    if target.nodes > 1:
        found.append(_("a LeaderWorkerSet needs its controller in the cluster: lws.sigs.k8s.io"))
    if special := [
        taint.key for taint in target.taints if not taint.key.startswith(("nvidia.com/", "amd.com/", "gpu.intel.com/"))
    ]:
        found.append(_("tolerates {keys}: ask whose nodes these are", keys=", ".join(dict.fromkeys(special))))
    return found


def _literal(word: str) -> str:
    """Kubernetes would put a variable in the place of $(NAME)."""
    return word.replace("$(", "$$(")


def _text(content: dict[str, Any]) -> str:
    """YAML without anchors: what appears twice is written twice."""
    import yaml

    class Plain(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
            return True

    return str(yaml.dump(content, Dumper=Plain, sort_keys=False, allow_unicode=True, width=140))
