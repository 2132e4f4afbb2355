# ruff: noqa
# fmt: off
# mypy: ignore-errors
"""Fine-tuning on real GPUs through the trainers themselves: peaks by phase, one CSV row a rank and case as each ends.

Weights are random (memory does not depend on their values), shapes are the released ones. A parent imports the libraries once, without touching a
GPU, and forks the ranks of a case, so that every case has a process, an allocator and a CUDA context of its own.
    python measure_training.py SECONDS [CASE,CASE…]        DRY=1 runs tiny models on the CPU. Wrote training_h200_2026_11_29.csv: torch 2.11.0, transformers 5.17.0, accelerate 1.15.0, deepspeed 0.19.8, trl 1.16.0.
"""
import csv, gc, importlib, json, os, resource, signal, socket, sys, time, traceback
os.environ.setdefault("PYTORCH_NVML_BASED_CUDA_CHECK", "1"); os.environ.setdefault("TOKENIZERS_PARALLELISM", "false"); os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["WANDB_DISABLED"] = "true"; os.environ["TRL_EXPERIMENTAL_SILENCE"] = "1"; 
FAKE = os.environ.get("FAKE", "1") == "1"  # rank 0 of torch's fake process group: the same tensors on one GPU, no transfer, no NCCL
DRY = os.environ.get("DRY") == "1"
if DRY: os.environ["DS_ACCELERATOR"] = "cpu"; os.environ["ACCELERATE_USE_CPU"] = "true"; os.environ["CUDA_VISIBLE_DEVICES"] = ""
OUT = os.environ.get("OUT", "out"); LOGS = os.environ.get("LOGS", OUT); GIB = 2**30
COLS = ["case", "trainer", "method", "loss", "strategy", "model", "gpus", "seq", "batch", "accum", "rank", "optimizer", "precision", "checkpointing", "settings",
        "states_bytes", "peak_backward_bytes", "peak_step_bytes", "peak_allocated_bytes", "peak_reserved_bytes", "device_used_bytes", "context_bytes", "load_peak_bytes", "rss_bytes", "step_s", "group", "gpu", "versions", "note"]
SHAPES = {"Qwen3-0.6B": (1024, 28, 3072, 16, 8, True), "Qwen3-1.7B": (2048, 28, 6144, 16, 8, True), "Qwen3-4B": (2560, 36, 9728, 32, 8, True), "Qwen3-8B": (4096, 36, 12288, 32, 8, False),
          "Qwen3-14B": (5120, 40, 17408, 40, 8, False), "Qwen3-Embedding-0.6B": (1024, 28, 3072, 16, 8, True), "Qwen3-Embedding-4B": (2560, 36, 9728, 32, 8, True)}

# hybrids: hidden, layers, MLP, heads, key heads, head size, value heads of the delta net, tied
HYBRIDS = {"Qwen3.5-2B": (2048, 24, 6144, 8, 2, 256, 16, True), "Qwen3.5-4B": (2560, 32, 9216, 16, 4, 256, 32, True)}


def D(**k):
    base = dict(trainer="transformers", method="full", loss="sft", strategy="none", model="Qwen3-4B", gpus=1, seq=2048, batch=1, accum=1, rank=0, optimizer="adamw_torch", precision="bf16", ckpt=True)
    return {**base, **k}


