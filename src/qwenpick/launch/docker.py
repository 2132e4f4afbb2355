"""The same vLLM and SGLang servers in containers: a `docker run` line and a compose file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from qwenpick.errors import QwenpickError
from qwenpick.i18n import N_, _
from qwenpick.launch import hub, sglang, vllm
from qwenpick.launch.releases import named, newest
from qwenpick.launch.run import Command, Launch, Run
from qwenpick.runtimes import options_of
from qwenpick.runtimes.option import numbers
from qwenpick.runtimes.vllm.options import Options as VllmOptions
from qwenpick.runtimes.vllm.refusals import model_refusal

INSIDE = "/model"  # where local weights are mounted
CACHE = "/root/.cache/huggingface"
SHARED_MEMORY = "16g"  # ranks of tensor parallelism talk through /dev/shm; Docker's default of 64 MB is too little
IMAGES = "m.daocloud.io/docker.io/"  # DaoCloud/public-image-mirror: a mirror of Docker Hub in mainland China
_PLAIN = N_("--docker works with vLLM and SGLang: add --runtime vllm")


def container(run: Run, planned: Launch) -> Launch:
    """`docker run` of what `planned` starts without it. Raises QwenpickError for engines and hardware that have no such image."""
    image, command, port, env = _of_one(run)
    env = _cached(env)
    words = ["docker", "run", "--rm", *_gpu_words(run), "--shm-size", SHARED_MEMORY, "-p", f"{port}:{port}"]
    words += ["-v", f"huggingface:{CACHE}", *_mount(run)]
    for name, value in env.items():
        words += ["-e", f"{name}={value}"]
    words += ["-e", "HF_TOKEN"]
    return replace(
        planned, serve=Command((*words, image, *command)), downloads=_kept(planned), notes=_notes(run, planned, image)
    )


def compose(run: Run, planned: Launch) -> Launch:
    """A compose.yaml that does the same. A $ in a value is doubled, since compose would fill it in."""
    import yaml

    image, command, port, env = _of_one(run)
    env = _cached(env)
    service: dict[str, Any] = {
        "image": image,
        "command": [_literal(word) for word in command],
        "ports": [f"{port}:{port}"],
        "shm_size": SHARED_MEMORY,
        "environment": {**{name: _literal(value) for name, value in env.items()}, "HF_TOKEN": "${HF_TOKEN:-}"},
        "volumes": [f"huggingface:{CACHE}", *_volume(run)],
        "restart": "unless-stopped",
        "healthcheck": {
            "test": [
                "CMD",
                "python3",
                "-c",
                f"import urllib.request as u; u.urlopen('http://localhost:{port}/health', timeout=5)",
            ],
            "interval": "30s",
            "timeout": "10s",
            "start_period": "20m",
        },
    } | _gpu_fields(run)
    document = {"services": {run.runtime: service}, "volumes": {"huggingface": {}}}
    text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)
    return replace(
        planned,
        serve=Command(("docker", "compose", "up")),
        files={**planned.files, "compose.yaml": text},
        downloads=_kept(planned),
        notes=_notes(run, planned, image),
    )


def _of_one(run: Run) -> tuple[str, list[str], int, dict[str, str]]:
    """The contents of a container that holds the whole model. Raises QwenpickError for a model that lies on several boxes."""
    if run.placement.nodes > 1:
        raise QwenpickError(
            _(
                "one container is started on one machine, and this lies on {nodes}: --kubernetes or --slurm, or plain commands",
                nodes=run.placement.nodes,
            )
        )
    return contents(run)


def _notes(run: Run, planned: Launch, image: str) -> tuple[str, ...]:
    """With what the image holds instead of a build that is no release, and a mirror for it, where weights come from one."""
    said = options_of(run.runtime, run.work.options)
    notes = planned.notes
    if said.said_release and named(said) is None:
        notes += (_("there is no image of {version}: {image} is a release", version=said.said_release, image=image),)
    if run.hub != hub.MODELSCOPE:
        return notes
    return (*notes, _("if Docker Hub does not open: the image is {image} too", image=f"{IMAGES}{image}"))


def _cached(env: dict[str, str]) -> dict[str, str]:
    """With ModelScope's downloads in the same volume."""
    return {**env, "MODELSCOPE_CACHE": f"{CACHE}/modelscope"} if any("MODELSCOPE" in name for name in env) else env


