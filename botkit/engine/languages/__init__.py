"""The fixed sentences of the engine, in the languages it speaks.

    speak("pt-BR").stopped                          # "Interrompido."
    speak("fi").nothing_runs                        # English: Finnish is not spoken here

A language is a file beside this one; a sentence is a field of `Language`, so a file that lacks one does not import.
"""

from __future__ import annotations

__all__ = ["LANGUAGES", "Language", "agent_words", "language_of", "speak"]

from collections.abc import Mapping
from typing import TYPE_CHECKING

from botkit.core.agent import AgentWords
from botkit.core.config import Layers
from botkit.core.identity_cache import IdentityCache
from botkit.engine.languages.de import GERMAN
from botkit.engine.languages.en import ENGLISH
from botkit.engine.languages.es import SPANISH
from botkit.engine.languages.fr import FRENCH
from botkit.engine.languages.language import Language
from botkit.engine.languages.pt import PORTUGUESE

if TYPE_CHECKING:
    from botkit.core.config import Config
    from botkit.core.events import Conversation

LANGUAGES: Mapping[str, Language] = {
    language.code: language for language in (ENGLISH, GERMAN, SPANISH, FRENCH, PORTUGUESE)
}


def speak(locale: str) -> Language:
    """The language of a tag such as `de`, `de-CH` or `pt_BR`; English where that is not spoken."""
    return LANGUAGES.get(locale.replace("_", "-").partition("-")[0].casefold(), ENGLISH)


def agent_words(language: Language) -> AgentWords:
    """What an agent says itself."""
    return _words_of(language)


_words_of = IdentityCache[Language, AgentWords](
    lambda language: AgentWords(**{name: getattr(language, name) for name in AgentWords.__struct_fields__})
)


def language_of(config: Config, conversation: Conversation, locale: str, *, bot: str = "") -> Language:
    """What to speak in a conversation.

    Args:
        locale: of the person spoken to; counts where the settings leave it to each person (`auto`).
        bot: the bot, where the person chose one.
    """
    wanted = Layers(config, conversation.channel, conversation.room, bot=bot).find("locale").value
    return speak(locale if wanted == "auto" else wanted)
