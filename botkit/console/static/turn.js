// One turn of a bot on the screen: what it is doing, its tool calls, what waits, its answer.

import { button, h, on_copy, replace } from "./dom.js";
import { exact, hue, initial, iso, moment } from "./format.js";
import { Markdown } from "./render.js";
import { Call } from "./calls.js";
import { problem, summary_line } from "./trace.js";
import { WaitCard } from "./waits.js";

const FINAL = new Set(["completed", "failed", "cancelled", "limit_reached"]);

export class Turn {
  // `page` is told what happens: trace(turn), decided(view, agreed, words), waiting(turn)
  constructor(run_id, bot, page) {
    this.run_id = run_id;
    this.page = page;
    this.state = "running";
    this.calls = new Map();
    this.cards = new Map();
    this.notes = new Set();
    this.text = "";
    this.view = { run_id, input_tokens: 0, output_tokens: 0, cost_micros: 0, latency_ms: 0 };
    this.answer = new Markdown();
    this.answer.element.classList.add("answer");
    this.time = h("time");
    this.call_list = h("ul", { class: "calls", "aria-label": "Tool calls" });
    this.note_list = h("div", { class: "note" });
    this.wait_list = h("div");
    this.working = h("p", { class: "working" });
    this.trouble = h("div");
    this.meta = h("footer", { class: "meta" });
    const name = bot?.title || bot?.name || "Bot";
    this.element = h("article", { class: "turn", "data-run": run_id, "aria-label": `Answer of ${name}` },
      h("span", { class: `avatar ${hue(bot?.name ?? name)}`, "aria-hidden": "true" }, initial(name)),
      h("div", { class: "body" },
        h("header", { class: "who" }, h("b", {}, name), this.time),
        this.note_list, this.call_list, this.wait_list, this.working, this.answer.element, this.trouble, this.meta));
    this.show_state();
  }

  get final() {
    return FINAL.has(this.state);
  }

  // ── from the history ──

  apply(view, { without_calls = false } = {}) {
    this.view = view;
    this.state = view.state || "completed";
    if (!without_calls && view.calls.length) this.set_calls(view.calls);
    for (const note of view.notes) this.note(note);
    if (this.final || view.reply) this.set_text(view.reply);
    this.stamp(view.reply_at || view.at);
    this.show_state();
  }

  set_calls(calls) {
    this.calls.clear();
    this.call_list.replaceChildren();
    for (const call of calls) this.call(call.id, call);
  }

  // ── as it happens ──

  begin(trace_id) {
    this.state = "running";
    this.view.trace_id = trace_id;
    for (const card of this.cards.values()) card.settle();
    this.show_state();
  }

