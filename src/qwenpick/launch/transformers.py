"""transformers: a Python program that loads and answers as planned. Names: transformers 5.17, generation and quantizers docs."""

from __future__ import annotations

from qwenpick.i18n import _
from qwenpick.launch import hub
from qwenpick.launch.facts import HF_CACHE, context_notes, download, yarn
from qwenpick.launch.run import Command, Launch, Run, thinks
from qwenpick.launch.thinking import TRANSFORMERS
from qwenpick.runtimes.given import read
from qwenpick.runtimes.transformers.options import Options

READ_FROM = "transformers 5.17: auto classes, BitsAndBytesConfig, GenerationConfig"
FILE = "run.py"
_DTYPE = {"fp16": "torch.float16", "fp32": "torch.float32", "bf16": "torch.bfloat16"}
_QUANTIZED = {
    "nf4": 'BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=torch.bfloat16)',
    "int8": "BitsAndBytesConfig(load_in_8bit=True)",
}
AUTO, PARTS = '"auto"', '[{"type": "text", "text": prompt}]'
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
            *("transformers", "torch", "accelerate"),
            *(("bitsandbytes",) if run.checkpoint.format in _QUANTIZED else ()),
            *(("torchvision", "pillow") if run.architecture.vision else ()),
        ),
    )


def program(run: Run, fetched: str | None = None) -> str:
    """The program: one prompt of up to the planned context, answered in the planned precision on the planned devices.

    `fetched` is where the weights were put.
    """
    sees = bool(run.architecture.vision) and run.model.kind not in ("embedding", "reranker")
    auto, reader = (
        ("AutoModelForImageTextToText", "AutoProcessor") if sees else ("AutoModelForCausalLM", "AutoTokenizer")
    )
    quantized = _QUANTIZED.get(run.checkpoint.format)
    names = sorted(
        [auto, reader, *(["BitsAndBytesConfig"] if quantized else []), *(["AutoConfig"] if yarn(run) else [])]
    )
    devices = len(run.placement.devices)
    where = '"cpu"' if not devices else '"auto"' if devices > 1 or run.placement.split is not None else '"cuda:0"'
    answer = min(ANSWER * (8 if thinks(run.model) else 1), max(1, run.work.context // 2))
    load = [f"dtype={_DTYPE.get(run.checkpoint.format, AUTO)}", f"device_map={where}"]
    load += [f"quantization_config={quantized}"] if quantized else []
    said = read(Options, run.work.options)
    load += [f"attn_implementation={said.attn_implementation!r}"] if "attn_implementation" in said.named else []
    load += ["config=config"] if yarn(run) else []
    lines = [
        "import sys",
        "",
        "import torch",
        f"from transformers import {', '.join(names)}",
        "",
        f"NAME = {fetched or run.weights!r}",
        f"CONTEXT, ANSWER = {run.work.context}, {answer}  # tokens; what was planned for",
        "",
        f"reader = {reader}.from_pretrained(NAME)",
        *([f"config = AutoConfig.from_pretrained(NAME, rope_parameters={yarn(run)!r})"] if yarn(run) else []),
        f"model = {auto}.from_pretrained(NAME, {', '.join(load)})",
        'prompt = sys.argv[1] if len(sys.argv) > 1 else "Say in one sentence what you are."',
        f"content = {PARTS if sees else 'prompt'}",
        "inputs = reader.apply_chat_template(",
        '    [{"role": "user", "content": content}], add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt"'
        + (f", {TRANSFORMERS}" if run.quiet else ""),
        ").to(model.device)",
        'if inputs["input_ids"].shape[1] + ANSWER > CONTEXT:',
        "    sys.exit(f\"the prompt has {inputs['input_ids'].shape[1]} tokens; {CONTEXT - ANSWER} were planned for\")",
        "with torch.inference_mode():",
        "    output = model.generate(**inputs, max_new_tokens=ANSWER)",
        'print(reader.decode(output[0][inputs["input_ids"].shape[1] :], skip_special_tokens=True))',
        "",
    ]
    return "\n".join(lines)
