"""The answer of fit: what is chosen where nothing is asked, and what would make it fit."""

from __future__ import annotations

from dataclasses import replace

import pytest

from qwenpick.catalog import Catalog, Model, find_model
from qwenpick.errors import HardwareUnreadableError, QwenpickError
from qwenpick.fitting.answer import fit
from qwenpick.fitting.fixes import fixes
from qwenpick.machine.hardware import Device, Machine
from qwenpick.machine.simulate import simulate
from qwenpick.memory.cache import KvCache
from qwenpick.recommending.answer import recommend
from qwenpick.recommending.request import Request
from qwenpick.render.fit import speed_change
from qwenpick.render.values import band_values, fix_values
from tests.conftest import Run, mostly_slow

GIB = 2**30


def box(catalog: Catalog, *gpus: str, ram: int | None = 64) -> Machine:
    return simulate(catalog, list(gpus), None, ram * GIB if ram else None, not gpus)


def test_the_highest_precision_is_that_of_the_most_bits_that_fit_on_the_gpu(catalog: Catalog) -> None:
    model = find_model(catalog, "qwen3-8b")
    most = Request(quant="max")
    assert fit(catalog, box(catalog, "rtx 4090"), model, most).plan.checkpoint.format in {"bf16", "BF16", "F16"}
    # 8.2 billion parameters at 8.5 bits are 8.1 GiB: they fit 12 GiB, at 16 bits they do not
    assert fit(catalog, box(catalog, "rtx 3060 12gb"), model, most).plan.checkpoint.format == "Q8_0"


@pytest.mark.parametrize("task", ["chat", "coding", "vision", "rag-embedding"])
@pytest.mark.parametrize(
    ("gpus",), mostly_slow([(("rtx 4090",),), ((),), (("2x rtx 3090",),), (("m4 max 64gb",),), (("h100 80gb",),)], 1)
)
def test_every_pick_is_planned_the_same_by_itself(catalog: Catalog, gpus: tuple[str, ...], task: str) -> None:
    machine = box(catalog, *gpus)
    picks = recommend(catalog, machine, Request(task=task), details=False).picks
    assert picks
    for pick in picks:
        alone = fit(catalog, machine, pick.plan.model, Request(task=task))
        assert (alone.plan, alone.longest) == (pick.plan, pick.longest)
        assert alone.ranked
        assert (alone.ranked.effort, alone.ranked.seconds) == (pick.ranked.effort, pick.ranked.seconds)


def test_a_precision_that_is_asked_for_is_kept(catalog: Catalog) -> None:
    answer = fit(catalog, box(catalog, "h200"), find_model(catalog, "qwen3-8b"), Request(quant="4bit", runtime="vllm"))
    assert answer.plan.checkpoint.format == "awq-int4"
    assert answer.plan.checkpoint.repo == "Qwen/Qwen3-8B-AWQ"


def test_a_fix_counts_the_lighter_files_that_the_chooser_would_take(catalog: Catalog) -> None:
    asked = Request(quant="nvfp4", runtime="vllm", context=32768)
    model = catalog.models["qwen3.8-27b"]
    machine = box(catalog, "rtx 5060 ti 16gb", ram=None)
    (fix,) = (one for one in fixes(catalog, machine, fit(catalog, machine, model, asked)) if "--gpu" in one.flags)
    assert fix.flags == '--gpu "2x rtx-5060-ti-16gb"'  # the preferred file would need four
    assert fit(catalog, box(catalog, "2x rtx 5060 ti 16gb", ram=None), model, asked).fits


def test_what_does_not_fit_says_how_much_is_missing_and_every_fix_fits(catalog: Catalog) -> None:
    machine = box(catalog, "rtx 3060 12gb")
    answer = fit(
        catalog,
        machine,
        find_model(catalog, "qwen3-14b"),
        Request(quant="4bit", context=32768, runtime="llama.cpp", gpu_only=True, kv_cache=KvCache()),
    )
    assert not answer.fits
    assert answer.plan.headroom < 0
    assert "short on" in answer.plan.reason
    found = fixes(catalog, machine, answer)
    assert found
    assert all(fix.plan.holds() for fix in found)
    assert found[0].what == "KV cache in q8_0"
    # 40 layers x 2 x 8 heads x 128 x 32,768 tokens x (2 - 34/32) bytes = 2.34 GiB less cache, more compute
    assert found[0].saves == pytest.approx(2.34 * GIB, rel=0.05)


