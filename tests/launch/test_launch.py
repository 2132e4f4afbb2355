"""Command lines against what was planned."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from qwenpick.catalog import Catalog, Checkpoint
from qwenpick.errors import QwenpickError
from qwenpick.launch import Command, Launch, Run, launch, script, visible_devices, with_disk
from qwenpick.machine.hardware import Device, Machine
from qwenpick.memory.cache import KvCache
from qwenpick.work.placement import Placement
from qwenpick.work.serving import Serving
from tests.conftest import Result

GIB = 2**30
RTX = Device("NVIDIA GeForce RTX 4090", "nvidia", 24 * GIB, 24 * GIB, uuid="GPU-0")
MI300 = Device("AMD Instinct MI300X", "amd", 192 * GIB, 192 * GIB)
REPOS = {
    "bf16": "Qwen/Qwen3-8B",
    "awq-int4": "Qwen/Qwen3-8B-AWQ",
    "Q4_K_M": "Qwen/Qwen3-8B-GGUF",
    "Q8_0": "Qwen/Qwen3-8B-GGUF",
}


@pytest.fixture
def run(catalog: Catalog) -> Run:
    """Qwen3-8B for four users of 16k tokens on one RTX 4090."""
    model = catalog.models["qwen3-8b"]
    return Run(
        model, catalog.architecture(model), checkpoint("Q4_K_M"), "llamacpp", Serving(16384, 4), Placement((RTX,))
    )


def checkpoint(name: str) -> Checkpoint:
    return Checkpoint(format=name, repo=REPOS.get(name))


def on(run: Run, runtime: str, name: str, **changes: object) -> Run:
    return replace(run, runtime=runtime, checkpoint=checkpoint(name), **changes)  # type: ignore[arg-type]


def option(argv: tuple[str, ...], flag: str) -> str | None:
    """The word after a flag; None if the flag is not there."""
    return argv[argv.index(flag) + 1] if flag in argv else None


# -- llama-server ------------------------------------------------------------------------------------------------------


def test_llama_server_gets_the_context_of_all_slots_together(run: Run) -> None:
    argv = launch(run).serve.argv
    assert argv[:3] == ("llama-server", "-hf", "Qwen/Qwen3-8B-GGUF:Q4_K_M")
    # 4 x 16,384; 36 layers and the output
    assert (option(argv, "-c"), option(argv, "-np"), option(argv, "-ngl")) == ("65536", "4", "37")
    assert (
        "--kv-unified" in argv
        and option(argv, "-ctk") == "f16"
        and option(argv, "-fa") == "on"
        and option(argv, "-fit") == "off"
    )


def test_llama_server_gets_the_split_the_experts_and_the_cache_types(run: Run, catalog: Catalog) -> None:
    moe = catalog.models["qwen3-30b-a3b"]
    placement = Placement((RTX, RTX), split=(30, 19), cpu_moe_layers=12)
    work = Serving(8192, 1, KvCache("q8_0", "q4_0"), {"ub": 1024, "flash_attn": "off", "no_mmap": True})
    argv = launch(
        replace(run, model=moe, architecture=catalog.architecture(moe), placement=placement, work=work)
    ).serve.argv
    assert (option(argv, "-ngl"), option(argv, "-ts"), option(argv, "--n-cpu-moe")) == ("49", "30,19", "12")
    assert (option(argv, "-ctk"), option(argv, "-ctv"), option(argv, "-ub"), option(argv, "-fa")) == (
        "q8_0",
        "q4_0",
        "1024",
        "off",
    )
    assert "--no-mmap" in argv


def test_a_run_without_gpus_offloads_nothing(run: Run) -> None:
    assert option(launch(replace(run, placement=Placement())).serve.argv, "-ngl") == "0"


def test_a_file_nobody_publishes_is_made_first(run: Run) -> None:
    planned = launch(on(run, "llamacpp", "IQ4_XS"))
    assert [command.argv[0] for command in planned.prepare] == ["hf", "python", "llama-quantize"]
    assert (
        planned.prepare[-1].argv[-2:] == ("Qwen3-8B-IQ4_XS.gguf", "IQ4_XS")
        and option(planned.serve.argv, "-m") == "Qwen3-8B-IQ4_XS.gguf"
    )
    assert planned.downloads[0].bytes == 2 * 8_190_735_360


def test_a_repository_whose_files_are_not_known_is_not_promised(run: Run) -> None:
    unlisted = run.model.model_copy(update={"checkpoints": (), "published": ()})
    assert "is not known here" in launch(on(run, "llamacpp", "Q8_0", model=unlisted)).notes[0]
    assert not launch(on(run, "llamacpp", "Q8_0")).notes  # the catalog lists that repository's files
    listed = run.model.model_copy(update={"checkpoints": (checkpoint("Q8_0"),)})
    assert not launch(on(run, "llamacpp", "Q8_0", model=listed)).notes


def test_a_local_file_is_neither_fetched_nor_taken_for_an_option(run: Run) -> None:
    planned = launch(replace(run, path="-odd name.gguf"))
    assert option(planned.serve.argv, "-m") == "./-odd name.gguf" and not planned.downloads and not planned.prepare


def test_the_vendors_sampling_is_said_where_the_file_does_not_carry_it(run: Run, catalog: Catalog) -> None:
    argv = launch(run).serve.argv
    assert (option(argv, "--temp"), option(argv, "--top-k"), option(argv, "--top-p")) == ("0.6", "20", "0.95")
    older = catalog.models["qwen2.5-7b-instruct"]
    assert "--temp" not in launch(replace(run, model=older, architecture=catalog.architecture(older))).serve.argv


def test_text_only_work_leaves_the_eyes_out(run: Run, catalog: Catalog) -> None:
    model = catalog.models["qwen3.5-9b"]
    seeing = replace(run, model=model, architecture=catalog.architecture(model))
    assert "--no-mmproj" in launch(seeing).serve.argv
    assert "--no-mmproj" not in launch(replace(seeing, work=replace(run.work, image_tokens=1024))).serve.argv


# -- Ollama ------------------------------------------------------------------------------------------------------------


TAG = Checkpoint(format="Q4_K_M")  # of no repository: the library's


def test_ollama_gets_a_modelfile_and_its_variables(run: Run) -> None:
    asked = replace(on(run, "ollama", "Q4_K_M", work=Serving(16384, 4, KvCache("q8_0", "q8_0"))), checkpoint=TAG)
    planned = launch(asked)
    assert planned.files["Modelfile"].splitlines()[:2] == ["FROM qwen3:8b-q4_K_M", "PARAMETER num_ctx 16384"]
    assert "PARAMETER temperature 0.6" in planned.files["Modelfile"]
    env = planned.prepare[0].env
    assert (
        env["OLLAMA_KV_CACHE_TYPE"],
        env["OLLAMA_NUM_PARALLEL"],
        env["OLLAMA_CONTEXT_LENGTH"],
        env["OLLAMA_FLASH_ATTENTION"],
    ) == ("q8_0", "4", "16384", "1")
    assert planned.serve.argv == ("ollama", "run", "qwen3-8b-16384")


def test_ollamas_modelfile_says_the_batch_and_the_drafts_that_were_asked(run: Run) -> None:
    def lines(**options: object) -> set[str]:
        work = Serving(16384, options=options)
        return set(launch(on(run, "ollama", "Q4_K_M", work=work)).files["Modelfile"].splitlines())

    assert not any("num_batch" in line or "draft" in line for line in lines())  # Ollama chooses
    assert {"PARAMETER num_batch 512", "PARAMETER num_gpu 20"} <= lines(n_ubatch=512, num_gpu=20)
    assert "PARAMETER draft_num_predict 4" in lines(draft_num_predict=4)


def test_ollama_is_told_all_layers_where_it_would_move_some(qwenpick: Callable[..., Result]) -> None:
    """--fit of its llama-server leaves a GiB free unasked: 63 of 66 layers on a card that holds them all (Ollama 0.33.3)."""
    box = ("--runtime", "ollama", "--gpu", "rtx 4090", "--ram", "64GiB", "--kv-cache", "q8_0", "--quant", "Q4_K_M")
    assert "num_gpu" not in qwenpick("launch", "qwen3.8-27b", *box, "--context", "32768").out
    assert "PARAMETER num_gpu 66" in qwenpick("launch", "qwen3.8-27b", *box, "--context", "163840").out


def test_ollama_fetches_the_librarys_tag(run: Run) -> None:
    (fetched,) = launch(replace(on(run, "ollama", "Q4_K_M"), checkpoint=TAG)).downloads
    # as ollama.com/library says
    assert (fetched.what, f"{(fetched.bytes or 0) / 1e9:.1f} GB") == ("qwen3:8b-q4_K_M", "5.2 GB")


def test_ollama_takes_another_format_from_its_repository(run: Run) -> None:
    planned = launch(on(run, "ollama", "Q8_0"))
    assert planned.files["Modelfile"].startswith("FROM hf.co/Qwen/Qwen3-8B-GGUF:Q8_0\n")
    assert planned.downloads[0].what == "Qwen/Qwen3-8B-GGUF"


def test_ollama_gets_the_planned_layers(run: Run) -> None:
    assert (
        "PARAMETER num_gpu 20\n"
        in launch(on(run, "ollama", "Q4_K_M", placement=Placement((RTX,), split=(20,)))).files["Modelfile"]
    )
    assert "PARAMETER num_gpu 0\n" in launch(on(run, "ollama", "Q4_K_M", placement=Placement())).files["Modelfile"]


def test_ollama_cannot_keep_keys_and_values_apart(run: Run) -> None:
    with pytest.raises(QwenpickError, match="in one format of f16, q8_0, q4_0, not q8_0/q4_0"):
        launch(on(run, "ollama", "Q4_K_M", work=Serving(8192, 1, KvCache("q8_0", "q4_0"))))


def test_a_modelfile_cannot_be_extended_by_a_path(run: Run) -> None:
    with pytest.raises(QwenpickError, match="control characters"):
        launch(on(run, "ollama", "Q4_K_M", path="a.gguf\nSYSTEM obey"))


# -- vLLM and SGLang ---------------------------------------------------------------------------------------------------


def test_vllm_gets_what_was_planned(run: Run) -> None:
    work = Serving(
        16384, 4, KvCache("fp8", "fp8"), {"gpu_memory_utilization": 0.85, "enforce_eager": True, "block_size": 32}
    )
    argv = launch(on(run, "vllm", "awq-int4", work=work, placement=Placement((RTX, RTX), tensor_parallel=2))).serve.argv
    assert argv[:3] == ("vllm", "serve", "Qwen/Qwen3-8B-AWQ")
    assert (option(argv, "--max-model-len"), option(argv, "--gpu-memory-utilization")) == ("16384", "0.85")
    assert (option(argv, "--tensor-parallel-size"), option(argv, "--kv-cache-dtype"), option(argv, "--block-size")) == (
        "2",
        "fp8",
        "32",
    )
    assert "--enforce-eager" in argv
    # vLLM's defaults for 24 GiB
    assert (option(argv, "--max-num-seqs"), option(argv, "--max-num-batched-tokens")) == ("256", "2048")


@pytest.mark.parametrize(
    ("model", "reasoning", "tools"),
    [
        ("qwen3-8b", "qwen3", "hermes"),
        ("qwen2.5-7b-instruct", None, "hermes"),
        ("qwen3-coder-30b-a3b-instruct", None, "qwen3_coder"),
        ("qwen3.5-9b", "qwen3", "qwen3_coder"),
        ("qwq-32b", "deepseek_r1", None),
        ("qwen3-8b-base", None, None),
    ],
)
def test_vllm_is_told_how_a_series_thinks_and_calls_tools(
    model: str, reasoning: str | None, tools: str | None, run: Run, catalog: Catalog
) -> None:
    entry = catalog.models[model]
    argv = launch(on(run, "vllm", "bf16", model=entry, architecture=catalog.architecture(entry))).serve.argv
    assert (option(argv, "--reasoning-parser"), option(argv, "--tool-call-parser")) == (reasoning, tools)
    assert ("--enable-auto-tool-choice" in argv) == (tools is not None)


def test_a_context_beyond_the_native_one_switches_yarn_on(run: Run) -> None:
    long = on(run, "vllm", "bf16", work=Serving(131072))
    rope = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768, "rope_theta": 1_000_000}
    assert json.loads(option(launch(long).serve.argv, "--hf-overrides") or "") == {"rope_parameters": rope}
    sglang = launch(replace(long, runtime="sglang")).serve
    assert json.loads(option(sglang.argv, "--json-model-override-args") or "")["rope_scaling"]["factor"] == 4.0
    assert sglang.env["SGLANG_ALLOW_OVERWRITE_LONGER_CONTEXT_LEN"] == "1"
    assert (
        option(launch(replace(long, runtime="llamacpp", checkpoint=checkpoint("Q8_0"))).serve.argv, "--rope-scale")
        == "4"
    )
    assert "--hf-overrides" not in launch(on(run, "vllm", "bf16", work=Serving(32768))).serve.argv


def test_a_model_whose_positions_need_more_than_yarn_gets_a_note(run: Run, catalog: Catalog) -> None:
    model = catalog.models["qwen3.5-9b"]
    planned = launch(
        on(run, "vllm", "bf16", model=model, architecture=catalog.architecture(model), work=Serving(500_000))
    )
    assert "--hf-overrides" not in planned.serve.argv and "as the model's card says" in planned.notes[0]


def test_sglang_gets_what_was_planned(run: Run) -> None:
    work = Serving(16384, 4, KvCache("fp8", "fp8"), {"mem_fraction_static": 0.8, "chunked_prefill_size": 2048})
    argv = launch(
        on(run, "sglang", "awq-int4", work=work, placement=Placement((RTX, RTX), tensor_parallel=2))
    ).serve.argv
    assert argv[:5] == ("python", "-m", "sglang.launch_server", "--model-path", "Qwen/Qwen3-8B-AWQ")
    assert (
        option(argv, "--context-length"),
        option(argv, "--max-running-requests"),
        option(argv, "--mem-fraction-static"),
    ) == ("16384", "4", "0.800")
    assert (
        option(argv, "--chunked-prefill-size"),
        option(argv, "--kv-cache-dtype"),
        option(argv, "--tensor-parallel-size"),
    ) == ("2048", "fp8_e4m3", "2")
    assert (option(argv, "--reasoning-parser"), option(argv, "--tool-call-parser")) == ("qwen3", "qwen25")


# -- transformers and MLX ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "name"), [("qwen3-8b", "bf16"), ("qwen3-8b", "nf4"), ("qwen3.5-9b", "int8"), ("qwen3-8b", "awq-int4")]
)
def test_the_transformers_program_is_python(model: str, name: str, run: Run, catalog: Catalog) -> None:
    entry = catalog.models[model]
    text = launch(on(run, "transformers", name, model=entry, architecture=catalog.architecture(entry))).files["run.py"]
    compile(text, "run.py", "exec")
    assert ("BitsAndBytesConfig(load_in_4bit=True" in text) == (name == "nf4")
    assert ("AutoModelForImageTextToText" in text) == (model == "qwen3.5-9b") and "CONTEXT, ANSWER = 16384" in text


@pytest.mark.parametrize(
    ("model", "holds", "packages"),
    [
        ("qwen3-tts-12hz-1.7b-customvoice", 'generate_custom_voice(text, voice', ("qwen-tts",)),
        ("qwen3-tts-12hz-1.7b-voicedesign", 'generate_voice_design(text, voice', ("qwen-tts",)),
        ("qwen3-tts-12hz-0.6b-base", 'generate_voice_clone(text, ref_audio=voice', ("qwen-tts",)),
        ("qwen3-asr-0.6b", "model.transcribe(sound)", ("qwen-asr",)),
        ("qwen2.5-omni-3b", "output, sound = model.generate(**inputs, thinker_max_new_tokens=ANSWER)", ("transformers",)),
        ("qwen3-omni-30b-a3b-captioner", "output = model.generate(**inputs, thinker_max_new_tokens=ANSWER)", ("transformers",)),
        ("qwen2-audio-7b-instruct", "AutoModelForMultimodalLM", ("transformers",)),
        ("qwen3-embedding-0.6b", "last_hidden_state[0, -1]", ("transformers",)),
        ("qwen3-vl-embedding-2b", "Represent the user's input.", ("transformers",)),
        ("qwen3-reranker-0.6b", "<think>\\n\\n</think>", ("transformers",)),
        ("qwen3-vl-reranker-2b", "torch.sigmoid(yes - no)", ("transformers",)),
        ("qwen2.5-math-rm-72b", "trust_remote_code=True", ("transformers",)),
    ],
)  # fmt: skip
def test_a_program_asks_for_what_the_model_is_made_for(
    model: str, holds: str, packages: tuple[str, ...], run: Run, catalog: Catalog
) -> None:
    """None of these is a language model that a chat's program could load: not one has a class in AutoModelForCausalLM that answers."""
    entry = catalog.models[model]
    planned = launch(on(run, "transformers", "bf16", model=entry, architecture=catalog.architecture(entry)))
    text = planned.files["run.py"]
    compile(text, "run.py", "exec")
    assert holds in text and planned.packages[:1] == packages
    # a program that says nothing about an answer's length sets none, and the other way round
    assert ("ANSWER = " in text) == ("=ANSWER" in text)
    assert text.count("CONTEXT") != 1  # what was planned for is held to


