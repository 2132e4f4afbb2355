"""Of a cluster there is one answer: `recommend`, `fit` and `launch` name the same plan, the same kind of node and as many copies."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from qwenpick.catalog import Catalog
from qwenpick.fitting.answer import fit
from qwenpick.fleet.copies import Deployment, plan_deployment
from qwenpick.fleet.kinds import Fleet, fleet
from qwenpick.fleet.serve import ServedModel, serve
from qwenpick.machine.inventory.read import read
from qwenpick.recommending.request import Request
from tests.conftest import Run, mostly_slow

SAMPLES = Path(__file__).parents[1] / "machine" / "inventory" / "samples"
KUBERNETES = "kubernetes-nodes.json"
SLURM = "slurm-24.11-scontrol-show-nodes.busy.json"
OTHERS = ["ray-list-nodes.json", "slurm-22.05-scontrol-show-nodes-d-o.busy.txt", "slurm-24.11-sinfo-N-O.busy.txt"]
ASKED: list[tuple[str, Request]] = [
    (KUBERNETES, Request(users=20, series="Qwen3.8")),
    (SLURM, Request(users=200, min_speed=20.0, task="coding", series="Qwen3.6")),
    (KUBERNETES, Request(users=20)),
    (SLURM, Request(users=200, min_speed=20.0, task="coding")),
    (SLURM, Request()),
    (KUBERNETES, Request(users=300, runtime="vllm")),
    *((name, Request(users=users)) for name in OTHERS for users in (1, 16)),
]


def nodes(catalog: Catalog, sample: str) -> Fleet:
    return fleet(read(str(SAMPLES / sample), catalog), catalog)


def placed(answer: Deployment) -> tuple[object, ...]:
    room = answer.chosen
    assert room is not None
    return room.ways[0].plan, room.kind.nodes, answer.wanted, answer.each


def picked(one: ServedModel) -> tuple[object, ...]:
    return one.plan, one.kind.nodes, one.copies, one.users


@pytest.mark.parametrize(("sample", "request_"), mostly_slow(ASKED, 1))
def test_recommend_puts_each_model_where_fit_puts_it(catalog: Catalog, sample: str, request_: Request) -> None:
    cluster = nodes(catalog, sample)
    for one in serve(catalog, cluster, request_, 5).picks:
        answer = plan_deployment(catalog, cluster, one.plan.model, request_)
        assert picked(one) == placed(answer)
        assert one.copies * one.users >= request_.users > (one.copies - 1) * one.users


@pytest.mark.parametrize("model", ["qwen3.8-27b", "qwen3-8b", "qwen3.8-flash-next"])
@pytest.mark.parametrize("users", [1, 20])
def test_a_node_of_a_cluster_is_planned_as_the_same_box_is(catalog: Catalog, model: str, users: int) -> None:
    cluster, asked = nodes(catalog, KUBERNETES), Request(users=users)
    answer = plan_deployment(catalog, cluster, catalog.models[model], asked)
    best = max(room.ranked.score for room in answer.rooms if room.ranked and room.ways)
    for room in answer.rooms:
        if room.ways:
            alone = fit(catalog, room.kind.machine, catalog.models[model], asked)
            assert (room.plan, room.ranked) == (alone.plan, alone.ranked)
    assert answer.chosen is not None and answer.chosen.ranked is not None
    assert answer.chosen.ranked.score == pytest.approx(best, abs=0.1)


def test_the_commands_say_so(qwenpick: Run) -> None:
    at = ("--cluster", str(SAMPLES / KUBERNETES), "--users", "20")
    rows = json.loads(qwenpick("recommend", *at, "--series", "Qwen3.8", "--json").out)["picks"]
    (row,) = (row for row in rows if row["model"] == "qwen3.8-27b")
    chosen = json.loads(qwenpick("fit", "qwen3.8-27b", *at, "--json").out)["chosen"]
    started = json.loads(qwenpick("launch", "qwen3.8-27b", *at, "--json").out)
    assert chosen["plan"] == row["plan"]
    assert (
        (chosen["on"], chosen["copies"], chosen["users"])
        == (row["on"], row["copies"], row["users"])
        == (["l40s-1"], 1, 20)
    )
    keys = ("model", "format", "runtime", "sequences", "context")
    assert [started["plan"][key] for key in keys] == [row["plan"][key] for key in keys]
    # the sentence under a row is about as many users: a full answer at 36 tokens/s while 19 others read and write takes half a minute and more
    assert re.search(r"a full answer takes about 3\d s", row["reason"])


def test_users_that_no_copy_serves_are_shared_out_and_launch_starts_as_many_copies(
    qwenpick: Run,
) -> None:
    words = ("--users", "200", "--min-speed", "20", "--task", "coding", "--cluster", str(SAMPLES / SLURM))
    found = json.loads(qwenpick("fit", "qwen3.6-35b-a3b", *words, "--json").out)["chosen"]
    gpus = len(found["plan"]["placement"]["devices"])
    assert (found["copies"], found["users"], gpus) == (2, 100, 2)  # of a node's four GPUs
    assert "#SBATCH --array=1-2" in qwenpick("launch", "qwen3.6-35b-a3b", *words).out


def test_copies_that_are_asked_for_may_have_a_part_of_a_node_each(catalog: Catalog) -> None:
    cluster = nodes(catalog, KUBERNETES)
    one, eight = (
        plan_deployment(catalog, cluster, catalog.models["qwen3.8-27b"], Request(users=4), copies) for copies in (1, 8)
    )
    assert one.chosen is not None and eight.chosen is not None
    assert eight.chosen.alike >= 8  # eight A100 have a copy each
    assert eight.chosen.kind.nodes == ("a100-1",) and len(eight.chosen.ways[0].plan.placement.devices) == 1


def test_a_cluster_that_is_too_slow_is_no_place(qwenpick: Run) -> None:
    at = ("qwen3.8-27b", "--cluster", str(SAMPLES / KUBERNETES), "--min-speed", "9000")
    found, started = qwenpick("fit", *at), qwenpick("launch", *at)
    assert found.code == 1 and "slower than --min-speed asks" in found.out
    assert started.code == 1 and "slower there than --min-speed asks" in started.err


def test_what_is_started_in_a_cluster_thinks_as_its_json_says(qwenpick: Run) -> None:
    asked = ("launch", "qwen3-8b", "--cluster", str(SAMPLES / KUBERNETES), "--task", "translation")
    assert json.loads(qwenpick(*asked, "--json").out)["thinking"] == "off"
    assert "thinking is off, as recommended" in qwenpick(*asked).out
