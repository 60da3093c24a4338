"""Everything commands and the page can ask of an instance, each thing once.

A command calls these methods directly when it owns the home, and over the control socket when another
process does; it cannot tell the difference.
"""

from __future__ import annotations

__all__ = ["Operations"]

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botkit.app.operations.access import MemberOperations, TokenOperations
from botkit.app.operations.approvals import ApprovalOperations
from botkit.app.operations.budgets import BudgetOperations
from botkit.app.operations.calls import CallOperations
from botkit.app.operations.channels import ChannelOperations
from botkit.app.operations.chat import ChatOperations
from botkit.app.operations.config import ConfigOperations
from botkit.app.operations.conversations import ConversationOperations
from botkit.app.operations.data import DataOperations
from botkit.app.operations.doctor import DoctorOperations
from botkit.app.operations.knowledge import KnowledgeOperations
from botkit.app.operations.mcp import McpOperations
from botkit.app.operations.memory import MemoryOperations, ScheduleOperations
from botkit.app.operations.pairing import PairingOperations
from botkit.app.operations.people import PeopleOperations
from botkit.app.operations.process import ProcessOperations
from botkit.app.operations.reports import ReportOperations
from botkit.app.operations.runs import RunOperations
from botkit.app.operations.secrets import SecretOperations
from botkit.app.operations.teams import TeamOperations
from botkit.app.operations.workflows import WorkflowOperations
from botkit.app.operations.workspaces import WorkspaceOperations

if TYPE_CHECKING:
    from botkit.app.instance import Instance


@dataclass
class Operations:
    """Groups of operations; their names are those of the commands."""

    process: ProcessOperations
    chat: ChatOperations
    runs: RunOperations
    approvals: ApprovalOperations
    conversations: ConversationOperations
    config: ConfigOperations
    secrets: SecretOperations
    channels: ChannelOperations
    mcp: McpOperations
    workspaces: WorkspaceOperations
    workflows: WorkflowOperations
    tokens: TokenOperations
    members: MemberOperations
    pairing: PairingOperations
    people: PeopleOperations
    budgets: BudgetOperations
    calls: CallOperations
    reports: ReportOperations
    data: DataOperations
    memory: MemoryOperations
    knowledge: KnowledgeOperations
    schedules: ScheduleOperations
    doctor: DoctorOperations
    teams: TeamOperations

    @classmethod
    def of(cls, instance: Instance) -> Operations:
        return cls(
            process=ProcessOperations(instance),
            chat=ChatOperations(instance),
            runs=RunOperations(instance),
            approvals=ApprovalOperations(instance),
            conversations=ConversationOperations(instance),
            config=ConfigOperations(instance),
            secrets=SecretOperations(instance),
            channels=ChannelOperations(instance),
            mcp=McpOperations(instance),
            workspaces=WorkspaceOperations(instance),
            workflows=WorkflowOperations(instance),
            tokens=TokenOperations(instance),
            members=MemberOperations(instance),
            pairing=PairingOperations(instance),
            people=PeopleOperations(instance),
            budgets=BudgetOperations(instance),
            calls=CallOperations(instance),
            reports=ReportOperations(instance),
            data=DataOperations(instance),
            memory=MemoryOperations(instance),
            knowledge=KnowledgeOperations(instance),
            schedules=ScheduleOperations(instance),
            doctor=DoctorOperations(instance),
            teams=TeamOperations(instance),
        )
