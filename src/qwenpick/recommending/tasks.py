"""What people ask a model to do: what it must read and write, which abilities count, how fast is fast enough, and whether to let it think.

Speeds are decode tokens/s of one user. The floors are what people call usable and comfortable in the sources that each task cites.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from qwenpick.errors import QwenpickError, did_you_mean
from qwenpick.i18n import N_, _
from qwenpick.recommending.effort import THINKING_TOKENS, Effort
from qwenpick.recommending.task_names import CHINESE, PLAIN
from qwenpick.values import dataclass

if TYPE_CHECKING:
    from qwenpick.catalog import Model

SPANVERO = "spanvero: below 5 tok/s sluggish, 10-20 comfortable"
MYLOCALAI = "mylocalai: 5-6 tok/s is the floor, 7-10 reading speed"
MLJOURNEY = "mljourney: 5 tok/s frustrating, 20 usable, 40 comfortable"
STARTUPFORTUNE = "startupfortune on r/LocalLLaMA: 30-60 tok/s for code, 15-20 for chat; 21 feels slow for reasoning"
PUBLIVAULT = "publivault: above 20 tok/s instant, below 10 slow"
ENTROPY = "entropy-exchange: decode speed is a bad proxy for agents; Hacker News 47793952: prompt processing becomes the bottleneck"
FRIGATE = "Frigate's documentation, 2026-07-23: small objects in people's hands; Qwen3-VL's DeepStack sees what Qwen3.5 misses"
BITTIDE = "bittide VLM benchmark v2: 30 s an image is good, 70 s accepted for the best; every hybrid scored higher without thinking"
CLUB3090 = "club-3090#1075: 131/150 thinking at low effort, 121/150 without; Qwen3.8#236: tool calls fail on long prompts without thinking"
BUDGET = "club-3090: Qwen3.6 72.8 without thinking, 48.9 unbudgeted, 76.1 budgeted; Qwen3.8#216: empty answers at xhigh on 17 % of calls"
TRIO = "triokurniatux, without a GPU: 3-5 tok/s painfully slow, 15-30 responsive"
OURS = "our estimate"
IMAGE_TOKENS = 1280  # Qwen2-VL's and Qwen2.5-VL's cards: 256 to 1,280 tokens an image balance speed and memory
AUDIO_SECONDS = 30.0  # one window of the audio towers (Whisper's, kept by Qwen2-Audio)


@dataclass(frozen=True, slots=True)
class Task:
    """A kind of work. `weights` says which abilities count and adds up to 1; `prompt` and `answer` are tokens of one typical request.

    `usable` and `comfortable` are decode tokens/s while thinking as much as `efforts[0]`, `prefill` and `comfortable_prefill` prompt tokens/s.
    `efforts` are the ways to think that suit the task, advised first; `smaller` is what half the memory is worth, in points.
    `context` is the default budget in tokens; it has room for the thinking. `on_device` says that RAM beside a GPU belongs to other work, and
    `details` that small things in pictures count.
    """

    name: str
    title: str
    weights: Mapping[str, float]
    context: int
    prompt: int
    answer: int
    usable: float
    comfortable: float
    efforts: tuple[Effort, ...]
    why_thinking: str
    sources: tuple[str, ...]
    kinds: frozenset[str] = frozenset({"chat", "vision", "omni"})
    inputs: frozenset[str] = frozenset({"text"})
    outputs: frozenset[str] = frozenset({"text"})
    prefill: float = 100
    comfortable_prefill: float = 400
    smaller: float = 0.1
    on_device: bool = False
    details: bool = False
    aliases: tuple[str, ...] = ()

    def __hash__(self) -> int:
        return hash(self.name)

    @property
    def predictable(self) -> bool:
        """Whether it writes what is easily guessed, so that drafts are right more often: code and derivations."""
        return self.name in ("coding", "coding-agent", "math")

    @property
    def said(self) -> str:
        """Its name as a sentence says it, in the language of the answer."""
        return _(self.name)

    @property
    def need(self) -> str:
        """What it is for, in a few words: `for coding`, `for moderation (is this text safe?)`."""
        if self.name in PLAIN:
            return _("for {task}", task=self.said)
        return _("for {task} ({title})", task=self.said, title=_(self.title))

    @property
    def thinking(self) -> Effort:
        """The effort that is advised."""
        return self.efforts[0]

    @property
    def image_tokens(self) -> int:
        """Tokens of the largest picture of a request: its tower is loaded and run beside the language model."""
        return IMAGE_TOKENS if self.inputs & {"image", "video"} else 0

    @property
    def audio_seconds(self) -> float:
        """The longest sound of a request."""
        return AUDIO_SECONDS if "audio" in self.inputs else 0.0

    @property
    def depth(self) -> int:
        """Tokens in the cache when a typical answer is complete: a context that is allocated is not yet filled."""
        return round(self.prompt + THINKING_TOKENS[self.thinking] * self.answer)


_OFF = N_("the answer is in the text or the picture; thinking costs time and gains nothing measured")
_AGENT = N_("tool calls on long prompts are unreliable without thinking, and high effort returns empty answers")
_TEXT = frozenset({"chat", "vision", "omni"})
_CODE = _TEXT | {"code"}

TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        Task(
            "chat", N_("conversation and everyday questions"), {"general": 0.5, "knowledge": 0.25, "multilingual": 0.15, "reasoning": 0.1},
            16384, 500, 400, 5, 20, ("off", "low"), N_("thinking multiplies the wait; low effort where the machine is fast enough"),
            (SPANVERO, MYLOCALAI, MLJOURNEY, BUDGET),
            aliases=("general", "assistant", "any", "everything", "support", "customer-service", "serving", "app"),
        ),
        Task(
            "knowledge", N_("questions answered from what the model knows, offline"), {"knowledge": 0.8, "general": 0.1, "multilingual": 0.1},
            16384, 500, 600, 5, 20, ("off", "low"), N_("facts are recalled, not derived"), (SPANVERO, MYLOCALAI),
            aliases=("facts", "offline", "encyclopedia"),
        ),
        Task(
            "coding", N_("code you wait for"), {"code": 0.6, "agents": 0.15, "reasoning": 0.15, "general": 0.1},
            32768, 4000, 1500, 20, 40, ("low", "off"), N_("code gains from thinking; unbudgeted thinking runs away"),
            (STARTUPFORTUNE, PUBLIVAULT, BUDGET),
            kinds=_CODE, aliases=("code", "programming", "completion", "text-to-sql", "sql"),
        ),
        Task(
            "coding-agent", N_("an agent that edits a repository"), {"agents": 0.6, "code": 0.3, "general": 0.1},
            65536, 10000, 500, 15, 40, ("low",), _AGENT, (ENTROPY, CLUB3090), kinds=_CODE, prefill=350, comfortable_prefill=1000,
            aliases=("code-agent", "ide", "claude-code", "opencode", "cline", "codex", "swe", "refactoring"),
        ),
        Task(
            "agent", N_("an assistant that calls tools"), {"agents": 0.6, "general": 0.3, "long context": 0.1},
            32768, 10000, 500, 15, 40, ("low",), _AGENT, (ENTROPY, CLUB3090), prefill=350, comfortable_prefill=1000,
            aliases=("agents", "tools", "tool-calling", "function-calling", "mcp", "automation"),
        ),
        Task(
            "math", N_("mathematics, science and other long reasoning"), {"reasoning": 0.9, "general": 0.1},
            32768, 500, 1500, 20, 40, ("high", "low"), N_("reasoning is what thinking is for; give it a budget"), (STARTUPFORTUNE, BUDGET),
            kinds=_TEXT | {"math"}, aliases=("reasoning", "science", "maths", "research", "logic"),
        ),
        Task(
            "vision", N_("pictures, screens and scanned documents"), {"vision": 0.8, "general": 0.2},
            16384, 2000, 400, 5, 15, ("off",), N_("every hybrid scored higher without thinking"), (BITTIDE,), inputs=frozenset({"text", "image"}),
            aliases=("documents", "ocr", "images", "image", "gui", "ui-to-code", "inspection", "multimodal", "vlm", "screenshots"),
        ),
        Task(
            "detection", N_("small things in pictures, or many pictures: cameras, counting, pointing"), {"vision": 0.9, "general": 0.1},
            8192, 2000, 100, 10, 30, ("off",), N_("every hybrid scored higher without thinking"), (BITTIDE, FRIGATE),
            inputs=frozenset({"text", "image"}), details=True, prefill=350, comfortable_prefill=1000,
            aliases=("small-objects", "cameras", "camera-events", "counting", "grounding", "pointing", "many-images"),
        ),
        Task(
            "video", N_("video files and camera streams"), {"vision": 0.8, "long context": 0.1, "general": 0.1},
            32768, 12000, 400, 5, 15, ("off",), N_("it gains nothing on pictures and video"), (BITTIDE,), inputs=frozenset({"text", "video"}),
            prefill=350, comfortable_prefill=1000, aliases=("videos", "camera", "surveillance"),
        ),
        Task(
            "audio", N_("questions about sound and speech"), {"general": 0.7, "multilingual": 0.3},
            8192, 1500, 300, 5, 15, ("off",), _OFF, (OURS,), kinds=frozenset({"omni", "audio"}), inputs=frozenset({"text", "audio"}),
            aliases=("sound", "music", "listening"),
        ),
        Task(
            "omni", N_("voice, pictures and video in, speech out"), {"general": 0.5, "vision": 0.5},
            16384, 2000, 300, 13, 25, ("off",), N_("a voice cannot wait"), ("speech needs 12.5 codec frames/s (Qwen3-Omni); " + OURS,),
            kinds=frozenset({"omni"}), inputs=frozenset({"text", "image", "audio", "video"}), outputs=frozenset({"text", "speech"}),
            aliases=("voice", "voice-assistant", "realtime", "in-car"),
        ),
        Task(
            "transcription", N_("speech to text"), {"general": 0.5, "multilingual": 0.5},
            8192, 1000, 300, 5, 30, ("off",), _OFF, (OURS,), kinds=frozenset({"speech", "audio"}), inputs=frozenset({"audio"}),
            aliases=("asr", "speech-to-text", "stt", "subtitles", "speech-recognition"),
        ),
        Task(
            "speech", N_("text to speech"), {"general": 1.0},
            4096, 200, 300, 13, 25, ("off",), N_("a voice cannot wait"), ("12 codec frames/s (Qwen3-TTS-12Hz); " + OURS,),
            kinds=frozenset({"speech"}), outputs=frozenset({"speech"}), aliases=("tts", "text-to-speech", "voice-cloning"),
        ),
        Task(
            "translation", N_("from one language to another"), {"multilingual": 0.8, "general": 0.2},
            8192, 1000, 1000, 10, 30, ("off",), N_("classification, extraction and translation do not gain from thinking"), (SPANVERO, PUBLIVAULT),
            aliases=("translate", "localisation", "localization"),
        ),
        Task(
            "summarising", N_("long documents: summaries, extraction, questions"), {"long context": 0.5, "general": 0.5},
            65536, 30000, 800, 5, 15, ("off",), _OFF, (SPANVERO, ENTROPY), prefill=350, comfortable_prefill=1000,
            aliases=("summarizing", "summary", "summaries", "summarization", "long-documents", "long-context", "rag", "extraction",
                "contracts", "summarisation", "summarise", "summarize"),
        ),
        Task(
            "rag-embedding", N_("vectors for search and retrieval"), {"embedding": 1.0},
            8192, 512, 0, 0, 0, ("off",), N_("an embedding is one pass"), ("THETA appendix B: 256-512 tokens a passage",),
            kinds=frozenset({"embedding"}),
            prefill=200, comfortable_prefill=5000,
            outputs=frozenset({"embedding"}), aliases=("embedding", "embeddings", "retrieval", "search", "vectors"),
        ),
        Task(
            "reranking", N_("ordering what a search found"), {"reranking": 1.0},
            8192, 4096, 0, 0, 0, ("off",), N_("a score is one token"), ("THETA appendix B",),
            kinds=frozenset({"reranker"}), outputs=frozenset({"score"}),
            prefill=200, comfortable_prefill=5000,
            aliases=("rerank", "reranker"),
        ),
        Task(
            "moderation", N_("is this text safe?"), {"general": 1.0},
            8192, 1000, 30, 5, 20, ("off",), N_("a label is a few tokens"), (OURS,),
            kinds=frozenset({"guard"}), aliases=("safety", "guard", "guardrail"),
        ),
        Task(
            "edge", N_("small devices: speakers, robots, phones"), {"general": 0.6, "agents": 0.2, "knowledge": 0.2},
            4096, 300, 150, 15, 30, ("off",), N_("0.8B and 2B models loop when they think"), (TRIO, "TyloQuant#12"),
            smaller=3.0, on_device=True, aliases=("iot", "device", "robot", "embedded", "phone", "raspberry-pi", "home-automation", "draft"),
        ),
    )
}  # fmt: skip

READ = {"text": N_("text"), "image": N_("pictures"), "audio": N_("sound"), "video": N_("video")}  # what a model reads
_KIND_IS = {
    "base": N_("a base model continues text; it was not trained to answer"),
    "guard": N_("a guard labels text as safe or not"),
    "reranker": N_("a reranker scores passages"),
    "embedding": N_("an embedding model gives vectors"),
    "reward": N_("a reward model scores answers"),
    "speech": N_("a speech model turns text into sound or sound into text"),
    "agent": N_("a world model simulates environments for training agents"),
    "math": N_("it was trained for mathematics only"),
    "code": N_("it was trained for code"),
    "audio": N_("it was trained for sound"),
    "chat": N_("a chat model answers in text"),
    "vision": N_("a vision model answers in text"),
    "omni": N_("an omni model answers in text and speech"),
}
# Variants that were tuned for one purpose: what they are for.
_SPECIAL = {
    "judge": N_("it judges generated pictures"),
    "captioner": N_("it only captions sound"),
    "driving VLM": N_("it was tuned for driving"),
    "forced aligner": N_("it aligns text with sound"),
    "world model": _KIND_IS["agent"],
}


def find_task(name: str) -> Task:
    """The task of that name or alias, whatever its case and separators. Raises QwenpickError with the nearest name."""
    folded = name.casefold().strip().replace(" ", "-").replace("_", "-")
    known = {alias: task for task in TASKS.values() for alias in (task.name, *task.aliases, *CHINESE[task.name])}
    if task := known.get(folded):
        return task
    raise QwenpickError(
        _(
            "there is no task '{name}'{near} (known: {known})",
            name=name,
            near=did_you_mean(folded, known),
            known=", ".join(TASKS),
        )
    )


def task_of(model: Model) -> Task:
    """What the model is planned for where nobody said: chat where it was made for it, else the first task of its kind; chat for what has none."""
    return next((task for task in TASKS.values() if serves(model, task) is None), TASKS["chat"])


def serves(model: Model, task: Task) -> str | None:
    """Why the model cannot do the task, as a sentence; None if it can.

    A model that was made for something else is refused even where its tensors would run: a base model does not chat, a chat model does not embed.
    """
    if not model.open_weights:
        return _("{name} has no open weights: it is offered as a service only", name=model.name)
    if model.kind not in task.kinds:
        return _(
            "{name} is not for {task_name}: {why}",
            name=model.name,
            task_name=task.said,
            why=_(_KIND_IS[model.kind]),
        )
    if model.variant in _SPECIAL:
        return _(
            "{name} is not for {task_name}: {why}",
            name=model.name,
            task_name=task.said,
            why=_(_SPECIAL[model.variant]),
        )
    if missing := sorted(task.inputs - set(model.inputs)):
        return _(
            "{name} does not read {missing}", name=model.name, missing=_(" or ").join(_(READ[kind]) for kind in missing)
        )
    if missing := sorted(task.outputs - set(model.outputs)):
        return _("{name} does not give {missing}", name=model.name, missing=_(" or ").join(map(_, missing)))
    return None
