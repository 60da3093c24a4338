"""An instance on a stage: the whole of it, with other answers where it would reach the world outside."""

from __future__ import annotations

__all__ = ["NoDeliveries", "Staging"]

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from botkit.app.delivery import Deliveries
from botkit.core.config import Config
from botkit.core.delivery import CodeService, Mailer, NotSetUp, Texter
from botkit.core.models import Model
from botkit.core.outbound import HttpPort
from botkit.core.stores import CatalogRow, SecretStore
from botkit.gateway.keys import KeyProvider
from botkit.gateway.pipeline import StandIn

_NOTHING_SENT = "nothing is mailed or texted while something is only tried"


class NoDeliveries(Deliveries):
    """Mail and short messages that nobody sends."""

    def mailer(self) -> Mailer:
        raise NotSetUp(_NOTHING_SENT)

    def texter(self) -> Texter:
        raise NotSetUp(_NOTHING_SENT)

    def sms_codes(self) -> CodeService | None:
        return None

    def own_codes(self) -> CodeService:
        raise NotSetUp(_NOTHING_SENT)


@dataclass(frozen=True, slots=True)
class Staging:
    """What `open_instance` takes in place of what a real instance has."""

    config: Config
    """What runs, whatever the file says."""
    secrets: SecretStore
    """Sealed values; what is written there is written nowhere else."""
    keys: KeyProvider
    """Open them."""
    model: Callable[[Model], Model]
    """Given the real models: whoever answers for them."""
    stand_in: StandIn
    """Answers calls of tools, or lets them through."""
    http: Callable[[HttpPort], HttpPort]
    """Given the real client of workflows: whoever sends for it."""
    catalog: Sequence[CatalogRow] = ()
    """What servers told the real instance: their tools are known before they start, and if they cannot."""
