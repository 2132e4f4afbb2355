"""What transformers really takes on this GPU: `python benchmarks/measured/measure_transformers.py --out FILE [--only WORD]`.

Builds models of the catalogue's shapes with random weights (memory does not depend on values), so nothing is downloaded. Writes one CSV row a case;
`before_bytes` is what the process already held when the case began (cuBLAS workspaces of earlier cases), all other bytes are torch's or the driver's.
Needs torch, transformers, peft and PyYAML; bitsandbytes for the quantized cases.
"""

from __future__ import annotations

import argparse
import csv
import gc
import sys
import time
import traceback
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import peft
import torch
import transformers
import yaml
from torch.utils.checkpoint import checkpoint
from transformers.initialization import no_init_weights
from transformers.optimization import Adafactor

ROOT = Path(__file__).resolve().parents[2]
IMAGE_TOKEN = 9  # any id will do: the config is told


@dataclass(frozen=True)
class Case:
    """One run. `images` is the number of image tokens in each sequence."""

    task: str  # inference, embed, full, lora, qlora
    model: str
    quant: str
    batch: int
    context: int
    attn: str = "sdpa"
    checkpointing: bool = True
    rank: int = 16
    target: str = "all-linear"
    optimizer: str = "adamw"
    precision: str = "bf16"
    loss: str = "plain"  # plain, chunked
    grad_accum: int = 1
    images: int = 0
    padded: bool = False


