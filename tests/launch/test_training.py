"""What is written to start a run says the settings that were estimated, and can be read back."""

from __future__ import annotations

import ast
import json
import re

import pytest
import yaml

from qwenpick.catalog import Catalog, Checkpoint
from qwenpick.errors import QwenpickError
from qwenpick.launch.training import MAKERS, TrainerRun, launch
from qwenpick.launch.training import packages as launch_packages
from qwenpick.work.serving import Training
from tests.conftest import Run

WORK = {"seq": 4096, "batch": 2, "grad_accum": 8, "rank": 32, "optimizer": "paged-adamw-8bit"}


def started(
    catalog: Catalog, work: Training, name: str = "qwen3-8b", checkpoint: Checkpoint | None = None
) -> TrainerRun:
    model = catalog.models[name]
    return launch(model, catalog.architecture(model), work, checkpoint)


def test_llama_factory_gets_a_yaml_file(catalog: Catalog) -> None:
    found = started(catalog, Training("qlora", trainer="llama-factory", **WORK))
    settings = yaml.safe_load(found.files["train.yaml"])
    assert found.command == ("llamafactory-cli", "train", "train.yaml")
    expected = {
        "model_name_or_path": "Qwen/Qwen3-8B", "finetuning_type": "lora", "quantization_bit": 4, "cutoff_len": 4096, "lora_rank": 32,
        "per_device_train_batch_size": 2, "gradient_accumulation_steps": 8, "optim": "paged_adamw_8bit", "template": "qwen3",
    }  # fmt: skip
    assert {name: settings[name] for name in expected} == expected
    assert json.loads(found.files["dataset_info.json"])[settings["dataset"]]["file_name"] == "train.jsonl"


def test_numbers_in_yaml_are_numbers(catalog: Catalog) -> None:
    settings = yaml.safe_load(started(catalog, Training("full", trainer="llama-factory")).files["train.yaml"])
    assert settings["learning_rate"] == 1e-5


def test_ms_swift_gets_one_command_line(catalog: Catalog) -> None:
    words = started(catalog, Training("lora", trainer="ms-swift", gpus=2, zero=2, **WORK)).command
    options = dict(zip(words[5::2], words[6::2], strict=False))
    assert words[:5] == ("env", "PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True", "NPROC_PER_NODE=2", "swift", "sft")
    assert options["--deepspeed"] == "zero2"
    assert (options["--max_length"], options["--lora_rank"], options["--optim"]) == ("4096", "32", "paged_adamw_8bit")


def test_trl_gets_a_program_that_parses(catalog: Catalog) -> None:
    found = started(catalog, Training("qlora", trainer="trl", **WORK))
    program = found.files["train.py"]
    ast.parse(program)
    assert "max_length=4096" in program
    assert "LoraConfig(r=32" in program
    assert "load_in_4bit=True" in program


def test_deepspeed_is_configured_as_estimated(catalog: Catalog) -> None:
    found = started(catalog, Training("full", trainer="trl", zero=3, offload="parameters", gpus=2))
    zero = json.loads(found.files["deepspeed.json"])["zero_optimization"]
    assert (zero["stage"], zero["offload_param"]["device"], zero["offload_optimizer"]["device"]) == (3, "cpu", "cpu")
    assert 'deepspeed="deepspeed.json"' in found.files["train.py"]


@pytest.mark.parametrize("method", ["full", "lora"])
def test_a_frozen_vision_tower_stays_frozen(catalog: Catalog, method: str) -> None:
    program = started(catalog, Training(method, trainer="trl"), "qwen3-vl-8b-instruct").files["train.py"]
    ast.parse(program)
    assert "visual" in program
    settings = started(catalog, Training(method, trainer="llama-factory"), "qwen3-vl-8b-instruct").files["train.yaml"]
    assert yaml.safe_load(settings)["freeze_vision_tower"] is True


def test_a_quantized_repository_is_named_and_not_quantized_again(catalog: Catalog) -> None:
    awq = Checkpoint(format="awq-int4", repo="Qwen/Qwen3-8B-AWQ")
    program = started(catalog, Training("qlora", trainer="trl"), checkpoint=awq).files["train.py"]
    assert "'Qwen/Qwen3-8B-AWQ'" in program
    assert "BitsAndBytesConfig" not in program


