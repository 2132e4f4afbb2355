"""nvidia-smi's CSV with all that it prints instead of values (N29)."""

from __future__ import annotations

from pathlib import Path

import pytest

from qwenpick.machine.probe import CommandOutput, run_command
from qwenpick.machine.probe.nvidia_smi import COLUMNS, OLD_COLUMNS, parse, read_smi
from qwenpick.machine.probe.world import World
from qwenpick.units import MIB
from tests.machine.probe.recorded import no_nvml, said

HEADER = "index, uuid, pci.bus_id, pci.device_id, pci.sub_device_id, name, memory.total [MiB], memory.free [MiB], compute_cap, driver_version\n"
ROW = "0, GPU-1, 00000000:01:00.0, 0x268410DE, 0x40E51458, NVIDIA GeForce RTX 4090, 24564, 24000, 8.9, 560.35.03\n"
SECOND = ROW.replace("0, GPU-1, 00000000:01", "1, GPU-2, 00000000:02")


def world(**outputs: CommandOutput) -> World:
    return World(Path("/nowhere"), {}, "linux", "x86_64", said({"nvidia-smi": outputs["smi"]}), 1.0, no_nvml)


def test_a_row_is_a_device_with_its_ids() -> None:
    device = parse(CommandOutput(ROW, 0), COLUMNS).devices[0]
    assert (device.total, device.free) == (24564 * MIB, 24000 * MIB)
    assert (device.pci_id, device.pci_bus, device.compute_capability) == ("10de:2684/1458:40e5", "0000:01:00.0", "8.9")


@pytest.mark.parametrize(
    "text",
    [
        HEADER + ROW,
        ROW.replace("\n", "\r\n"),
        "\n" + ROW + "\n",
        ROW + "Unable to determine the device handle for GPU 0000:02:00.0\n",
    ],
)
def test_headers_carriage_returns_and_errors_between_rows_are_left_out(text: str) -> None:
    assert len(parse(CommandOutput(text, 0), COLUMNS).devices) == 1


def test_two_rows_of_the_same_name_are_two_devices() -> None:
    assert [device.uuid for device in parse(CommandOutput(ROW + SECOND, 0), COLUMNS).devices] == ["GPU-1", "GPU-2"]


@pytest.mark.parametrize(
    "nothing",
    ["[N/A]", "[Not Supported]", "[Insufficient Permissions]", "[GPU is lost]", "[Unknown Error]", "ERR!", "N/A", ""],
)
def test_what_stands_for_a_missing_value_is_none(nothing: str) -> None:
    device = parse(CommandOutput(ROW.replace("24564", nothing).replace("8.9", nothing), 0), COLUMNS).devices[0]
    assert device.total is None and device.free is None and device.compute_capability is None
    assert device.notes[0].startswith("memory: nvidia-smi says")


def test_rows_count_whatever_the_exit_code_is() -> None:
    assert len(parse(CommandOutput(ROW, 255), COLUMNS).devices) == 1


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (
            CommandOutput("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.\n", 9),
            "NVIDIA-SMI has failed",
        ),
        (
            CommandOutput("Failed to initialize NVML: Driver/library version mismatch\n", 18),
            "Driver/library version mismatch",
        ),
        (CommandOutput("No devices were found\n", 6), "No devices were found"),
        (CommandOutput("", 255), "printed nothing (exit code 255)"),
        (CommandOutput("\ufffd\ufffd", 0), "\ufffd"),
        (CommandOutput(problem="nvidia-smi gave no answer in 5 s"), "no answer in 5 s"),
    ],
)
def test_what_is_no_row_is_the_reason(answer: CommandOutput, problem: str) -> None:
    read = read_smi(world(smi=answer))
    assert read.devices == () and read.problem is not None and problem in read.problem


def test_an_old_version_is_asked_without_the_columns_it_does_not_know() -> None:
    asked = []

    def run(command: list[str], timeout: float) -> CommandOutput:
        asked.append(command[1])
        if "compute_cap" in command[1]:
            return CommandOutput('Field "compute_cap" is not a valid field to query.\n', 2)
        return CommandOutput(ROW.replace("8.9, ", ""), 0)

    old = World(Path("/nowhere"), {}, "linux", "x86_64", run, 1.0, no_nvml)  # type: ignore[arg-type]
    assert read_smi(old).devices[0].compute_capability is None
    assert len(asked) == 2 and len(OLD_COLUMNS) == len(COLUMNS) - 1


def script(directory: Path, text: str, mode: int = 0o755) -> str:
    path = directory / "nvidia-smi"
    path.write_text(text)
    path.chmod(mode)
    return str(path)


def test_bytes_that_are_no_utf8_are_replaced(tmp_path: Path) -> None:
    answer = run_command([script(tmp_path, "#!/bin/sh\nprintf 'a\\370b\\r\\n'; exit 9\n")], 5)
    assert (answer.out, answer.code, answer.problem) == ("a\ufffdb\n", 9, None)


def test_a_command_that_hangs_is_given_up(tmp_path: Path) -> None:
    answer = run_command([script(tmp_path, "#!/bin/sh\nexec sleep 30\n")], 0.2)
    assert answer.problem is not None and "no answer in 0.2 s" in answer.problem


def test_a_command_that_may_not_be_run_is_not_installed(tmp_path: Path) -> None:
    assert "not installed" in (run_command([script(tmp_path, "", 0o644)], 1).problem or "")


def test_a_command_that_is_no_program_is_said(tmp_path: Path) -> None:
    assert "could not be started" in (run_command([script(tmp_path, "\x7fELF nonsense")], 1).problem or "")


def test_what_only_stderr_says_is_read(tmp_path: Path) -> None:
    assert run_command([script(tmp_path, "#!/bin/sh\necho broken >&2; exit 1\n")], 5).out == "broken\n"


def test_the_shell_is_never_asked(tmp_path: Path) -> None:
    answer = run_command([script(tmp_path, '#!/bin/sh\necho "$1"\n'), "$(id); true"], 5)
    assert answer.out == "$(id); true\n"
