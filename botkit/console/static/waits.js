// What waits for a person: the question, its facts, and the buttons that decide it.

import { button, h, icon, on_copy, replace } from "./dom.js";
import { exact, moment, pretty } from "./format.js";
import { post } from "./net.js";

// `view`: a WaitView, or what a live event tells of one. `place` says where it comes from, outside its own chat.
export class WaitCard {
  constructor(view, { place = "", decided = () => {} } = {}) {
    this.view = view;
    this.on_decided = decided;
    this.open = true;
    this.element = h("section", { class: "wait", "data-wait": view.id });
    this.wrong = h("p", { class: "wrong", role: "alert", hidden: true });
    const parts = view.kind === "approval" ? this.approval() : view.kind === "reply" ? this.question() : this.reconcile();
    const origin = [place, view.expires_at ? `Open until ${moment(view.expires_at)}.` : ""].filter(Boolean).join(" ");
    replace(this.element, parts, origin && h("p", { class: "from", title: view.expires_at ? exact(view.expires_at) : null }, origin), this.actions(), this.wrong);
    this.element.setAttribute("aria-label", `Decision: ${view.tool || view.title || view.kind}`);
  }

  approval() {
    const { tool, reason } = this.view;
    return [
      h("h3", {}, icon("clock"), h("span", {}, "Approve ", h("code", {}, tool || "this call"), "?")),
      reason && h("p", { class: "why" }, reason),
      facts(this.view.arguments),
    ];
  }

  question() {
    return [
      h("h3", {}, icon("question"), "A tool asks"),
      h("p", { class: "why" }, this.view.title || this.view.reason),
      h("p", { class: "from" }, "Your next message in this chat is the answer."),
    ];
  }

  reconcile() {
    const { run_id, id, tool, title, reason } = this.view;
    const step = id.startsWith(`${run_id}/`) ? id.slice(run_id.length + 1).replace(/\/reconcile$/, "") : "";
    const command = `botkit runs resolve ${run_id} ${step} --retry`;
    const copy = button({ class: "quiet small" }, "Copy");
    on_copy(copy, () => command);
    return [
      h("h3", {}, icon("question"), h("span", {}, "Did ", h("code", {}, tool || title || "this call"), " happen?")),
      h("p", { class: "why" }, reason || "The call was sent and no answer came, so nobody here can tell. Look at the other side, then say so:"),
      h("div", { class: "command" }, h("code", {}, command), h("p", { class: "from" }, "or ", h("code", {}, "--result TEXT"), " when it happened, ", h("code", {}, "--fail"), " when it did not. ", copy)),
    ];
  }

  actions() {
    if (this.view.kind !== "approval") return null;
    this.comment = h("input", { "aria-label": "Comment", placeholder: "Comment (optional)", maxlength: "2000" });
    const approve = button({ class: "primary", onclick: () => this.decide(true) }, "Approve");
    const reject = button({ class: "danger", onclick: () => this.decide(false) }, "Reject");
    this.buttons = [approve, reject];
    return h("div", { class: "row" }, approve, reject, this.comment);
  }

  async decide(approved) {
    this.lock(true);
    this.wrong.hidden = true;
    this.verdict = [approved ? "Approved" : "Rejected", approved];
    try {
      await post("/decisions", { wait_id: this.view.id, approved, comment: this.comment.value.trim() });
      this.settle();
      this.on_decided(this.view, approved);
    } catch (error) {
      this.verdict = null;
      if (error.status === 409 || error.status === 404) return this.settle(error.message, false);
      this.lock(false);
      this.wrong.textContent = error.message;
      this.wrong.hidden = false;
    }
  }

  lock(locked) {
    for (const one of this.buttons ?? []) one.disabled = locked;
  }

  // Decided, here or elsewhere. Called again when more is known: who did it, and how.
  settle(text = "", approved = true) {
    if (!this.open && !text) return;
    const [words, agreed] = text ? [text, approved] : (this.verdict ?? ["Decided", true]);
    const held_focus = this.element.contains(document.activeElement);
    const tool = this.view.tool;
    const line = h("div", { class: agreed ? "decided" : "decided no", tabindex: "-1" },
      icon(agreed ? "check" : "cross"), h("span", {}, words, tool && !words.includes(tool) && !words.endsWith(".") ? [": ", h("code", {}, tool)] : null));
    this.open = false;
    this.element.replaceWith(line);
    this.element = line;
    if (held_focus) line.focus();
  }
}

function facts(args) {
  const entries = Object.entries(args ?? {});
  if (!entries.length) return null;
  return h("dl", { class: "args" }, entries.map(([name, value]) => [h("dt", {}, name), h("dd", {}, pretty(value))]));
}

// What a live `wait` event tells, in the shape of a WaitView.
export function wait_from_event(event) {
  const { wait_id, kind, payload = {} } = event.data;
  return {
    id: wait_id,
    kind,
    run_id: event.run_id,
    conversation: event.conversation,
    title: payload.message ?? payload.name ?? "",
    tool: payload.tool ?? payload.name ?? "",
    arguments: payload.arguments ?? {},
    reason: payload.reason ?? "",
    expires_at: 0,
  };
}