CASES = {
    # two GPUs, in the order of worth
    "z3-full-4b": D(strategy="zero3", gpus=2), "z2-full-4b": D(strategy="zero2", gpus=2), "fsdp2-full-4b": D(strategy="fsdp2", gpus=2),
    "z3-full-8b": D(strategy="zero3", gpus=2, model="Qwen3-8B"), "fsdp2-full-8b": D(strategy="fsdp2", gpus=2, model="Qwen3-8B", optimizer="adamw_torch_fused"),
    "z3-lora-8b": D(strategy="zero3", gpus=2, model="Qwen3-8B", method="lora", rank=16),
    "sp2-z3-4b-32k": D(strategy="zero3", gpus=2, seq=32768, sp=2), "sp2-z3-1.7b-16k": D(strategy="zero3", gpus=2, seq=16384, sp=2, model="Qwen3-1.7B"),
    "cp2-fsdp2-1.7b-16k": D(strategy="fsdp2", gpus=2, seq=16384, cp=2, model="Qwen3-1.7B"), "cp2-fsdp2-4b-32k": D(strategy="fsdp2", gpus=2, seq=32768, cp=2),
    "z3off-full-4b": D(strategy="zero3", gpus=2, offload="parameters"), "z2off-full-4b": D(strategy="zero2", gpus=2, offload="optimizer"),
    "fsdp2off-full-1.7b": D(strategy="fsdp2", gpus=2, offload="parameters", model="Qwen3-1.7B"),
    "fsdp2-lora-8b": D(strategy="fsdp2", gpus=2, model="Qwen3-8B", method="lora", rank=16), "z2-lora-8b": D(strategy="zero2", gpus=2, model="Qwen3-8B", method="lora", rank=16),
    "fsdp1-full-4b": D(strategy="fsdp1", gpus=2), "z3-full-4b-8k": D(strategy="zero3", gpus=2, seq=8192), "z3-full-4b-accum": D(strategy="zero3", gpus=2, accum=2),
    "z2-full-4b-accum": D(strategy="zero2", gpus=2, accum=2), "ddp-full-1.7b": D(strategy="ddp", gpus=2, model="Qwen3-1.7B"), "z1-full-4b": D(strategy="zero1", gpus=2),
    "z3-full-4b-fused": D(strategy="zero3", gpus=2, optimizer="adamw_torch_fused"), "dpo-z3-full-1.7b": D(trainer="trl", loss="dpo", strategy="zero3", gpus=2, model="Qwen3-1.7B", seq=1024, batch=2),
    "fsdp2-trl-4b": D(strategy="fsdp2", gpus=2, trainer="trl"), "z3-trl-4b": D(strategy="zero3", gpus=2, trainer="trl"),
    # one GPU
    "trl-full-1.7b": D(trainer="trl", model="Qwen3-1.7B", batch=4), "trl-lora-4b": D(trainer="trl", method="lora", rank=16, batch=4), "trl-lora-8b": D(trainer="trl", method="lora", rank=16, model="Qwen3-8B", seq=8192),
    "dpo-lora-4b": D(trainer="trl", loss="dpo", method="lora", rank=16, seq=1024, batch=4), "dpo-full-1.7b": D(trainer="trl", loss="dpo", model="Qwen3-1.7B", seq=1024, batch=4),
    "dpo-full-4b-pre": D(trainer="trl", loss="dpo", seq=1024, batch=4, precompute=True), "dpo-lora-8b": D(trainer="trl", loss="dpo", method="lora", rank=16, model="Qwen3-8B", seq=2048, batch=2),
    "grpo-lora-1.7b": D(trainer="trl", loss="grpo", method="lora", rank=16, model="Qwen3-1.7B", seq=1024, completion=192, batch=8), "grpo-full-0.6b": D(trainer="trl", loss="grpo", model="Qwen3-0.6B", seq=1024, completion=192, batch=16),
    "grpo-full-1.7b-ref": D(trainer="trl", loss="grpo", model="Qwen3-1.7B", seq=1024, completion=192, batch=8, beta=0.04),
    "reward-lora-4b": D(trainer="trl", loss="reward", method="lora", rank=16, seq=1024, batch=4), "reward-full-1.7b": D(trainer="trl", loss="reward", model="Qwen3-1.7B", seq=1024, batch=4),
    "kto-lora-4b": D(trainer="trl", loss="kto", method="lora", rank=16, seq=1024, batch=4), "kto-full-1.7b": D(trainer="trl", loss="kto", model="Qwen3-1.7B", seq=1024, batch=4),
    "orpo-lora-4b": D(trainer="trl", loss="orpo", method="lora", rank=16, seq=1024, batch=2), "orpo-full-1.7b": D(trainer="trl", loss="orpo", model="Qwen3-1.7B", seq=1024, batch=2),
    "emb-full-0.6b": D(trainer="sentence-transformers", loss="mnrl", model="Qwen3-Embedding-0.6B", seq=512, batch=32), "emb-full-0.6b-ckpt": D(trainer="sentence-transformers", loss="mnrl", model="Qwen3-Embedding-0.6B", seq=512, batch=64, ckpt=True),
    "emb-cached-0.6b": D(trainer="sentence-transformers", loss="cached", model="Qwen3-Embedding-0.6B", seq=512, batch=256, mini=32), "emb-lora-4b": D(trainer="sentence-transformers", loss="mnrl", method="lora", rank=16, model="Qwen3-Embedding-4B", seq=512, batch=16),
    "rerank-full-0.6b": D(trainer="torch", loss="rerank", model="Qwen3-0.6B", seq=1024, batch=16), "rerank-lora-4b": D(trainer="torch", loss="rerank", method="lora", rank=16, model="Qwen3-4B", seq=1024, batch=8),
    **{f"ao{b}-{n.lower()}": D(trainer="torch", model=f"Qwen3-{n}", optimizer=f"torchao-{b}bit", room=30) for b in (8, 4) for n in ("1.7B", "4B")},
    **{f"{k or 'plain'}-{m}-{n.lower()}{'' if ck else '-kept'}": D(trainer="torch", method=m, rank=16, model=f"Qwen3.5-{n}", ckpt=ck, fla=k == "fla", room=60 if ck else 130)
       for k in ("fla", "") for m, n, ck in (("lora", "2B", False), ("full", "2B", False), ("lora", "4B", True), ("lora", "4B", False))},
    "vocab-dora-1.7b": D(trainer="torch", method="lora", rank=16, model="Qwen3-1.7B", dora=True), "freeze-4b": D(trainer="torch", method="freeze", layers=2),
}
CASES |= {
    "z3-full-14b-x8": D(strategy="zero3", gpus=8, model="Qwen3-14B"), "fsdp2-full-14b-x8": D(strategy="fsdp2", gpus=8, model="Qwen3-14B", optimizer="adamw_torch_fused"),
    "z3-lora-14b-x4": D(strategy="zero3", gpus=4, model="Qwen3-14B", method="lora", rank=16), "sp4-z3-4b-32k-x4": D(strategy="zero3", gpus=4, seq=32768, sp=4),
    "z2-full-8b-x8": D(strategy="zero2", gpus=8, model="Qwen3-8B"), "z3off-full-14b-x8": D(strategy="zero3", gpus=8, model="Qwen3-14B", offload="parameters"),
}
CASES |= {"lz3-re": D(strategy="zero3", gpus=2, model="Qwen3-8B", method="lora", rank=16, reentrant=True), "lz3-non": D(strategy="zero3", gpus=2, model="Qwen3-8B", method="lora", rank=16, reentrant=False),
    "lz3-re-4b": D(strategy="zero3", gpus=2, model="Qwen3-4B", method="lora", rank=16, reentrant=True), "fz3-re-4b": D(strategy="zero3", gpus=2, model="Qwen3-4B", reentrant=True), "lz3-re-fp32": D(strategy="zero3", gpus=2, model="Qwen3-8B", method="lora", rank=16, reentrant=True, autocast=True)}
