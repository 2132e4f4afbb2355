"""Which batches vLLM captures CUDA graphs for."""

from __future__ import annotations

LARGEST = 512  # vLLM 0.9 to 0.33 config/vllm.py: the largest captured batch


def largest_batch(sequences: int, tokens: int, drafted: int, version: tuple[int, ...]) -> int:
    """The largest batch that is captured by default: twice the sequences with what each speculates, at most 512 and the batched tokens.

    Up to 0.8 every size up to 512 is captured, however few sequences there are (vllm/config.py _set_cudagraph_sizes).
    """
    if version < (0, 9):
        return min(LARGEST, tokens)
    return min(2 * sequences * (1 + drafted), LARGEST, tokens)


def graph_sizes(largest: int, version: tuple[int, ...]) -> int:
    """How many batch sizes are captured: 1, 2, 4, then every 8, from 0.12 on every 16 from 256 on (config/vllm.py _set_cudagraph_sizes).

    >>> graph_sizes(512, (0, 26)), graph_sizes(32, (0, 26)), graph_sizes(0, (0, 26)), graph_sizes(512, (0, 11))
    (51, 7, 0, 67)
    """
    wide = range(256, largest + 1, 16 if version >= (0, 12) else 8)
    return len({n for n in (1, 2, 4, *range(8, 256, 8), *wide) if n <= largest})
