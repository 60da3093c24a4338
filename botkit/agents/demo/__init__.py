"""The deterministic model behind `demo/offline`."""

from botkit.agents.demo.model import NAME, DemoModel, answer

__all__ = ["NAME", "DemoModel", "answer"]
