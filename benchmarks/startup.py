"""Time to answer, beside a bare interpreter: `python benchmarks/startup.py [--runs N] [--json] [--check]`.

Every command is run as a whole process in turn with `python -c pass`; the median of the ratios is what counts, since machines differ and drift.
`--check` ends with 1 where a ratio is above its limit. `--parts` says of each command where its milliseconds go; `--instructions` where its
instructions go, which other programs on the machine do not change (valgrind has to be there).
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass

BOX = ["--gpu", "rtx 4090", "--ram", "64GiB"]
COMMANDS = {  # name -> (arguments, how many bare interpreters it may take)
    "--help": (["--help"], 8.0),
    "fit --json": (["fit", "qwen3-8b", "--quant", "4bit", *BOX, "--json"], 14.0),
    "recommend": (["recommend", *BOX], 25.0),
}
# An installed package has its bytecode written; a shell that forbids it would compile what was edited last anew in every run.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


@dataclass(frozen=True, slots=True)
class Timing:
    """Medians over the runs: milliseconds, and the ratio to a bare interpreter run just before."""

    command: str
    milliseconds: float
    bare_milliseconds: float
    ratio: float
    limit: float


def measure(name: str, runs: int) -> Timing:
    """Time one command, after a first run that fills caches."""
    arguments, limit = COMMANDS[name]
    program = shutil.which("qwenpick", path=str(sys.prefix) + "/bin") or shutil.which("qwenpick") or "qwenpick"
    ours, bare = [program, *arguments], [sys.executable, "-c", "pass"]
    _seconds(ours)
    pairs = [(_seconds(bare), _seconds(ours)) for _ in range(runs)]
    return Timing(
        name,
        1000 * statistics.median(b for _, b in pairs),
        1000 * statistics.median(a for a, _ in pairs),
        statistics.median(b / a for a, b in pairs),
        limit,
    )


# The command in a process that clocks what it calls, without the modules that these import: run with the arguments of the command, it writes
# a line of seconds to stderr last.
CLOCKED = """
import sys, time
from qwenpick.cli.main import run, start_fast
start_fast()
spent, inside = {"values": 0.0, "options": 0.0, "catalogue": 0.0, "output": 0.0}, []
def clocked(owner, name, part):
    wrapped = getattr(owner, name)
    def call(*given, **named):
        start = time.process_time()
        inside.append(part)
        try:
            return wrapped(*given, **named)
        finally:
            inside.pop()
            if part not in inside:
                spent[part] += time.process_time() - start
    setattr(owner, name, call)
import qwenpick.values
clocked(qwenpick.values, "_made", "values")
import typer.main, qwenpick.catalog.cache, qwenpick.catalog.read, qwenpick.render.forms.envelope, qwenpick.render.forms.terminal
clocked(typer.main, "get_command", "options")
for name in ("shipped_state", "shipped_records"):
    clocked(qwenpick.catalog.read, name, "catalogue")
for name in ("__getitem__", "_whole", "mentioning"):
    clocked(qwenpick.catalog.cache._Lines, name, "catalogue")
clocked(qwenpick.catalog.cache, "_read", "catalogue")
clocked(qwenpick.render.forms.envelope, "print_json", "output")
clocked(qwenpick.render.forms.terminal, "print_report", "output")
run(sys.argv[1:])
print(*spent.values(), file=sys.stderr)
"""
OF_PYDANTIC = frozenset({"pydantic", "pydantic_core", "annotated_types", "typing_inspection", "typing_extensions"})
OF_TYPER = frozenset({"typer", "rich", "shellingham", "annotated_doc"})


def _part(root: str) -> str:
    """Whose a module is, by its package."""
    if root in OF_PYDANTIC:
        return "pydantic"
    return "Typer" if root in OF_TYPER else "modules of qwenpick" if root == "qwenpick" else "standard library"


def parts(name: str, runs: int) -> dict[str, float]:
    """Milliseconds that a command computes, by what they go into, the least of the runs each. What `-X importtime` takes is in the imports.

    They add up to the whole: the last part is what no clock is on. The line below the whole is in the modules of qwenpick.
    """
    arguments, _unused = COMMANDS[name]
    least: dict[str, float] = {}
    for _run in range(runs + 1):
        told = _told([sys.executable, "-X", "importtime", "-m", "qwenpick", *arguments])
        for line in told:
            if line.startswith("import time:") and line.split("|")[0].split()[-1].isdigit():
                module, own = line.split("|")[2].strip(), int(line.split("|")[0].split()[-1]) / 1e6
                least[module] = min(own, least.get(module, own))
    for line in _told([sys.executable, "-X", "importtime", "-c", "pass"]):
        least.pop(line.split("|")[-1].strip(), None)  # a bare interpreter has it too
    clocks = [tuple(map(float, _told([sys.executable, "-c", CLOCKED, *arguments])[-1].split())) for _run in range(runs)]
    values, options, catalogue, output = (min(column) for column in zip(*clocks, strict=True))
    ours = [sys.executable, "-m", "qwenpick", *arguments]
    bare, whole = (
        min(_computed(command) for _run in range(runs)) for command in ([sys.executable, "-c", "pass"], ours)
    )
    found = dict.fromkeys(("interpreter", "pydantic", "Typer", "standard library", "modules of qwenpick"), 0.0)
    found["interpreter"] = bare
    for module, own in least.items():
        found[_part(module.split(".")[0])] += own
    found |= {"options made for Typer": options, "catalogue read": catalogue, "output": output}
    found["planning, and all else"] = max(0.0, whole - sum(found.values()))
    found["in all"], found["classes of values, among the modules"] = whole, values
    return {part: 1000 * seconds for part, seconds in found.items()}


# The command in a process that notes on stderr which modules it imported, and which entries of the catalogue it asked for.
NOTED = """
import sys
from qwenpick.cli.main import run, start_fast
start_fast()
run(sys.argv[1:])
modules, asked = list(sys.modules), []
if "qwenpick.catalog.load" in modules:
    from qwenpick.catalog.load import load
    asked = [(kind, key) for kind in ("models", "architectures", "gpus") for key in vars(getattr(load(), kind))["_entries"]]
