// A turn in figures: its path through the house, what it took, where the tokens went.

import { h, icon, svg } from "./dom.js";
import { phrase } from "./render.js";
import { count, duration, money, plural, split_tool } from "./format.js";

const ICONS = { inbox: "down", model: "spark", tool: "tool", wait: "clock", step: "chevron", outbox: "send" };
const TOKENS = [
  ["systemPrompt", "Instructions", "t1"],
  ["toolDefinitions", "Tool definitions", "t2"],
  ["memory", "Notes", "t7"],
  ["summary", "Summary", "t8"],
  ["conversationHistory", "History", "t3"],
  ["currentMessage", "This message", "t4"],
  ["toolResults", "Tool results", "t5"],
  ["llmOutput", "Written answer", "t6"],
];
const SCALE = 1000;

export function numbers(page) {
  const { turn } = page;
  const tokens = turn.input_tokens + turn.output_tokens;
  const cached = turn.cached_tokens ? `, ${count(turn.cached_tokens)} cached` : "";
  const open = !page.ended_at;
  return h("dl", { class: "numbers" },
    figure(open ? "So far" : "Took", duration(open ? (page.now - page.started_at) / 1000 : turn.latency_ms), working_time(page)),
    figure("Cost", money(turn.cost_micros), ""),
    figure(turn.estimated ? "Tokens, estimated" : "Tokens", count(tokens), `${count(turn.input_tokens)} in, ${count(turn.output_tokens)} out${cached}`),
    figure("Model calls", count(page.models.length || turn.iterations), page.models.at(-1)?.model || turn.model));
}

// Waiting for a person is not work; where both happened, say how much was which.
function working_time(page) {
  const waited = page.bars.filter((bar) => bar.kind === "wait").reduce((sum, bar) => sum + bar.end_us - bar.start_us, 0) / 1000;
  return waited >= 1000 ? `${duration(waited)} of it waiting` : "";
}

function figure(name, value, detail) {
  return h("div", {}, h("dt", {}, name), h("dd", {}, value, detail ? h("small", {}, detail) : null));
}

// Bars come placed on a scale of 1000 by the server.
export function path(page) {
  return h("ol", { class: "path" }, page.bars.map((bar) => {
    const took = (bar.end_us - bar.start_us) / 1000;
    const kind = bar.kind === "wait" ? "wait-bar" : bar.kind;
    const [server, tool] = bar.kind === "tool" ? split_tool(bar.label) : ["", bar.label];
    const left = Math.min(bar.left, SCALE - 6);
    return h("li", { class: `${kind} ${bar.state}`, title: bar.key || null },
      icon(bar.state === "failed" ? "cross" : bar.state === "unknown" ? "question" : ICONS[bar.kind]),
      h("span", { class: "what" }, server && h("small", {}, `${server} `), tool, details(page, bar)),
      h("span", { class: "took" }, took ? duration(took) : ""),
      svg("svg", { class: "track", viewBox: `0 0 ${SCALE} 6`, preserveAspectRatio: "none", "aria-hidden": "true" },
        svg("rect", { x: left, y: 0, width: Math.max(6, Math.min(bar.width, SCALE - left)), height: 6 })));
  }));
}

function details(page, bar) {
  const parts = bar.kind === "outbox" ? [part_kind(page.turn.run_id, bar.key), bar.detail] : [bar.detail];
  return parts.some(Boolean) ? h("small", {}, `  ${parts.filter(Boolean).join(" · ")}`) : null;
}

// The id of a message that says what became of a question: that of the question, and the verdict.
export const DECIDED = /^(.*)\/(approved|rejected|expired|cancelled)\.\d+$/;

// What a delivered message is to its run: its answer, a question, what became of that, or a word on the way.
export function part_kind(run_id, part_id) {
  const rest = part_id.startsWith(run_id) ? part_id.slice(run_id.length) : part_id;
  if (/^(\/\d+)?\.\d+$/.test(rest)) return "answer";
  if (DECIDED.test(rest)) return "decision";
  if (/\/(wait|reconcile)\/\d+\.\d+$/.test(rest)) return "question";
  if (/\/asked\/\d+\.\d+$/.test(rest)) return "request";
  return rest.startsWith("welcome/") ? "welcome" : "notice";
}

export function token_bar(turn) {
  const shares = TOKENS.map(([key, label, tone]) => ({ label, tone, tokens: turn.breakdown?.[key] ?? 0 })).filter((share) => share.tokens > 0);
  const total = shares.reduce((sum, share) => sum + share.tokens, 0);
  if (!total) return null;
  let at = 0;
  const pieces = shares.map(({ tokens, tone }) => {
    const width = (tokens / total) * SCALE;
    const piece = svg("rect", { class: tone, x: at, y: 0, width: Math.max(1, width - 2), height: 12 });
    at += width;
    return piece;
  });
  return h("div", { class: "tokens" },
    svg("svg", { viewBox: `0 0 ${SCALE} 12`, preserveAspectRatio: "none", "aria-hidden": "true" }, pieces),
    h("ul", {}, shares.map(({ label, tone, tokens }) =>
      h("li", {}, h("i", { class: tone, "aria-hidden": "true" }), label, h("span", {}, count(tokens)), h("small", {}, share(tokens / total))))));
}

function share(part) {
  return part < 0.01 ? "<1%" : `${Math.round(part * 100)}%`;
}

export function problem(error) {
  return error ? h("p", { class: "problem" }, phrase(error.message || "This run failed."), " ", h("code", {}, error.code ?? "")) : null;
}

export function state_chip(state, waiting_for = "") {
  const label = (state || "unknown").replaceAll("_", " ");
  return h("span", { class: `state ${state}` }, waiting_for ? `${label} · ${waiting_for}` : label);
}

export function summary_line(turn) {
  const tokens = turn.input_tokens + turn.output_tokens;
  return [
    turn.latency_ms ? duration(turn.latency_ms) : "",
    tokens ? plural(tokens, "token") : "",
    tokens ? money(turn.cost_micros) : "",
  ].filter(Boolean);
}
