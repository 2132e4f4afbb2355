"""How the tasks are called: in sentences, and in Chinese where one is typed. Their English names and aliases stand with them (tasks.py)."""

from __future__ import annotations

from qwenpick.i18n import N_

SAID = (
    N_("chat"), N_("knowledge"), N_("coding"), N_("coding-agent"), N_("agent"), N_("math"), N_("vision"), N_("detection"), N_("video"),
    N_("audio"), N_("omni"),
    N_("transcription"), N_("speech"), N_("translation"), N_("summarising"), N_("rag-embedding"), N_("reranking"), N_("moderation"), N_("edge"),
)  # fmt: skip
# Names that say by themselves what the work is
PLAIN = frozenset({"chat", "coding", "translation", "math", "transcription", "video", "summarising"})
CHINESE: dict[str, tuple[str, ...]] = {
    "chat": ("聊天", "对话", "问答"),
    "knowledge": ("知识问答", "知识", "百科"),
    "coding": ("写代码", "编程", "代码", "程序"),
    "coding-agent": ("编程智能体", "代码智能体", "改代码"),
    "agent": ("智能体", "工具调用", "自动化"),
    "math": ("数学", "推理", "科学"),
    "vision": ("看图", "图像", "图片", "图像理解", "视觉", "文档识别"),
    "detection": ("检测", "目标检测", "小目标", "计数", "摄像头"),
    "video": ("视频", "视频理解", "监控"),
    "audio": ("音频", "声音", "音频理解"),
    "omni": ("全模态", "语音助手"),
    "transcription": ("语音识别", "转写", "字幕"),
    "speech": ("语音合成", "朗读"),
    "translation": ("翻译",),
    "summarising": ("总结", "摘要", "长文档", "长文总结"),
    "rag-embedding": ("检索", "向量", "嵌入", "检索向量"),
    "reranking": ("重排", "重排序"),
    "moderation": ("内容审核", "审核"),
    "edge": ("端侧", "边缘", "小设备"),
}