ALONE, LAST = dict(trainer="torch", method="lora", rank=16), dict(trainer="torch", loss="rerank", seq=1024, batch=8, keep=0)
CASES |= {"rerank-all-logits-full-0.6b": D(model="Qwen3-0.6B", **LAST), "rerank-all-logits-lora-4b": D(method="lora", rank=16, **LAST), "dora-4b": D(dora=True, **ALONE), "dora-8b": D(dora=True, model="Qwen3-8B", **ALONE),
    "freeze-8b": D(trainer="torch", method="freeze", layers=4, model="Qwen3-8B"), "freeze-1.7b": D(trainer="torch", method="freeze", layers=8, model="Qwen3-1.7B"),
    "emb-head-8b": D(save="embed_tokens,lm_head", model="Qwen3-8B", **ALONE), "emb-4b": D(save="embed_tokens", **ALONE)}
ROOM = {"z3-full-8b": 88, "fsdp2-full-8b": 95, "fsdp2-full-14b-x8": 92, "z3-full-14b-x8": 66, "z2-full-4b": 62, "z2-full-8b-x8": 66, "z2-full-4b-accum": 62, "z1-full-4b": 66, "sp2-z3-4b-32k": 85, "sp4-z3-4b-32k-x4": 55, "cp2-fsdp2-4b-32k": 85,
        "z3-full-4b": 50, "fsdp2-full-4b": 55, "fsdp1-full-4b": 55, "fsdp2-trl-4b": 55, "z3-full-4b-8k": 70, "dpo-full-4b-pre": 60, "dpo-full-1.7b": 45, "trl-lora-4b": 22, "dpo-lora-4b": 25, "reward-lora-4b": 22, "kto-lora-4b": 25, "grpo-full-0.6b": 25,
        "emb-full-0.6b": 70, "emb-cached-0.6b": 70, "emb-lora-4b": 70, "vocab-dora-1.7b": 25}
for n, r in ROOM.items(): CASES[n]["room"] = r
for n in ("ddp-full-1.7b",): CASES.pop(n)
for n in ("emb-full-0.6b", "emb-lora-4b", "emb-cached-0.6b"): CASES[n]["ckpt"] = False
# how little a run needs: `CASE/1.10` and `CASE/1.10x` (x: expandable segments) may reserve 1.10 times what it allocates, `CASE/` and `CASE/x` all; lengths differ
PEAKS = {"z3-full-4b": 40334445056, "z3-full-4b-8k": 50921785344, "z2-full-4b": 52365478912, "fsdp2-full-4b": 40481292288, "fsdp2-lora-8b": 14781428736, "z3-lora-8b": 23840350720, "z3-full-14b-x8": 37702153216, "z2-full-8b-x8": 38978275328}
SHARES = ("", "x", *(f"{r:.2f}{k}" for r in (1.02, 1.05, 1.1, 1.15, 1.2, 1.26, 1.32, 1.4) for k in ("", "x")))
for n, peak in PEAKS.items():
    for s in SHARES:
        cap = round(float(s.rstrip("x")) * peak) if s.rstrip("x") else 0
        CASES[f"{n}/{s}"] = {**CASES[n], "limit": cap, "segments": s.endswith("x"), "lengths": True, "room": (cap or 1.6 * peak) / GIB + 2}
# one GPU: texts as long as the limit, or of 40 lengths up to it, one in eight as long as it
ONE = {"lora-8b": (D(method="lora", rank=16, model="Qwen3-8B"), 21345972224), "lora-4b-8k": (D(method="lora", rank=16, seq=8192), 25094931456), "full-1.7b": (D(model="Qwen3-1.7B"), 17273397248),
       "full-1.7b-8k": (D(model="Qwen3-1.7B", seq=8192), 26400755712), "full-4b-4k": (D(seq=4096), 40348562432),
       "full-4b-1k": (D(seq=1024), 40348562432), "full-8b-1k": (D(model="Qwen3-8B", seq=1024), 82e9), "full-1.7b-1k": (D(model="Qwen3-1.7B", seq=1024), 17273397248)}
for n, (case, peak) in ONE.items():
    for s in ("fixed", *SHARES):
        cap = round(float(s.rstrip("x")) * peak) if s.rstrip("x") not in ("", "fixed") else 0
        CASES[f"{n}/{s}"] = {**case, "limit": cap, "segments": s.endswith("x"), "lengths": s != "fixed", "steps": 12 if s == "fixed" else 44, "many": True, "room": (cap or (1.1 if s == "fixed" else 1.9) * peak) / GIB + 2}

# DeepSpeed without overlap_comm, as LLaMA-Factory (buckets of 5e8 weights), ms-swift (2e8) and TRL's own configurations have it; `v`: lengths differ
TIGHT = {"": {}, "v": dict(lengths=True, limit=0)}
for n in ("z2-full-4b", "z2-full-8b-x8", "z3-full-4b", "z3-full-14b-x8", "z3-lora-8b", "z3-full-4b-8k", "z2-full-4b-8k", "z3off-full-4b", "z2off-full-4b"):
    base = CASES.get(n) or {**CASES["z2-full-4b"], "seq": 8192, "room": 75}
    for b in (5e8, 2e8) if n.startswith("z2") else (0,):
        for v, k in TIGHT.items(): CASES[f"{n}:{b:.0e}{v}"] = {**base, "overlap": False, "bucket": int(b), **k}
    for v, k in TIGHT.items(): CASES[f"{n}:overlap{v}"] = {**base, **k}
for n, peak in {"z2-full-4b:2e+08": 50.77e9, "z2-full-4b:5e+08": 51.37e9, "z3-full-4b:0e+00": 40.33e9}.items():
    for r in (1.02, 1.05, 1.1, 1.15): CASES[f"{n}/{r:.2f}"] = {**CASES[n + "v"], "limit": round(r * peak)}
