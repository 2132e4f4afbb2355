"""The answer of `fit --train`: whether a fine-tuning run holds on a machine, how far it stretches, and how long it takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from qwenpick.catalog import Checkpoint
from qwenpick.catalog.lookup import closed_weights
from qwenpick.errors import HardwareUnreadableError, QwenpickError
from qwenpick.i18n import _, retell
from qwenpick.memory.account import Memory
from qwenpick.memory.bands import Band, band
from qwenpick.memory.quantization import FORMATS, find_format
from qwenpick.planning.checkpoints import is_family
from qwenpick.planning.limits import most
from qwenpick.planning.plan import longest_allowed
from qwenpick.planning.verdict import Place, Verdict
from qwenpick.training import DEFAULT_FORMAT, Peak, peaks
from qwenpick.training.cards import of_kernels, suited, with_kernels
from qwenpick.training.estimate import band_of
from qwenpick.training.notes import notes_on
from qwenpick.training.past import in_fp32, past, unnamed
from qwenpick.training.pixels import pictured
from qwenpick.training.speed import TrainingSpeed, speed
from qwenpick.training.storage import Storage, storage
from qwenpick.training.towers import audio_tokens
from qwenpick.training.trainers import TRAINERS, habits, older
from qwenpick.training.unsloth_files import own_file
from qwenpick.training.verdict import judged, reason, short_of_ram
from qwenpick.units import format_bytes, format_tokens
from qwenpick.values import dataclass

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture, Catalog, Model
    from qwenpick.machine.hardware import Device, Machine
    from qwenpick.work.serving import Training

METHODS = ("qlora", "lora", "full")  # from the one that needs least
STEP = 256  # tokens; sequences are cut to multiples of it
LARGEST_BATCH = 1024


@dataclass(frozen=True, slots=True)
class Tuned:
    """One fine-tuning run on one machine. `longest` is tokens of a sequence, `largest` sequences per GPU, with the other settings as they are.

    A place of a GPU needs what torch allocates and the context; `peaks` have the allocator's cache too. `notes` say what was chosen unasked.
    """

    model: Model
    architecture: Architecture
    checkpoint: Checkpoint
    training: Training
    devices: tuple[Device, ...]
    memory: Memory
    places: tuple[Place, ...]
    verdict: Verdict
    reason: str
    band: Band
    speed: TrainingSpeed | None
    storage: Storage
    longest: int | None
    largest: int | None
    peaks: tuple[Peak, ...] = ()
    notes: tuple[str, ...] = ()

    def holds(self, strict: bool = False) -> bool:
        """Whether it fits; `strict` takes the upper edge of the band."""
        return self.verdict == "fits" or (self.verdict == "tight" and not strict)


def tune(
    catalog: Catalog,
    machine: Machine,
    model: Model,
    training: Training,
    quant: str | None = None,
    strict: bool = False,
    *,
    reach: bool = True,
) -> Tuned:
    """The run on the machine's roomiest GPUs; without `reach` the longest sequence and the largest batch are not looked for.

    Raises QwenpickError for what cannot be trained so, HardwareUnreadableError for GPUs that cannot be read.
    """
    if not model.open_weights or not model.architecture:
        raise QwenpickError(closed_weights(model))
    architecture = catalog.architecture(model)
    devices = _devices(machine, training)
    training, notes = suited(replace(training, nodes=nodes_of(machine, training)), devices)
    training = with_kernels(architecture, training, devices)
    limit = longest_allowed(model)
    if limit and training.seq > limit:
        raise QwenpickError(
            _(
                "{model} reads {limit} tokens, not {seq}",
                model=model.name,
                limit=format_tokens(limit),
                seq=format_tokens(training.seq),
            )
        )
    training = pictured(architecture, training)
    checkpoint = _checkpoint(model, training, quant)
    needed, places, verdict = judged(architecture, model, checkpoint, training, devices, machine)
    idle = len(able(machine)) - training.gpus
    found = Tuned(
        model, architecture, checkpoint, training, devices, needed, places, verdict, reason(verdict, places, short_of_ram(training, places, machine)),
        band(f"training-{band_of(training)}"), _slowest(catalog, architecture, training, devices, _link(machine)),
        storage(architecture, training, checkpoint), None, None,
        tuple(peak.within(place.budget) for peak, place in zip(peaks(needed), places, strict=False)),
        (*notes, *notes_on(model, architecture, training, checkpoint, idle), *of_kernels(architecture, training, devices)),
    )  # fmt: skip
    return stretched(_with_older(found, machine), machine, strict) if reach else found


def _with_older(tuned: Tuned, machine: Machine) -> Tuned:
    """With a note if the run fits now but would not with an older release of its trainer, or of a library under it."""
    if not tuned.holds():
        return tuned
    of = (tuned.architecture, tuned.training, tuned.checkpoint)
    beneath = tuple(past(*of, tuned.places[0], tuned.peaks[0].process - tuned.peaks[0].reserved))
    if (wide := unnamed(tuned.training)) and judged(of[0], tuned.model, of[2], wide, tuned.devices, machine)[2] == "no":
        beneath = (*beneath, in_fp32(wide.trainer))
    tuned = replace(tuned, notes=(*tuned.notes, *beneath))
    for version, training in older(tuned.training):
        places = judged(tuned.architecture, tuned.model, tuned.checkpoint, training, tuned.devices, machine)
        if places[2] == "no" and not habits(training).loads_whole:  # which is said already
            more = max(a.need - b.need for a, b in zip(places[1], tuned.places, strict=False))
            said = _(
                "{title} before {version} needs {more} a GPU more: the run does not fit there",
                title=TRAINERS[training.trainer].title, version=version, more=format_bytes(more),
            )  # fmt: skip
            return replace(tuned, notes=(*tuned.notes, said))
    return tuned


def stretched(tuned: Tuned, machine: Machine, strict: bool = False) -> Tuned:
    """The same with its longest sequence and its largest batch."""
    of = (tuned.architecture, tuned.model, tuned.checkpoint)
    enough = ("fits",) if strict else ("fits", "tight")

    def holds(batch: int) -> bool:
        return judged(*of, replace(tuned.training, batch=batch), tuned.devices, machine)[2] in enough

    longest = longest_of(*of, tuned.training, tuned.devices, machine, strict)
    return replace(tuned, longest=longest, largest=most(LARGEST_BATCH + 1, holds) or None)


def longest_of(
    architecture: Architecture,
    model: Model,
    checkpoint: Checkpoint,
    training: Training,
    devices: tuple[Device, ...],
    machine: Machine,
    strict: bool = False,
) -> int | None:
    """The longest sequence in tokens with which the run holds; None where not even the shortest does."""
    enough = ("fits",) if strict else ("fits", "tight")

    def holds(steps: int) -> bool:
        sound = min(training.audio_seconds, steps * STEP / max(1, audio_tokens(architecture, 1)))
        changed = replace(
            training, seq=steps * STEP, image_tokens=min(training.image_tokens, steps * STEP), audio_seconds=sound
        )
        return judged(architecture, model, checkpoint, changed, devices, machine)[2] in enough

    return most((longest_allowed(model) or 131072) // STEP + 1, holds) * STEP or None


def methods(
    catalog: Catalog, machine: Machine, model: Model, training: Training, strict: bool = False
) -> Iterator[Tuned | tuple[str, str]]:
    """QLoRA, LoRA and full fine-tuning with otherwise the same settings; (method, why not) for one that cannot be."""
    for method in METHODS:
        try:
            yield tune(catalog, machine, model, replace(training, method=method), None, strict)
        except HardwareUnreadableError:
            raise
        except QwenpickError as error:
            yield method, str(error)


def able(machine: Machine) -> tuple[Device, ...]:
    """The GPUs that can train, most free memory first. Training is CUDA's (or ROCm's): the recipes' kernels run nowhere else."""
    trained = (device for device in machine.devices if device.vendor in {"nvidia", "amd"})
    return tuple(sorted(trained, key=lambda device: -(device.free or device.total or 0)))