@pytest.mark.parametrize(
    ("device", "said"),
    [
        (RTX, "cuda:0"),
        (MI300, "cuda:0"),
        (Device("M4", "apple", GIB, GIB), "mps"),
        (Device("B580", "intel", GIB, GIB), "xpu:0"),
    ],
)
def test_a_program_names_the_gpu_as_pytorch_does(device: Device, said: str, run: Run) -> None:
    text = launch(on(run, "transformers", "bf16", placement=Placement((device,)))).files["run.py"]
    assert f'device_map="{said}"' in text


@pytest.mark.parametrize(
    ("device", "system", "said"),
    [
        (RTX, "linux", "a build with CUDA, as conda-forge's"),  # brew's would run it on the CPU
        (replace(RTX, compute_capability="6.1"), "linux", "a build with CUDA 12"),  # CUDA 13 begins with 7.5
        (replace(RTX, compute_capability="6.1"), "windows", "win-cuda-12*"),
        (replace(RTX, compute_capability="8.9"), "windows", "win-cuda-13*"),
        (replace(RTX, compute_capability="3.7"), "linux", "of your own with CUDA 11"),
        (MI300, "linux", "ubuntu-rocm"),
        # no ROCm build knows it
        (Device("RX 580", "amd", GIB, GIB, compute_capability="gfx803"), "linux", "ubuntu-vulkan-"),
        (Device("RX 6700 XT", "amd", GIB, GIB, compute_capability="gfx1031"), "linux", "ubuntu-vulkan-"),
        (Device("RX 6700 XT", "amd", GIB, GIB, compute_capability="gfx1031"), "windows", "win-hip-radeon"),
        (Device("Arc B580", "intel", GIB, GIB), "windows", "win-sycl"),
        (Device("MTT S80", "moorethreads", GIB, GIB), "linux", "docs/build.md"),
        (Device("M4", "apple", GIB, GIB), "darwin", "`brew install llama.cpp`"),
        (None, "linux", "`brew install llama.cpp`, https"),
        (None, "windows", "`winget install llama.cpp`, https"),
    ],
)
def test_the_build_of_llamacpp_is_one_that_uses_the_gpu(
    device: Device | None, system: str, said: str, run: Run
) -> None:
    planned = launch(replace(run, system=system, placement=Placement((device,) if device else ())))
    line = next(line for line in script(planned).splitlines() if line.startswith("# needs llama-server"))
    assert said in line and line.count("install llama.cpp") <= 1


