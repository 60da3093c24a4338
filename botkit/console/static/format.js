// Numbers, times and JSON as people read them.

export function duration(ms) {
  if (ms < 1) return "<1 ms";
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < 60_000) return `${Math.round(ms / 1000)} s`;
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 60) return `${minutes} min ${Math.round((ms % 60_000) / 1000)} s`;
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  return `${Math.round(minutes / 1440)} days`;
}

export function count(number) {
  return number.toLocaleString("en-US");
}

export function plural(number, one, many = `${one}s`) {
  return `${count(number)} ${number === 1 ? one : many}`;
}

// Millionths of a dollar.
export function money(micros) {
  if (!micros) return "free";
  const dollars = micros / 1e6;
  if (dollars < 0.0001) return "<$0.0001";
  return dollars < 1 ? `$${dollars.toFixed(4)}` : `$${dollars.toFixed(2)}`;
}

export function kib(bytes) {
  return `${count(Math.ceil(bytes / 1024))} KiB`;
}

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

// Microseconds → "14:03" today, else "Nov 20".
export function moment(micros) {
  const date = new Date(micros / 1000);
  return is_today(micros) ? clock.format(date) : day.format(date);
}

export function exact(micros) {
  return full.format(new Date(micros / 1000));
}

export function is_today(micros) {
  return new Date(micros / 1000).toDateString() === new Date().toDateString();
}

export function iso(micros) {
  return new Date(micros / 1000).toISOString();
}

// Marks that reorder or hide text are spelled out, so that what a person approves is what they read.
export function visible(text) {
  return text.replace(/[\u202a-\u202e\u2066-\u2069\u200b-\u200f\u2060\ufeff]/g, (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

export function pretty(value) {
  return visible(typeof value === "string" ? value : JSON.stringify(value, null, 2));
}

// A tool's text; JSON in it is laid out.
export function pretty_text(text) {
  const trimmed = text.trim();
  if (/^[[{]/.test(trimmed) && trimmed.length < 200_000) {
    try {
      return pretty(JSON.parse(trimmed));
    } catch {
      // only looked like JSON
    }
  }
  return visible(text);
}

// Arguments in one short line: `order_id: ORD-1042, amount: 12`.
export function peek(args) {
  if (typeof args === "string") return visible(args.slice(0, 120));
  const parts = Object.entries(args ?? {}).map(([name, value]) => `${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`);
  return visible(parts.join(", ").slice(0, 160));
}

// "orders__refund" → ["orders", "refund"]
export function split_tool(name) {
  const at = name.indexOf("__");
  return at > 0 ? [name.slice(0, at), name.slice(at + 2)] : ["", name];
}

export function hue(name) {
  let sum = 0;
  for (const mark of name) sum = (sum * 31 + mark.codePointAt(0)) % 997;
  return `hue-${sum % 6}`;
}

export function initial(name) {
  return ([...name.trim()][0] ?? "?").toUpperCase();
}
