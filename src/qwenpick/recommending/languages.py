"""Human languages by their ISO 639 codes and English names: those of Qwen3's 119 and a few more."""

from __future__ import annotations

from qwenpick.errors import QwenpickError, did_you_mean
from qwenpick.i18n import _

# code: name, of ISO 639-1; of 639-3 where there is no shorter one.
_NAMES = """
af:afrikaans am:amharic ar:arabic as:assamese az:azerbaijani ba:bashkir be:belarusian bg:bulgarian bn:bengali bo:tibetan bs:bosnian
ca:catalan ceb:cebuano cs:czech cy:welsh da:danish de:german el:greek en:english eo:esperanto es:spanish et:estonian eu:basque
fa:persian fi:finnish fil:filipino fo:faroese fr:french ga:irish gl:galician gu:gujarati ha:hausa he:hebrew hi:hindi hr:croatian
ht:haitian hu:hungarian hy:armenian id:indonesian ig:igbo is:icelandic it:italian ja:japanese jv:javanese ka:georgian kk:kazakh
km:khmer kn:kannada ko:korean ku:kurdish ky:kyrgyz la:latin lb:luxembourgish lo:lao lt:lithuanian lv:latvian mg:malagasy mi:maori
mk:macedonian ml:malayalam mn:mongolian mr:marathi ms:malay mt:maltese my:burmese ne:nepali nl:dutch no:norwegian nb:bokmal nn:nynorsk
oc:occitan or:odia pa:punjabi pl:polish ps:pashto pt:portuguese ro:romanian ru:russian sc:sardinian sd:sindhi si:sinhala sk:slovak
sl:slovenian so:somali sq:albanian sr:serbian su:sundanese sv:swedish sw:swahili ta:tamil te:telugu tg:tajik th:thai tk:turkmen
tl:tagalog tr:turkish tt:tatar ug:uyghur uk:ukrainian ur:urdu uz:uzbek vi:vietnamese xh:xhosa yi:yiddish yo:yoruba yue:cantonese
zh:chinese zu:zulu
"""
LANGUAGES = dict(entry.split(":") for entry in _NAMES.split())


def find_language(word: str) -> str:
    """The code of a language by code, code with a region, or English name. Raises QwenpickError for what is none.

    >>> find_language("zh-CN"), find_language("German")
    ('zh', 'de')
    """
    folded = word.strip().casefold()
    code = folded.replace("_", "-").partition("-")[0]
    if code in LANGUAGES:
        return code
    by_name = {name: code for code, name in LANGUAGES.items()}
    if folded in by_name:
        return by_name[folded]
    raise QwenpickError(
        _(
            "there is no language '{name}'{near} (codes or English names: zh,en or Chinese,English)",
            name=word,
            near=did_you_mean(folded, by_name),
        )
    )
