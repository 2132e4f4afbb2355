"""How much of the frozen layers ZeRO-3 leaves gathered on the way back, by release of DeepSpeed: one CSV line. It needs no GPU.

    python measure_frozen.py reentrant|non-reentrant MODULES|all-linear|none   with torch, transformers, peft and one release of deepspeed
Wrote deepspeed_frozen_2026_11_30.csv: twelve tiny layers of Qwen3, LoRA or all weights (none), one process on gloo, nothing kept for reuse
(stage3_max_live_parameters 0).
Before 0.19.3 the non-reentrant kind beside LoRA ends with torch's CheckpointError.
"""

import os
import sys

os.environ |= {"DS_ACCELERATOR": "cpu", "RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1", "LOCAL_SIZE": "1"}
os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29600"}

import deepspeed
import torch
import transformers
from deepspeed.runtime.zero.partition_parameters import ZeroParamStatus
from peft import LoraConfig, get_peft_model
from transformers import Qwen3Config, Qwen3ForCausalLM

LAYERS = 12
ZERO = {"stage": 3, "stage3_max_live_parameters": 0, "stage3_max_reuse_distance": 0, "stage3_prefetch_bucket_size": 0}
ZERO |= {"stage3_param_persistence_threshold": 0, "overlap_comm": False}


def main(checkpointing: str, target: str) -> None:
    """Three steps; of the last, whole layers that are gathered when the way back has come to the last, the middle and the first layer."""
    deepspeed.init_distributed("gloo")
    shape = Qwen3Config(vocab_size=500, hidden_size=64, intermediate_size=128, num_hidden_layers=LAYERS, num_attention_heads=4,
                        num_key_value_heads=2, head_dim=16)  # fmt: skip
    model = Qwen3ForCausalLM(shape).to(torch.bfloat16)
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": checkpointing == "reentrant"})
    if target != "none":  # all weights are trained
        model.enable_input_require_grads()
        modules = target if target == "all-linear" else target.split(",")
        model = get_peft_model(model, LoraConfig(r=4, target_modules=modules), autocast_adapter_dtype=False)
    model.train()
    settings = {
        "train_micro_batch_size_per_gpu": 1,
        "bf16": {"enabled": True},
        "zero_optimization": ZERO,
        "zero_allow_untested_optimizer": True,
    }
    trained = torch.optim.AdamW([weight for weight in model.parameters() if weight.requires_grad], lr=1e-4)
    engine = deepspeed.initialize(model=model, config=settings, optimizer=trained)[0]
    inside = engine.module if target == "none" else engine.module.base_model.model
    layers = inside.model.layers
    one = sum(weight.ds_numel for weight in layers.parameters()) / LAYERS
    seen: dict[int, float] = {}

    def gathered() -> float:
        return (
            sum(weight.ds_numel for weight in layers.parameters() if weight.ds_status == ZeroParamStatus.AVAILABLE)
            / one
        )

    for index, layer in enumerate(layers):
        first = layer.self_attn.q_proj
        (first if target == "none" else first.lora_A.default).register_full_backward_hook(
            lambda *_, index=index: seen.update({index: gathered()})
        )
    tokens = torch.randint(0, 500, (1, 32))
    for _step in range(3):
        engine.backward(engine(input_ids=tokens, labels=tokens).loss)
        engine.step()
    found = ",".join(f"{seen[index]:.2f}" for index in (LAYERS - 1, LAYERS // 2, 0))
    print(f'{deepspeed.__version__},{transformers.__version__},{checkpointing},"{target}",{found}')


if __name__ == "__main__":
    main(*sys.argv[1:])
