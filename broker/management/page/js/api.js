// Talking to the HTTP API: addresses, credentials, errors.

// Relative to the page, so that it also works behind a path prefix.
const BASE = new URL("api/", document.baseURI);

let authorization = null;
let onLoggedOut = () => {};

/** A refusal by the broker, or no answer at all (status 0). The message is what to show. */
export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.name = "ApiError";
    this.status = status;
  }
}

/** An address with every inserted part percent-encoded: path`queues/${vhost}/${name}`. */
export function path(strings, ...parts) {
  return strings.reduce((all, text, i) => all + encodeURIComponent(parts[i - 1]) + text);
}

/** Append a query; null, undefined and "" are left out. */
export function withQuery(address, query) {
  const pairs = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return pairs.length ? `${address}?${new URLSearchParams(pairs)}` : address;
}

/** credentials: the value of the Authorization header, or null. */
export function setAuthorization(value) {
  authorization = value;
}

/** Called when the credentials no longer open anything. */
export function whenLoggedOut(callback) {
  onLoggedOut = callback;
}

/** The raw answer of a successful request; raises ApiError for every other. */
export async function send(method, address, { body, headers, signal } = {}) {
  const response = await call(method, address, { body, headers, signal });
  if (response.ok) return response;
  const error = await refusal(response);
  // 401 says "unknown user" and also "your tags do not allow this". Only the first ends the session.
  if (response.status === 401 && authorization) {
    const asked = await call("GET", "whoami", {});
    if (asked.status === 401) onLoggedOut();
  }
  throw error;
}

/** A request whose answer is JSON, or null when it is empty. */
export async function request(method, address, options) {
  const text = await whole(await send(method, address, options), "text");
  return text ? JSON.parse(text) : null;
}

/** The answer of a GET as a file to keep. */
export async function download(address) {
  return whole(await send("GET", address), "blob");
}

export const get = (address, options) => request("GET", address, options);
export const put = (address, body = {}) => request("PUT", address, { body });
export const post = (address, body = {}) => request("POST", address, { body });
export const remove = (address, headers) => request("DELETE", address, { headers });

async function call(method, address, { body, headers, signal }) {
  const all = { accept: "application/json", ...(authorization && { authorization }), ...headers };
  if (body !== undefined) all["content-type"] = "application/json";
  try {
    return await fetch(new URL(address, BASE), {
      method,
      headers: all,
      body: body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body),
      signal,
      cache: "no-store",
      // Without this the browser would answer a 401 with its own login dialog.
      credentials: "omit",
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, "No answer from the broker. Is it running, and is the network there?");
  }
}

async function whole(response, kind) {
  try {
    return await response[kind]();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, "The answer of the broker broke off.");
  }
}

async function refusal(response) {
  let reason = "";
  const text = await response.text().catch(() => "");
  try {
    const parsed = JSON.parse(text);
    reason = parsed.reason ?? parsed.error ?? "";
    if (typeof reason !== "string") reason = JSON.stringify(reason);
  } catch {
    reason = text.slice(0, 300);
  }
  if (reason === "Access refused.") reason = "Access refused: your permissions do not allow this.";
  if (response.status === 404 && (!reason || reason === "Not Found")) reason = "It is not there (any more).";
  return new ApiError(response.status, reason || `${response.status} ${response.statusText}`);
}
