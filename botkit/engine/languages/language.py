"""What a language has to say. Placeholders in braces are filled by `str.format`; Markdown as in every message."""

from __future__ import annotations

__all__ = ["Language"]

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    code: str
    """ISO 639-1."""

    # commands
    hello: str
    """/start. {bot}, {about}: a sentence of the operator with a blank before it, or nothing."""
    help: str
    """Above the list of commands. {bot}."""
    about_start: str
    about_help: str
    about_new: str
    about_stop: str
    about_status: str
    about_whoami: str
    about_link: str
    link_in_private: str
    """/link where others read, or where nobody needs it."""
    link_too_often: str
    """{minutes}."""
    link_code: str
    """{code}, {minutes}."""
    link_confirm: str
    """To whoever typed the first code: {name} and {channel} of the other side, {code}."""
    link_own: str
    """The code was shown to this very account."""
    link_same: str
    """Both are one person already."""
    link_conflict: str
    """bots.yaml says that they are two."""
    link_unknown: str
    """No such code, used or expired."""
    link_done: str
    """{name}, {channel}."""
    about_memory: str
    about_forget: str
    memory_none: str
    memory_list: str
    """Above the numbered notes."""
    memory_of_chat: str
    """Behind a note of the conversation, in brackets."""
    memory_more: str
    """{count}: of notes that are not shown."""
    memory_how: str
    memory_in_group: str
    forget_what: str
    """/forget without anything."""
    forget_unknown: str
    forget_sure: str
    """{count}: of all notes."""
    forget_not_for_all: str
    """/forget all in a group, by somebody who is no administrator."""
    forgotten: str
    """{what}: a note's name."""
    forgotten_all: str
    """{count}."""
    new_conversation: str
    one_approval_waits: str
    """After `new_conversation`."""
    approvals_wait: str
    """The same for {count} of them."""
    nothing_runs: str
    messages_stopped: str
    messages_allowed: str
    """/stop while nothing runs."""
    bot_and_model: str
    """{bot}, {model}."""
    working: str
    ready: str
    waiting_for_approval: str
    """{what}: a tool."""
    waiting_for_answer: str
    """{what}: the question."""
    waiting_for_colleague: str
    """{what}: a tool."""
    waiting_for_other: str
    """{kind} of wait, {what}."""
    an_answer: str
    """What is waited for when it has no name."""
    remembers_one: str
    remembers: str
    """{count} messages."""
    you_are: str
    """{name}, {person}: an id, {roles}."""
    you_are_here: str
    """{account}: an id, {channel}."""
    unknown: str
    """The name of somebody without one."""

    # decisions
    taken_over: str
    """What reviewers read when somebody should speak in place of the bot: {what}, {asked_by}."""
    hand_back: str
    """A button."""
    handed_back: str
    """What the request says afterwards: {by}."""
    approval_needed: str
    """{tool}."""
    tainted: str
    """Why a call needs approval that needs none otherwise. {sources}: where what the bot has read came from."""
    asked_by: str
    """Where approvers are asked elsewhere: {person}, {bot}, {channel}."""
    asked_by_member: str
    """The same for a call of an MCP client: {member}, {workspace}."""
    colleague_decides: str
    """To whom may not decide."""
    decide_by_command: str
    """Where there are no buttons. {command}: what to type on the machine that runs botkit."""
    approve: str
    """On a button: short."""
    reject: str
    approved_now: str
    """To whom pressed the button."""
    rejected_now: str
    already_approved: str
    already_rejected: str
    already_expired: str
    already_cancelled: str
    only_may_decide: str
    """{who}: roles and people."""
    button_unused: str
    approved: str
    """In place of the question. {tool}, {by}: ` by Ada` or nothing."""
    rejected: str
    by: str
    """{name}, with a blank before it."""
    expired: str
    """{tool}."""
    cancelled: str
    """{tool}."""
    please_answer: str
    """A question that a tool left without words."""
    not_asked_you: str
    """To whom pressed what was asked of somebody else."""
    already_answered: str
    fill_in: str
    """Opens a form: short, as all of these buttons."""
    send: str
    not_now: str
    skip: str
    """Leaves an optional field out."""
    yes: str
    no: str
    optional: str
    """Below a field that may be left out by `-`."""
    date_form: str
    answer_by_number: str
    """Below numbered options."""
    answer_by_numbers: str
    """The same where several may be chosen."""
    does_not_fit: str
    """Before a question that is asked again. {problem}: what is wrong, in English, or nothing."""
    outcome_unknown: str
    """{tool} was called and nobody knows whether it happened."""

    # agents; as in `core.agent.AgentWords`
    model_filtered: str
    model_empty: str
    model_busy: str
    model_refused: str
    model_unreachable: str
    answer_cut: str
    not_read: str
    limit_reached: str
    limit_tokens: str
    limit_cost: str
    limit_time: str
    limit_one_round: str
    limit_rounds: str
    limit_repeats: str
    used_so_far: str
    tool_failed: str

    # notices
    still_waiting: str
    """{what}."""
    connect_account: str
    """To one person alone. {server}, {link}."""
    pairing: str
    """{code}, {command}."""
    unreadable: str
    """{kind} of message, as the platform calls it."""
    cannot_hear: str
    """In place of an answer to a voice message, where nothing listens."""
    heard_nothing: str
    hearing_failed: str
    voice_too_long: str
    """{minutes}."""
    budget_used_up: str
    """In place of an answer that there is no money for. {until}: `until`, or nothing."""
    until: str
    """{when} a budget starts anew, in the operator's time zone; with a blank before it."""
    budget_low_own: str
    """To the person whose own budget runs low. {budget}, {percent}, {left}: amounts, {until}."""
    budget_low: str
    """To operators. {budget}, {who}: ` (person:ada)` or nothing, {percent}, {left}, {until}."""
    budget_left: str
    """In /status. {budget}, {left}, {until}."""
    tokens: str
    """{count} of them."""
    tool_calls: str
    """{count} of them."""
    stopped: str
    failed: str
    """{code} of the error, {trace}."""
    went_wrong: str
    """{trace}."""