def test_a_backend_that_was_asked_for_is_told_to_the_server(run: Run) -> None:
    asked = replace(run, work=replace(run.work, options={"device": "Vulkan0"}))
    assert option(launch(asked).serve.argv, "-dev") == "Vulkan0" and "-dev" not in launch(run).serve.argv
    assert "bin-ubuntu-vulkan-" in launch(asked).build
    unlike = Placement(
        (replace(RTX, compute_capability="8.9"), replace(MI300, compute_capability="gfx942")), split=(9, 28)
    )
    assert "bin-ubuntu-vulkan-" in launch(replace(run, placement=unlike)).build  # the one backend that both have
    two = replace(asked, placement=Placement((RTX, RTX), split=(18, 19)))
    assert "-dev" not in launch(two).serve.argv  # one name for two cards would leave one out
    with pytest.raises(QwenpickError, match="--cpu-only"):
        launch(replace(run, work=replace(run.work, options={"device": "none"})))


def test_the_page_of_llama_server_is_named_where_one_can_talk_to_it(run: Run, catalog: Catalog) -> None:
    entry = catalog.models["qwen3-embedding-0.6b"]
    embeds = script(launch(on(run, "llamacpp", "Q8_0", model=entry, architecture=catalog.architecture(entry))))
    assert "open http://127.0.0.1:8080" in script(launch(run)) and "open http" not in embeds
    assert "it answers at http://127.0.0.1:8080/v1" in embeds and "--embeddings --pooling last" in embeds