def test_every_program_of_every_trainer_and_method_parses(catalog: Catalog) -> None:
    for trainer in MAKERS:
        for method in ("full", "lora", "qlora"):
            found = started(catalog, Training(method, trainer=trainer, target="attention"), "qwen3.5-9b")
            assert found.checked
            for name, text in found.files.items():
                if name.endswith(".py"):
                    ast.parse(text)


@pytest.mark.parametrize(
    ("work", "words"),
    [
        (Training(trainer="torch"), "has no launch of its own; choose llama-factory, .*, transformers$"),
        (Training(trainer="unsloth", gpus=2), "Unsloth trains on one GPU"),
        (Training(trainer="llama-factory", fsdp=True, gpus=2), "starts FSDP from an accelerate file"),
    ],
)
def test_what_a_trainer_cannot_start_is_a_sentence(catalog: Catalog, work: Training, words: str) -> None:
    with pytest.raises(QwenpickError, match=words):
        started(catalog, work)


def test_fsdp_wraps_by_decoder_layer_and_names_the_allocator(catalog: Catalog) -> None:
    words = started(catalog, Training("full", trainer="trl", fsdp=True, gpus=8)).command
    assert words[words.index("--fsdp_auto_wrap_policy") + 1] == "TRANSFORMER_BASED_WRAP"
    assert "PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True" in words


@pytest.mark.parametrize("objective", ["sft", "dpo", "kto", "grpo", "reward", "orpo"])
def test_every_objective_of_trl_gets_its_trainer(catalog: Catalog, objective: str) -> None:
    found = started(catalog, Training("lora", trainer="trl", objective=objective, target="q_proj,v_proj", batch=8))
    program = found.files["train.py"]
    ast.parse(program)
    name = "Reward" if objective == "reward" else objective.upper()
    assert f"trainer = {name}Trainer(" in program
    assert 'target_modules=["q_proj", "v_proj"]' in program
    assert found.notes


@pytest.mark.parametrize(
    ("work", "words"),
    [
        (Training("full", trainer="transformers", zero=3, gpus=4, sequence_parallel=4), "sp_size=4"),
        (Training("full", trainer="trl", fsdp=True, gpus=4, sequence_parallel=2), "cp_size=2, dp_shard_size=2"),
        (Training("qlora", trainer="transformers"), "prepare_model_for_kbit_training"),
        (Training("lora", trainer="trl", packing=True), "packing=True"),
    ],
)
def test_a_program_says_what_was_estimated(catalog: Catalog, work: Training, words: str) -> None:
    program = started(catalog, work).files["train.py"]
    ast.parse(program)
    assert words in program


def test_embeddings_get_their_own_program(catalog: Catalog) -> None:
    work = Training("lora", trainer="sentence-transformers", objective="embedding", mini_batch=32)
    program = started(catalog, work, "qwen3-embedding-0.6b").files["train.py"]
    ast.parse(program)
    assert "CachedMultipleNegativesRankingLoss(model, mini_batch_size=32)" in program


@pytest.mark.parametrize(
    ("name", "template"),
    [
        ("qwen3-8b", "qwen3"),
        ("qwen3-4b-instruct-2507", "qwen3_nothink"),
        ("qwen3-vl-8b-instruct", "qwen3_vl_nothink"),
        ("qwen3-next-80b-a3b-instruct", "qwen3_nothink"),
        ("qwen2.5-7b-instruct", "qwen"),
    ],
)
def test_llama_factory_knows_the_template_by_this_name(catalog: Catalog, name: str, template: str) -> None:
    settings = yaml.safe_load(started(catalog, Training("lora", trainer="llama-factory"), name).files["train.yaml"])
    assert settings["template"] == template


def test_sentence_transformers_divide_the_run_where_it_was_planned_so(catalog: Catalog) -> None:
    work = Training("lora", trainer="sentence-transformers", objective="embedding", zero=2, gpus=2)
    found = started(catalog, work, "qwen3-embedding-0.6b")
    assert json.loads(found.files["deepspeed.json"])["zero_optimization"]["stage"] == 2
    assert 'deepspeed="deepspeed.json"' in found.files["train.py"]


