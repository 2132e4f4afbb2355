"""Programs of the models that speak and write down speech, on their makers' packages: transformers loads neither as it was published.

Names: qwen-tts 0.1.1 and qwen-asr 0.0.6; the sounds are the examples of the READMEs of github.com/QwenLM/Qwen3-TTS and Qwen3-ASR.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qwenpick.launch.run import Run

_EXAMPLES = "https://qianwen-res.oss-cn-beijing.aliyuncs.com"
# What each of the models that speak is given beside the text: the voice's name, a recording of it and what that says, or a description
_VOICES = {
    "customvoice": ('voice = sys.argv[2] if len(sys.argv) > 2 else "Ryan"', "generate_custom_voice(text, voice"),
    "voicedesign": (
        'voice = sys.argv[2] if len(sys.argv) > 2 else "A calm, warm voice."',
        "generate_voice_design(text, voice",
    ),
    "base": (
        f'voice, says = sys.argv[2:4] if len(sys.argv) > 3 else ("{_EXAMPLES}/Qwen3-TTS-Repo/clone.wav", '
        '"Okay. Yeah. I resent you. I love you. I respect you. But you know what? You blew it! And thanks to you.")',
        "generate_voice_clone(text, ref_audio=voice, ref_text=says",
    ),
}


def package(run: Run) -> str:
    """What pip installs; it brings the transformers that it needs."""
    return "qwen-tts" if "speech" in run.model.outputs else "qwen-asr"


def program(run: Run, name: str, load: str, answer: int) -> list[str]:
    """The program's lines: text to speech.wav, or a sound to text. `load` are the arguments that place the weights."""
    if package(run) == "qwen-asr":
        return [
            "import sys",
            "",
            "import torch",
            "from qwen_asr import Qwen3ASRModel",
            "",
            f"model = Qwen3ASRModel.from_pretrained({name!r}, {load}, max_inference_batch_size={run.work.sequences}, max_new_tokens={answer})",
            f'sound = sys.argv[1] if len(sys.argv) > 1 else "{_EXAMPLES}/Qwen3-ASR-Repo/asr_en.wav"',
            "print(model.transcribe(sound)[0].text)",
        ]
    voice, call = _VOICES.get(run.model.id.rpartition("-")[2], _VOICES["customvoice"])
    return [
        "import sys",
        "",
        "import soundfile",
        "import torch",
        "from qwen_tts import Qwen3TTSModel",
        "",
        f"model = Qwen3TTSModel.from_pretrained({name!r}, {load})",
        'text = sys.argv[1] if len(sys.argv) > 1 else "This is how I sound."',
        voice,
        f"waves, rate = model.{call}, max_new_tokens={answer})",
        'soundfile.write("speech.wav", waves[0], rate)',
        'print("speech.wav")',
    ]