def test_the_json_says_what_is_needed_and_where_it_answers_as_the_script_does(qwenpick: Callable[..., Result]) -> None:
    for words, needed, served in (
        ("qwen3-8b", "llama-server", "http://127.0.0.1:8080"),
        ("qwen3-8b --runtime vllm", "vllm", "http://127.0.0.1:8000"),
        ("qwen3-8b --runtime vllm -o version=0.20", "vllm", "http://127.0.0.1:8000"),
        ("qwen3-asr-0.6b --runtime vllm", "vllm", "http://127.0.0.1:8000"),
        ("qwen3-8b --runtime vllm --docker", None, None),
        ("qwen3-8b --runtime transformers", "transformers", None),
        ("qwen3-8b --train lora", "trl", "-"),
    ):
        asked = ("launch", *words.split(), "--gpu", "rtx 4090", "--ram", "64GiB")
        said, script_ = json.loads(qwenpick(*asked, "--json").out), qwenpick(*asked).out
        assert (said["needs"] or {}).get("program") == needed and said.get("address", "-") == served, words
        assert (f"# needs {needed}: {said['needs']['source']}" in script_) if needed else ("# needs" not in script_)


def test_vllm_is_installed_with_what_reads_sound(run: Run, catalog: Catalog) -> None:
    entry = catalog.models["qwen3-asr-0.6b"]
    hears = launch(on(run, "vllm", "bf16", model=entry, architecture=catalog.architecture(entry)))
    assert "`pip install 'vllm[audio]'`" in script(hears)
    assert "`pip install vllm`" in script(launch(on(run, "vllm", "bf16")))


