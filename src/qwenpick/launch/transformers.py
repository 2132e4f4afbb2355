"""transformers: a Python program that loads and answers as planned: text, a sound, a vector or a score, as the model is made for.

Names: transformers 5.24, auto classes, generation and quantizers docs; what is asked of embedding models, rerankers and Qwen2.5-Omni: their cards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwenpick.i18n import _
from qwenpick.launch import hub, speech
from qwenpick.launch.asked import SOUND, asked
from qwenpick.launch.facts import HF_CACHE, context_notes, download, yarn
from qwenpick.launch.run import Command, Launch, Run, thinks
from qwenpick.runtimes.given import read
from qwenpick.runtimes.transformers.options import Options

if TYPE_CHECKING:
    from qwenpick.work.placement import Placement

READ_FROM = "transformers 5.24: auto classes, BitsAndBytesConfig, GenerationConfig"
FILE = "run.py"
_DTYPE = {"fp16": "torch.float16", "fp32": "torch.float32", "bf16": "torch.bfloat16"}
_QUANTIZED = {
    "nf4": 'BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=torch.bfloat16)',
    "int8": "BitsAndBytesConfig(load_in_8bit=True)",
}
AUTO = '"auto"'
# what PyTorch calls a vendor's GPU; AMD's go by CUDA's name
_TORCH = {"apple": "mps", "intel": "xpu:0", "ascend": "npu:0"}
ANSWER = 2048  # tokens an answer may have here; a thought comes before it


def launch(run: Run) -> Launch:
    """`python run.py`, with the program beside it."""
    repo = None if run.path else run.weights
    fetched = f"./{repo.partition('/')[2]}" if repo and run.hub == hub.MODELSCOPE and hub.on_modelscope(repo) else None
    words, env = hub.fetch(run, repo or "", fetched or "")
    return Launch(
        runtime=run.runtime,
        serve=Command(("python", FILE), {**run.visible, **(env if repo else {})}),
        prepare=(Command(words, env, _("fetch the published weights")),) if fetched else (),
        files={FILE: program(run, fetched)},
        downloads=download(run, fetched or HF_CACHE),
        notes=(*context_notes(run), *hub.hub_notes(run)),
        packages=(
            *((speech.package(run),) if run.model.kind == "speech" else ("transformers", "torch", "accelerate")),
            *(("bitsandbytes",) if run.checkpoint.format in _QUANTIZED else ()),
            *(("torchvision", "pillow") if run.architecture.vision else ()),
            *(("librosa", "soundfile") if run.architecture.audio and run.model.kind != "speech" else ()),
        ),
    )


def program(run: Run, fetched: str | None = None) -> str:
    """The program: one request of up to the planned context, answered in the planned precision on the planned devices.

    `fetched` is where the weights were put.
    """
    name, quantized, devices = fetched or run.weights, _QUANTIZED.get(run.checkpoint.format), len(run.placement.devices)
    where = '"auto"' if devices > 1 or run.placement.split is not None else f'"{_torch_device(run.placement)}"'
    answer = min(ANSWER * (8 if thinks(run.model) else 1), max(1, run.work.context // 2))
    load = [f"dtype={_DTYPE.get(run.checkpoint.format, AUTO)}", f"device_map={where}"]
    load += [f"quantization_config={quantized}"] if quantized else []
    said = read(Options, run.work.options)
    load += [f"attn_implementation={said.attn_implementation!r}"] if "attn_implementation" in said.named else []
    load += ["config=config"] if yarn(run) else []
    auto, reader, lines = asked(run)
    answers = any("ANSWER" in line for line in lines)
    load += ["trust_remote_code=True"] if run.model.kind == "reward" else []
    names = sorted(
        [auto, reader, *(["BitsAndBytesConfig"] if quantized else []), *(["AutoConfig"] if yarn(run) else [])]
    )
    if run.model.kind == "speech":
        needs = "from transformers import BitsAndBytesConfig" if quantized else ""
        return "\n".join([*filter(None, [needs]), *speech.program(run, name, ", ".join(load), answer), ""])
    return "\n".join(
        [
            "import sys",
            "",
            *(["import soundfile"] if SOUND in lines else []),
            "import torch",
            f"from transformers import {', '.join(names)}",
            "",
            f"NAME = {name!r}",
            f"{'CONTEXT, ANSWER' if answers else 'CONTEXT'} = {run.work.context}{f', {answer}' if answers else ''}  # tokens; what was planned for",
            "",
            f"reader = {reader}.from_pretrained(NAME)",
            *([f"config = AutoConfig.from_pretrained(NAME, rope_parameters={yarn(run)!r})"] if yarn(run) else []),
            f"model = {auto}.from_pretrained(NAME, {', '.join(load)})",
            *lines,
            "",
        ]
    )


def _torch_device(placement: Placement) -> str:
    return _TORCH.get(placement.devices[0].vendor, "cuda:0") if placement.devices else "cpu"