def test_the_longest_context_fits_and_the_next_step_does_not(catalog: Catalog) -> None:
    machine, model = box(catalog, "rtx 3060 12gb"), find_model(catalog, "qwen3-8b")
    longest = fit(
        catalog,
        machine,
        model,
        Request(quant="8bit", context=4096, runtime="llama.cpp", gpu_only=True, kv_cache=KvCache()),
    ).longest
    assert longest
    assert longest % 256 == 0
    assert fit(
        catalog,
        machine,
        model,
        Request(quant="8bit", context=longest, runtime="llama.cpp", gpu_only=True, kv_cache=KvCache()),
    ).fits
    plan = fit(
        catalog,
        machine,
        model,
        Request(quant="Q8_0", context=longest + 256, runtime="llama.cpp", gpu_only=True, kv_cache=KvCache()),
    ).plan
    assert not plan.holds()


def test_a_context_beyond_the_native_one_names_yarn(catalog: Catalog) -> None:
    answer = fit(catalog, box(catalog, "h200"), find_model(catalog, "qwen3-8b"), Request(quant="4bit", context=65536))
    assert any("YaRN" in note and "native 32k" in note for note in answer.notes)


def test_a_context_beyond_the_extended_one_is_refused(catalog: Catalog) -> None:
    with pytest.raises(QwenpickError, match=r"reads at most 128k \(131,072 tokens\)"):
        fit(catalog, box(catalog, "h200"), find_model(catalog, "qwen3-8b"), Request(quant="4bit", context=131073))


def test_an_api_only_name_is_explained(catalog: Catalog) -> None:
    with pytest.raises(QwenpickError, match="API only"):
        fit(catalog, box(catalog, "h200"), find_model(catalog, "qwen-max"), Request())


def test_a_gpu_that_cannot_be_read_fails_closed(catalog: Catalog) -> None:
    machine = Machine(ram_total=64 * GIB, ram_free=64 * GIB, unreadable=("NVIDIA driver and library versions differ",))
    with pytest.raises(HardwareUnreadableError, match="versions differ"):
        fit(catalog, machine, find_model(catalog, "qwen3-8b"), Request(quant="4bit"))
    blind = Machine((Device("GPU", "nvidia", None, None),), 64 * GIB, 64 * GIB)
    with pytest.raises(HardwareUnreadableError):
        fit(catalog, blind, find_model(catalog, "qwen3-8b"), Request(quant="4bit", gpu_only=True))


def test_an_unknown_option_of_an_engine_is_refused_with_the_nearest(catalog: Catalog) -> None:
    request = Request(quant="4bit", runtime="vllm", options={"gpu_memory_utilisation": 0.8})
    with pytest.raises(QwenpickError, match="gpu_memory_utilization"):
        fit(catalog, box(catalog, "h200"), find_model(catalog, "qwen3-8b"), request)


def test_weights_are_not_put_in_ram_that_nobody_knows_the_size_of(catalog: Catalog) -> None:
    machine = box(catalog, "rtx 3060 12gb", ram=None)
    answer = fit(catalog, machine, find_model(catalog, "qwen3.6-35b-a3b"), Request(quant="4bit", context=8192))
    assert not answer.fits
    assert "give --ram" in answer.plan.reason
    assert fit(
        catalog,
        box(catalog, "rtx 3060 12gb"),
        find_model(catalog, "qwen3.6-35b-a3b"),
        Request(quant="4bit", context=8192),
    ).fits