CASES = [
    Case("inference", "qwen3-8b", "bf16", 1, 8192),
    Case("inference", "qwen3-8b", "bf16", 4, 4096, padded=True),
    Case("inference", "qwen3-8b", "bf16", 1, 4096, attn="eager"),
    Case("inference", "qwen3-8b", "bf16", 1, 8192, attn="eager"),
    Case("inference", "qwen3-32b", "bf16", 1, 8192),
    Case("inference", "qwen3.5-9b", "bf16", 1, 2048),
    Case("inference", "qwen3.5-9b", "bf16", 1, 8192),
    Case("inference", "qwen3.5-9b", "bf16", 1, 32768),
    Case("inference", "qwen3.5-9b", "bf16", 4, 2048),
    Case("inference", "qwen3.5-2b", "bf16", 1, 8192),
    Case("inference", "qwen3.5-35b-a3b", "bf16", 1, 2048),
    Case("inference", "qwen3.5-35b-a3b", "bf16", 1, 8192),
    Case("inference", "qwen3-vl-8b", "bf16", 1, 8192),
    Case("inference", "qwen3-vl-8b", "bf16", 1, 2048, images=1024),
    Case("inference", "qwen3-vl-8b", "bf16", 1, 8192, images=4096),
    Case("embed", "qwen3-embedding-0.6b", "bf16", 32, 512),
    Case("embed", "qwen3-embedding-0.6b", "bf16", 1, 8192),
    Case("lora", "qwen3-8b", "bf16", 1, 2048),
    Case("lora", "qwen3-8b", "bf16", 1, 2048, rank=64),
    Case("lora", "qwen3-8b", "bf16", 1, 2048, target="attention"),
    Case("lora", "qwen3-8b", "bf16", 1, 2048, checkpointing=False),
    Case("lora", "qwen3-8b", "bf16", 1, 8192, loss="chunked"),
    Case("lora", "qwen3-8b", "bf16", 1, 32768, loss="chunked"),
    Case("lora", "qwen3-1.7b", "bf16", 1, 32768),
    Case("lora", "qwen3-1.7b", "bf16", 4, 2048, target="attention", checkpointing=False),
    Case("lora", "qwen3-1.7b", "bf16", 1, 2048, attn="eager"),
    Case("full", "qwen3-0.6b", "bf16", 1, 2048, checkpointing=False),
    Case("full", "qwen3-0.6b", "bf16", 1, 8192, loss="chunked"),
    Case("full", "qwen3-1.7b", "bf16", 1, 1024),
    Case("full", "qwen3-1.7b", "bf16", 1, 1024, grad_accum=2),
    Case("full", "qwen3-1.7b", "bf16", 1, 1024, optimizer="adamw-fused"),
    Case("full", "qwen3-1.7b", "bf16", 1, 1024, optimizer="adafactor"),
    Case("full", "qwen3-1.7b", "bf16", 1, 1024, optimizer="sgd"),
    Case("full", "qwen3-1.7b", "bf16", 1, 1024, optimizer="adamw-8bit"),
    Case("full", "qwen3-1.7b", "bf16", 1, 1024, optimizer="paged-adamw-8bit"),
    Case("full", "qwen3-1.7b", "bf16", 1, 1024, precision="fp32"),
    Case("full", "qwen3-1.7b", "bf16", 1, 1024, precision="fp16-mixed"),
    Case("qlora", "qwen3-8b", "nf4", 1, 2048),
    Case("qlora", "qwen3-8b", "nf4", 1, 2048, checkpointing=False),
    Case("qlora", "qwen3-8b", "nf4", 1, 8192, loss="chunked"),
    Case("qlora", "qwen3-8b", "nf4", 1, 2048, optimizer="paged-adamw-8bit", rank=64),
    Case("qlora", "qwen3-4b", "nf4", 4, 1024),
    Case("lora", "qwen3.5-9b", "bf16", 1, 2048),
    Case("lora", "qwen3.5-9b", "bf16", 1, 4096, loss="chunked"),
    Case("lora", "qwen3-vl-8b", "bf16", 1, 2048, images=1024),
    Case("lora", "qwen3-30b-a3b", "bf16", 1, 2048),
    Case("lora", "qwen3-30b-a3b", "bf16", 1, 4096, loss="chunked"),
    Case("inference", "qwen2.5-0.5b-instruct", "bf16", 1, 8192),
    Case("inference", "qwen3-1.7b", "nf4", 1, 8192),
    Case("inference", "qwen3-vl-2b-instruct", "bf16", 1, 4608, images=4096),
    Case("inference", "qwen3-vl-2b-instruct", "bf16", 2, 2048, images=1024),
    Case("full", "qwen2.5-0.5b-instruct", "bf16", 1, 4096),
    Case("lora", "qwen2.5-0.5b-instruct", "bf16", 2, 2048, checkpointing=False),
    Case("full", "qwen2.5-0.5b-instruct", "bf16", 2, 2048, checkpointing=False),
    Case("qlora", "qwen3-1.7b", "nf4", 1, 2048),
    Case("qlora", "qwen3-1.7b", "nf4", 4, 2048, optimizer="adamw-8bit", rank=64),
    Case("qlora", "qwen3-1.7b", "int8", 1, 2048),
    Case("qlora", "qwen3-1.7b", "int8", 1, 2048, checkpointing=False),
    Case("lora", "qwen3.5-2b", "bf16", 1, 2048),
    Case("lora", "qwen3.5-2b", "bf16", 1, 2048, checkpointing=False),
    Case("full", "qwen3.5-2b", "bf16", 1, 2048),
    Case("lora", "qwen3-30b-a3b", "bf16", 1, 4096, target="attention"),
    Case("lora", "qwen3-30b-a3b", "bf16", 1, 1024, target="attention", checkpointing=False),
]