for n in ("z3-lora-14b-x4", "lz3-non", "lz3-re-4b"): CASES[f"{n}:0e+00"] = {**CASES[n], "overlap": False}
CASES["z3-lora-8b-8k:0e+00"] = {**CASES["z3-lora-8b"], "seq": 8192, "overlap": False, "room": 60}
for r in (1.02, 1.05): CASES[f"z3-lora-8b:0e+00/{r:.2f}"] = {**CASES["z3-lora-8b:0e+00v"], "limit": round(r * 23840350720)}
# LoRA's dropout, nothing checkpointed: masks
for d in (0, 0.05):
    CASES[f"lora-8b-kept:{d}"] = D(method="lora", rank=16, model="Qwen3-8B", ckpt=False, dropout=d, room=60)
    CASES[f"lora-attention-4b-kept:{d}"] = D(method="lora", rank=16, ckpt=False, dropout=d, target=["q_proj", "k_proj", "v_proj", "o_proj"], room=50)


def shape(name, tiny=False):
    from transformers import Qwen3Config
    if name in HYBRIDS:
        from transformers import Qwen3_5TextConfig
        h, L, i, nh, kv, size, vh, tied = (64, 4, 128, 4, 2, 16, 4, True) if DRY else HYBRIDS[name]
        return Qwen3_5TextConfig(hidden_size=h, num_hidden_layers=L, intermediate_size=i, num_attention_heads=nh, num_key_value_heads=kv, head_dim=size, linear_num_key_heads=min(16, vh), linear_num_value_heads=vh,
                                 vocab_size=2048 if DRY else 248320, tie_word_embeddings=tied, pad_token_id=0, eos_token_id=1, bos_token_id=1)
    h, L, i, nh, kv, tied = (64, 2, 128, 4, 2, True) if DRY else SHAPES[name]
    return Qwen3Config(hidden_size=h, num_hidden_layers=L, intermediate_size=i, num_attention_heads=nh, head_dim=16 if DRY else 128, num_key_value_heads=kv, vocab_size=2048 if DRY else 151936,
                       tie_word_embeddings=tied, max_position_embeddings=40960, pad_token_id=0, eos_token_id=1, bos_token_id=1)


def build(c, kind="AutoModelForCausalLM", **kw):
    import torch, transformers
    cfg = shape(c["model"])
    for a, b in kw.items(): setattr(cfg, a, b)
    with torch.device("cpu" if DRY or (c["strategy"].startswith("fsdp") and c["method"] == "lora" and False) else torch.device("cuda", torch.cuda.current_device())):
        m = getattr(transformers, kind).from_config(cfg, dtype=torch.bfloat16, attn_implementation="sdpa")
    m.config.name_or_path = c["model"]
    return m


def tokenizer():
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast
    t = Tokenizer(models.WordLevel({"<pad>": 0, "<eos>": 1, **{f"w{i}": i for i in range(2, 2000)}}, unk_token="<pad>")); t.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=t, pad_token="<pad>", eos_token="<eos>", padding_side="left")


def words(n, seed=0):
    import random
    r = random.Random(seed); return " ".join(f"w{r.randrange(2, 2000)}" for _ in range(n))


class Meter:
    """Peaks by phase, from the second step on (states exist then), and what was reserved from the first."""
    def __init__(self): self.r = dict(peak_backward_bytes=0, peak_step_bytes=0, peak_reserved_bytes=0, states_bytes=0, load_peak_bytes=0); self.n = 0; self.t = None; self.times = []
    def begin(self):
        import torch
        if DRY: self.t = time.time(); self.n += 1; return
        torch.cuda.synchronize()
        if self.n == 0:
            self.r["load_peak_bytes"] = torch.cuda.max_memory_allocated(); gc.collect(); torch.cuda.empty_cache()
        self.n += 1; torch.cuda.reset_peak_memory_stats(); self.r["states_bytes"] = torch.cuda.memory_allocated(); self.t = time.time()
    def mark(self, key):
        import torch
        if DRY: return
        torch.cuda.synchronize()
        if self.n > 1 or key == "peak_step_bytes" or True: self.r[key] = max(self.r[key], torch.cuda.max_memory_allocated())
        self.r["peak_reserved_bytes"] = max(self.r["peak_reserved_bytes"], torch.cuda.max_memory_reserved()); torch.cuda.reset_peak_memory_stats()
    def end(self):
        import torch
        self.mark("peak_step_bytes"); self.times.append(time.time() - self.t)
        if DRY: return
        free, total = torch.cuda.mem_get_info(); self.r["device_used_bytes"] = total - free


def callback(meter, zero):
    from transformers import TrainerCallback
    class M(TrainerCallback):
        def on_step_begin(self, *a, **k): meter.begin()
        def on_pre_optimizer_step(self, *a, **k):
            if not zero: meter.mark("peak_backward_bytes")
        def on_step_end(self, *a, **k): meter.end()
    if zero:
        from deepspeed.runtime.engine import DeepSpeedEngine
        if not hasattr(DeepSpeedEngine, "_plain_step"):
            DeepSpeedEngine._plain_step = DeepSpeedEngine.step
            def step(self, *a, **k):
                meter.mark("peak_backward_bytes"); out = DeepSpeedEngine._plain_step(self, *a, **k); meter.mark("peak_step_bytes"); return out
            DeepSpeedEngine.step = step
    return M()