  delta(piece) {
    this.text += piece;
    // one drawing per frame, however fast the pieces come
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      if (this.state === "running") this.set_text(this.text);
      this.show_state();
    });
  }

  reset() {
    this.set_text("");
  }

  model({ model, usage = {} }) {
    this.view.model = model;
    this.view.input_tokens += usage.input_tokens ?? 0;
    this.view.output_tokens += usage.output_tokens ?? 0;
    this.view.cost_micros += usage.cost_micros ?? 0;
  }

  call(id, changes) {
    let call = this.calls.get(id) ?? this.adopt(id, changes);
    if (call) {
      call.update(changes);
    } else {
      call = new Call(changes);
      this.calls.set(id, call);
      this.call_list.append(call.element);
    }
    this.show_state();
  }

  // The same call may be known from the history under another id: the one that waited.
  adopt(id, { tool }) {
    for (const [known, call] of this.calls) {
      if (call.call.tool !== tool || call.call.state !== "waiting") continue;
      this.calls.delete(known);
      this.calls.set(id, call);
      return call;
    }
    return null;
  }

  progress({ tool }, message) {
    for (const call of this.calls.values()) {
      if (call.call.tool === tool && call.call.state === "running") call.update({ progress: message });
    }
  }

  wait(view) {
    if (this.cards.has(view.id)) return;
    this.state = "waiting";
    for (const call of this.calls.values()) {
      if (call.call.state === "running" && call.call.tool === view.tool) call.update({ state: "waiting" });
    }
    const card = new WaitCard(view, { decided: (...what) => this.page.decided(...what) });
    this.cards.set(view.id, card);
    this.wait_list.append(card.element);
    this.show_state();
  }

  // The list of open decisions changed: those of this turn that are gone were decided elsewhere.
  settle_waits(open_ids) {
    for (const [id, card] of this.cards) if (!open_ids.has(id)) card.settle();
  }

  // Whether a tool waits for the person's next message.
  asks() {
    return [...this.cards.values()].some((card) => card.open && card.view.kind === "reply");
  }

  note(text) {
    if (!text.trim() || this.notes.has(text)) return;
    this.notes.add(text);
    this.note_list.append(new Markdown().update(text).element);
  }

  done(data) {
    const usage = data.usage ?? {};
    this.state = data.state;
    Object.assign(this.view, {
      state: data.state,
      waiting_for: data.waiting_for ?? "",
      error: data.error ?? null,
      latency_ms: data.latency_ms ?? 0,
      cost_micros: usage.cost_micros ?? this.view.cost_micros,
      input_tokens: usage.input_tokens ?? this.view.input_tokens,
      output_tokens: usage.output_tokens ?? this.view.output_tokens,
    });
    if (this.final) {
      for (const call of this.calls.values()) if (call.call.state === "running") call.update({ state: "unknown" });
      if (!this.calls.size && data.calls?.length) this.set_calls(data.calls.map(call_from_trace));
      this.set_text(data.text || this.text);
      this.stamp(Date.now() * 1000);
    }
    this.show_state();
  }

  // ── showing ──

  took(ms) {
    this.view.latency_ms = ms;
    this.show_meta();
  }

  set_text(text) {
    this.text = text;
    this.answer.update(text);
  }

  stamp(micros) {
    if (!micros) return;
    this.time.textContent = moment(micros);
    this.time.dateTime = iso(micros);
    this.time.title = exact(micros);
  }

  show_state() {
    const running = this.state === "running";
    this.element.classList.toggle("is-running", running);
    this.answer.element.classList.toggle("writing", running && this.text !== "");
    replace(this.working, running && !this.text ? [h("span", { class: "spin" }), this.doing()] : this.waiting_words());
    replace(this.trouble, this.final && this.state !== "cancelled" ? problem(this.view.error) : null);
    this.show_meta();
  }

  doing() {
    const busy = [...this.calls.values()].filter((call) => call.call.state === "running").map((call) => call.call.tool);
    return busy.length ? `Calling ${busy.join(", ")}` : "Thinking";
  }

  waiting_words() {
    const decided = [...this.cards.values()].some((card) => !card.open);
    if (this.state !== "waiting" || [...this.cards.values()].some((card) => card.open)) return null;
    return decided ? [h("span", { class: "spin" }), "Going on"] : `Waiting for ${this.view.waiting_for || "a decision"}`;
  }

  show_meta() {
    if (this.state === "running") {
      replace(this.meta);
      return;
    }
    const trace = button({ class: "link trace-link" }, "Trace");
    trace.addEventListener("click", () => this.page.trace(this, true));
    const parts = this.final ? summary_line(this.view).map((text) => h("span", {}, text)) : [];
    if (this.run_id) parts.push(trace);
    if (this.text) {
      const copy = button({ class: "link" }, "Copy");
      on_copy(copy, () => this.text);
      parts.push(copy);
    }
    if (this.state === "limit_reached") parts.unshift(h("span", { class: "state limit_reached" }, "limit reached"));
    if (this.state === "cancelled") parts.unshift(h("span", { class: "state cancelled" }, "stopped"));
    replace(this.meta, parts);
  }
}

function call_from_trace(call, index) {
  return { id: String(index), tool: call.toolName, arguments: call.arguments, result: call.result, state: call.success ? "ok" : "failed", duration_ms: call.latencyMs };
}
