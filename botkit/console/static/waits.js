// What waits for a person: the question, its facts, and the buttons that decide it.

import { button, h, icon, replace } from "./dom.js";
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
    const fields = this.view.form?.fields ?? [];
    this.fields = fields.map((field) => new Field(field, this.view.id));
    return [
      h("h3", {}, icon("question"), "A tool asks"),
      h("p", { class: "why" }, this.view.title || this.view.reason),
      this.fields.map((field) => field.element),
      h("p", { class: "from" }, fields.length ? "Or answer with your next message in this chat." : "Your next message in this chat is the answer."),
    ];
  }

  answer() {
    return this.fields?.length ? [button({ class: "primary", onclick: () => this.send() }, this.view.form.send_label ?? "Send")] : null;
  }

  send() {
    const wrong = this.fields.find((field) => !field.input.reportValidity());
    if (wrong) return wrong.input.focus();
    const fields = Object.fromEntries(this.fields.map((field) => [field.name, field.value()]));
    return this.tell("/answers", { wait_id: this.view.id, fields }, ["Answered", true]);
  }

  reconcile() {
    const { tool, title, reason } = this.view;
    return [
      h("h3", {}, icon("question"), h("span", {}, "Did ", h("code", {}, tool || title || "this call"), " happen?")),
      h("p", { class: "why" }, "The call was sent and no answer came, so nobody here can tell. Look at the other side, then say so."),
      reason && h("p", { class: "from" }, `What is known: ${reason}`),
    ];
  }

  actions() {
    const acts = { approval: () => this.decisions(), reconcile: () => this.resolutions(), reply: () => this.answer() };
    const act = acts[this.view.kind]?.() ?? null;
    if (!act) return null;
    this.buttons = act.filter((one) => one.tagName === "BUTTON");
    return h("div", { class: "row" }, act);
  }

  decisions() {
    this.comment = h("input", { "aria-label": "Comment", placeholder: "Comment (optional)", maxlength: "2000" });
    return [
      button({ class: "primary", onclick: () => this.decide(true) }, "Approve"),
      button({ class: "danger", onclick: () => this.decide(false) }, "Reject"),
      this.comment,
    ];
  }

  resolutions() {
    this.comment = h("input", { "aria-label": "Result, or why not", placeholder: "Its result, or why not (optional)", maxlength: "20000" });
    return [
      button({ class: "primary", onclick: () => this.resolve("result", "It happened") }, "It happened"),
      button({ class: "quiet", onclick: () => this.resolve("fail", "It did not happen") }, "It did not happen"),
      button({ class: "danger", onclick: () => this.resolve("retry", "It is done again") }, "Do it again"),
      this.comment,
    ];
  }

  decide(approved) {
    const body = { wait_id: this.view.id, approved, comment: this.comment.value.trim() };
    return this.tell("/decisions", body, [approved ? "Approved" : "Rejected", approved]);
  }

  resolve(action, words) {
    const body = { wait_id: this.view.id, action, text: this.comment.value.trim() };
    return this.tell("/resolutions", body, [words, action !== "fail"]);
  }

  async tell(path, body, verdict) {
    this.lock(true);
    this.wrong.hidden = true;
    this.verdict = verdict;
    try {
      await post(path, body);
      this.settle();
      this.on_decided(this.view, verdict[1], verdict[0]);
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

// One question of a form, as the input of its kind.
class Field {
  constructor(field, form) {
    this.kind = field.kind ?? "text";
    this.name = field.name;
    this.many = field.many ?? false;
    const id = `field-${form}-${field.name}`;
    const props = { id, required: field.required && this.kind !== "checkbox" };
    this.input = this.make(field, props);
    const label = h("label", { for: id }, field.label, field.required ? " *" : null);
    const about = field.about && h("span", { class: "from" }, field.about);
    this.element = h("div", { class: "field" }, this.kind === "checkbox" ? [this.input, label, about] : [label, about, this.input]);
  }

  make(field, props) {
    switch (this.kind) {
      case "paragraph":
        return h("textarea", { ...props, rows: 3, minlength: field.least, maxlength: field.most }, field.initial ?? "");
      case "choice": {
        const blank = this.many || field.required ? null : h("option", { value: "" }, "–");
        const options = field.options.map((one) => h("option", { value: one.value, selected: one.value === field.initial }, one.label));
        return h("select", { ...props, multiple: this.many }, blank, options);
      }
      case "checkbox":
        return h("input", { ...props, type: "checkbox", checked: field.initial === "true" });
      case "number":
        return h("input", { ...props, type: "number", step: "any", min: field.least, max: field.most, value: field.initial });
      case "date":
        return h("input", { ...props, type: "date", value: field.initial });
      default:
        return h("input", { ...props, minlength: field.least, maxlength: field.most, value: field.initial });
    }
  }

  value() {
    if (this.kind === "checkbox") return this.input.checked;
    if (this.many) return [...this.input.selectedOptions].map((one) => one.value);
    return this.input.value.trim();
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
    form: event.data.form ?? {},
    expires_at: 0,
  };
}