def arguments(c, cls, steps, **kw):
    zero = c["strategy"].startswith("zero")
    a = dict(output_dir=f"{OUT}/trainer", per_device_train_batch_size=c["batch"], gradient_accumulation_steps=c["accum"], max_steps=steps, optim=c["optimizer"], bf16=c["precision"] == "bf16", gradient_checkpointing=c["ckpt"],
             save_strategy="no", report_to="none", logging_steps=1, learning_rate=1e-6, lr_scheduler_type="constant", dataloader_num_workers=0, disable_tqdm=True, remove_unused_columns=False, seed=1)
    if c["ckpt"]: a["gradient_checkpointing_kwargs"] = {"use_reentrant": c.get("reentrant", c["method"] == "lora" and c["strategy"] == "zero3")}
    if DRY and not zero: a["use_cpu"] = True
    if zero:
        z = {"stage": int(c["strategy"][4:]), "overlap_comm": c.get("overlap", True), "contiguous_gradients": True}
        if c.get("bucket"): z |= {"reduce_bucket_size": c["bucket"], "allgather_bucket_size": c["bucket"]}
        if c.get("offload"): z["offload_optimizer"] = {"device": "cpu", "pin_memory": True}
        if c.get("offload") == "parameters": z["offload_param"] = {"device": "cpu", "pin_memory": True}
        d = {"zero_optimization": z, "bf16": {"enabled": "auto"}, "train_micro_batch_size_per_gpu": "auto", "gradient_accumulation_steps": "auto", "gradient_clipping": "auto", "zero_force_ds_cpu_optimizer": False}
        if z["stage"] == 3: z |= {"reduce_bucket_size": "auto", "stage3_prefetch_bucket_size": "auto", "stage3_param_persistence_threshold": "auto"}
        if c.get("sp"): d["sequence_parallel_size"] = c["sp"]
        a["deepspeed"] = d
    if c["strategy"].startswith("fsdp"):
        v = int(c["strategy"][4:])
        a["fsdp"] = "full_shard auto_wrap" + (" offload" if c.get("offload") else "")
        a["fsdp_config"] = {"version": v, "fsdp_version": v, "transformer_layer_cls_to_wrap": ["Qwen3DecoderLayer"], "cpu_ram_efficient_loading": False, "reshard_after_forward": True if v == 2 else "full_shard"}
    if c.get("sp") or c.get("cp"):
        from accelerate.parallelism_config import ParallelismConfig
        if c.get("sp"):
            from accelerate.utils import DeepSpeedSequenceParallelConfig
            a["parallelism_config"] = ParallelismConfig(sp_backend="deepspeed", sp_size=c["sp"], sp_handler=DeepSpeedSequenceParallelConfig(sp_seq_length=c["seq"], sp_seq_length_is_variable=True, sp_attn_implementation="sdpa"))
        else: a["parallelism_config"] = ParallelismConfig(cp_size=c["cp"], dp_shard_size=1)
    made = cls(**{**a, **kw}); made.device  # starts the process group: zero.Init divides by it
    if zero:
        import deepspeed
        deepspeed.init_distributed(dist_backend="gloo" if DRY else "nccl")
    return made


def lora(c):
    if c["method"] != "lora": return None
    from peft import LoraConfig
    return LoraConfig(r=c["rank"], lora_alpha=2 * c["rank"], target_modules=c.get("target", "all-linear"), lora_dropout=c.get("dropout", 0), use_dora=bool(c.get("dora")), modules_to_save=c["save"].split(",") if "save" in c else None)


class Ids:
    def __init__(self, c, n=64): self.c, self.n = c, n
    def __len__(self): return self.n
    def __getitem__(self, i):
        import torch
        length = int(self.c["seq"] * (0.35, 1, 0.6, 1, 0.45, 0.85)[i % 6]) if self.c.get("lengths") else self.c["seq"]
        if self.c.get("many") and self.c.get("lengths"): length = self.c["seq"] if i % 8 == 3 else int(self.c["seq"] * (0.12 + 0.88 * (i * 37 % 64) / 64))
        g = torch.Generator().manual_seed(i); ids = torch.randint(2, 1900, (length,), generator=g)
        out = {"input_ids": ids, "labels": ids.clone(), "attention_mask": torch.ones_like(ids)}
        if self.c.get("sp") or self.c.get("cp"): out["position_ids"] = torch.arange(self.c["seq"])
        return out


def plain(c, meter, steps):
    import torch
    from transformers import Trainer, TrainingArguments, default_data_collator
    args = arguments(c, TrainingArguments, steps)
    m = build(c); m.config.use_cache = False
    if c["method"] == "lora":
        from peft import get_peft_model
        z3 = c["strategy"] == "zero3" and not c.get("autocast")
        m = get_peft_model(m, lora(c), autocast_adapter_dtype=not z3)
        if c["ckpt"]: m.enable_input_require_grads()
    Trainer(model=m, args=args, train_dataset=Ids(c), data_collator=default_data_collator, callbacks=[callback(meter, c["strategy"].startswith("zero"))]).train()


