// Inline Markdown as a tree of plain objects: emphasis, code, links, line breaks. Raw HTML is text.
//
//   parseInline("see **`x`** at https://example.org")
//   → [{t: "text", v: "see "}, {t: "strong", c: [{t: "code", v: "x"}]}, {t: "text", v: " at "}, {t: "link", …}]
//
// The emphasis rules are those of CommonMark (https://spec.commonmark.org/0.31.2/#emphasis-and-strong-emphasis),
// with one delimiter stack, so the time is linear for hostile input too. Unlike there, a single line break is
// shown as one: people and bots mean it that way in a chat.

const DEEPEST = 24;
const SPECIAL = /[\\`*_~[\]!<\n&]|https?:\/\//g;
const PUNCTUATION = /[\p{P}\p{S}]/u;
const ESCAPABLE = /[!-/:-@[-`{-~]/;
const AUTOLINK = /<((?:https?:\/\/|mailto:)[^\s<>]{1,2048})>/y;
const BARE_URL = /https?:\/\/[^\s<>"`\\^{|}]{1,2048}/y;
const ENTITY = /&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|(amp|lt|gt|quot|apos|nbsp));/y;
const NAMED = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: "\u00a0" };
const TARGET_LIMIT = 2048;

export function parseInline(source) {
  return new Parser(source).run();
}

// A link target we are willing to open, or null. Only web and mail addresses: no script, data or file URLs,
// and nothing relative, which would lead into this page's own server.
export function safeHref(target) {
  let url;
  try {
    url = new URL(target);
  } catch {
    return null;
  }
  if (url.protocol === "mailto:") return url.href;
  if (url.protocol !== "http:" && url.protocol !== "https:") return null;
  // "https:evil" parses as a host too; what is written must look like what is opened
  return /^https?:\/\//i.test(target) && !url.username && !url.password ? url.href : null;
}

class Parser {
  constructor(source) {
    this.source = source;
    this.at = 0;
    this.head = { t: "head", next: null, prev: null };
    this.tail = this.head;
    this.delimiters = [];
    this.brackets = [];
    this.closed = 0; // brackets below this place are around a link already, so they open none themselves
    this.ticks = null;
  }

  run() {
    const { source } = this;
    while (this.at < source.length) {
      SPECIAL.lastIndex = this.at;
      const found = SPECIAL.exec(source);
      const until = found ? found.index : source.length;
      if (until > this.at) this.text(source.slice(this.at, until));
      this.at = until;
      if (found) this.special(found[0]);
    }
    this.emphasis(0);
    return collect(this.head.next, null);
  }

  special(mark) {
    switch (mark) {
      case "\\": return this.escape();
      case "`": return this.code();
      case "*": case "_": case "~": return this.run_of(mark);
      case "[": return this.open_bracket(1, false);
      case "!": return this.source[this.at + 1] === "[" ? this.open_bracket(2, true) : this.literal(1);
      case "]": return this.close_bracket();
      case "<": return this.autolink();
      case "\n": return this.line_break();
      case "&": return this.entity();
      default: return this.bare_url();
    }
  }

  // ── building ──────────────────────────────────────────────────────────────────────────────────────────

  push(node) {
    node.prev = this.tail;
    node.next = null;
    this.tail.next = node;
    this.tail = node;
    return node;
  }

  text(value) {
    if (this.tail.t === "text" && !this.tail.held) this.tail.v += value;
    else this.push({ t: "text", v: value });
  }

  literal(length) {
    this.text(this.source.slice(this.at, this.at + length));
    this.at += length;
  }

  remove(node) {
    node.prev.next = node.next;
    if (node.next) node.next.prev = node.prev;
    else this.tail = node.prev;
  }

  // Put everything between two nodes (`last` null: up to the end) into one new node after `first`.
  wrap(first, last, node) {
    const from = first.next;
    if (from === last) return false;
    const to = last ? last.prev : this.tail;
    let depth = 0;
    for (let child = from; child !== last; child = child.next) depth = Math.max(depth, child.d ?? 0);
    if (depth >= DEEPEST) {
      this.delimiters.length = 0; // nobody means this; the rest is shown as it was written
      return false;
    }
    from.prev = null;
    to.next = null;
    node.d = depth + 1;
    node.from = from;
    node.prev = first;
    node.next = last;
    first.next = node;
    if (last) last.prev = node;
    else this.tail = node;
    return true;
  }

  // ── leaves ────────────────────────────────────────────────────────────────────────────────────────────

  escape() {
    const next = this.source[this.at + 1];
    if (next === "\n") {
      this.push({ t: "br" });
      this.at += 2;
    } else if (next !== undefined && ESCAPABLE.test(next)) {
      this.text(next);
      this.at += 2;
    } else {
      this.literal(1);
    }
  }

