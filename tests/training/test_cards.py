"""What a card cannot do of a run, and options that are answered or refused."""

from __future__ import annotations

import json

import pytest

from qwenpick.catalog import Catalog, find_model
from qwenpick.errors import QwenpickError
from qwenpick.machine.simulate import simulate
from qwenpick.training.answer import tune
from qwenpick.training.cards import suited
from qwenpick.training.fixes import tuning_fixes
from qwenpick.work.serving import Training
from tests.conftest import Run

GIB = 2**30


def test_a_t4_trains_in_fp16_and_says_so(catalog: Catalog) -> None:
    box = simulate(catalog, ["t4"], None, 32 * GIB, False)
    changed, notes = suited(Training("lora"), box.devices)
    assert changed.precision == "fp16-mixed"
    assert any("no bf16" in note for note in notes)
    with pytest.raises(QwenpickError, match="no flash attention"):
        suited(Training("lora", attention="flash"), box.devices)
    unsloth, _notes = suited(Training("lora", attention="flash", trainer="unsloth"), box.devices)
    assert unsloth.attention == "sdpa"
    new = simulate(catalog, ["rtx 4090"], None, 32 * GIB, False)
    assert suited(Training("lora", attention="flash"), new.devices) == (Training("lora", attention="flash"), ())


def test_what_does_not_fit_gets_changes_that_do(catalog: Catalog) -> None:
    box, model = simulate(catalog, ["2x rtx 4090"], None, 64 * GIB, False), find_model(catalog, "qwen3-14b")
    run = tune(catalog, box, model, Training("lora", trainer="trl"))
    assert run.verdict == "no"
    assert any("1 of this machine's 2 GPUs not used" in note for note in run.notes)
    fixes = tuning_fixes(catalog, box, run)
    assert any("--train qlora" in fix.flags for fix in fixes)
    for fix in fixes:
        assert fix.tuned.holds()
        assert fix.saves > 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("fit", "qwen3-8b", "--train", "lora", "--context", "32k"), "--seq"),
        (("fit", "qwen3-8b", "--train", "lora", "--sequences", "4"), "--batch"),
        (("plan", "qwen3-8b", "--train", "lora", "--users", "4"), "--batch"),
        (("fit", "qwen2.5-3b-instruct", "--train", "lora", "--seq", "64k"), "reads 32k tokens"),
        (("fit", "qwen3-8b", "--train", "lora", "--method", "ppo"), "not modeled; nearest: --method grpo"),
        (("fit", "qwen3-8b", "--train", "lora", "--method", "dpo", "--trainer", "unsloth"), "nearest: --trainer trl"),
        (
            ("fit", "qwen3-8b", "--train", "lora", "--target", "q_prj"),
            "there is no target 'q_prj'; did you mean q_proj?",
        ),
        (("fit", "qwen3-8b", "--train", "lora", "--trainer", "axolotl"), "did you mean transformers?"),
        (("fit", "qwen3-8b", "--train", "lora", "--trainer", "swift"), "did you mean ms-swift?"),
        (("fit", "qwen3-8b", "--train", "lora", "--seq", "none"), "cannot read 'none' as a number of tokens"),
        (
            ("fit", "qwen3-8b", "--train", "lora", "--average-seq", "4k"),
            "more than the longest sequence has: --seq 2,048",
        ),
        (("fit", "qwen3-tts-1.7b", "--train", "full"), "speaks and writes nothing"),
        (("plan", "qwen3-tts-1.7b", "--train", "full"), "speaks and writes nothing"),
        (("fit", "qwen2.5-math-prm-7b", "--train", "lora"), "scores or labels, without lm_head"),
        (("fit", "qwen3guard-stream-4b", "--train", "lora", "--method", "dpo"), "scores or labels, without lm_head"),
        (("fit", "qwen3-8b", "--train", "lora", "--mini-batch", "4"), "--mini-batch goes with --method embedding"),
        (("fit", "qwen3-8b", "--train", "full", "--reference"), "--reference goes with --method dpo"),
        (("fit", "qwen3-8b", "--train", "lora", "--method", "dpo", "--packing"), "--packing goes with --method sft"),
        (("fit", "qwen3-8b", "--train", "lora", "--samples", "0"), "amount of data"),
        (("fit", "qwen3-8b", "--train", "lora", "--dataset-tokens", "1M", "--samples", "9"), "give one"),
        (("fit", "qwen3-8b", "--train", "lora", "--epochs", "3"), "--epochs needs"),
        (("fit", "qwen3-8b", "--train", "dpo"), "--train lora --method dpo"),
        (("fit", "qwen3-8b", "--train", "full", "--rank", "8"), "--rank is for adapters"),
        (("fit", "qwen3-8b", "--train", "lora", "--precision", "fp32"), "beside 16-bit weights"),
        (("fit", "qwen3-8b", "--train", "lora", "--gpu-only"), "--gpu-only is for serving"),
        (("fit", "qwen3-8b", "--train", "lora", "--task", "coding"), "--task is for serving"),
        (("fit", "qwen3-8b", "--train", "lora", "--min-speed", "9"), "--min-speed is for serving"),
        (("fit", "qwen3-8b", "--train", "lora", "--all"), "--all is for serving"),
        (("launch", "qwen3-8b", "--train", "lora", "--context", "8k"), "--seq"),
        (("plan", "qwen3-8b", "--train", "lora", "--task", "coding"), "--task is for serving"),
        (("fit", "qwen3-8b", "--zero", "3"), "add --train"),
        (("plan", "qwen3-8b", "--seq", "4k"), "add --train"),
        (("fit", "qwen3-vl-8b", "--train", "lora", "--image-size", "big"), "such as 1280x720"),
        (("fit", "qwen3-vl-8b", "--train", "lora", "--image-size", "9x9", "--image-tokens", "9"), "give one"),
    ],
)
def test_options_are_answered_or_refused_in_a_sentence(qwenpick: Run, words: tuple[str, ...], sentence: str) -> None:
    box = () if words[0] == "plan" else ("--gpu", "h200", "--ram", "64GiB")
    found = qwenpick(*words, *box)
    assert found.code == 2
    assert sentence in found.err


