"""What moved in the engines: `python -m tools.refresh.engines WHEEL… [--before WHEEL…]`. Wheels without their dependencies, read by ast, never run.

    pip download --no-deps vllm sglang mlx-lm transformers && python -m tools.refresh.engines *.whl

Each row of WATCHED is a constant that a module of ours names, with the file it was read from. Printed are those that moved or are not where
they were; with an older wheel beside, also the functions and classes of those files that changed at all. Exit code 1 when something moved.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import sys
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Watched:
    """A constant of an engine and ours that was read from it. `derived` makes ours of the engine's, where they are not the same number."""

    package: str
    file: str
    name: str  # a class attribute `KVCache.step`, a module's constant, or a parameter's default `chunk(chunk_size)`
    ours: str  # module:ATTRIBUTE, or module:Class.field for the default of an option
    derived: Callable[[Any], Any] = lambda value: value


SCHEDULE = "sglang/srt/arg_groups/fields/schedule.py"
QWEN3_NEXT = "transformers/models/qwen3_next/modeling_qwen3_next.py"
OURS = "qwenpick.runtimes"
WATCHED = (
    Watched("vllm", "vllm/config/cache.py", "CacheConfig.DEFAULT_BLOCK_SIZE", f"{OURS}.vllm.settings:BLOCK_SIZE"),
    Watched("mlx_lm", "mlx_lm/models/cache.py", "KVCache.step", f"{OURS}.mlx:CACHE_STEP"),
    Watched("mlx_lm", "mlx_lm/generate.py", "generate_step(prefill_step_size)", f"{OURS}.mlx.options:Options.prefill_step_size"),
    Watched("sglang", SCHEDULE, "Schedule.max_prefill_tokens", f"{OURS}.sglang.options:WHOLE_PROMPTS"),
    Watched("sglang", SCHEDULE, "Schedule.mamba_full_memory_ratio", f"{OURS}.sglang.pools:STATES_RATIO"),
    Watched("transformers", QWEN3_NEXT, "torch_chunk_gated_delta_rule(chunk_size)", f"{OURS}.transformers.activations:CHUNK"),
)  # fmt: skip
# What else our arithmetic was read from (READ_FROM of the engines' modules): with an older wheel beside, what changed in them is printed.
READ: Mapping[str, tuple[str, ...]] = {
    "vllm": ("vllm/config/vllm.py", "vllm/engine/arg_utils.py", "vllm/v1/worker/gpu_worker.py", "vllm/v1/core/kv_cache_utils.py"),
    "sglang": ("sglang/srt/model_executor/model_runner_kv_cache_mixin.py", "sglang/srt/mem_cache/memory_pool.py"),
    "mlx_lm": ("mlx_lm/models/qwen3_moe.py",),
}  # fmt: skip


@dataclass(frozen=True)
class Found:
    """What became of a constant: same, moved (with both values), or gone."""

    watched: Watched
    state: str
    engine: Any = None
    ours: Any = None

    def __str__(self) -> str:
        where = f"{self.watched.file}: {self.watched.name}"
        if self.state == "gone":
            return f"gone   {where} (ours, {self.watched.ours}, is {self.ours!r})"
        return f"{self.state:6} {where} = {self.engine!r}; ours, {self.watched.ours}, {self.ours!r}"


def compare(wheel: Path, watched: Iterable[Watched] = WATCHED) -> Iterator[Found]:
    """What became of every watched constant of the wheel's package."""
    package = wheel.name.split("-")[0].casefold()
    for one in watched:
        if one.package != package:
            continue
        ours = _ours(one.ours)
        source = source_of(wheel, one.file)
        values = list(named(ast.parse(source), one.name)) if source is not None else []
        if not values:
            yield Found(one, "gone", ours=ours)
            continue
        expected = one.derived(values[0])
        same = abs(expected - ours) < 1e-9 if isinstance(expected, float) else expected == ours
        yield Found(one, "same" if same else "moved", values[0], ours)


def changed(before: Path, after: Path, files: Iterable[str]) -> Iterator[str]:
    """The functions and classes of these files that differ between two wheels in more than comments and layout."""
    for file in files:
        old, new = (_digests(source_of(wheel, file)) for wheel in (before, after))
        for name in sorted({*old, *new}):
            if old.get(name) != new.get(name):
                word = "added" if name not in old else "removed" if name not in new else "changed"
                yield f"{word:7} {file}: {name}"


