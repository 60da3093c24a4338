"""The three wire formats behind `botkit.testing.llm.FakeLLM`, and the server that speaks them."""

__all__: list[str] = []