def trl(c, meter, steps):
    import torch, trl as T
    from datasets import Dataset
    tok, n, half = tokenizer(), 64, c["seq"] // 2
    loss = c["loss"]; kw = {}
    extra = dict(processing_class=tok, callbacks=[callback(meter, c["strategy"].startswith("zero"))])
    if c["method"] == "lora": extra["peft_config"] = lora(c)
    if loss == "sft":
        args = arguments(c, T.SFTConfig, steps, max_length=c["seq"])
        ds = Dataset.from_dict({"input_ids": [[2 + (i + j) % 1900 for j in range(c["seq"])] for i in range(n)]}); m = build(c)
        tr = T.SFTTrainer(model=m, args=args, train_dataset=ds, **extra)
    elif loss == "dpo":
        args = arguments(c, T.DPOConfig, steps, max_length=c["seq"], precompute_ref_log_probs=bool(c.get("precompute")), **({"precompute_ref_batch_size": 2} if c.get("precompute") else {}))
        rows = min(n, c["batch"] * 8); ds = Dataset.from_dict({"prompt": [words(half, i) for i in range(rows)], "chosen": [" " + words(half, 100 + i) for i in range(rows)], "rejected": [" " + words(half, 200 + i) for i in range(rows)]})
        m = build(c)
        if c["method"] == "full" and not c.get("precompute"): extra["ref_model"] = build(c)
        tr = T.DPOTrainer(model=m, args=args, train_dataset=ds, **extra)
    elif loss == "reward":
        args = arguments(c, T.RewardConfig, steps, max_length=c["seq"]); m = build(c, "AutoModelForSequenceClassification", num_labels=1)
        ds = Dataset.from_dict({"chosen": [words(c["seq"] - 2, i) for i in range(n)], "rejected": [words(c["seq"] - 2, 99 + i) for i in range(n)]})
        if c["method"] == "lora": extra["peft_config"].task_type = "SEQ_CLS"
        tr = T.RewardTrainer(model=m, args=args, train_dataset=ds, **extra)
    elif loss == "kto":
        try: KC, KT = T.KTOConfig, T.KTOTrainer
        except AttributeError: from trl.experimental.kto import KTOConfig as KC, KTOTrainer as KT
        args = arguments(c, KC, steps, max_length=c["seq"]); m = build(c)
        ds = Dataset.from_dict({"prompt": [words(half, i) for i in range(n)], "completion": [" " + words(half, 100 + i) for i in range(n)], "label": [i % 2 == 0 for i in range(n)]})
        if c["method"] == "full": extra["ref_model"] = build(c)
        tr = KT(model=m, args=args, train_dataset=ds, **extra)
    elif loss == "orpo":
        from trl.experimental.orpo import ORPOConfig, ORPOTrainer
        args = arguments(c, ORPOConfig, steps, max_length=c["seq"]); m = build(c)
        ds = Dataset.from_dict({"prompt": [words(half, i) for i in range(n)], "chosen": [" " + words(half - 2, 100 + i) for i in range(n)], "rejected": [" " + words(half - 2, 200 + i) for i in range(n)]})
        tr = ORPOTrainer(model=m, args=args, train_dataset=ds, **extra)
    elif loss == "grpo":
        import random
        args = arguments(c, T.GRPOConfig, steps, max_completion_length=c["completion"], num_generations=8, beta=c.get("beta", 0.0), temperature=1.0)
        ds = Dataset.from_dict({"prompt": [words(c["seq"] - c["completion"], i) for i in range(n)]})
        m = build(c)
        if c.get("beta") and c["method"] == "full":
            import trl.trainer.grpo_trainer as G
            G.create_model_from_path = lambda *a, **k: build(c)
        tr = T.GRPOTrainer(model=m, args=args, train_dataset=ds, reward_funcs=lambda completions, **k: [random.random() for _ in completions], **extra)
    tr.train()


def sentences(c, meter, steps):
    import torch
    from datasets import Dataset
    from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer, SentenceTransformerTrainingArguments, losses
    from sentence_transformers.models import Transformer, Pooling
    path = f"/dev/shm/{c['model']}-{os.getpid()}"
    m = build(c, "AutoModel"); m.save_pretrained(path); tokenizer().save_pretrained(path); del m
    kind = {"dtype": torch.bfloat16, "attn_implementation": "sdpa"} if c["method"] == "lora" or c.get("dtype") == "bf16" else {"attn_implementation": "sdpa"}
    try: t = Transformer(path, max_seq_length=c["seq"], model_kwargs=kind)
    except TypeError: t = Transformer(path, max_seq_length=c["seq"], model_args=kind)
    pool = Pooling(t.get_word_embedding_dimension() if hasattr(t, "get_word_embedding_dimension") else t.get_embedding_dimension(), pooling_mode="lasttoken")
    s = SentenceTransformer(modules=[t, pool]); c["dtype"] = str(next(s.parameters()).dtype)
    if c["method"] == "lora":
        from peft import TaskType
        l = lora(c); l.task_type = TaskType.FEATURE_EXTRACTION; s.add_adapter(l)
    n = c["batch"] * 4
    ds = Dataset.from_dict({"anchor": [words(c["seq"] + 4, i) for i in range(n)], "positive": [words(c["seq"] + 4, 10000 + i) for i in range(n)]})
    loss = losses.MultipleNegativesRankingLoss(s) if c["loss"] == "mnrl" else losses.CachedMultipleNegativesRankingLoss(s, mini_batch_size=c["mini"])
    args = arguments({**c}, SentenceTransformerTrainingArguments, steps)
    SentenceTransformerTrainer(model=s, args=args, train_dataset=ds, loss=loss, callbacks=[callback(meter, False)]).train()


def optimizer(c, ps):
    import torch
    if not c["optimizer"].startswith("torchao"): return torch.optim.AdamW(ps, lr=1e-6)
    from torchao.optim import AdamW4bit, AdamW8bit
    return {"torchao-8bit": AdamW8bit, "torchao-4bit": AdamW4bit}[c["optimizer"]](ps, lr=1e-6)


