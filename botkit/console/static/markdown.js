// Markdown as a tree of plain objects, block by block; `render.js` turns it into elements.
//
// Known: headings, paragraphs, fenced code, quotes, nested and task lists, tables, rules. Raw HTML is text.
// An unfinished text (an answer being written) parses too: an open fence reaches to the end.

import { parseInline } from "./inline.js";

const DEEPEST = 12;
const FENCE = /^( {0,3})(`{3,}(?=[^`]*$)|~{3,})(.*)$/;
const HEADING = /^ {0,3}(#{1,6})(?:[ \t](.*))?$/;
const RULE = /^ {0,3}(?:(?:-[ \t]*){3,}|(?:\*[ \t]*){3,}|(?:_[ \t]*){3,})$/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^( {0,3})([-*+]|\d{1,9}[.)])(?:([ \t]+)(.*))?$/;
const TABLE_RULE = /^\|?:?-+:?(?:\|:?-+:?)*\|?$/;
const TASK = /^\[([ xX])\][ \t]+/;
const MOST_CELLS = 40;

// Blocks of a text; each has `raw`, so that a longer version of the same text needs only its last ones anew.
export function parseMarkdown(text) {
  const lines = text.replace(/\r\n?/g, "\n").replaceAll("\0", "\ufffd").split("\n").map(untabbed);
  return blocks(lines, 0);
}

function untabbed(line) {
  return line.startsWith("\t") || /^ +\t/.test(line) ? line.replace(/^[ \t]+/, (lead) => lead.replaceAll("\t", "    ")) : line;
}

function blocks(lines, depth) {
  const found = [];
  let at = 0;
  while (at < lines.length) {
    if (!lines[at].trim()) {
      at += 1;
      continue;
    }
    const [block, next] = block_at(lines, at, depth);
    block.raw = lines.slice(at, next).join("\n");
    found.push(block);
    at = next;
  }
  return found;
}

function block_at(lines, at, depth) {
  const line = lines[at];
  const fence = FENCE.exec(line);
  if (fence) return code(lines, at, fence);
  const heading = HEADING.exec(line);
  if (heading) return [{ t: "heading", level: heading[1].length, c: parseInline(heading_text(heading[2] ?? "")) }, at + 1];
  if (RULE.test(line)) return [{ t: "rule" }, at + 1];
  if (depth < DEEPEST) {
    if (QUOTE.test(line)) return quote(lines, at, depth);
    if (ITEM.test(line)) return list(lines, at, depth);
  }
  if (is_table(lines, at)) return table(lines, at);
  return paragraph(lines, at);
}

// "Title ##" → "Title"
function heading_text(text) {
  const trimmed = text.trim();
  let end = trimmed.length;
  while (end > 0 && trimmed[end - 1] === "#") end -= 1;
  return end === 0 || /\s/.test(trimmed[end - 1]) ? trimmed.slice(0, end).trimEnd() : trimmed;
}

function code(lines, at, [, indent, fence, info]) {
  const closing = new RegExp(`^ {0,3}${fence[0] === "`" ? "`" : "~"}{${fence.length},}[ \\t]*$`);
  let end = at + 1;
  while (end < lines.length && !closing.test(lines[end])) end += 1;
  const body = lines.slice(at + 1, end).map((line) => line.replace(new RegExp(`^ {0,${indent.length}}`), ""));
  const language = info.trim().split(/\s+/)[0].slice(0, 40);
  return [{ t: "code", language, v: body.join("\n"), closed: end < lines.length }, Math.min(end + 1, lines.length)];
}

function quote(lines, at, depth) {
  const inner = [];
  let end = at;
  while (end < lines.length) {
    if (QUOTE.test(lines[end])) inner.push(lines[end].replace(QUOTE, ""));
    else if (lines[end].trim() && inner.at(-1)?.trim() && !starts_block(lines, end)) inner.push(lines[end]);
    else break;
    end += 1;
  }
  return [{ t: "quote", c: blocks(inner, depth + 1) }, end];
}

