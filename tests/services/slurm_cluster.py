"""A real Slurm on this machine: one controller, four slurmd that say they have GPUs, one node that never answers; all in one folder."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "scontrol", "sbatch", "scancel", "sinfo")
GPUS = {"a100-1": 8, "l40s-1": 4, "mig-1": 5}
CONF = """
ClusterName=qwenpick
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={root}/munge/socket
CredType=cred/munge
MpiDefault=none
MailProg=/bin/true
StateSaveLocation={root}/state
SlurmdSpoolDir={root}/spool/%n
SlurmctldPidFile={root}/run/slurmctld.pid
SlurmdPidFile={root}/run/%n.pid
SlurmctldLogFile={root}/log/slurmctld
SlurmdLogFile={root}/log/%n
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=sched_interval=1,batch_sched_delay=0,bf_interval=1
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=2
GresTypes=gpu
NodeName=a100-1 {here} Port={d1} Sockets=2 CoresPerSocket=64 RealMemory=1031000 Feature=a100,a100_80gb,ib Gres=gpu:a100:8
NodeName=l40s-1 {here} Port={d2} Sockets=2 CoresPerSocket=32 RealMemory=515000 Feature=l40s Gres=gpu:l40s:4
NodeName=mig-1 {here} Port={d3} Sockets=1 CoresPerSocket=32 RealMemory=257000 Gres=gpu:a100:3,gpu:a100_3g.40gb:2
NodeName=cpu-1 {here} Port={d4} CPUs=96 RealMemory=385000
NodeName=gone-1 {here} Port={d5} CPUs=64 RealMemory=515000 State=DOWN Reason="no slurmd on purpose"
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
PartitionName=gpu Nodes=a100-1,l40s-1,mig-1 MaxTime=1-00:00:00 State=UP
"""
GRES = """
AutoDetect=off
NodeName=a100-1 Name=gpu Type=a100 File={root}/dev/a100-1/nvidia[0-7]
NodeName=l40s-1 Name=gpu Type=l40s File={root}/dev/l40s-1/nvidia[0-3]
NodeName=mig-1 Name=gpu Type=a100 File={root}/dev/mig-1/nvidia[0-2]
NodeName=mig-1 Name=gpu Type=a100_3g.40gb File={root}/dev/mig-1/nvidia[3-4]
"""


def missing() -> str | None:
    """Why no Slurm can be started here; None where it can."""
    absent = [name for name in PROGRAMS if shutil.which(name, path=path()) is None]
    if absent:
        return f"not installed: {', '.join(absent)} (bash tools/services.sh installs them)"
    return None if os.geteuid() == 0 else "Slurm's daemons are started as root here"


def path() -> str:
    """PATH with the folders of daemons."""
    return f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


@contextmanager
def cluster(port: int) -> Iterator[Path]:
    """The path of its slurm.conf, to be named by SLURM_CONF. Raises RuntimeError with the logs where it does not come up within 20 s."""
    root = Path(tempfile.mkdtemp(prefix="qwenpick-slurm-", dir="/tmp"))
    root.chmod(0o755)
    for name in (
        "munge",
        "state",
        "log",
        "run",
        *(f"spool/{node}" for node in (*GPUS, "cpu-1")),
        *(f"dev/{node}" for node in GPUS),
    ):
        (root / name).mkdir(parents=True, mode=0o755)
    for node, count in GPUS.items():
        for index in range(count):
            (root / "dev" / node / f"nvidia{index}").touch()
    key = root / "munge" / "key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o600)
    host = socket.gethostname().partition(".")[0]
    places = {
        "here": f"NodeHostname={host} NodeAddr=127.0.0.1",
        "root": root,
        "host": host,
        "port": port,
        **{f"d{i}": port + i for i in range(1, 6)},
    }
    conf = root / "slurm.conf"
    conf.write_text(CONF.format(**places))
    (root / "gres.conf").write_text(GRES.format(**places))
    version = subprocess.run(
        ["slurmctld", "-V"], env={**os.environ, "PATH": path()}, capture_output=True, text=True, check=True
    ).stdout
    if int(version.split()[-1].partition(".")[0]) > 22:  # 22.05 has no such plugin, and needs none
        (root / "cgroup.conf").write_text("CgroupPlugin=disabled\n")
    environ = {**os.environ, "SLURM_CONF": str(conf), "PATH": path()}

    def start(*command: str) -> None:
        with (root / "log" / "out").open("ab") as out:
            done = subprocess.run(
                command, env=environ, stdin=subprocess.DEVNULL, stdout=out, stderr=out, timeout=20, check=False
            )
        if done.returncode:
            raise RuntimeError(f"{command[0]}: {logs()}")

    def logs() -> str:
        return "\n".join(log.read_text()[-2000:] for log in sorted((root / "log").iterdir()))

    munge = root / "munge"
    try:
        start("munged", "--force", f"--key-file={key}", f"--socket={munge}/socket", f"--pid-file={root}/run/munged.pid",
              f"--log-file={root}/log/munged", f"--seed-file={munge}/seed", "--num-threads=2")  # fmt: skip
        start("slurmctld", "-f", str(conf), "-c")
        for node in (*GPUS, "cpu-1"):
            start("slurmd", "-f", str(conf), "-N", node)
        for _attempt in range(200):
            asked = subprocess.run(
                ["sinfo", "-h", "-N", "-p", "all", "-o", "%t"], env=environ, capture_output=True, text=True, check=False
            )
            if asked.stdout.split().count("idle") == 4:
                break
            time.sleep(0.1)
        else:
            raise RuntimeError(logs())
        yield conf
    finally:
        subprocess.run(["timeout", "5", "scancel", "-u", "root"], env=environ, capture_output=True, check=False)
        time.sleep(0.3)
        for name in ("a100-1", "l40s-1", "mig-1", "cpu-1", "slurmctld", "munged"):
            _stop(root / "run" / f"{name}.pid")
        shutil.rmtree(root, ignore_errors=True)


def _stop(file: Path) -> None:
    """End the process whose id is in the file: asked first, after three seconds made to."""
    try:
        pid = int(file.read_text())
        os.kill(pid, signal.SIGTERM)
        for _attempt in range(30):
            time.sleep(0.1)
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return
        os.kill(pid, signal.SIGKILL)
    except (OSError, ValueError):
        return
