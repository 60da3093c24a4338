"""English."""

from __future__ import annotations

__all__ = ["ENGLISH"]

import msgspec

from botkit.core.agent import AgentWords
from botkit.engine.languages.language import Language

ENGLISH = Language(
    code="en",
    hello="Hello, I am **{bot}**.{about}\n\nWrite me what you need, or /help for what I understand.",
    help="I am **{bot}**. Just write to me, or use a command:",
    about_start="Say hello and what this bot is for",
    about_help="List these commands",
    about_new="Begin a new conversation",
    about_stop="Stop the answer being written",
    about_status="Show what is going on in this conversation",
    about_whoami="Show who I think you are",
    about_link="Join your accounts on several platforms",
    link_in_private="For your own sake only in private: write /link to me in a direct chat.",
    link_too_often="That was too often. Try again in {minutes} minutes.",
    link_code=(
        "Your code is `{code}`. Type `/link {code}` in a private chat with me on the other platform, within "
        "{minutes} minutes. **Give it to nobody**: it joins accounts."
    ),
    link_confirm=(
        "This account will be joined with **{name}** on `{channel}`. If that is you, confirm it there: type "
        "`/link {code}`. **Type it for nobody else.**"
    ),
    link_own="That code is for the other platform: type it there.",
    link_same="These accounts are joined already.",
    link_conflict="These accounts belong to two people by the operator's file, who has to join them there.",
    link_unknown="I do not know that code. It may be used or too old: write /link for a new one.",
    link_done="Joined: you are the same person here and on `{channel}`.",
    about_memory="Show what I keep in mind about you",
    about_forget="Forget something I keep in mind",
    memory_none="I keep nothing in mind here.",
    memory_list="This is what I keep in mind:",
    memory_of_chat="of this conversation",
    memory_more="… and {count} more.",
    memory_how="`/forget` and a number ends one of these, `/forget all` everything.",
    memory_in_group="Here I only show what I keep of this group. What is about you alone I show in a private chat.",
    forget_what="Say what: `/forget` and a number that /memory shows, or `/forget all`.",
    forget_unknown="I keep nothing in mind that is called that. See /memory.",
    forget_sure="That ends {count} notes for good. To confirm, write `/forget all yes`.",
    forget_not_for_all="In a group only an administrator can make me forget everything. Single notes anybody can.",
    forgotten="Forgotten: {what}. A new conversation begins, so that it does not come back from this one.",
    forgotten_all="Forgotten: all {count} notes. A new conversation begins, so that nothing comes back from this one.",
    new_conversation="Done: this is a new conversation.",
    one_approval_waits="1 approval is still waiting.",
    approvals_wait="{count} approvals are still waiting.",
    nothing_runs="Nothing is running right now.",
    messages_stopped="I will not write to you unasked any more. Send /start messages to allow it again.",
    messages_allowed="I may write to you again.",
    bot_and_model="Bot: {bot} · model: {model}",
    working="Working on an answer.",
    ready="Ready.",
    waiting_for_approval="Waiting for approval of `{what}`.",
    waiting_for_answer="Waiting for your answer to `{what}`.",
    waiting_for_colleague="Waiting for a colleague's look at `{what}`.",
    waiting_for_other="Waiting for {kind} `{what}`.",
    an_answer="an answer",
    remembers_one="I remember 1 message of this conversation.",
    remembers="I remember {count} messages of this conversation.",
    you_are="You are **{name}** (`{person}`), {roles}.",
    you_are_here="Here you are `{account}` on `{channel}`.",
    unknown="unknown",
    taken_over=(
        "**{what}**: please take over. {asked_by}\nReply to a message here to answer; hand back when you are done."
    ),
    hand_back="Hand back",
    handed_back="Handed back{by}.",
    approval_needed="**Approval needed** for `{tool}`",
    tainted="_Asked because I have read what others wrote: {sources}. Is this what you want, or what they want?_",
    asked_by="Asked by {person}, by way of {bot} on `{channel}`.",
    asked_by_member="Asked by {member}, a member of `{workspace}`, by way of an MCP client.",
    colleague_decides="A colleague has to decide. I will come back to you here as soon as they did.",
    decide_by_command="To decide: `{command}`",
    approve="Approve",
    reject="Reject",
    approved_now="Approved.",
    rejected_now="Rejected.",
    already_approved="This was already approved.",
    already_rejected="This was already rejected.",
    already_expired="This was already expired.",
    already_cancelled="This was already cancelled.",
    only_may_decide="Only {who} may decide this.",
    button_unused="This button is not in use any more.",
    approved="**Approved**{by}: `{tool}`",
    rejected="**Rejected**{by}: `{tool}`",
    by=" by {name}",
    expired="**Expired**: nobody decided about `{tool}` in time.",
    cancelled="**Cancelled**: `{tool}` will not be called.",
    please_answer="Please answer.",
    not_asked_you="This question is for somebody else.",
    already_answered="This was already answered.",
    fill_in="Fill in",
    send="Send",
    not_now="Not now",
    skip="Skip",
    yes="Yes",
    no="No",
    optional="_Optional: `-` leaves it out._",
    date_form="_As YYYY-MM-DD, such as 2027-03-31._",
    answer_by_number="_Answer with the number or the name._",
    answer_by_numbers="_Answer with the numbers or the names, separated by commas._",
    does_not_fit="That does not fit. {problem}",
    outcome_unknown=(
        "I lost the connection while `{tool}` was being carried out, so I can't tell whether it happened. "
        "I will not try again on my own: a colleague has to look and decide. I'll report back here."
    ),
    **msgspec.structs.asdict(AgentWords()),
    still_waiting="I am still waiting for a decision about `{what}` and will answer when it is there.",
    connect_account=(
        "`{server}` needs your own account. Connect it here: "
        "the link is for you alone, and works once within 15 minutes.\n\n"
        "{link}\n\nThen ask again where you asked before."
    ),
    pairing=(
        "I don't know you yet. Your pairing code is `{code}`. "
        "Give it to the operator, who lets you in with `{command}`."
    ),
    unreadable="I cannot read this kind of message ({kind}). Please tell me in words, or send a picture or a file.",
    cannot_hear="I cannot listen to voice messages here. Please write it to me.",
    heard_nothing="I could not make out any words in your voice message. Please say it again, or write to me.",
    hearing_failed="I could not listen to your voice message just now. Please send it again, or write to me.",
    voice_too_long=(
        "That voice message is too long for me: I listen to {minutes} minutes at most. Please make it "
        "shorter, or write to me."
    ),
    budget_used_up="I can't answer that now: the budget for this is used up{until}.",
    until=" until {when}",
    budget_low_own="You have used {percent} % of your budget `{budget}`. Left{until}: {left}.",
    budget_low="**Budget `{budget}`**{who}: {percent} % is used. Left{until}: {left}.",
    budget_left="Budget `{budget}`, left{until}: {left}.",
    tokens="{count} tokens",
    tool_calls="{count} tool calls",
    stopped="Stopped.",
    failed="Sorry, I could not answer this ({code}). If you report it, please give this id: `{trace}`.",
    went_wrong="Something went wrong, and it has been noted. If you report it, please give this id: `{trace}`.",
)