def test_options_choose_among_engines_and_one_that_none_has_is_a_bad_request(catalog: Catalog) -> None:
    box, model = simulate(catalog, ["h200"], None, 64 * 2**30, False), find_model(catalog, "qwen3-8b")
    assert fit(catalog, box, model, Request(options={"n_gpu_layers": 10})).plan.runtime == "llamacpp"
    assert fit(catalog, box, model, Request(options={"gpu_memory_utilization": 0.8})).plan.runtime == "vllm"
    with pytest.raises(QwenpickError, match="no option 'foo'"):
        fit(catalog, box, model, Request(options={"foo": 1}))
    with pytest.raises(QwenpickError, match="vLLM has no option"):
        fit(catalog, box, model, Request(runtime="vllm", options={"n_gpu_layers": 10}))


def test_layers_that_an_option_puts_in_ram_count_as_layers_in_ram(catalog: Catalog) -> None:
    request = Request(quant="4bit", runtime="llama.cpp", options={"n_gpu_layers": 10})
    model = find_model(catalog, "qwen3-8b")
    known = fit(catalog, simulate(catalog, ["rtx 4090"], None, 64 * 2**30, False), model, request).plan
    assert known.mode == "gpu+layers-in-ram"
    unknown = fit(catalog, simulate(catalog, ["rtx 4090"]), model, request)
    assert not unknown.fits
    assert "give --ram" in unknown.plan.reason


def test_a_vision_model_is_planned_with_a_picture_and_a_chat_model_that_sees_with_none(catalog: Catalog) -> None:
    machine = simulate(catalog, ["rtx 4090"], None, 64 * 2**30, False)
    vision, chat = find_model(catalog, "qwen3-vl-8b-instruct"), find_model(catalog, "qwen3.5-4b")

    def parts(model: Model, request: Request) -> set[str]:
        return {part.name for part in fit(catalog, machine, model, request).plan.memory.parts}

    assert "projector" in parts(vision, Request(quant="4bit", runtime="llama.cpp"))
    assert "projector" not in parts(vision, Request(quant="4bit", runtime="llama.cpp", image_tokens=0))
    assert "projector" not in parts(chat, Request(quant="4bit", runtime="llama.cpp"))
    assert "projector" in parts(chat, Request(quant="4bit", runtime="llama.cpp", image_tokens=1280))
    assert any("--image-tokens" in note for note in fit(catalog, machine, chat, Request(quant="4bit")).notes)
    with pytest.raises(QwenpickError, match="does not read pictures"):
        fit(catalog, machine, find_model(catalog, "qwen3-8b"), Request(quant="4bit", image_tokens=1280))


def test_advice_for_a_plan_with_options_stays_with_the_engine_that_has_them(catalog: Catalog) -> None:
    machine = simulate(catalog, ["rtx 4090"])
    request = Request(quant="4bit", runtime="llama.cpp", options={"n_gpu_layers": 10})
    answer = fit(catalog, machine, find_model(catalog, "qwen3-8b"), request)
    assert {fix.plan.runtime for fix in fixes(catalog, machine, answer)} <= {"llamacpp"}


@pytest.mark.parametrize(
    ("runtime", "gpu", "reason"),
    [
        ("vllm", ["m2"], "vLLM does not run on M2"),
        ("vllm", [], "vLLM needs a GPU"),
        ("sglang", [], "SGLang needs a GPU"),
        ("mlx", ["h200"], "runs on Apple silicon"),
    ],
)
def test_an_engine_that_cannot_use_the_hardware_is_refused_with_the_reason(
    catalog: Catalog, runtime: str, gpu: list[str], reason: str
) -> None:
    answer = fit(catalog, box(catalog, *gpu), find_model(catalog, "qwen3-8b"), Request(runtime=runtime))
    assert (answer.fits, answer.plan.verdict) == (False, "refused")
    assert reason in answer.plan.reason