def files_of(package: str) -> list[str]:
    """The files of a package that ours was read from."""
    return sorted({*READ.get(package, ()), *(one.file for one in WATCHED if one.package == package)})


def named(tree: ast.Module, name: str) -> Iterator[Any]:
    """The values that a constant, a class attribute or a parameter's default has in a file."""
    if "(" in name:
        function, parameter = name.removesuffix(")").split("(")
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name == function:
                yield from _default(node.args, parameter)
        return
    owner, _dot, attribute = name.rpartition(".")
    bodies = [n.body for n in tree.body if isinstance(n, ast.ClassDef) and n.name == owner] if owner else [tree.body]
    for body in bodies:
        for node in body:
            targets = (
                node.targets
                if isinstance(node, ast.Assign)
                else [node.target]
                if isinstance(node, ast.AnnAssign)
                else []
            )
            if any(isinstance(t, ast.Name) and t.id == attribute for t in targets):
                values = list(_value(node.value))  # type: ignore[attr-defined]
                yield from _fallback(node) if values in ([], [None]) else values


def source_of(wheel: Path, file: str) -> bytes | None:
    """A file of a wheel; None where it has none."""
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(file) if file in archive.namelist() else None


def _default(arguments: ast.arguments, parameter: str) -> Iterator[Any]:
    plain = [*arguments.posonlyargs, *arguments.args]
    pairs = [*zip(plain[len(plain) - len(arguments.defaults) :], arguments.defaults, strict=True)]
    pairs += [(a, d) for a, d in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if d is not None]
    for argument, default in pairs:
        if argument.arg == parameter:
            yield from _value(default)


def _fallback(node: ast.stmt) -> Iterator[Any]:
    """Of `ratio: A[float, Arg(fallback=0.9)] = None` what is taken where nobody says: SGLang resolves such fields later."""
    for call in ast.walk(node):
        for keyword in call.keywords if isinstance(call, ast.Call) else ():
            if keyword.arg == "fallback":
                yield from _value(keyword.value)


def _value(node: ast.expr | None) -> Iterator[Any]:
    """The literal, or the `default=` of a field(...), Field(...) or Arg(...); arithmetic on numbers is worked out."""
    if isinstance(node, ast.Call):
        for keyword in node.keywords:
            if keyword.arg == "default":
                yield from _value(keyword.value)
        return
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Mult, ast.Pow)):
        for left in _value(node.left):
            for right in _value(node.right):
                yield left**right if isinstance(node.op, ast.Pow) and right < 64 else left * right
        return
    if node is not None:
        try:
            yield ast.literal_eval(node)
        except ValueError:
            return


def _digests(source: bytes | None) -> Mapping[str, str]:
    """A digest of each function and class of a file, methods apart; of its code without comments, layout and docstrings."""
    found: dict[str, str] = {}

    def add(body: list[ast.stmt], prefix: str) -> None:
        for node in body:
            if isinstance(node, ast.ClassDef):
                add(node.body, f"{prefix}{node.name}.")
            elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                kept = node.body[1:] if ast.get_docstring(node) is not None else node.body
                text = ast.dump(node.args) + "".join(ast.dump(part) for part in kept)
                found[prefix + node.name] = hashlib.sha256(text.encode()).hexdigest()

    if source is not None:
        add(ast.parse(source).body, "")
    return found


def _ours(reference: str) -> Any:
    module, _colon, attribute = reference.partition(":")
    value: Any = import_module(module)
    for part in attribute.split("."):
        value = getattr(value, part)
    return value


def main() -> int:
    """Print what moved; 1 when something did."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("wheels", nargs="+", type=Path)
    parser.add_argument("--before", nargs="*", type=Path, default=[], help="older wheels of the same packages")
    options = parser.parse_args()
    moved = False
    older = {wheel.name.split("-")[0].casefold(): wheel for wheel in options.before}
    for wheel in options.wheels:
        package = wheel.name.split("-")[0].casefold()
        print(wheel.name)
        for found in compare(wheel):
            print(f"  {found}")
            moved |= found.state != "same"
        if package in older:
            for line in changed(older[package], wheel, files_of(package)):
                print(f"  {line}")
                moved = True
    return int(moved)


if __name__ == "__main__":
    sys.exit(main())