def loop(c, meter, steps):
    """A plain loop: reranker (yes/no logits of the last token of `batch` documents), DoRA, freeze tuning."""
    import torch
    if c.get("fla"):  # what transformers' kernel from the hub is: it fetches flash-linear-attention's function
        import transformers.models.qwen3_5.modeling_qwen3_5 as Q
        from fla.ops.gated_delta_rule import chunk_gated_delta_rule
        import fla.ops.common.chunk_o as O; O.TRITON_ABOVE_3_7_1 = True  # it refuses Hopper with Triton 3.4 to 3.7.0, whose values are wrong; memory is the same
        Q.torch_chunk_gated_delta_rule = chunk_gated_delta_rule
    m = build(c); m.config.use_cache = False; m.train()
    if c["ckpt"]: m.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False}); m.enable_input_require_grads()
    if c["method"] == "lora":
        from peft import get_peft_model
        m = get_peft_model(m, lora(c))
    if c["method"] == "freeze":
        for n, p in m.named_parameters(): p.requires_grad_(any(f"layers.{i}." in n for i in range(m.config.num_hidden_layers - c["layers"], m.config.num_hidden_layers)))
    ps = [p for p in m.parameters() if p.requires_grad]; opt = optimizer(c, ps); dev = next(m.parameters()).device
    for _ in range(steps):
        meter.begin(); ids = torch.randint(2, 1900, (c["batch"], c["seq"]), device=dev)
        with torch.autocast(dev.type, torch.bfloat16):
            if c["loss"] == "rerank":
                z = m(input_ids=ids, logits_to_keep=c.get("keep", 1)).logits[:, -1, [100, 101]].float(); loss = torch.nn.functional.cross_entropy(z, torch.zeros(c["batch"], dtype=torch.long, device=dev))
            else: loss = m(input_ids=ids, labels=ids).loss
        loss.backward(); meter.mark("peak_backward_bytes"); opt.step(); opt.zero_grad(set_to_none=True); del loss; meter.end()


