"""The engine's fixed sentences: complete in every language, and spoken in the right one."""

from __future__ import annotations

import re
import string
from dataclasses import fields
from pathlib import Path
from typing import Any

import msgspec
import pytest

import botkit
from botkit.core.events import Conversation, User
from botkit.core.models import ModelReply, Usage
from botkit.engine.languages import LANGUAGES, Language, language_of, speak
from botkit.testing.models import calls
from tests.engine.support import World, a_config

SENTENCES = [field.name for field in fields(Language) if field.name != "code"]


def placeholders(text: str) -> list[str]:
    return sorted({name for _, name, _, _ in string.Formatter().parse(text) if name is not None})


@pytest.mark.parametrize("sentence", SENTENCES)
@pytest.mark.parametrize("code", LANGUAGES)
def test_each_language_has_each_sentence_with_the_same_placeholders(code: str, sentence: str) -> None:
    theirs, ours = getattr(LANGUAGES[code], sentence), getattr(speak("en"), sentence)
    assert theirs.strip()
    assert placeholders(theirs) == placeholders(ours)
    assert theirs.count("**") == ours.count("**")
    assert theirs.count("`") == ours.count("`")
    assert theirs.startswith(" ") == ours.startswith(" ")


@pytest.mark.parametrize("code", [code for code in LANGUAGES if code != "en"])
def test_no_language_was_left_in_english(code: str) -> None:
    same = {name for name in SENTENCES if getattr(LANGUAGES[code], name) == getattr(speak("en"), name)}
    assert same <= {"no", "tokens"}  # which Spanish and Portuguese say with the same words


@pytest.mark.parametrize(
    ("tag", "code"), [("de", "de"), ("de-CH", "de"), ("pt_BR", "pt"), ("ES", "es"), ("fi", "en"), ("", "en")]
)
def test_a_tag_finds_its_language(tag: str, code: str) -> None:
    assert speak(tag).code == code


@pytest.mark.parametrize(
    ("settings", "bot", "channel", "room", "code"),
    [
        ("auto", None, None, None, "fr"),
        ("de", None, None, None, "de"),
        ("de", "es", None, None, "es"),
        ("de", "es", "pt", None, "pt"),
        ("de", "es", "pt", "en", "en"),
        ("de", "es", "pt", "auto", "fr"),
    ],
)
def test_the_nearest_setting_wins_and_auto_means_the_persons_own(
    settings: str, bot: str | None, channel: str | None, room: str | None, code: str
) -> None:
    rooms = {"r1": {"locale": room}}
    config = a_config(bot={"locale": bot}, channel={"locale": channel, "rooms": rooms}, settings={"locale": settings})
    assert language_of(config, Conversation(channel="fake", room="r1"), "fr").code == code


async def heard(world: World, text: str, **more: Any) -> str:
    """What a person with a German app is answered."""
    event = world.platform.event(text, **more)
    from msgspec.structs import replace

    german = User(id=event.sender.id, name=event.sender.name, locale="de-AT")
    await world.platform.deliver(replace(event, sender=german))
    await world.settle()
    return world.texts[-1]


async def test_commands_answer_in_the_language_of_the_persons_app(world: World) -> None:
    await world.start()
    assert (await heard(world, "/new")).startswith("Erledigt")
    assert "/stop – Die laufende Antwort anhalten" in await heard(world, "/help")
    assert await heard(world, "/stop") == "Gerade läuft nichts."
    assert (await heard(world, "/whoami")).startswith("Du bist **Ada**")
    await world.ask("/stop", person="bob")
    assert world.texts[-1] == "Nothing is running right now."


async def test_what_the_operator_says_about_a_person_counts_more_than_their_app(world: World) -> None:
    world.config = a_config(people={"ada": {"identities": {"fake": "ada"}, "locale": "es"}})
    await world.start()
    assert await heard(world, "/stop") == "Ahora mismo no hay nada en marcha."


async def test_a_language_for_all_counts_more_than_the_persons(world: World) -> None:
    world.config = a_config(settings={"locale": "pt"})
    await world.start()
    assert await heard(world, "/stop") == "Não há nada em andamento agora."


