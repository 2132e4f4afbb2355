"""What a transformers program asks of a model of each kind, and how it reads the answer: text, a sound, a vector or a score.

As the cards ask Qwen2.5-Omni, Qwen3-Embedding, Qwen3-Reranker and the reward models; names: transformers 5.24.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwenpick.launch.thinking import TRANSFORMERS

if TYPE_CHECKING:
    from qwenpick.launch.run import Run

_ASKED = """\
prompt = sys.argv[1] if len(sys.argv) > 1 else "Say in one sentence what you are."
content = {content}
inputs = reader.apply_chat_template(
    [{system}{{"role": "user", "content": content}}], add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt"{quiet}
).to(model.device)"""
_ROOM = """\
if inputs["input_ids"].shape[1] + ANSWER > CONTEXT:
    sys.exit(f"the prompt has {inputs['input_ids'].shape[1]} tokens; {CONTEXT - ANSWER} were planned for")
with torch.inference_mode():"""
_WITHIN = """\
if inputs["input_ids"].shape[1] > CONTEXT:
    sys.exit(f"this has {inputs['input_ids'].shape[1]} tokens; {CONTEXT} were planned for")"""
_TEXT = "    output = model.generate(**inputs, max_new_tokens=ANSWER)"
_THOUGHT = "    output = model.generate(**inputs, thinker_max_new_tokens=ANSWER)"  # the plain name is not heeded
SOUND = """\
    output, sound = model.generate(**inputs, thinker_max_new_tokens=ANSWER)
soundfile.write("answer.wav", sound.reshape(-1).cpu().numpy(), 24000)"""
_SHOWN = """print(reader.decode(output[0][inputs["input_ids"].shape[1] :], skip_special_tokens=True))"""
_READ = """\
prompt = sys.argv[1] if len(sys.argv) > 1 else "The capital of China is Beijing."
inputs = reader(prompt, truncation=True, max_length=CONTEXT, return_tensors="pt").to(model.device)"""
_VECTOR = """\
with torch.inference_mode():
    vector = model(**inputs).last_hidden_state[0, -1]
print(torch.nn.functional.normalize(vector.float(), dim=0).tolist())"""
_COMPARED = """\
query, document = sys.argv[1:3] if len(sys.argv) > 2 else ("What is the capital of China?", "It is Beijing.")
system = "Judge whether the Document meets the requirements based on the Query and the Instruct provided."
system += ' Note that the answer can only be "yes" or "no".'
content = f"<Instruct>: Given a web search query, retrieve relevant passages that answer the query\\n<Query>: {query}\\n<Document>: {document}"
prompt = f"<|im_start|>system\\n{system}<|im_end|>\\n<|im_start|>user\\n{content}<|im_end|>\\n<|im_start|>assistant\\n{thought}"
inputs = reader(text=prompt, return_tensors="pt").to(model.device)"""
_JUDGED = """\
with torch.inference_mode():
    logits = model(**inputs).logits[0, -1].float()
words = getattr(reader, "tokenizer", reader)
no, yes = (logits[words.convert_tokens_to_ids(word)] for word in ("no", "yes"))
print(torch.sigmoid(yes - no).item())"""
_ANSWERED = """\
question, answer = sys.argv[1:3] if len(sys.argv) > 2 else ("What is 1 + 1?", "It is 2.")
messages = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
inputs = reader.apply_chat_template(messages, tokenize=True, return_dict=True, return_tensors="pt").to(model.device)"""
_SCORED = """\
with torch.inference_mode():
    print(model(**inputs)[0])"""
_NO_THOUGHT = "<think>\\n\\n</think>\\n\\n"  # what follows the prompt of the text rerankers
_PART = '{{"type": "text", "text": {}}}'
# Without its own words Qwen2.5-Omni does not speak, and the embedding models of pictures were trained with theirs
_SYSTEMS = {
    "Qwen2.5-Omni": "You are Qwen, a virtual human developed by the Qwen Team, Alibaba Group, capable of perceiving auditory and visual inputs,"
    " as well as generating text and speech.",
    "embedding": "Represent the user's input.",
}


def asked(run: Run) -> tuple[str, str, list[str]]:
    """The auto classes that load the model and read its input, and the lines that ask it."""
    model, sees, hears = run.model, bool(run.architecture.vision), bool(run.architecture.audio)
    reader = "AutoProcessor" if sees or hears else "AutoTokenizer"
    if model.kind == "reward":
        return "AutoModel", reader, [_ANSWERED, _WITHIN, _SCORED]
    if model.kind == "embedding":
        return "AutoModel", reader, [*([_chat(run, sees, hears), _WITHIN] if sees else [_READ]), _VECTOR]
    loads = "AutoModelForMultimodalLM" if hears else "AutoModelForImageTextToText" if sees else "AutoModelForCausalLM"
    if model.kind == "reranker":
        return loads, reader, [_COMPARED.replace("{thought}", "" if sees else _NO_THOUGHT), _WITHIN, _JUDGED]
    generate = SOUND if "speech" in model.outputs else _THOUGHT if model.kind == "omni" else _TEXT
    return loads, reader, [_chat(run, sees, hears), _ROOM, generate, _SHOWN]


def _chat(run: Run, sees: bool, hears: bool) -> str:
    """A message in the model's own template: of parts where it takes more than text, with the words that stand before every message."""
    system = _SYSTEMS.get(run.model.series if run.model.kind == "omni" else run.model.kind)
    before = f'{{"role": "system", "content": [{_PART.format(repr(system))}]}}, ' if system else ""
    sounds = '*({"type": "audio", "path": sound} for sound in sys.argv[2:]), ' if hears else ""
    content = f"[{sounds}{_PART.format('prompt')}]" if sees or hears else "prompt"
    return _ASKED.format(content=content, system=before, quiet=f", {TRANSFORMERS}" if run.quiet else "")