def test_the_rent_of_a_run_is_its_hours_times_the_price(qwenpick: Run) -> None:
    asked = ("plan", "qwen3-8b", "--train", "lora", "--cloud", "--dataset-tokens", "100M", "--budget", "20")
    found = qwenpick(*asked, "--json")
    assert found.code == 0, found.err
    runs = json.loads(found.out)["rented_runs"]
    assert len(runs) > 5
    for one in runs:
        assert one["whole"] == pytest.approx(one["hour"] * one["run"]["epoch_hours"]["value"])
    costs = [one["whole"] for one in runs]
    assert costs == sorted(costs) and costs[-1] <= 20


def test_the_peak_of_each_gpu_is_in_the_json(qwenpick: Run) -> None:
    box = ("--gpu", "2x h200", "--ram", "256GiB")
    found = qwenpick("fit", "qwen3-8b", "--train", "full", "--fsdp", "--gpus", "2", *box, "--json")
    peaks = json.loads(found.out)["runs"][0]["memory"]["peak"]
    assert [peak["where"] for peak in peaks] == ["gpu0", "gpu1"]
    for peak in peaks:
        assert peak["allocated_bytes"] < peak["reserved_bytes"] < peak["process_bytes"]
        assert peak["low"] < peak["process_bytes"] < peak["high"]


def test_embedding_models_are_trained_with_their_own_loss(qwenpick: Run) -> None:
    found = qwenpick(
        "fit", "qwen3-embedding-0.6b", "--train", "full", "--seq", "512", "--gpu", "h200", "--ram", "64GiB", "--json"
    )
    assert json.loads(found.out)["runs"][0]["training"]["objective"] == "embedding"
    assert json.loads(found.out)["runs"][0]["training"]["trainer"] == "sentence-transformers"


def test_a_trainer_of_embeddings_trains_nothing_else(qwenpick: Run) -> None:
    asked = (
        "fit",
        "qwen3-4b",
        "--train",
        "lora",
        "--trainer",
        "sentence-transformers",
        "--gpu",
        "h200",
        "--ram",
        "64GiB",
    )
    assert json.loads(qwenpick(*asked, "--json").out)["runs"][0]["training"]["objective"] == "embedding"
    assert "nothing is learned from pairs alone" in qwenpick(*asked).out
    assert "nothing is learned from pairs alone" not in qwenpick(*asked, "--batch", "32").out
    found = qwenpick(*asked, "--method", "sft")
    assert found.code == 2
    assert "sentence-transformers trains embeddings: --method embedding, or --trainer trl" in found.err


def test_several_boxes_are_one_run_whose_link_is_in_its_speed(qwenpick: Run) -> None:
    run = ("fit", "qwen3-8b", "--train", "full", "--zero", "3", "--gpu", "8x h100", "--ram", "1024GiB", "--json")
    one = json.loads(qwenpick(*run, "--gpus", "8").out)["runs"][0]
    fast, slow = (
        json.loads(qwenpick(*run, "--gpus", "16", "--nodes", "2", "--link", link).out)["runs"][0]
        for link in ("ib400", "eth10")
    )
    assert fast["training"]["nodes"] == 2
    assert len(fast["memory"]["peak"]) == 16
    assert fast["memory"]["peak"][0]["allocated_bytes"] < one["memory"]["peak"][0]["allocated_bytes"]
    assert slow["speed"]["value"] < one["speed"]["value"] < fast["speed"]["value"]


