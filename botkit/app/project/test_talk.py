"""What people hear from our bots, on fake platforms: no account, no key, no network."""

from botkit.testing.project import Chat


async def test_a_stranger_is_welcomed_and_answered(telegram: Chat) -> None:
    await telegram.alice.says("/start")
    await telegram.alice.says("which tasks are open?")
    await telegram.alice.sees("task")