# how each starts DeepSpeed where no other process is: as a plain program it would look for MPI
@pytest.mark.parametrize(
    ("trainer", "words"),
    [
        ("trl", ("deepspeed", "--num_gpus", "1", "train.py")),
        ("transformers", ("deepspeed", "--num_gpus", "1", "train.py")),
        ("llama-factory", ("FORCE_TORCHRUN=1", "llamafactory-cli", "train", "train.yaml")),
        ("ms-swift", ("NPROC_PER_NODE=1", "swift", "sft")),
    ],
)
def test_deepspeed_on_one_gpu_is_started_by_a_launcher(catalog: Catalog, trainer: str, words: tuple[str, ...]) -> None:
    found = started(catalog, Training("full", trainer=trainer, zero=3, offload="nvme"))
    assert " ".join(words) in " ".join(found.command)
    alone = started(catalog, Training("lora", trainer=trainer)).command
    assert not {"deepspeed", "FORCE_TORCHRUN=1", "NPROC_PER_NODE=1", "env"} & set(alone)


@pytest.mark.parametrize("objective", ["sft", "dpo"])
@pytest.mark.parametrize("trainer", MAKERS)
def test_every_trainer_reads_the_data_as_often_as_was_asked(catalog: Catalog, trainer: str, objective: str) -> None:
    if objective != "sft" and trainer != "trl":
        return
    found = started(catalog, Training("lora", trainer=trainer, objective=objective, epochs=3))
    text = " ".join([*found.command, *found.files.values()])
    assert re.findall(r"num_train_epochs\W{1,3}([\d.]+)", text) in (["3"], ["3.0"])


def test_a_script_says_what_it_needs(catalog: Catalog, qwenpick: Run) -> None:
    work = Training("qlora", trainer="trl", optimizer="paged-adamw-8bit", chunked_loss=True)
    assert started(catalog, work).packages == ("trl", "peft", "bitsandbytes", "liger-kernel")
    asked = ["launch", "qwen3-8b", "--train", "lora", "--gpu", "rtx 4090", "--ram", "64"]
    printed = qwenpick(*asked, "--epochs", "3", "--dataset-tokens", "10M").out
    assert "# needs trl: `pip install trl peft`\n" in printed and "num_train_epochs=3" in printed
    for trainer in MAKERS:
        assert launch_packages(Training("full", trainer=trainer, zero=2), None)[-1].startswith("deepspeed")


@pytest.mark.parametrize("form", ["--docker", "--compose", "--systemd", "--exec"])
def test_a_run_that_trains_takes_no_form_of_serving(qwenpick: Run, form: str) -> None:
    refused = qwenpick("launch", "qwen3-8b", "--train", "qlora", "--gpu", "rtx 4090", "--ram", "64", form)
    assert (refused.code, refused.out) == (2, "") and form in refused.err


def test_a_run_on_windows_is_written_for_its_shell(qwenpick: Run) -> None:
    asked = ["launch", "qwen3-8b", "--train", "qlora", "--ram", "64", "--gpu", "rtx 4090"]
    printed = qwenpick(*asked, "--system", "windows").out
    assert "[IO.File]::WriteAllText((Join-Path $PWD train.py), " in printed and "<<'END'" not in printed
    assert printed.endswith("python train.py\n")


@pytest.mark.parametrize(
    ("said", "packages"),
    [
        # its requirements/deepspeed.txt
        ({"trainer": "llama-factory", "zero": 3, "gpus": 2}, ("llamafactory", "deepspeed<=0.18.4")),
        # its requirements/install_all.sh
        ({"trainer": "ms-swift", "zero": 3, "gpus": 2}, ("ms-swift", "deepspeed<0.19")),
        ({"trainer": "trl", "zero": 3, "gpus": 2}, ("trl", "peft", "deepspeed")),
        ({"trainer": "sentence-transformers", "objective": "embedding"}, ("sentence-transformers[train]", "peft")),
    ],
)
def test_a_run_installs_the_deepspeed_that_its_trainer_asks_for(
    said: dict[str, object], packages: tuple[str, ...]
) -> None:
    assert launch_packages(Training("lora", **said), None) == packages  # type: ignore[arg-type]


def test_what_is_installed_is_quoted_once(qwenpick: Run) -> None:
    box = ("--gpu", "rtx 4090", "--ram", "64GiB")
    assert (
        "`pip install 'sentence-transformers[train]'`"
        in qwenpick("launch", "qwen3-embedding-0.6b", "--train", "full", *box).out
    )
