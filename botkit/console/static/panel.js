// The trace beside the chat: of the turn that was chosen, else of the newest.

import { button, find, h, icon, replace } from "./dom.js";
import { get } from "./net.js";
import { numbers, path, problem, state_chip, token_bar } from "./trace.js";

const PAUSE_MS = 120; // several things happen at once; one look at the journal tells them all
const NOTHING = "Each answer has a trace: what the bot did, how long each step took, and where its tokens went. Send a message to see one.";

export class TracePanel {
  constructor(on_close) {
    this.element = find("#trace");
    this.on_close = on_close;
    this.turn = null;
    this.draw(null);
  }

  get hidden() {
    return this.element.hidden;
  }

  show(shown) {
    this.element.hidden = !shown;
    this.refresh();
  }

  choose(turn) {
    this.turn?.element.classList.remove("chosen");
    this.turn = turn;
    turn?.element.classList.add("chosen");
    this.refresh();
  }

  // Read the chosen turn again; with `turn`, only if that is the one.
  refresh(turn = this.turn) {
    if (turn !== this.turn) return;
    clearTimeout(this.soon);
    if (this.hidden) return;
    if (!turn?.run_id) this.draw(null);
    else this.soon = setTimeout(() => this.read(turn), PAUSE_MS);
  }

  async read(turn) {
    try {
      const page = await get(`/runs/${encodeURIComponent(turn.run_id)}`);
      if (turn.final) turn.took(page.turn.latency_ms);
      if (turn === this.turn) this.draw(page);
    } catch (error) {
      // a run is stored with its first step, a moment after it began
      if (error.status && error.status !== 404 && turn === this.turn) this.draw(null, error.message);
    }
  }

  draw(page, trouble = "") {
    const close = button({ class: "icon-button", "aria-label": "Close the trace", onclick: this.on_close }, icon("cross"));
    replace(this.element,
      h("div", { class: "trace-head" }, h("h2", {}, "Trace"), page && state_chip(page.turn.state, page.turn.waiting_for), close),
      h("div", { class: "trace-body" }, page ? trace_parts(page) : h("p", { class: "muted" }, trouble || NOTHING)));
  }
}

function trace_parts(page) {
  const tokens = token_bar(page.turn);
  return [
    problem(page.turn.error),
    numbers(page),
    h("section", {}, h("h3", {}, "Path"), path(page)),
    tokens && h("section", {}, h("h3", {}, "Tokens"), tokens),
    h("p", { class: "muted" }, h("a", { href: `/runs/${page.turn.run_id}` }, "Open the whole run")),
  ];
}