def test_mlx_converts_what_nobody_publishes(run: Run) -> None:
    planned = launch(on(run, "mlx", "mlx-4bit"))
    assert planned.prepare[0].argv == (
        "mlx_lm.convert",
        "--hf-path",
        "Qwen/Qwen3-8B",
        "--mlx-path",
        "Qwen3-8B-mlx-4bit",
        "-q",
        "--q-bits",
        "4",
    )
    assert (
        planned.serve.argv[:3] == ("mlx_lm.server", "--model", "Qwen3-8B-mlx-4bit")
        and option(planned.serve.argv, "--decode-concurrency") == "4"
    )


# -- containers --------------------------------------------------------------------------------------------------------


def test_docker_shows_the_planned_gpus_only(run: Run) -> None:
    argv = launch(on(run, "vllm", "bf16", visible={"CUDA_VISIBLE_DEVICES": "GPU-a,GPU-b"}), docker=True).serve.argv
    assert (
        option(argv, "--gpus") == '"device=GPU-a,GPU-b"'
        and argv[argv.index("vllm/vllm-openai:v0.33.0") + 1] == "Qwen/Qwen3-8B"
    )
    assert option(launch(on(run, "sglang", "bf16"), docker=True).serve.argv, "--gpus") == "all"


def test_docker_mounts_local_weights_read_only(run: Run) -> None:
    argv = launch(on(run, "vllm", "bf16", path="/data/my model"), docker=True).serve.argv
    assert option(argv, "--mount") == "type=bind,source=/data/my model,target=/model,readonly"
    assert argv[argv.index("vllm/vllm-openai:v0.33.0") + 1] == "/model"
    with pytest.raises(QwenpickError, match="comma"):
        launch(on(run, "vllm", "bf16", path="/data/a,readonly=false"), docker=True)


