"""Settings that do not exist and combinations that cannot work end in one sentence."""

from __future__ import annotations

import pytest

from qwenpick import training
from qwenpick.catalog import Catalog, Checkpoint
from qwenpick.errors import QwenpickError
from qwenpick.machine.hardware import Device
from qwenpick.work.placement import Placement
from qwenpick.work.serving import Training


def error(catalog: Catalog, work: Training, form: str | None = None, name: str = "qwen3-8b") -> str:
    model = catalog.models[name]
    with pytest.raises(QwenpickError) as caught:
        training.memory(model, catalog.architecture(model), work, checkpoint=Checkpoint(format=form) if form else None)
    return str(caught.value)


@pytest.mark.parametrize(
    ("work", "form", "words"),
    [
        (Training("qlora"), "fp8", "QLoRA of an FP8 checkpoint"),
        (Training("full"), "Q4_K_M", "full fine-tuning of a GGUF file"),
        (Training("full"), "gptq-int4", "can only be adapted"),
        (Training("lora"), "nf4", "is QLoRA"),
        (Training("qlora"), "bf16", "QLoRA needs 4- or 8-bit weights"),
        (Training("full", zero=3), None, "ZeRO-3 on one GPU"),
        (Training("full", fsdp=True), None, "FSDP on one GPU"),
        (Training("full", fsdp=True, zero=2, gpus=2), None, "choose one"),
        (Training("full", offload="optimizer"), None, "needs ZeRO 1, 2 or 3"),
        (Training("full", offload="parameters", zero=2), None, "needs ZeRO-3"),
        (Training("full", offload="nvme", zero=2, gpus=2), None, "offload of nvme needs ZeRO-3"),
        (Training("full", offload="nvme", fsdp=True, gpus=2), None, "to a disk it is --zero 3"),
        (Training("qlora", zero=3, gpus=2), None, "cannot be divided by ZeRO-3"),
        (Training("lora", trainer="unsloth", zero=2, gpus=2), None, "Unsloth does not divide"),
        (Training("full", optimizer="adamw-8bit", zero=2, offload="optimizer"), None, "runs on the GPU only"),
        (Training("full", train_embeddings=True), None, "trains the embeddings anyway"),
        (Training("lora", train_embeddings=True, trainer="unsloth"), None, "no GPUs divide, with trl"),
        (Training("lora", train_embeddings=True, fsdp=True, gpus=2), None, "no GPUs divide, with trl"),
        (Training("qlora", dora=True), None, "--dora is modeled for LoRA of dense"),
        (Training("freeze", trainer="trl"), None, "nearest: --train lora"),
        (Training("lora", layers=2), None, "--layers goes with --train freeze"),
        (Training("full", optimizer="torchao-adamw-8bit", fsdp=True, gpus=2), None, "holds its own states"),
        (Training("full", precision="pure-bf16"), None, "is LLaMA-Factory's"),
        (Training("lora", fla=True), None, "leave --fla out"),
        (Training("lora", image_tokens=100), None, "no vision tower"),
    ],
)
def test_what_cannot_be_combined_is_a_sentence(catalog: Catalog, work: Training, form: str | None, words: str) -> None:
    assert words in error(catalog, work, form)


def test_dora_of_a_mixture_is_refused(catalog: Catalog) -> None:
    assert "--dora is modeled for LoRA of dense" in error(catalog, Training(dora=True), name="qwen3-30b-a3b")


@pytest.mark.parametrize(
    ("work", "words"),
    [
        (Training("lroa"), "did you mean lora"),
        (Training(optimizer="adamw8bit"), "did you mean adamw-8bit"),
        (Training(trainer="llamafactory"), "did you mean llama-factory"),
        (Training(seq=0), "seq must be 1 or more"),
        (Training(zero=4), "stages 0 to 3"),
    ],
)
def test_a_word_that_does_not_exist_names_the_nearest(catalog: Catalog, work: Training, words: str) -> None:
    assert words in error(catalog, work)


def test_a_placement_with_too_few_gpus_is_an_error(catalog: Catalog) -> None:
    model = catalog.models["qwen3-8b"]
    one = Placement((Device("NVIDIA L4", "nvidia", 2**34, 2**34),))
    with pytest.raises(QwenpickError, match="has 1 GPUs, the training run 2"):
        training.memory(model, catalog.architecture(model), Training(gpus=2), one)