async def test_questions_buttons_and_late_decisions_are_translated(world: World) -> None:
    people = {"ada": {"roles": ["admin"], "identities": {"fake": "ada"}, "locale": "de"}}
    world.config = a_config(people=people)
    world.tools.add("shop__pay", lambda: "paid", approve=True)
    world.script.append(calls(("shop__pay", {})))
    await world.start()
    await world.ask("pay")
    question = world.platform.messages[-1]
    late = list(question.buttons)
    assert "Freigabe nötig" in question.text
    await world.platform.press(question, "Freigeben")
    await world.settle()
    question.buttons = late
    await world.platform.press(question, "Ablehnen")
    await world.settle()

    assert world.platform.acknowledged == ["Freigegeben.", "Das wurde schon freigegeben."]
    assert "**Freigegeben** von Ada" in question.text


async def test_failures_and_pairing_are_translated(world: World) -> None:
    world.config = a_config(channel={"dm_policy": "pairing"}, settings={"locale": "fr"})
    await world.start()
    await world.ask("hello")
    assert "Votre code d'association" in world.texts[-1]
    world.config = a_config(settings={"locale": "fr"})
    world.script.append(RuntimeError("a bug"))
    await world.ask("hello again")
    assert world.texts[-1].startswith(("Désolé", "Une erreur"))


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (
            "de",
            "Hier musste ich aufhören: das Geld für eine Nachricht (0.01 ¢) ist aufgebraucht. Bisher habe ich `a__b`",
        ),
        ("es", "Tuve que parar aquí: se agotó el límite de dinero por mensaje (0.01 ¢). Hasta ahora usé `a__b`"),
        ("fr", "J'ai dû m'arrêter ici : la limite d'argent par message (0.01 ¢) est atteinte. Jusqu'ici"),
        ("pt", "Tive de parar aqui: o limite de dinheiro por mensagem (0.01 ¢) acabou. Até agora usei `a__b`"),
        ("en", "I had to stop here: the money limit for one message (0.01 ¢) is used up. So far I used `a__b`."),
    ],
)
async def test_limits_are_told_in_the_language_of_the_person(world: World, code: str, words: str) -> None:
    world.config = a_config(settings={"locale": code}, bot={"max_turn_cost": "0.0001 USD"})
    world.tools.add("a__b")
    await world.start()
    world.script.append(calls(("a__b", {})))
    world.script.append(msgspec.structs.replace(calls(("a__b", {})), usage=Usage(input_tokens=1, cost_micros=100)))

    await world.ask("hello")

    assert words in world.texts[-1]
    (run,) = await world.runs()
    assert run.error is not None
    assert run.error["message"] == "the money limit for one message (0.01 ¢) is used up"


async def test_an_answer_that_was_cut_says_so_in_the_language_of_the_person(world: World) -> None:
    world.config = a_config(settings={"locale": "fr"})
    await world.start()
    world.script.append(ModelReply(text="Il était une fois", finish="length"))

    await world.ask("Raconte")

    assert world.texts[-1].endswith("*(Ma réponse atteint ici sa longueur maximale. Demandez-moi de continuer.)*")


@pytest.mark.parametrize("package", ["agents", "engine"])
def test_what_an_agent_says_itself_is_said_by_a_language(package: str) -> None:
    """Sentences to people stand in `core.agent.AgentWords` and in the languages, nowhere else."""
    spoken = re.compile(r'"[^"\n]*\b(?:I cannot|I had to|I have no|Please (?:try|ask)|Sorry|Write again)\b[^"\n]*"')
    found = [
        f"{path.name}: {match.group()}"
        for path in (Path(botkit.__file__).parent / package).rglob("*.py")
        if path.parent.name not in ("languages", "demo")
        for match in spoken.finditer(path.read_text(encoding="utf-8"))
    ]
    assert found == []


async def test_a_language_nobody_set_reaches_the_model_as_it_is(world: World) -> None:
    world.config = a_config(settings={"locale": "auto"})
    await world.start()
    await world.ask("hello")
    assert "language setting" not in str(world.model.requests[-1].messages)
    world.config = a_config(channel={"locale": "es"})
    await world.ask("hello")
    assert "language setting is es" in str(world.model.requests[-1].messages)