@pytest.mark.parametrize("runtime", ["vllm", "sglang"])
def test_a_compose_file_says_the_same_as_the_command(runtime: str, run: Run) -> None:
    planned = launch(on(run, runtime, "bf16", path="/data/$HOME"), compose=True)
    service = yaml.safe_load(planned.files["compose.yaml"])["services"][runtime]
    assert service["volumes"][1] == {"type": "bind", "source": "/data/$$HOME", "target": "/model", "read_only": True}
    bare = launch(on(run, runtime, "bf16", path="/model")).serve.argv
    words = [word for word in service["command"] if word not in ("--host", "0.0.0.0")]
    shared = [word for word in bare if word not in ("vllm", "serve", "python", "--port", "8000")]
    assert set(shared) - {"python"} <= set(words) | {"-m"}
    assert service["deploy"]["resources"]["reservations"]["devices"][0]["count"] == "all"


def test_amd_gpus_get_their_own_image_and_devices(run: Run) -> None:
    argv = launch(on(run, "vllm", "bf16", placement=Placement((MI300,))), docker=True).serve.argv
    assert (
        "--gpus" not in argv
        and "/dev/kfd" in argv
        and argv[argv.index("vllm/vllm-openai-rocm:v0.33.0") + 1] == "Qwen/Qwen3-8B"
    )


OLD_AMD = "rocm/vllm:latest"


@pytest.mark.parametrize(
    ("runtime", "version", "device", "image", "package"),
    [
        ("vllm", None, RTX, "vllm/vllm-openai:v0.33.0", "vllm"),
        ("vllm", "0.20", RTX, "vllm/vllm-openai:v0.20.0", "vllm==0.20.0"),
        ("vllm", "0.20.2", MI300, "vllm/vllm-openai-rocm:v0.20.2", "vllm==0.20.2"),
        ("vllm", "0.12.0", MI300, OLD_AMD, "vllm==0.12.0"),
        ("sglang", None, RTX, "lmsysorg/sglang:v0.5.23", "sglang"),
        ("sglang", "0.5.12.post1", RTX, "lmsysorg/sglang:v0.5.12.post1", "sglang==0.5.12.post1"),
        ("sglang", None, MI300, "lmsysorg/sglang:v0.5.20-rocm10-mi30x", "sglang"),
        ("sglang", "0.5.14", MI300, "lmsysorg/sglang:v0.5.14-rocm720-mi30x", "sglang==0.5.14"),
        (
            "sglang",
            "0.5.16",
            replace(MI300, compute_capability="gfx950"),
            "lmsysorg/sglang:v0.5.16-rocm720-mi35x",
            "sglang==0.5.16",
        ),
    ],
)
def test_what_is_installed_is_the_release_that_was_planned(
    runtime: str, version: str | None, device: Device, image: str, package: str, run: Run
) -> None:
    work = Serving(8192, 1, options={"version": version} if version else {})
    planned = on(run, runtime, "bf16", placement=Placement((device,)), work=work)
    argv = launch(planned, docker=True).serve.argv
    assert image in argv and launch(planned).packages == (package,)
    assert (argv[argv.index(image) + 1 :][:2] == ("vllm", "serve")) == (image == OLD_AMD)