print((modules, asked), file=sys.stderr)
"""
START, END = "import gc\ngc.disable()\n", "import os\nos._exit(0)\n"  # as a command does


def instructions(name: str) -> dict[str, float]:
    """Millions of instructions of a command by what they go into: each part is what a process takes that does it after the parts before."""
    arguments, _unused = COMMANDS[name]
    for _run in range(3):  # until bytecode and caches are written
        modules, asked = ast.literal_eval(_told([sys.executable, "-c", NOTED, *arguments])[-1])
    roots: dict[str, list[str]] = {"standard library": [], "pydantic": [], "Typer": [], "modules of qwenpick": []}
    for module in modules:
        root = module.split(".")[0]
        if root != "__main__" and not module.startswith("pydantic.plugin"):  # which a command leaves out
            roots[_part(root)].append(module)
    program, counts = START, {"interpreter": _counted(["-c", "pass"])}
    for part, names in roots.items():
        program += "".join(f"try: __import__({name!r})\nexcept ImportError: pass\n" for name in names)
        counts[part] = _counted(["-c", program + END])
    if asked:
        program += "from qwenpick.cli.main import start_fast\nstart_fast()\n"
        program += "from qwenpick.catalog.load import load\nfacts = load()\n"
        program += f"for kind, key in {asked!r}: getattr(facts, kind)[key]\n"
    counts["entries of the catalogue"] = _counted(["-c", program + END])
    whole = _counted(["-m", "qwenpick", *arguments])
    steps = [0.0, *counts.values()]
    found = {part: after - before for part, before, after in zip(counts, steps, steps[1:], strict=False)}
    return {**found, "command line, planning, output": whole - steps[-1], "in all": whole}


def _counted(arguments: list[str]) -> float:
    """Millions of instructions of a Python process."""
    command = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null", sys.executable]
    line = next(line for line in _told([*command, *arguments]) if "I " in line and "refs:" in line)
    return int(line.split()[-1].replace(",", "")) / 1e6


def _computed(command: list[str]) -> float:
    """Seconds that a command computes, which other work on the machine changes less than how long it takes."""
    import resource  # not on Windows

    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    _seconds(command)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _told(command: list[str]) -> list[str]:
    """The lines that a command writes to stderr."""
    done = subprocess.run(
        command, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False
    )
    return done.stderr.splitlines()


def _seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return time.perf_counter() - start


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=11)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--parts", action="store_true")
    parser.add_argument("--instructions", action="store_true")
    arguments = parser.parse_args()
    if arguments.parts or arguments.instructions:
        columns = {
            name: instructions(name) if arguments.instructions else parts(name, arguments.runs) for name in COMMANDS
        }
        print(
            f"| {'millions' if arguments.instructions else 'ms'} | {' | '.join(columns)} |\n|---|{'---:|' * len(columns)}"
        )
        for part in next(iter(columns.values())):
            print(f"| {part} | {' | '.join(f'{column[part]:.0f}' for column in columns.values())} |")
        return 0
    timings = [measure(name, arguments.runs) for name in COMMANDS]
    if arguments.json:
        print(json.dumps([asdict(timing) for timing in timings], indent=1))
    else:
        for t in timings:
            bare = f"{t.ratio:5.1f} x a bare interpreter ({t.bare_milliseconds:.0f} ms)"
            print(f"qwenpick {t.command:12} {t.milliseconds:6.0f} ms, {bare}; limit {t.limit:.0f} x")
    return int(arguments.check and any(t.ratio > t.limit for t in timings))


if __name__ == "__main__":
    sys.exit(main())