def child(name, rank, port, gpu, steps):
    if CASES[name].get("fla") or CASES[name]["optimizer"].startswith("torchao"): sys.path.append(os.environ.get("SITE", ""))  # apart: a parent that imports them touches the GPU
    c = dict(CASES[name]); os.setsid()
    if DRY: c["seq"] = 128; c["batch"] = min(c["batch"], 8); c["mini"] = 2; c["completion"] = 16
    log = os.open(f"{LOGS}/log_{name.replace('/', '_')}_{rank}.txt", os.O_CREAT | os.O_WRONLY | os.O_TRUNC); os.dup2(log, 1); os.dup2(log, 2)
    import faulthandler; faulthandler.dump_traceback_later(int(os.environ.get("CASE_SECONDS", "75")) - 3)
    signal.alarm(int(os.environ.get("CASE_SECONDS", "75")))
    os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank if c["gpus"] > 1 else 0), WORLD_SIZE=str(c["gpus"]), MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port), LOCAL_WORLD_SIZE=str(c["gpus"]))
    if FAKE and c["gpus"] > 1: os.environ.update(LOCAL_RANK="0", RANK="0")
    if c["gpus"] == 1:
        for k in ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "LOCAL_WORLD_SIZE"): os.environ.pop(k)
        if not DRY: os.environ["CUDA_VISIBLE_DEVICES"] = str(gpu)
    if c["strategy"].startswith("fsdp"): os.environ["ACCELERATE_USE_FSDP"] = "true"; os.environ["FSDP_VERSION"] = c["strategy"][4:]; os.environ["FSDP_CPU_RAM_EFFICIENT_LOADING"] = "false"
    import torch
    if DRY:
        import deepspeed.comm; dct = sys.modules["deepspeed.comm.torch"]
        dct.build_shm_op = lambda: None
        if c["strategy"].startswith("zero"):
            os.environ.pop("ACCELERATE_USE_CPU")
            if not FAKE: import deepspeed; deepspeed.init_distributed(dist_backend="gloo")
            import transformers.training_args as ta; ta.is_torch_bf16_gpu_available = lambda: True
    if FAKE and c["gpus"] > 1:
        import torch.distributed as dist
        from torch.testing._internal.distributed.fake_pg import FakeStore
        if not DRY: torch.cuda.set_device(0)
        dist.init_process_group("fake", rank=0, world_size=c["gpus"], store=FakeStore())
        def everyone(out, obj, group=None): out[:] = [obj] * len(out)
        dist.all_gather_object = everyone; dist.broadcast_object_list = lambda *a, **k: None
        if c["strategy"].startswith("zero"):
            import deepspeed; deepspeed.init_distributed(dist_backend="gloo" if DRY else "nccl")
            import deepspeed.runtime.zero.stage3 as s3, deepspeed.runtime.zero.stage_1_and_2 as s12
            s3.is_invalid_grad_norm = lambda x: False  # garbage of a gather that nobody sent must not skip the step
            for cls in (s3.DeepSpeedZeroOptimizer_Stage3, s12.DeepSpeedZeroOptimizer):
                cls._overflow_check_and_loss_scale_update = lambda self, **k: False
                cls._loss_scale_update_and_overflow_cleanup = lambda self, **k: False
                if hasattr(cls, "check_overflow"): cls.check_overflow = lambda self, *a, **k: setattr(self, "overflow", False)
                if hasattr(cls, "has_overflow"): cls.has_overflow = lambda self, *a, **k: False
            if hasattr(s12, "is_invalid_grad_norm"): s12.is_invalid_grad_norm = lambda x: False
    note, meter, context = "", Meter(), 0
    try:
        if c.get("segments"): torch.cuda.memory._set_allocator_settings("expandable_segments:True")
        if not DRY:
            torch.cuda.set_device(rank if c["gpus"] > 1 and not FAKE else 0); torch.zeros(1, device="cuda"); free, total = torch.cuda.mem_get_info(); context = total - free; torch.cuda.reset_peak_memory_stats()
            if c.get("limit"): torch.cuda.set_per_process_memory_fraction(c["limit"] / total)
        {"transformers": plain, "trl": trl, "sentence-transformers": sentences, "torch": loop}[c["trainer"]](c, meter, 2 if c["loss"] == "grpo" else c.get("steps", 16) if c.get("limit") is not None else 3)
    except BaseException as e:
        traceback.print_exc(); note = f"FAILED {type(e).__name__}: {str(e)[:420]}".replace("\n", " ")
    r = meter.r; r["peak_allocated_bytes"] = max(r["peak_backward_bytes"], r["peak_step_bytes"])
    import accelerate, transformers, peft
    versions = f"torch {torch.__version__}; transformers {transformers.__version__}; accelerate {accelerate.__version__}; peft {peft.__version__}"
    for mod in ("trl", "deepspeed", "sentence_transformers"):
        if mod in sys.modules: versions += f"; {mod} {sys.modules[mod].__version__}"
    known = ("trainer", "method", "loss", "strategy", "model", "gpus", "seq", "batch", "accum", "rank", "optimizer", "precision")
    row = {**{k: c[k] for k in known}, "case": name, "checkpointing": c["ckpt"], "settings": " ".join(f"{k}={v}" for k, v in c.items() if k not in known and k not in ("ckpt", "room")), **r,
           "context_bytes": context, "rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, "step_s": f"{min(meter.times[1:] or meter.times or [0]):.3f}", "group": "fake" if FAKE and c["gpus"] > 1 else "nccl" if c["gpus"] > 1 else "", "gpu": f"{torch.cuda.get_device_name() if not DRY else 'cpu'} rank {rank}", "versions": versions, "note": note}
    with open(f"{OUT}/training_rows.csv", "a", newline="") as f:
        w = csv.DictWriter(f, COLS); w.writerow(row)
    sys.stdout.flush(); os._exit(0 if not note else 1)


def launch(name, gpu, steps):
    with socket.socket() as s: s.bind(("127.0.0.1", 0)); port = s.getsockname()[1]
    pids = []
    for rank in range(1 if FAKE else CASES[name]["gpus"]):
        pid = os.fork()
        if pid == 0:
            try: child(name, rank, port, gpu, steps)
            finally: os._exit(3)
        pids.append(pid)
    return pids


def report(name, started):
    out = []
    with open(f"{OUT}/training_rows.csv") as f:
        for r in csv.DictReader(f):
            if r["case"] == name:
                g = lambda k: f"{int(r[k] or 0) / GIB:.2f}"
                out.append(f"{name} [{r['gpu'][-6:]}] states {g('states_bytes')} bwd {g('peak_backward_bytes')} step {g('peak_step_bytes')} reserved {g('peak_reserved_bytes')} used {g('device_used_bytes')} rss {g('rss_bytes')} {r['step_s']}s {r['note'][:110]}")
    DONE.append(not out or "FAILED" in out[-1])
    if DONE[-1]: os.system(f"grep -v Warning {LOGS}/log_{name.replace('/', '_')}_0.txt | tail -c 300")
    print(f"{time.time() - T0:5.0f}s (+{time.time() - started:.0f})", *(out[:2] or [f"{name}: no row (killed or timed out)"]), sep="  ", flush=True)


def main():
    end = T0 + float(sys.argv[1]); names = sys.argv[2].split(",") if len(sys.argv) > 2 else list(CASES)
    os.makedirs(OUT, exist_ok=True)
    if not os.path.exists(f"{OUT}/training_rows.csv"):
        with open(f"{OUT}/training_rows.csv", "w", newline="") as f: csv.DictWriter(f, COLS).writeheader()
    for mod in ("torch", "transformers", "transformers.models.qwen3.modeling_qwen3", "accelerate", "peft", "datasets", "trl", "trl.trainer.sft_trainer", "trl.trainer.dpo_trainer", "trl.trainer.grpo_trainer", "deepspeed", "sentence_transformers", "sentence_transformers.models"):
        try: importlib.import_module(mod)
        except Exception as e: print("import", mod, repr(e)[:200], flush=True)
    import torch
    print(f"imports {time.time() - T0:.0f}s; CUDA touched: {torch.cuda.is_initialized()}", flush=True)
    total, lanes, queue, running = float(os.environ.get("TOTAL_GIB", "132")), int(os.environ.get("LANES", "3")), list(names), []
    while queue or running:
        if len(DONE) >= 4 and all(DONE[:4]) and not any("/" in n for n in names): print("the first four failed: stopped", flush=True); queue.clear()
        free = total - sum(CASES[n].get("room", 40) for n, *_ in running)
        pick = next((n for n in queue if CASES[n].get("room", 40) <= free), None) if len(running) < lanes and time.time() < end - 12 else None
        if pick: queue.remove(pick); running.append((pick, launch(pick, 0, 3), time.time()))
        for one in list(running):
            n, pids, s = one
            ended = [os.waitpid(pid, os.WNOHANG) for pid in pids]
            pids[:] = [pid for pid, (done, _) in zip(pids, ended) if not done]
            late = time.time() > min(s + 100, end)
            if pids and (late or any(done and code for done, code in ended)):
                time.sleep(1)
                for pid in pids:
                    try: os.killpg(pid, signal.SIGKILL)
                    except ProcessLookupError: os.kill(pid, signal.SIGKILL)
                    os.waitpid(pid, 0)
                pids.clear()
            if not pids: report(n, s); running.remove(one)
        if time.time() >= end - 12 and queue: print("skipped", *queue, flush=True); queue.clear()
        time.sleep(0.05)


T0, DONE = time.time(), []
if __name__ == "__main__": main()