def nodes_of(machine: Machine, training: Training) -> int:
    """Over how many of the machine's equal boxes the run goes."""
    each = max(1, len(able(machine)) // machine.nodes)
    return -(-training.gpus // each) if machine.nodes > 1 else 1


def _devices(machine: Machine, training: Training) -> tuple[Device, ...]:
    """As many of them as the run takes."""
    found = able(machine)
    if not found and machine.unreadable:
        raise HardwareUnreadableError(
            _(
                "the GPU could not be read ({unreadable}); use --gpu",
                unreadable="; ".join(map(retell, machine.unreadable)),
            )
        )
    if not found:
        raise QwenpickError(_("fine-tuning is planned for NVIDIA and AMD GPUs only, and this machine has none"))
    if len(found) < training.gpus:
        raise QwenpickError(
            _("--gpus {gpus} is more than this machine has ({count})", gpus=training.gpus, count=len(found))
        )
    return found[: training.gpus]


def _checkpoint(model: Model, training: Training, quant: str | None) -> Checkpoint:
    """The weights that are trained: the 16-bit repository, quantized on load for QLoRA, or the format that was asked for."""
    name = DEFAULT_FORMAT.get(training.method, "bf16")
    if quant is not None and not is_family(quant):
        name = quant if quant in FORMATS else find_format(quant).name  # bf16 is a repository, BF16 a GGUF file
    if training.trainer == "unsloth" and name == "nf4" and quant is None and (repo := own_file(model)):
        return Checkpoint(format=name, repo=repo, official=False)
    published = next((c for c in model.checkpoints if c.format == name), None)
    base = next((c for c in model.checkpoints if c.format == "bf16"), None)
    return published or Checkpoint(format=name, repo=base.repo if base else None, official=bool(base and base.official))


def _slowest(
    catalog: Catalog, architecture: Architecture, training: Training, devices: tuple[Device, ...], link: float | None
) -> TrainingSpeed | None:
    """The speed on the slowest of the GPUs, which the others wait for; None where that of one is not known."""
    kinds = {(device.gpu, device.name): device for device in devices}.values()
    found = [speed(architecture, training, _rate(catalog, device), device, link) for device in kinds]
    known = [one for one in found if one]
    return min(known, key=lambda one: one.tokens_per_second) if len(known) == len(found) else None


def _link(machine: Machine) -> float | None:
    """Bytes a second between the boxes; None for one box."""
    return machine.link.bandwidth if machine.link else None


def _rate(catalog: Catalog, device: Device) -> float | None:
    """Dense 16-bit FLOP/s of the GPU; None where the catalogue does not know it."""
    entry = catalog.gpus.get(device.gpu) if device.gpu else None
    return entry.rates.fp16 if entry else None