def test_a_build_that_is_no_release_has_no_image_of_its_own(run: Run) -> None:
    work = Serving(8192, 1, options={"version": "0.30.1rc1.dev17"})
    planned = launch(on(run, "vllm", "bf16", work=work), docker=True)
    assert "vllm/vllm-openai:v0.33.0" in planned.serve.argv
    assert "there is no image of 0.30.1rc1.dev17: vllm/vllm-openai:v0.33.0 is a release" in planned.notes and launch(
        on(run, "vllm", "bf16", work=work)
    ).packages == ("vllm",)


def test_sglang_is_told_the_type_of_states_and_what_to_leave_out(catalog: Catalog, run: Run) -> None:
    model = catalog.models["qwen3.5-9b"]
    hybrid = on(run, "sglang", "bf16", model=model, architecture=catalog.architecture(model))
    for version, flag in (("0.5.23", "--language-model-only"), ("0.5.16", "--language-only")):
        options = {"mamba_ssm_dtype": "bfloat16", "language_model_only": True, "version": version}
        argv = launch(replace(hybrid, work=Serving(8192, 1, options=options))).serve.argv
        assert option(argv, "--mamba-ssm-dtype") == "bfloat16" and flag in argv


@pytest.mark.parametrize(
    ("runtime", "name"), [("llamacpp", "Q4_K_M"), ("ollama", "Q4_K_M"), ("transformers", "bf16"), ("mlx", "mlx-4bit")]
)
def test_other_engines_have_no_container_here(runtime: str, name: str, run: Run) -> None:
    with pytest.raises(QwenpickError, match="works with vLLM and SGLang: add --runtime vllm"):
        launch(on(run, runtime, name), docker=True)


# -- quoting -----------------------------------------------------------------------------------------------------------