def contents(run: Run) -> tuple[str, list[str], int, dict[str, str]]:
    """(image, command inside it, port, environment)."""
    vendor = _vendor(run)
    inner = replace(run, path=INSIDE, visible={}) if run.path else replace(run, visible={})
    if run.runtime == "vllm":
        image = vllm.image(run, vendor)
        return (
            image,
            ["vllm", "serve"][: 2 if image == vllm.AMD_BEFORE else 0] + vllm.arguments(inner),
            vllm.PORT,
            vllm.environment(inner if not run.path else run),
        )
    if run.runtime == "sglang":
        listen = ["--host", "0.0.0.0", "--port", str(sglang.PORT)]  # noqa: S104 - inside the container; Docker publishes the port
        command = ["python3", "-m", "sglang.launch_server", *sglang.arguments(inner), *listen]
        return sglang.image(run, vendor), command, sglang.PORT, sglang.environment(inner)
    raise other_engine(run, _(_PLAIN))


def other_engine(run: Run, said: str) -> QwenpickError:
    """That a form of launch is for other engines, as `said`; of a model that they do not have, why not."""
    why = model_refusal(run.architecture, numbers(newest(VllmOptions())), stated=False)
    return QwenpickError(_("{why}; `qwenpick launch` without more writes a program", why=why) if why else said)


def _vendor(run: Run) -> str:
    vendors = {device.vendor for device in run.placement.devices}
    if vendors == {"nvidia"} or vendors == {"amd"}:
        return vendors.pop()
    raise QwenpickError(_("the images of vLLM and SGLang need NVIDIA or AMD GPUs"))


def _chosen(run: Run) -> list[str]:
    """The GPUs to show, as Docker names them; [] for all."""
    return next((value.split(",") for name, value in run.visible.items() if name.endswith("VISIBLE_DEVICES")), [])


def _gpu_words(run: Run) -> list[str]:
    if _vendor(run) == "amd":
        words = [
            "--device",
            "/dev/kfd",
            "--device",
            "/dev/dri",
            "--group-add",
            "video",
            "--security-opt",
            "seccomp=unconfined",
        ]
        return words + [word for name, value in run.visible.items() for word in ("-e", f"{name}={value}")]
    # Docker reads CSV: commas want the quotes
    return ["--gpus", f'"device={",".join(_chosen(run))}"' if _chosen(run) else "all"]


def _gpu_fields(run: Run) -> dict[str, Any]:
    if _vendor(run) == "amd":
        return {"devices": ["/dev/kfd", "/dev/dri"], "group_add": ["video"], "security_opt": ["seccomp=unconfined"]}
    which: dict[str, Any] = {"device_ids": _chosen(run)} if _chosen(run) else {"count": "all"}
    return {
        "deploy": {"resources": {"reservations": {"devices": [{"driver": "nvidia", **which, "capabilities": ["gpu"]}]}}}
    }


def _mount(run: Run) -> list[str]:
    if not run.path:
        return []
    if any(character in run.path for character in ',"\n\r'):
        raise QwenpickError(_("docker cannot mount a path with a comma, a quote or a line break; rename it"))
    return ["--mount", f"type=bind,source={_absolute(run.path)},target={INSIDE},readonly"]


def _volume(run: Run) -> list[dict[str, Any]]:
    return [{"type": "bind", "source": _literal(run.path), "target": INSIDE, "read_only": True}] if run.path else []


def _absolute(path: str) -> str:
    """Docker takes absolute sources only; a relative one is resolved here."""
    from pathlib import Path

    return path if PurePosixPath(path).is_absolute() else str(Path(path).resolve())


def _literal(text: str) -> str:
    return text.replace("$", "$$")


def _kept(planned: Launch) -> tuple[Any, ...]:
    return tuple(replace(item, where=_("the Docker volume huggingface")) for item in planned.downloads)
