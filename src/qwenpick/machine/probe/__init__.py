"""What is in this box: one call that asks everything, believes nothing blindly and never raises."""

from qwenpick.machine.probe.machine import probe
from qwenpick.machine.probe.world import CommandOutput, Runner, World, run_command

__all__ = ["CommandOutput", "Runner", "World", "probe", "run_command"]