@pytest.mark.parametrize(
    ("gpu", "runtime", "quant", "expected"),
    [
        ("t4", None, "fp16", "F16"),
        ("t4", None, "BF16", "BF16"),
        ("t4", "transformers", "fp16", "fp16"),
        ("t4", "transformers", "bf16", "bf16"),
        ("rtx 3090", None, "fp16", "BF16"),
    ],
)
def test_sixteen_bits_are_those_that_the_gpu_has_units_for(
    catalog: Catalog, gpu: str, runtime: str | None, quant: str | None, expected: str
) -> None:
    box = simulate(catalog, [gpu], None, 32 * GIB, False)
    answer = fit(catalog, box, catalog.models["qwen3-0.6b"], Request(quant=quant, runtime=runtime))
    # vLLM has no name of its own for llama.cpp's types
    assert answer.plan.checkpoint.format in {expected, {"F16": "fp16", "BF16": "bf16"}.get(expected)}


@pytest.mark.parametrize(
    ("name", "gpus", "runtime", "quant", "context", "users"),
    [
        ("qwen3-coder-next-base", ["rtx-6000-ada"], "vllm", "nf4", 160000, 1),  # pages rounded to the state's
        ("qwen3-32b", ["2x rtx-3060-12gb"], "llama.cpp", "IQ4_XS", 16384, 1),  # the nearest miss lay on one of two GPUs
        ("qwen3-4b", ["8x rtx-2080"], "llama.cpp", "fp16", 32768, 7),
        ("qwen3-vl-30b-a3b-thinking", ["rtx-4000-ada"], "ollama", "Q4_K_M", 8192, 1),  # no attention scores in 8 bits
    ],
)
def test_the_longest_context_is_granted_where_only_an_8_bit_cache_holds_it(
    catalog: Catalog, name: str, gpus: list[str], runtime: str, quant: str, context: int, users: int
) -> None:
    box, model = simulate(catalog, gpus, None, 128 * GIB, False), catalog.models[name]
    strict = runtime == "llama.cpp"  # two of the four are
    request = Request(quant=quant, context=context, users=users, runtime=runtime, gpu_only=True, strict=strict)
    answer = fit(catalog, box, model, request)
    assert answer.fits and answer.longest and answer.plan.work.kv_cache.k != "f16"
    again = fit(catalog, box, model, replace(request, context=answer.longest))
    assert again.fits and again.plan.work.kv_cache == answer.plan.work.kv_cache


def test_less_work_needs_no_more_where_a_pooled_model_lies_partly_in_ram(catalog: Catalog) -> None:
    # the outputs of every token count when layers are cut: 185 MB more compute buffer than a chat model's
    box, model = simulate(catalog, ["2x rtx-2080"], None, 16 * GIB, False), catalog.models["qwen3-vl-embedding-8b"]
    request = Request(quant="fp16", context=512, runtime="llama.cpp")
    assert all(fit(catalog, box, model, replace(request, users=users)).fits for users in (1, 2, 3, 7))


def test_more_memory_keeps_a_strict_fit_over_several_gpus(catalog: Catalog) -> None:
    box, model = (
        simulate(catalog, ["8x rtx-4000-ada"], None, 64 * GIB, False),
        catalog.models["qwen2.5-math-72b"],
    )
    request = Request(quant="fp16", context=2048, runtime="ollama", strict=True)
    for more in (0, 2**26, 2**28, 2**30):
        devices = tuple(replace(d, total=d.total + more, free=d.free + more) for d in box.devices)  # type: ignore[operator]
        assert fit(catalog, replace(box, devices=devices), model, request).fits, more


@pytest.mark.parametrize(
    ("runtime", "quant", "formats"),
    [
        # published, so not bitsandbytes' nf4 of a download three times as large
        ("vllm", "4bit", {"awq-int4", "gptq-int4"}),
        ("llamacpp", "5bit", {"Q5_K_M", "Q5_K_S"}),  # not Q5_0, which is no smaller than Q5_K_S
        ("transformers", "4bit", {"nf4"}),  # its own first choice
    ],
)
def test_a_precision_is_not_made_on_loading_where_somebody_publishes_it(
    catalog: Catalog, runtime: str, quant: str, formats: set[str]
) -> None:
    box = simulate(catalog, ["rtx 4090"], None, 64 * GIB, False)
    found = fit(catalog, box, catalog.models["qwen3-8b"], Request(runtime=runtime, quant=quant))
    assert found.plan.checkpoint.format in formats


