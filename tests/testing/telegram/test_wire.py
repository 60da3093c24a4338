"""The fake answers as the Bot API does: aiogram decodes everything, and the refusals are Telegram's own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import (
    TelegramBadRequest,
    TelegramConflictError,
    TelegramForbiddenError,
    TelegramMigrateToChat,
    TelegramNetworkError,
    TelegramRetryAfter,
    TelegramServerError,
    TelegramUnauthorizedError,
)
from aiogram.types import (
    BotCommand,
    BufferedInputFile,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputMediaPhoto,
    InputRichMessage,
    MessageEntity,
    ReplyParameters,
)

from botkit.testing.telegram import FakeTelegram


@pytest.fixture
async def fake() -> AsyncIterator[FakeTelegram]:
    async with FakeTelegram() as server:
        yield server


@pytest.fixture
async def bot(fake: FakeTelegram) -> AsyncIterator[Bot]:
    bot = Bot(fake.token, session=AiohttpSession(api=TelegramAPIServer.from_base(fake.api_base)))
    yield bot
    session: Any = bot.session
    if session._session is not None:
        await session._session.close()


def _keyboard(*values: str) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup(
        inline_keyboard=[[InlineKeyboardButton(text=value.title(), callback_data=value) for value in values]]
    )


async def _post(fake: FakeTelegram, method: str, **request: Any) -> tuple[int, dict[str, Any]]:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{fake.api_base}/bot{fake.token}/{method}", **request) as answer,
    ):
        return answer.status, await answer.json()


class TestSending:
    async def test_json_form_and_multipart_bodies_mean_the_same(self, fake: FakeTelegram) -> None:
        ada = fake.dm("Ada")
        for body in (
            {"json": {"chat_id": ada.id, "text": "one"}},
            {"data": {"chat_id": str(ada.id), "text": "one"}},
            {"data": _multipart(chat_id=str(ada.id), text="one")},
        ):
            status, answer = await _post(fake, "sendmessage", **body)
            assert (status, answer["ok"], answer["result"]["text"]) == (200, True, "one")
        assert fake.texts(ada) == ["one", "one", "one"]

    async def test_a_reply_a_topic_and_buttons_come_back_as_aiogram_types(self, fake: FakeTelegram, bot: Bot) -> None:
        forum = fake.group("Support", forum=True)
        topic = fake.topic(forum, "Orders")
        question = fake.say("Ada", "where is it?", forum, thread=topic)
        sent = await bot.send_message(
            forum.id,
            "on its way",
            message_thread_id=topic,
            reply_parameters=ReplyParameters(message_id=question.message_id),
            reply_markup=_keyboard("thanks"),
        )
        assert sent.is_topic_message
        assert sent.message_thread_id == topic
        assert sent.reply_to_message is not None
        assert sent.reply_to_message.text == "where is it?"
        assert fake.sent[-1].labels == ["Thanks"]

    @pytest.mark.parametrize(
        ("text", "parse_mode", "refusal"),
        [
            (
                "<b>x</i>",
                "HTML",
                'Bad Request: can\'t parse entities: Unmatched end tag at byte offset 4, expected "</b>", found "</i>"',
            ),
            (
                "a *b",
                "MarkdownV2",
                "Bad Request: can't parse entities: Can't find end of Bold entity at byte offset 2",
            ),
            ("x", "BBCode", "Bad Request: unsupported parse_mode"),
            ("<b> </b>", "HTML", "Bad Request: text must be non-empty"),
        ],
    )
    async def test_markup_is_refused_with_telegrams_own_sentence(
        self, fake: FakeTelegram, bot: Bot, text: str, parse_mode: str, refusal: str
    ) -> None:
        with pytest.raises(TelegramBadRequest) as caught:
            await bot.send_message(fake.dm("Ada").id, text, parse_mode=parse_mode)
        assert caught.value.message == refusal

    async def test_an_entity_that_cuts_a_surrogate_pair_is_refused(self, fake: FakeTelegram, bot: Bot) -> None:
        with pytest.raises(TelegramBadRequest, match="in a middle of a UTF-16 symbol"):
            await bot.send_message(fake.dm("Ada").id, "a😀b", entities=[MessageEntity(type="bold", offset=0, length=2)])

    async def test_4096_utf16_units_pass_and_one_more_does_not(self, fake: FakeTelegram, bot: Bot) -> None:
        ada = fake.dm("Ada")
        await bot.send_message(ada.id, "😀" * 2048)
        with pytest.raises(TelegramBadRequest, match="message is too long"):
            await bot.send_message(ada.id, "😀" * 2048 + "x")

    async def test_markup_does_not_count_towards_the_limit(self, fake: FakeTelegram, bot: Bot) -> None:
        sent = await bot.send_message(fake.dm("Ada").id, f"<b>{'x' * 4096}</b>", parse_mode="HTML")
        assert len(sent.text or "") == 4096

    async def test_a_caption_holds_1024(self, fake: FakeTelegram, bot: Bot) -> None:
        photo = BufferedInputFile(b"png", "a.png")
        with pytest.raises(TelegramBadRequest, match="message caption is too long"):
            await bot.send_photo(fake.dm("Ada").id, photo, caption="x" * 1025)

    async def test_callback_data_holds_64_bytes_not_characters(self, fake: FakeTelegram, bot: Bot) -> None:
        ada = fake.dm("Ada")
        await bot.send_message(ada.id, "ok?", reply_markup=_keyboard("x" * 64))
        with pytest.raises(TelegramBadRequest, match="BUTTON_DATA_INVALID"):
            await bot.send_message(ada.id, "ok?", reply_markup=_keyboard("é" * 33))

    async def test_unknown_things_are_refused_by_name(self, fake: FakeTelegram, bot: Bot) -> None:
        ada = fake.dm("Ada")
        forum = fake.group("Forum", forum=True)
        with pytest.raises(TelegramBadRequest, match="chat not found"):
            await bot.send_message(1, "x")
        with pytest.raises(TelegramBadRequest, match="message thread not found"):
            await bot.send_message(forum.id, "x", message_thread_id=77)
        with pytest.raises(TelegramBadRequest, match="message to be replied not found"):
            await bot.send_message(ada.id, "x", reply_parameters=ReplyParameters(message_id=99))
        await bot.send_message(
            ada.id, "x", reply_parameters=ReplyParameters(message_id=99, allow_sending_without_reply=True)
        )
        assert await _post(fake, "noSuchMethod") == (
            404,
            {"ok": False, "error_code": 404, "description": "Not Found"},
        )


class TestEditing:
    async def test_an_edit_keeps_the_earlier_text_and_refuses_to_change_nothing(
        self, fake: FakeTelegram, bot: Bot
    ) -> None:
        ada = fake.dm("Ada")
        sent = await bot.send_message(ada.id, "one")
        await bot.edit_message_text("two", chat_id=ada.id, message_id=sent.message_id)
        with pytest.raises(TelegramBadRequest, match="message is not modified"):
            await bot.edit_message_text("two", chat_id=ada.id, message_id=sent.message_id)
        assert (fake.sent[0].text, fake.sent[0].edits) == ("two", ["one"])

    async def test_only_the_bots_own_messages_can_be_edited(self, fake: FakeTelegram, bot: Bot) -> None:
        said = fake.say("Ada", "hi")
        with pytest.raises(TelegramBadRequest, match="message can't be edited"):
            await bot.edit_message_text("x", chat_id=said.chat_id, message_id=said.message_id)
        with pytest.raises(TelegramBadRequest, match="message to edit not found"):
            await bot.edit_message_text("x", chat_id=said.chat_id, message_id=said.message_id + 1)

    async def test_a_deleted_message_is_gone_for_people(self, fake: FakeTelegram, bot: Bot) -> None:
        ada = fake.dm("Ada")
        sent = await bot.send_message(ada.id, "oops")
        await bot.delete_message(ada.id, sent.message_id)
        assert fake.sent == []
        with pytest.raises(TelegramBadRequest, match="message to delete not found"):
            await bot.delete_message(ada.id, sent.message_id)

    async def test_a_keyboard_can_be_taken_away_alone(self, fake: FakeTelegram, bot: Bot) -> None:
        ada = fake.dm("Ada")
        sent = await bot.send_message(ada.id, "ok?", reply_markup=_keyboard("yes", "no"))
        await bot.edit_message_reply_markup(chat_id=ada.id, message_id=sent.message_id)
        assert (fake.sent[0].text, fake.sent[0].labels) == ("ok?", [])


class TestFiles:
    async def test_an_upload_can_be_fetched_again(self, fake: FakeTelegram, bot: Bot) -> None:
        sent = await bot.send_document(fake.dm("Ada").id, BufferedInputFile(b"a,b\n1,2\n", "orders.csv"), caption="*")
        assert sent.document is not None
        assert sent.document.file_name == "orders.csv"
        info = await bot.get_file(sent.document.file_id)
        loaded = await bot.download_file(info.file_path or "")
        assert loaded is not None
        assert loaded.read() == b"a,b\n1,2\n"

    async def test_a_file_above_20_mb_cannot_be_fetched(self, fake: FakeTelegram, bot: Bot) -> None:
        message = fake.send_file("Ada", b"x", size=21 * 1024 * 1024)
        assert message.file is not None
        with pytest.raises(TelegramBadRequest, match="file is too big"):
            await bot.get_file(message.file.file_id)

    async def test_an_album_is_several_messages_with_one_group_id(self, fake: FakeTelegram, bot: Bot) -> None:
        photos: list[Any] = [InputMediaPhoto(media=BufferedInputFile(bytes([n]), f"{n}.png")) for n in range(3)]
        sent = await bot.send_media_group(fake.dm("Ada").id, photos)
        assert len({message.media_group_id for message in sent}) == 1
        assert all(message.photo for message in sent)

    async def test_every_kind_of_file_decodes(self, fake: FakeTelegram, bot: Bot) -> None:
        ada = fake.dm("Ada").id
        sent = [
            await bot.send_voice(ada, BufferedInputFile(b"ogg", "v.ogg"), duration=7),
            await bot.send_audio(ada, BufferedInputFile(b"mp3", "a.mp3")),
            await bot.send_video(ada, BufferedInputFile(b"mp4", "v.mp4")),
            await bot.send_animation(ada, BufferedInputFile(b"gif", "g.gif")),
            await bot.send_video_note(ada, BufferedInputFile(b"mp4", "n.mp4")),
            await bot.send_sticker(ada, BufferedInputFile(b"webp", "s.webp")),
            await bot.send_location(ada, 52.5, 13.4),
        ]
        assert sent[0].voice is not None
        assert sent[0].voice.duration == 7
        assert sent[6].location is not None


class TestDrafts:
    async def test_a_draft_shows_in_a_private_chat_and_ends_with_the_message(
        self, fake: FakeTelegram, bot: Bot
    ) -> None:
        ada = fake.dm("Ada")
        await bot.send_message_draft(ada.id, 1)
        await bot.send_message_draft(ada.id, 1, text="par", can_stop=True)
        assert [draft.text for draft in fake.drafts] == ["par"]
        await bot.send_message(ada.id, "partial no more")
        assert fake.drafts == []

    async def test_a_group_has_no_drafts(self, fake: FakeTelegram, bot: Bot) -> None:
        with pytest.raises(TelegramBadRequest, match="TEXTDRAFT_PEER_INVALID"):
            await bot.send_message_draft(fake.group().id, 1, text="x")

    async def test_a_rich_message_decodes_and_keeps_its_limits(self, fake: FakeTelegram, bot: Bot) -> None:
        ada = fake.dm("Ada").id
        sent = await bot.send_rich_message(ada, InputRichMessage(html="<h1>Orders</h1><p>all <b>well</b></p>"))
        assert sent.rich_message is not None
        assert fake.texts() == ["Orders\nall well"]
        with pytest.raises(TelegramBadRequest, match="too long"):
            await bot.send_rich_message(ada, InputRichMessage(markdown="x" * 32_769))


class TestRefusals:
    async def test_a_wrong_or_revoked_token_is_401(self, fake: FakeTelegram, bot: Bot) -> None:
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{fake.api_base}/bot4242:wrong/getMe") as answer,
        ):
            assert (answer.status, (await answer.json())["description"]) == (401, "Unauthorized")
        fake.revoke_token()
        with pytest.raises(TelegramUnauthorizedError):
            await bot.get_me()

    async def test_a_person_who_blocked_the_bot_is_403_until_they_come_back(self, fake: FakeTelegram, bot: Bot) -> None:
        fake.block("Ada")
        with pytest.raises(TelegramForbiddenError, match="bot was blocked by the user"):
            await bot.send_message(fake.dm("Ada").id, "x")
        fake.unblock("Ada")
        await bot.send_message(fake.dm("Ada").id, "x")

    async def test_a_bot_that_was_kicked_is_403(self, fake: FakeTelegram, bot: Bot) -> None:
        group = fake.group()
        fake.kick_bot(group)
        with pytest.raises(TelegramForbiddenError, match="bot was kicked from the supergroup chat"):
            await bot.send_message(group.id, "x")

    async def test_an_upgraded_group_names_its_new_id(self, fake: FakeTelegram, bot: Bot) -> None:
        old = fake.group(basic=True)
        new = fake.migrate(old)
        with pytest.raises(TelegramMigrateToChat) as caught:
            await bot.send_message(old.id, "x")
        assert caught.value.migrate_to_chat_id == new.id

    async def test_a_rate_limit_counts_down_and_spares_other_chats(self, fake: FakeTelegram, bot: Bot) -> None:
        ada, bob = fake.dm("Ada"), fake.dm("Bob")
        fake.rate_limit(1, retry_after=7, chat=ada)
        await bot.send_message(bob.id, "fine")
        with pytest.raises(TelegramRetryAfter) as caught:
            await bot.send_message(ada.id, "too fast")
        assert caught.value.retry_after == 7
        await bot.send_message(ada.id, "later")
        assert fake.texts() == ["fine", "later"]

    async def test_a_callback_is_answered_once(self, fake: FakeTelegram, bot: Bot) -> None:
        ada = fake.dm("Ada")
        await bot.send_message(ada.id, "ok?", reply_markup=_keyboard("yes"))
        query = fake.press("Ada", fake.sent[0], "Yes")
        await bot.answer_callback_query(query)
        with pytest.raises(TelegramBadRequest, match="query is too old and response timeout expired"):
            await bot.answer_callback_query(query)

    async def test_commands_are_checked_and_kept_by_scope(self, fake: FakeTelegram, bot: Bot) -> None:
        await bot.set_my_commands([BotCommand(command="help", description="what I can do")])
        assert [command.command for command in await bot.get_my_commands()] == ["help"]
        with pytest.raises(TelegramBadRequest, match="BOT_COMMAND_INVALID"):
            await bot.set_my_commands([BotCommand(command="Help Me", description="x")])


class TestFaults:
    async def test_dropped_before_has_no_effect_and_dropped_after_has(self, fake: FakeTelegram, bot: Bot) -> None:
        ada = fake.dm("Ada").id
        fake.drop_before()
        with pytest.raises(TelegramNetworkError):
            await bot.send_message(ada, "before")
        fake.drop_after()
        with pytest.raises(TelegramNetworkError):
            await bot.send_message(ada, "after")
        assert fake.texts() == ["after"]

    async def test_a_fault_waits_for_its_method(self, fake: FakeTelegram, bot: Bot) -> None:
        ada = fake.dm("Ada").id
        fake.fail(method="editMessageText")
        sent = await bot.send_message(ada, "one")
        with pytest.raises(TelegramServerError):
            await bot.edit_message_text("two", chat_id=ada, message_id=sent.message_id)
        await bot.edit_message_text("two", chat_id=ada, message_id=sent.message_id)

    async def test_an_error_can_come_after_the_effect(self, fake: FakeTelegram, bot: Bot) -> None:
        fake.fail(applied=True, code=502)
        with pytest.raises(TelegramServerError):
            await bot.send_message(fake.dm("Ada").id, "delivered")
        assert fake.texts() == ["delivered"]

    async def test_offline_refuses_connections_until_it_comes_back(self, fake: FakeTelegram, bot: Bot) -> None:
        base = fake.api_base
        await fake.go_offline()
        with pytest.raises(TelegramNetworkError, match="ClientConnectorError"):
            await bot.get_me()
        await fake.come_back()
        assert (await bot.get_me()).username == "desk_bot"
        assert fake.api_base == base


class TestPolling:
    async def test_an_update_repeats_until_its_offset_passes(self, fake: FakeTelegram, bot: Bot) -> None:
        fake.say("Ada", "one")
        fake.say("Ada", "two")
        first = await bot.get_updates()
        assert [update.message.text for update in first if update.message] == ["one", "two"]
        assert await bot.get_updates() == first
        assert [u.update_id for u in await bot.get_updates(offset=first[1].update_id)] == [first[1].update_id]
        assert await bot.get_updates(offset=first[1].update_id + 1) == []

    async def test_a_redelivered_update_has_its_old_id(self, fake: FakeTelegram, bot: Bot) -> None:
        fake.say("Ada", "one")
        first = await bot.get_updates()
        fake.redeliver()
        assert await bot.get_updates(offset=first[0].update_id + 1) == first

    async def test_a_second_poller_ends_the_first(self, fake: FakeTelegram, bot: Bot) -> None:
        import asyncio

        older = asyncio.create_task(bot.get_updates(timeout=50))
        await fake.wait_for(lambda: fake.queue.polls == 1)
        newer = asyncio.create_task(bot.get_updates(timeout=50))
        with pytest.raises(TelegramConflictError, match="terminated by other getUpdates request"):
            await older
        fake.say("Ada", "for the newer one")
        assert len(await newer) == 1

    async def test_polling_is_refused_while_a_webhook_is_set(self, fake: FakeTelegram, bot: Bot) -> None:
        await bot.set_webhook("http://127.0.0.1:9/hook")
        with pytest.raises(TelegramConflictError, match="use deleteWebhook"):
            await bot.get_updates()
        await bot.delete_webhook()
        assert await bot.get_updates() == []

    async def test_privacy_mode_lets_only_what_concerns_the_bot_through(self) -> None:
        async with FakeTelegram(privacy_mode=True) as fake:
            group = fake.group()
            fake.say("Ada", "overheard", group)
            fake.say("Ada", "@desk_bot hello", group)
            fake.say("Ada", "/help@desk_bot", group)
            fake.say("Ada", "/help", group)
            heard = [update["message"]["text"] for update in fake.queue.pending]
            assert heard == ["@desk_bot hello", "/help@desk_bot"]


def _multipart(**fields: str) -> aiohttp.FormData:
    form = aiohttp.FormData(default_to_multipart=True)
    for name, value in fields.items():
        form.add_field(name, value)
    return form