function list(lines, at, depth) {
  const first = ITEM.exec(lines[at])[2];
  const ordered = /\d/.test(first);
  const kind = first.at(-1);
  const items = [];
  let loose = false;
  let end = at;
  while (end < lines.length) {
    const item = ITEM.exec(lines[end]);
    if (!item || RULE.test(lines[end]) || item[2].at(-1) !== kind || /\d/.test(item[2]) !== ordered) break;
    const [inner, next] = item_lines(lines, end, item);
    items.push(item_of(inner, depth));
    loose ||= set_apart(inner, items.at(-1).c);
    end = next;
    const after = skip_blank(lines, end);
    if (after > end && after < lines.length && ITEM.test(lines[after])) {
      loose ||= ITEM.exec(lines[after])[2].at(-1) === kind;
      end = after;
    }
  }
  const start = ordered ? Number.parseInt(first, 10) : 1;
  return [{ t: "list", ordered, start, loose, items }, end];
}

// Lines of one item without its indentation, and where it ends.
function item_lines(lines, at, [, lead, marker, gap, rest]) {
  const gap_width = gap && rest && gap.length <= 4 ? gap.length : 1;
  const width = lead.length + marker.length + gap_width;
  const inner = [rest ?? ""];
  let end = at + 1;
  while (end < lines.length) {
    const line = lines[end];
    if (!line.trim()) {
      const next = skip_blank(lines, end);
      if (next >= lines.length || indent(lines[next]) < width) break;
      for (; end < next; end += 1) inner.push("");
      continue;
    }
    if (indent(line) >= width) inner.push(line.slice(width));
    else if (inner.at(-1)?.trim() && !starts_block(lines, end) && !ITEM.test(line)) inner.push(line.trimStart());
    else break;
    end += 1;
  }
  return [inner, end];
}

// Whether blank lines stand between the blocks of an item.
function set_apart(inner, children) {
  const covered = children.reduce((sum, child) => sum + child.raw.split("\n").length, 0);
  return children.length > 1 && covered < inner.length;
}

function item_of(inner, depth) {
  const task = TASK.exec(inner[0]);
  if (task) inner[0] = inner[0].slice(task[0].length);
  return { task: task ? task[1] !== " " : null, c: blocks(inner, depth + 1) };
}

function is_table(lines, at) {
  if (at + 1 >= lines.length || !lines[at].includes("|") || !lines[at + 1].includes("|")) return false;
  if (!TABLE_RULE.test(lines[at + 1].replace(/[ \t]+/g, ""))) return false;
  return cells(lines[at]).length === cells(lines[at + 1]).length;
}

function table(lines, at) {
  const align = cells(lines[at + 1]).map((cell) =>
    cell.startsWith(":") && cell.endsWith(":") ? "center" : cell.endsWith(":") ? "right" : cell.startsWith(":") ? "left" : "",
  );
  const head = cells(lines[at]).map(parseInline);
  const rows = [];
  let end = at + 2;
  while (end < lines.length && lines[end].trim() && !starts_block(lines, end)) {
    const row = cells(lines[end]).slice(0, head.length).map(parseInline);
    while (row.length < head.length) row.push([]);
    rows.push(row);
    end += 1;
  }
  return [{ t: "table", align, head, rows }, end];
}

function cells(line) {
  const inner = line.trim().replace(/^\|/, "").replace(/(^|[^\\])\|$/, "$1");
  return inner.split(/(?<!\\)\|/, MOST_CELLS).map((cell) => cell.trim().replaceAll("\\|", "|"));
}

function paragraph(lines, at) {
  let end = at + 1;
  while (end < lines.length && lines[end].trim() && !starts_block(lines, end) && !is_table(lines, end)) end += 1;
  return [{ t: "paragraph", c: parseInline(lines.slice(at, end).map((line) => line.trimStart()).join("\n").trimEnd()) }, end];
}

// Whether a line ends the paragraph above it. A number does so only as the start of a list that begins at 1.
function starts_block(lines, at) {
  const line = lines[at];
  if (FENCE.test(line) || HEADING.test(line) || RULE.test(line) || QUOTE.test(line)) return true;
  const item = ITEM.exec(line);
  return item !== null && Boolean(item[4]) && (!/\d/.test(item[2]) || Number.parseInt(item[2], 10) === 1);
}

function skip_blank(lines, at) {
  let end = at;
  while (end < lines.length && !lines[end].trim()) end += 1;
  return end;
}

function indent(line) {
  return line.length - line.trimStart().length;
}