@pytest.mark.parametrize(
    ("quant", "gpu"), [("mlx-4bit", "rtx 4090"), ("nvfp4", "m4 max"), ("fp8", "gtx 1080 ti"), ("awq-int4", "")]
)
def test_where_no_engine_reads_the_format_one_that_runs_the_model_is_named_with_its_speed(
    catalog: Catalog, quant: str, gpu: str
) -> None:
    """The engine was said by its format alone: that is no reason to leave a person without a way on."""
    machine = box(catalog, *filter(None, [gpu]), ram=None if gpu == "m4 max" else 64)
    answer = fit(catalog, machine, find_model(catalog, "qwen3.5-9b"), Request(quant=quant))
    assert answer.plan.verdict == "refused"
    (way,) = fixes(catalog, machine, answer)
    assert way.plan.holds() and way.plan.checkpoint.format != quant
    speed = way.plan.speed
    assert speed is not None and way.speed_change is None
    assert speed_change(way).endswith("tokens/s") and fix_values(way)["speed"] == band_values(speed.each)


@pytest.mark.parametrize(("options", "said"), [({}, "more than 512 tokens"), ({"n_ubatch": 8192, "n_batch": 8192}, "")])
def test_a_reranker_in_llama_server_says_how_long_a_pair_it_takes(
    catalog: Catalog, options: dict[str, int], said: str
) -> None:
    """Whose pooling needs all tokens in one micro-batch: longer ones are answered with an error."""
    reranker, embeds = find_model(catalog, "qwen3-reranker-0.6b"), find_model(catalog, "qwen3-embedding-0.6b")
    request = Request(runtime="llamacpp", options=options)
    notes = [note for note in fit(catalog, box(catalog), reranker, request).notes if "micro-batch" in note]
    assert [said in note for note in notes] == [True] * bool(said)
    assert not any("micro-batch" in note for note in fit(catalog, box(catalog), embeds, request).notes)


@pytest.mark.parametrize(
    ("model", "gpu", "options", "said"),
    [
        ("qwen3.8-27b", "rtx 4090", {"mmap": False}, True),  # 44-103 tokens/s without the option, 29-62 with it
        ("qwen3.8-27b", "rtx 4090", {}, False),
        ("qwen3.8-27b", "rtx 4090", {"spec_type": "none"}, False),
        ("qwen3-8b", "rtx 4090", {"mmap": False}, False),  # has no MTP block
        ("qwen3.8-27b", "m4 max 64gb", {"mmap": False}, False),  # Apple loses by it
    ],
)
def test_drafts_that_an_option_keeps_from_a_plan_are_named(
    catalog: Catalog, model: str, gpu: str, options: dict[str, object], said: bool
) -> None:
    machine = box(catalog, gpu, ram=None if "m4" in gpu else 64)
    answer = fit(catalog, machine, find_model(catalog, model), Request(runtime="llamacpp", options=options))
    assert any("-o spec_type=draft-mtp -o draft_n_max=3" in note for note in answer.notes) == said
    if said:
        asked = Request(runtime="llamacpp", options={**options, "spec_type": "draft-mtp", "draft_n_max": 3})
        with_drafts, without = fit(catalog, machine, find_model(catalog, model), asked).plan.speed, answer.plan.speed
        assert with_drafts and without and with_drafts.each.value > 1.1 * without.each.value


def test_what_a_model_does_not_read_is_said_in_the_language_of_the_answer(qwenpick: Run) -> None:
    asked = ("fit", "qwen3-8b", "--gpu", "rtx 4090")
    assert qwenpick(*asked, "--audio-seconds", "5").err == "qwenpick: Qwen3-8B does not read sound\n"
    assert "image" not in qwenpick("--lang", "zh", *asked, "--image-tokens", "5").err