def architecture(name: str) -> dict[str, Any]:
    """The catalogue's architecture of that id, or of the model of that id."""
    document = yaml.load((ROOT / "data/models.yaml").read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    shapes = {a["id"]: a for a in document["architectures"]}
    models = {m["id"]: m for m in document["models"]}
    return shapes.get(name) or shapes[models[name]["architecture"]]


def config(shape: dict[str, Any], attn: str) -> Any:
    """transformers' config of an architecture."""
    pattern = [layer for layer in shape["layers"] for _ in range(layer.get("count", 1))]
    kinds = [pattern[i % len(pattern)]["kind"] for i in range(shape["num_layers"])]
    attention = next(layer for layer in pattern if layer["kind"] != "linear_attention")
    mlp = shape["mlp"]
    common: dict[str, Any] = {
        "vocab_size": shape["vocab_size"], "hidden_size": shape["hidden_size"], "num_hidden_layers": shape["num_layers"],
        "num_attention_heads": attention["heads"], "num_key_value_heads": attention["kv_heads"], "head_dim": attention["head_dim"],
        "tie_word_embeddings": shape["tied_embeddings"], "max_position_embeddings": 262144, "attention_bias": False,
    }  # fmt: skip
    if mlp["kind"] == "dense":
        common["intermediate_size"] = mlp["intermediate_size"]
    else:
        common |= {
            "moe_intermediate_size": mlp["intermediate_size"],
            "num_experts": mlp["experts"],
            "num_experts_per_tok": mlp["experts_per_token"],
        }
    linear = next((layer for layer in pattern if layer["kind"] == "linear_attention"), None)
    if linear:
        common |= {
            "layer_types": kinds, "linear_conv_kernel_dim": linear["conv_kernel"], "linear_key_head_dim": linear["key_head_dim"],
            "linear_value_head_dim": linear["value_head_dim"], "linear_num_key_heads": linear["key_heads"],
            "linear_num_value_heads": linear["value_heads"],
        }  # fmt: skip
        if mlp["kind"] == "moe":
            common["shared_expert_intermediate_size"] = mlp["shared_intermediate_size"]
    family = shape["model_type"].removesuffix("_text")
    made = transformers.AutoConfig.for_model(family)
    if "vision" in shape:
        seen = shape["vision"]
        vision: dict[str, Any] = {
            "depth": seen["depth"], "hidden_size": seen["hidden_size"], "intermediate_size": seen["intermediate_size"], "num_heads": seen["heads"],
            "patch_size": seen["patch_size"], "out_hidden_size": seen["output_size"], "num_position_embeddings": seen["positions"],
        }  # fmt: skip
        if seen.get("deepstack_layers"):
            vision["deepstack_visual_indexes"] = seen["deepstack_layers"]
        text = {key: value for key, value in common.items() if key != "tie_word_embeddings"} | {
            "tie_word_embeddings": shape["tied_embeddings"]
        }
        made = type(made)(
            text_config=text,
            vision_config=vision,
            tie_word_embeddings=shape["tied_embeddings"],
            image_token_id=IMAGE_TOKEN,
        )
    else:
        made = type(made)(**common)
    made._attn_implementation = attn
    return made


def build(case: Case) -> Any:
    """The model on the GPU, with small random weights."""
    shape = architecture(case.model)
    made = config(shape, case.attn)
    dtype = torch.float32 if case.precision in ("fp32", "fp16-mixed") else torch.bfloat16
    family = transformers.AutoModelForImageTextToText if "vision" in shape else transformers.AutoModelForCausalLM
    family = transformers.AutoModel if case.task == "embed" else family
    with torch.device("cuda"), no_init_weights():
        model = family.from_config(made, dtype=dtype, attn_implementation=case.attn)
    model.tie_weights()
    for parameter in model.parameters():
        parameter.data.normal_(0, 0.02)
    if case.quant != "bf16":
        quantize(model, case.quant)
    return model


def quantize(model: Any, form: str) -> None:
    """Every nn.Linear but lm_head becomes bitsandbytes' INT8, or NF4 with double quantization, as transformers does on load."""
    import bitsandbytes as bnb

    for name, module in list(model.named_modules()):
        if type(module) is torch.nn.Linear and "lm_head" not in name:
            shape = (module.in_features, module.out_features, module.bias is not None)
            if form == "nf4":
                made = bnb.nn.Linear4bit(*shape, torch.bfloat16, compress_statistics=True, quant_type="nf4")
                made.weight = bnb.nn.Params4bit(
                    module.weight.data, requires_grad=False, compress_statistics=True, quant_type="nf4"
                )
            else:
                made = bnb.nn.Linear8bitLt(*shape, has_fp16_weights=False, threshold=6.0)
                made.weight = bnb.nn.Int8Params(module.weight.data.cpu(), requires_grad=False, has_fp16_weights=False)
            made.bias = module.bias
            model.set_submodule(name, made.to("cuda"))
            module.weight = None
    setattr(model, "is_loaded_in_4bit" if form == "nf4" else "is_loaded_in_8bit", True)


def inputs(case: Case, vocab: int) -> dict[str, Any]:
    """Random tokens, an attention mask, and pixels where the case has images."""
    ids = torch.randint(10, vocab, (case.batch, case.context), device="cuda")
    found: dict[str, Any] = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    if case.padded:
        found["attention_mask"][0, : case.context // 2] = 0
    if case.images:
        ids[:, 4 : 4 + case.images] = IMAGE_TOKEN
        side = int((case.images * 4) ** 0.5)
        assert side * side == case.images * 4, "image tokens must be a square / 4"
        found["pixel_values"] = torch.randn(case.batch * side * side, 1536, device="cuda")
        found["image_grid_thw"] = torch.tensor([[1, side, side]] * case.batch, device="cuda")
        found["mm_token_type_ids"] = (ids == IMAGE_TOKEN).int()
    return found


def generate(case: Case, model: Any) -> dict[str, float]:
    """Prefill and 24 decoded tokens; prompt and answer make `context` together."""
    model.eval()
    batch = inputs(
        Case(**{**asdict(case), "context": max(1, case.context - 24)}), model.get_input_embeddings().num_embeddings
    )
    started = time.perf_counter()
    with torch.no_grad():
        if case.task == "embed":
            model(**batch, use_cache=False)
        else:
            model.generate(**batch, max_new_tokens=24, min_new_tokens=24, do_sample=False, pad_token_id=0)
    torch.cuda.synchronize()
    return {"seconds": time.perf_counter() - started}


def train(case: Case, model: Any) -> dict[str, float]:
    """Three optimizer steps as Trainer makes them: autocast, checkpointing without reentry, gradients set to None."""
    model.train()
    if case.task == "qlora":
        model = peft.prepare_model_for_kbit_training(
            model, use_gradient_checkpointing=case.checkpointing, gradient_checkpointing_kwargs={"use_reentrant": False}
        )
    if case.task != "full":
        names = ["q_proj", "k_proj", "v_proj", "o_proj"] if case.target == "attention" else "all-linear"
        model = peft.get_peft_model(
            model, peft.LoraConfig(r=case.rank, lora_alpha=2 * case.rank, target_modules=names, task_type="CAUSAL_LM")
        )
    if case.checkpointing:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        model.enable_input_require_grads()
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = make_optimizer(case.optimizer, trained)
    batch = inputs(case, model.get_input_embeddings().num_embeddings)
    torch.cuda.reset_peak_memory_stats()
    times = []
    half = torch.float16 if case.precision == "fp16-mixed" else torch.bfloat16
    for _ in range(3):
        started = time.perf_counter()
        for _ in range(case.grad_accum):
            with torch.autocast("cuda", dtype=half):
                loss = (
                    chunked_loss(model, batch)
                    if case.loss == "chunked"
                    else model(**batch, labels=batch["input_ids"], use_cache=False)["loss"]
                )
            loss.backward()
            del loss
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        torch.cuda.synchronize()
        times.append(time.perf_counter() - started)
    kinds = {str(p.dtype).removeprefix("torch.") for p in trained}
    return {
        "seconds": min(times),
        "trainable": sum(p.numel() for p in trained),
        "trainable_type": "+".join(sorted(kinds)),
    }


def chunked_loss(model: Any, batch: dict[str, Any]) -> Any:
    """Cross entropy over 1024 tokens at a time, recomputed in backward: no logits of the whole sequence exist, as with Liger's fused loss."""
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    hidden = base.model(**batch, use_cache=False)[0][:, :-1].flatten(0, 1)
    labels = batch["input_ids"][:, 1:].flatten()

    def part(x: Any, y: Any) -> Any:
        return torch.nn.functional.cross_entropy(base.lm_head(x).float(), y, reduction="sum")

    parts = [
        checkpoint(part, x, y, use_reentrant=False) for x, y in zip(hidden.split(1024), labels.split(1024), strict=True)
    ]
    return torch.stack(parts).sum() / labels.numel()


def make_optimizer(name: str, trained: list[Any]) -> Any:
    """The optimizer of that name, with its defaults."""
    if name == "adamw":
        return torch.optim.AdamW(trained, lr=1e-5)
    if name == "adamw-fused":
        return torch.optim.AdamW(trained, lr=1e-5, fused=True)
    if name == "sgd":
        return torch.optim.SGD(trained, lr=1e-5)
    if name == "adafactor":
        return Adafactor(trained, lr=1e-5, scale_parameter=False, relative_step=False)
    import bitsandbytes as bnb

    return {"adamw-8bit": bnb.optim.AdamW8bit, "paged-adamw-8bit": bnb.optim.PagedAdamW8bit}[name](trained, lr=1e-5)


def measure(case: Case) -> dict[str, Any]:
    """One row: bytes before, after loading, at the peak; the allocator's reserve and the driver's number."""
    gc.collect()
    torch.cuda.empty_cache()
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    model = build(case)
    gc.collect()
    torch.cuda.empty_cache()
    weights = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    extra = train(case, model) if case.task in ("full", "lora", "qlora") else generate(case, model)
    free, total = torch.cuda.mem_get_info()
    row = {
        **asdict(case), "parameters": sum(p.numel() for p in model.parameters()), "before_bytes": before, "weights_bytes": weights - before,
        "peak_bytes": torch.cuda.max_memory_allocated(), "reserved_bytes": torch.cuda.max_memory_reserved(), "device_used_bytes": total - free,
    }  # fmt: skip
    return row | {key: round(value, 4) if isinstance(value, float) else value for key, value in extra.items()}


def main() -> None:
    """Runs the cases and writes the table after each, so that a run cut short still leaves its rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", nargs="*", default=[], help="cases whose text contains every one of these words")
    parser.add_argument("--without", nargs="*", default=[], help="no case whose text contains any of these words")
    parser.add_argument("--seconds", type=float, default=540, help="start no case after this long")
    arguments = parser.parse_args()
    versions = f"transformers {transformers.__version__}; torch {torch.__version__}; peft {peft.__version__}"
    names = [f.name for f in fields(Case)]
    names += [
        "parameters",
        "before_bytes",
        "weights_bytes",
        "peak_bytes",
        "reserved_bytes",
        "device_used_bytes",
        "seconds",
        "trainable",
    ]
    names += ["trainable_type", "device", "versions", "error"]
    started, rows = time.perf_counter(), []
    for case in CASES:
        wanted = all(word in str(case) for word in arguments.only) and not any(
            word in str(case) for word in arguments.without
        )
        if not wanted or time.perf_counter() - started > arguments.seconds:
            continue
        try:
            row = measure(case)
        except Exception as error:
            traceback.print_exc(limit=-2, file=sys.stdout)
            row = asdict(case) | {"error": f"{type(error).__name__}: {str(error)[:120]}"}
        rows.append(row | {"device": torch.cuda.get_device_name(), "versions": versions})
        print(
            f"{time.perf_counter() - started:6.1f} s",
            {k: v for k, v in row.items() if k not in ("error",)}.values(),
            row.get("error", ""),
            flush=True,
        )
        with arguments.out.open("w", newline="") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()