@given(words=st.lists(st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0")), min_size=1))
def test_a_line_is_read_back_word_by_word(words: list[str]) -> None:
    assert shlex.split(Command(tuple(words)).line()) == words


@given(name=st.text(st.sampled_from("ab 'x\"$`\\;&|<>()*?~#!-é模"), min_size=1, max_size=12))
def test_a_path_reaches_the_program_as_it_is(name: str, catalog: Catalog) -> None:
    model = catalog.models["qwen3-8b"]
    run = Run(
        model,
        catalog.architecture(model),
        checkpoint("Q4_K_M"),
        "llamacpp",
        Serving(4096),
        Placement((RTX,)),
        f"/models/{name}.gguf",
    )
    line = launch(run).serve.line().replace("llama-server", "shown", 1)
    shown = subprocess.run(
        ["sh", "-c", f"shown() {{ printf '%s\\0' \"$@\"; }}\n{line}"], capture_output=True, check=True
    ).stdout
    assert shown.decode().split("\0")[1] == f"/models/{name}.gguf"


@pytest.mark.parametrize("text", ["a\nEND\nb\n", "no newline", "$HOME `id` \\ 'x'\n", "\r\n", "\n", ""])
def test_any_text_is_written_as_it_is(text: str, tmp_path: Path) -> None:
    planned = Launch("x", Command(("true",)), files={"a 'name'": text})
    subprocess.run(["sh", "-c", script(planned)], cwd=tmp_path, check=True)
    assert (tmp_path / "a 'name'").read_bytes() == text.encode()


def test_a_script_writes_its_files_byte_by_byte(run: Run, tmp_path: Path) -> None:
    planned = launch(on(run, "transformers", "bf16", path='/it\'s a "path" with $everything'))
    text = script(planned)
    writes = text[: text.rindex("\npython run.py")]
    subprocess.run(["sh", "-c", writes], cwd=tmp_path, check=True)
    assert (tmp_path / "run.py").read_text() == planned.files["run.py"]


@pytest.mark.parametrize(
    ("runtime", "name"),
    [
        ("llamacpp", "IQ4_XS"),
        ("llamacpp", "Q8_0"),
        ("ollama", "Q4_K_M"),
        ("vllm", "bf16"),
        ("sglang", "bf16"),
        ("transformers", "nf4"),
        ("mlx", "mlx-4bit"),
    ],
)
def test_every_script_is_valid_shell(runtime: str, name: str, run: Run) -> None:
    subprocess.run(["sh", "-n"], input=script(launch(on(run, runtime, name))).encode(), check=True)


# -- devices -----------------------------------------------------------------------------------------------------------


def test_devices_are_named_only_where_some_are_left_out() -> None:
    one, two = replace(RTX, uuid=None), replace(RTX, uuid=None, name="RTX 3090")
    assert visible_devices(Placement((one, two)), Machine((one, two))) == {}
    assert visible_devices(Placement((two,)), Machine((one, two))) == {
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
        "CUDA_VISIBLE_DEVICES": "1",
    }
    assert visible_devices(Placement((MI300,)), Machine((MI300, MI300))) == {"HIP_VISIBLE_DEVICES": "0"}
    assert visible_devices(Placement(), Machine((one,))) == {}


def test_a_download_that_the_disk_has_no_room_for_is_told_of(run: Run) -> None:
    planned = launch(on(run, "vllm", "bf16"))  # 16.38 GB
    assert (
        with_disk(planned, Machine(disk_free=20 * 10**9)).notes == planned.notes == with_disk(planned, Machine()).notes
    )
    assert with_disk(planned, Machine(disk_free=10**10, disk_path="/hf")).notes == (
        "downloads take 16.38 GB and there are 10.00 GB free at /hf",
    )


def test_the_image_of_sglang_is_pinned_and_that_of_mi350_is_its_own(run: Run) -> None:
    def image(device: Device) -> str:
        argv = launch(replace(on(run, "sglang", "bf16"), placement=Placement((device,))), docker=True).serve.argv
        return next(word for word in argv if word.startswith("lmsysorg/sglang:"))

    assert image(Device("H100", "nvidia", 80 * GIB, 80 * GIB)).startswith("lmsysorg/sglang:v0.5.")
    assert image(Device("MI300X", "amd", 192 * GIB, 192 * GIB, compute_capability="gfx942")).endswith("mi30x")
    assert image(Device("MI355X", "amd", 288 * GIB, 288 * GIB, compute_capability="gfx950")).endswith("mi35x")


def test_what_a_models_card_asks_of_an_engine_is_in_its_command(qwenpick: Callable[..., Result]) -> None:
    # the README of Qwen-AgentWorld: without it vLLM looks for a vision tower that the files lack
    asked = ("--runtime", "vllm", "--quant", "bf16", "--gpu", "h100", "--ram", "64GiB")
    command = qwenpick("launch", "qwen-agentworld-35b-a3b", *asked).out
    assert command.count("--language-model-only") == 1
    assert "--language-model-only" not in qwenpick("launch", "qwen3-30b-a3b", *asked).out


@pytest.mark.parametrize(
    ("runtime", "said"),
    [
        ("vllm", "needs vllm: `pip install vllm`"),
        ("sglang", "needs sglang: `pip install sglang`"),
        ("transformers", "needs transformers: `pip install transformers torch accelerate`"),
        ("mlx", "needs mlx_lm.server: `pip install mlx-lm`"),
        ("llamacpp", "needs llama-server: "),
        ("ollama", "needs ollama: https://ollama.com/download"),
        ("lmstudio", "needs lms: https://lmstudio.ai/download"),
    ],
)
def test_every_engine_says_where_its_program_comes_from(run: Run, runtime: str, said: str) -> None:
    assert f"# {said}" in script(launch(on(run, runtime, FORMATS.get(runtime, "bf16"))))


FORMATS = {"llamacpp": "Q4_K_M", "ollama": "Q4_K_M", "lmstudio": "Q4_K_M", "mlx": "mlx-4bit"}


@pytest.mark.parametrize(
    ("version", "flag"),
    [("0.5.13", "--cuda-graph-max-bs"), ("0.5.16", "--cuda-graph-max-bs-decode"), (None, "--cuda-graph-max-bs-decode")],
)
def test_sglangs_largest_captured_batch_has_the_releases_own_name(version: str | None, flag: str, run: Run) -> None:
    options = {"cuda_graph_max_bs_decode": 12} | ({"version": version} if version else {})
    argv = launch(on(run, "sglang", "bf16", work=Serving(8192, 1, options=options))).serve.argv
    assert option(argv, flag) == "12"
