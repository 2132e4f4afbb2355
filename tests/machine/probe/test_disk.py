"""Where weights would go, and how much room is there."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from qwenpick.machine.probe.disk import Disk, disk_notes, weight_directories
from qwenpick.units import GIB
from tests.machine.probe.conftest import Look


@pytest.mark.parametrize(
    ("environ", "hub"),
    [
        ({"HF_HUB_CACHE": "/a", "HF_HOME": "/b"}, ("/a", "HF_HUB_CACHE")),
        ({"HUGGINGFACE_HUB_CACHE": "/a", "HF_HOME": "/b"}, ("/a", "HUGGINGFACE_HUB_CACHE")),
        ({"HF_HOME": "/b", "XDG_CACHE_HOME": "/c"}, ("/b/hub", "HF_HOME")),
        ({"XDG_CACHE_HOME": "/c"}, ("/c/huggingface/hub", "XDG_CACHE_HOME")),
        ({}, ("/home/me/.cache/huggingface/hub", "the Hugging Face hub's default")),
    ],
)
def test_the_hubs_cache_is_where_its_variables_say(environ: dict[str, str], hub: tuple[str, str]) -> None:
    assert weight_directories({"HOME": "/home/me", **environ})[0] == hub


def test_ollama_has_a_place_of_its_own() -> None:
    assert weight_directories({"HOME": "/h"})[1][0] == "/h/.ollama/models"
    assert weight_directories({"HOME": "/h", "OLLAMA_MODELS": "/big"})[1] == ("/big", "OLLAMA_MODELS")


def test_a_place_that_is_not_there_yet_has_the_room_of_its_nearest_parent(look: Look, tmp_path: Path) -> None:
    machine = look(environ={"HF_HOME": "/data/not/there"})
    assert machine.disk_path == "/data/not/there/hub" and machine.sources["disk_path"] == "HF_HOME"
    assert machine.disk_free == pytest.approx(shutil.disk_usage(tmp_path).free, abs=GIB)


def test_another_disk_for_ollama_is_said() -> None:
    hub, other = Disk("/hub", "HF_HOME", 5 * GIB, True, 1), Disk("/ollama", "OLLAMA_MODELS", 900 * GIB, True, 2)
    assert disk_notes((hub, other)) == ("/ollama (OLLAMA_MODELS) is another disk, with 900.00 GiB free",)


def test_a_disk_that_may_not_be_written_or_read_is_said() -> None:
    notes = disk_notes((Disk("/hub", "HF_HOME", 5, False, 1), Disk("/x", "OLLAMA_MODELS", None, False, None)))
    assert notes == ("free disk at /x could not be read", "/hub (HF_HOME) is not writable")