  code() {
    const length = run_length(this.source, this.at, "`");
    const start = this.at + length;
    const end = this.closing_ticks(length, start);
    if (end < 0) return this.literal(length);
    let value = this.source.slice(start, end).replaceAll("\n", " ");
    if (value.length > 2 && value.startsWith(" ") && value.endsWith(" ") && value.trim()) value = value.slice(1, -1);
    this.push({ t: "code", v: value });
    this.at = end + length;
  }

  // Where the next run of exactly this many backticks begins. All runs are found once.
  closing_ticks(length, from) {
    if (!this.ticks) {
      this.ticks = new Map();
      for (const run of this.source.matchAll(/`+/g)) {
        const size = run[0].length;
        if (!this.ticks.has(size)) this.ticks.set(size, { places: [], next: 0 });
        this.ticks.get(size).places.push(run.index);
      }
    }
    const runs = this.ticks.get(length);
    if (!runs) return -1;
    while (runs.next < runs.places.length && runs.places[runs.next] < from) runs.next += 1;
    return runs.next < runs.places.length ? runs.places[runs.next] : -1;
  }

  autolink() {
    AUTOLINK.lastIndex = this.at;
    const found = AUTOLINK.exec(this.source);
    const href = found && safeHref(found[1]);
    if (!href) return this.literal(1);
    this.link(href, "", found[1]);
    this.at += found[0].length;
  }

  bare_url() {
    const before = this.at > 0 ? this.source[this.at - 1] : "";
    BARE_URL.lastIndex = this.at;
    const found = /[\p{L}\p{N}]/u.test(before) ? null : BARE_URL.exec(this.source);
    const shown = found ? without_trailing_marks(found[0]) : "";
    const href = shown.length > 8 ? safeHref(shown) : null;
    if (!href) return this.literal(4);
    this.link(href, "", shown);
    this.at += shown.length;
  }

  link(href, title, label) {
    const child = { t: "text", v: label, prev: null, next: null };
    this.push({ t: "link", href, title, from: child, d: 1 });
  }

  line_break() {
    if (this.tail.t === "text" && !this.tail.held) this.tail.v = this.tail.v.trimEnd();
    this.push({ t: "br" });
    this.at += 1;
    while (this.source[this.at] === " ") this.at += 1;
  }

  entity() {
    ENTITY.lastIndex = this.at;
    const found = ENTITY.exec(this.source);
    if (!found) return this.literal(1);
    const [whole, decimal, hex, name] = found;
    this.text(name ? NAMED[name] : character(decimal ? Number.parseInt(decimal, 10) : Number.parseInt(hex, 16)));
    this.at += whole.length;
  }

  // ── links ─────────────────────────────────────────────────────────────────────────────────────────────

  open_bracket(length, image) {
    const node = this.push({ t: "text", v: this.source.slice(this.at, this.at + length), held: true });
    this.brackets.push({ node, image, delimiters: this.delimiters.length });
    this.at += length;
  }

  close_bracket() {
    const opener = this.brackets.pop();
    const active = opener && (opener.image || this.brackets.length >= this.closed);
    this.closed = Math.min(this.closed, this.brackets.length);
    const target = active ? link_target(this.source, this.at + 1) : null;
    if (!target) {
      this.literal(1);
      return;
    }
    this.emphasis(opener.delimiters);
    const href = safeHref(target.href);
    // an image would load something from elsewhere, so it is shown as a link to it
    const label = opener.image && opener.node.next === null ? "image" : "";
    if (label) this.push({ t: "text", v: label });
    const node = href ? { t: "link", href, title: target.title } : { t: "span" };
    if (this.wrap(opener.node, null, node)) {
      if (href) unlink(node.from);
      this.remove(opener.node);
    }
    this.at = target.end;
    if (!opener.image) this.closed = this.brackets.length;
  }

  // ── emphasis ──────────────────────────────────────────────────────────────────────────────────────────

  run_of(mark) {
    const length = run_length(this.source, this.at, mark);
    const before = this.source[this.at - 1] ?? "\n";
    const after = this.source[this.at + length] ?? "\n";
    const space_before = /\s/.test(before), space_after = /\s/.test(after);
    const mark_before = PUNCTUATION.test(before), mark_after = PUNCTUATION.test(after);
    const left = !space_after && (!mark_after || space_before || mark_before);
    const right = !space_before && (!mark_before || space_after || mark_after);
    const node = this.push({ t: "text", v: mark.repeat(length), held: true });
    this.at += length;
    if (mark === "~" && length !== 2) return;
    const opens = mark === "_" ? left && (!right || mark_before) : left;
    const closes = mark === "_" ? right && (!left || mark_after) : right;
    if (opens || closes) this.delimiters.push({ node, mark, left: length, length, opens, closes });
  }

  emphasis(bottom) {
    const { delimiters } = this;
    const floors = new Map();
    let at = bottom;
    while (at < delimiters.length) {
      const closer = delimiters[at];
      const opener = closer.closes ? this.opener_for(at, bottom, floors) : -1;
      if (opener < 0) {
        at += 1;
        continue;
      }
      at = this.pair(opener, at);
    }
    delimiters.length = Math.min(delimiters.length, bottom);
  }

  opener_for(at, bottom, floors) {
    const closer = this.delimiters[at];
    const kind = `${closer.mark}${closer.opens}${closer.length % 3}`;
    const floor = Math.max(bottom, floors.get(kind) ?? bottom);
    for (let index = at - 1; index >= floor; index -= 1) {
      const opener = this.delimiters[index];
      if (opener.mark !== closer.mark || !opener.opens) continue;
      const both = (opener.closes || closer.opens) && (opener.length + closer.length) % 3 === 0;
      if (both && (opener.length % 3 !== 0 || closer.length % 3 !== 0)) continue;
      return index;
    }
    floors.set(kind, at);
    return -1;
  }

  // Join an opener and a closer; returns where to go on.
  pair(opener_at, closer_at) {
    const { delimiters } = this;
    const opener = delimiters[opener_at], closer = delimiters[closer_at];
    const used = opener.left >= 2 && closer.left >= 2 ? 2 : 1;
    const kind = opener.mark === "~" ? "del" : used === 2 ? "strong" : "em";
    if (!this.wrap(opener.node, closer.node, { t: kind })) {
      closer.closes = false;
      return closer_at;
    }
    for (const side of [opener, closer]) {
      side.left -= used;
      side.node.v = side.node.v.slice(used);
      if (side.left === 0) this.remove(side.node);
    }
    delimiters.splice(opener_at + 1, closer_at - opener_at - 1);
    let next = opener_at + 1;
    if (closer.left === 0) delimiters.splice(next, 1);
    if (opener.left === 0) {
      delimiters.splice(opener_at, 1);
      next -= 1;
    }
    return next;
  }
}

function run_length(source, at, mark) {
  let end = at;
  while (source[end] === mark) end += 1;
  return end - at;
}

function character(code) {
  return code > 0 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff) ? String.fromCodePoint(code) : "\ufffd";
}

// "https://a.example/b)." → without what belongs to the sentence around it.
function without_trailing_marks(url) {
  let end = url.length;
  let open = 0;
  for (const mark of url) open += mark === "(" ? 1 : mark === ")" ? -1 : 0;
  while (end > 0) {
    const last = url[end - 1];
    if (last === ")" && open < 0) open += 1;
    else if (!/[.,;:!?'*_~\]]/.test(last)) break;
    end -= 1;
  }
  return url.slice(0, end);
}

// `(target "title")` from `at` on, or null.
function link_target(source, at) {
  if (source[at] !== "(") return null;
  const limit = Math.min(source.length, at + TARGET_LIMIT);
  let from = skip_space(source, at + 1, limit);
  let end = from;
  if (source[from] === "<") {
    from += 1;
    end = source.indexOf(">", from);
    if (end < 0 || end >= limit || /[<\n]/.test(source.slice(from, end))) return null;
  } else {
    for (let open = 0; end < limit && !/\s/.test(source[end]); end += 1) {
      if (source[end] === "(" && ++open > DEEPEST) return null;
      if (source[end] === ")" && open-- === 0) break;
    }
  }
  const href = source.slice(from, end).replace(/\\([!-/:-@[-`{-~])/g, "$1");
  let title = "";
  let rest = skip_space(source, source[end] === ">" ? end + 1 : end, limit);
  if (rest > end && (source[rest] === '"' || source[rest] === "'")) {
    const close = source.indexOf(source[rest], rest + 1);
    if (close < 0 || close >= limit) return null;
    title = source.slice(rest + 1, close);
    rest = skip_space(source, close + 1, limit);
  }
  return source[rest] === ")" ? { href, title, end: rest + 1 } : null;
}

function skip_space(source, at, limit) {
  let end = at;
  while (end < limit && /\s/.test(source[end])) end += 1;
  return end;
}

// Links do not contain links: those within become plain spans.
function unlink(first) {
  const work = [first];
  while (work.length) {
    for (let node = work.pop(); node; node = node.next) {
      if (node.t === "link") node.t = "span";
      if (node.from) work.push(node.from);
    }
  }
}

// The linked list as arrays, without what only the parser needs.
function collect(first, last) {
  const nodes = [];
  for (let node = first; node !== last && node; node = node.next) {
    const previous = nodes.at(-1);
    if (node.t === "text") {
      if (!node.v) continue;
      if (previous?.t === "text") previous.v += node.v;
      else nodes.push({ t: "text", v: node.v });
    } else if (node.t === "code") {
      nodes.push({ t: "code", v: node.v });
    } else if (node.t === "br") {
      nodes.push({ t: "br" });
    } else {
      const c = collect(node.from, null);
      if (node.t === "link") nodes.push({ t: "link", href: node.href, title: node.title, c });
      else nodes.push({ t: node.t, c });
    }
  }
  return nodes;
}