def test_a_new_card_is_not_an_old_one(catalog: Catalog) -> None:
    box = simulate(catalog, ["rtx 5090"], None, 32 * GIB, False)  # compute capability 12.0
    assert suited(Training("lora", attention="flash"), box.devices) == (Training("lora", attention="flash"), ())
    assert tune(catalog, box, find_model(catalog, "qwen3-4b"), Training("lora")).memory.on("gpu0") > 640 * 2**20


def test_the_16_bit_repository_may_be_named_and_the_average_is_answered(qwenpick: Run) -> None:
    words = ("fit", "qwen3-8b", "--train", "lora", "--seq", "8k", "--gpu", "h200", "--ram", "64GiB", "--json")
    plain, named = (json.loads(qwenpick(*words, *more).out)["runs"][0] for more in ((), ("--quant", "bf16")))
    assert plain == named
    run = json.loads(qwenpick(*words, "--average-seq", "1k").out)["runs"][0]
    assert run["at_average"][0]["allocated_bytes"] < run["memory"]["peak"][0]["allocated_bytes"]


def test_what_a_budget_leaves_out_is_said(qwenpick: Run) -> None:
    found = qwenpick("plan", "qwen3-8b", "--train", "lora", "--gpu", "rtx 4090", "--budget", "100")
    assert found.code == 1
    assert "Nothing within this budget holds this run of Qwen3-8B: the cheapest is $" in found.out
    rented = qwenpick("plan", "qwen3-8b", "--train", "lora", "--cloud", "--budget", "0.01")
    assert rented.code == 1
    assert "the cheapest is $0." in rented.out
    far = qwenpick("plan", "qwen3-235b-a22b", "--train", "full", "--gpu", "rtx 4090")
    assert "Not even 64 of these GPUs" in far.out


def test_adapters_leave_zero_3_where_it_keeps_all_layers(catalog: Catalog) -> None:
    box, model = simulate(catalog, ["4x rtx 4090"], None, 128 * GIB, False), find_model(catalog, "qwen2.5-72b-instruct")
    run = tune(catalog, box, model, Training("lora", zero=3, gpus=4, trainer="trl"))
    assert run.verdict == "no"
    (fix, *_more) = tuning_fixes(catalog, box, run)
    assert fix.flags == "--zero 0 --fsdp --train qlora"


def test_the_words_of_a_change_name_all_that_it_changes_and_nothing_else(catalog: Catalog) -> None:
    box, model = simulate(catalog, ["2x rtx 4090"], None, 512 * GIB, False), find_model(catalog, "qwen3-8b")
    asked = Training("full", fsdp=True, gpus=2, precision="fp32")
    flags = {fix.what: fix.flags for fix in tuning_fixes(catalog, box, tune(catalog, box, model, asked))}
    assert flags["QLoRA instead: weights in 4 bits"] == "--train qlora --precision bf16"
    assert flags["weights and states on an NVMe disk"] == "--zero 3 --offload nvme (without --fsdp)"


def test_unlike_gpus_go_at_the_pace_of_the_slowest_and_the_roomiest_may_do_alone(catalog: Catalog) -> None:
    model, work = find_model(catalog, "qwen3-8b"), Training("lora", zero=3, gpus=2, trainer="trl")
    box = simulate(catalog, ["rtx 4090", "rtx 3060"], None, 64 * GIB, False)
    run = tune(catalog, box, model, work)
    alike = tune(catalog, simulate(catalog, ["2x rtx 3060"], None, 64 * GIB, False), model, work)
    assert run.verdict == "no"
    assert run.speed is not None
    assert alike.speed is not None
    assert run.speed == alike.speed
    (fix,) = tuning_fixes(catalog, box, run)
    assert (fix.what, fix.flags) == ("the roomiest GPUs alone", "--gpus 1 --zero 0")
    assert fix.speed_change is not None
    assert fix.speed_change > 1  # a 4090 alone is more than twice as fast as both


def test_a_reranker_of_ms_swift_reads_groups_of_texts_and_is_started_so(qwenpick: Run) -> None:
    words = ("qwen3-reranker-0.6b", "--train", "lora", "--gpu", "rtx 4090", "--ram", "64GiB")
    plain, grouped = qwenpick("fit", *words), qwenpick("fit", *words, "--trainer", "ms-swift")
    assert "start it:" not in plain.out  # no trainer's own program
    assert "nearest: --trainer ms-swift" in plain.out
    assert "a group of 8 texts of --seq tokens" in grouped.out
    assert "start it: qwenpick launch qwen3-reranker-0.6b" in grouped.out
    start = json.loads(qwenpick("fit", *words, "--trainer", "ms-swift", "--json").out)["start"]
    assert f"start it: {start}\n" in grouped.out
    assert json.loads(qwenpick("fit", *words, "--json").out)["start"] is None
    assert "nearest: --trainer ms-swift" in qwenpick("launch", *words).err
    started = qwenpick("launch", *words, "--trainer", "ms-swift").out
    assert "--task_type generative_reranker --loss_type pointwise_reranker" in started
    assert "positive_messages and negative_messages" in started
