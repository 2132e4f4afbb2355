"""Where this process runs: a container, WSL, and the device files it may not open."""

from __future__ import annotations

import os

from qwenpick.machine.probe.world import World
from qwenpick.values import dataclass

DEVICE_FILES = ("/dev/nvidiactl", "/dev/nvidia0", "/dev/kfd", "/dev/dri/renderD128", "/dev/davinci0")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """`container` names its kind (docker, podman, kubernetes, …); `denied` are device files that are there and may not be opened."""

    container: str | None = None
    wsl: bool = False
    denied: tuple[str, ...] = ()


def surroundings(world: World) -> Surroundings:
    """What the files and the environment tell of it."""
    kernel = (world.read("/proc/version") or "").casefold()
    wsl = "microsoft" in kernel or "WSL_DISTRO_NAME" in world.environ or "WSL_INTEROP" in world.environ
    denied = tuple(
        name for name in DEVICE_FILES if world.exists(name) and not os.access(world.path(name), os.R_OK | os.W_OK)
    )
    return Surroundings(_container(world), wsl, denied)


def _container(world: World) -> str | None:
    if "KUBERNETES_SERVICE_HOST" in world.environ:
        return "kubernetes"
    if world.exists("/.dockerenv"):
        return "docker"
    if world.exists("/run/.containerenv"):
        return "podman"
    groups = world.read("/proc/1/cgroup") or ""
    return next(
        (kind for kind in ("kubepods", "docker", "containerd", "lxc", "libpod") if kind in groups),
        world.environ.get("container"),
    )
