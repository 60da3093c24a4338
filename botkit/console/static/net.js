// Requests to the server that served this page.

export class Refused extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

// The server was not reached, so nobody knows whether it heard us.
export class Unreached extends Error {
  constructor() {
    super("The server cannot be reached.");
  }
}

export function get(path) {
  return ask(path, { headers: { accept: "application/json" } });
}

export function post(path, body) {
  return ask(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
}

// A file as it is; nobody has to wait for it longer than for ten of the usual requests.
export function upload(file) {
  const path = `/files?name=${encodeURIComponent(file.name)}`;
  return ask(path, { method: "POST", headers: { "content-type": "application/octet-stream" }, body: file }, 300_000);
}

async function ask(path, options, patience_ms = 30_000) {
  let response;
  try {
    response = await fetch(`/api/sandbox${path}`, { ...options, signal: AbortSignal.timeout(patience_ms) });
  } catch {
    throw new Unreached();
  }
  let body = null;
  try {
    body = await response.json();
  } catch {
    // an error page of something between us and the server
  }
  if (response.ok && body !== null) return body;
  const error = body?.error ?? { code: "http", message: `The server answered with status ${response.status}.` };
  throw new Refused(response.status, error.code, error.message);
}

// Also on plain http, where crypto.randomUUID does not exist.
export function new_id() {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
