// Addresses: #/queues/%2F/orders, as the pages people have bookmarked. Each names a view; the view
// module is loaded when it is first needed.

const ROUTES = [
  ["/", "overview"],
  ["/overview", "overview"],
  ["/connections", "connections"],
  ["/connections/:name", "connection"],
  ["/channels", "channels"],
  ["/channels/:name", "channel"],
  ["/exchanges", "exchanges"],
  ["/exchanges/:vhost/:name", "exchange"],
  ["/queues", "queues"],
  ["/queues/:vhost/:name", "queue"],
  ["/users", "users"],
  ["/users/:name", "user"],
  ["/vhosts", "vhosts"],
  ["/vhosts/:name", "vhost"],
  ["/policies", "policies"],
  ["/policies/:vhost/:name", "policies"],
  ["/operator_policies", "policies"],
  ["/operator_policies/:vhost/:name", "policies"],
  ["/limits", "limits"],
  ["/nodes/:name", "node"],
  ["/cluster-name", "cluster"],
  ["/feature-flags", "cluster"],
  ["/log", "log"],
].map(([pattern, view]) => ({ parts: pattern.split("/"), view }));

/** The part of `hash` before "?" split and decoded, and the query after it. */
export function parse(hash) {
  const [address, query = ""] = hash.replace(/^#/, "").split("?");
  return { parts: address.replace(/\/$/, "").split("/").map(decode), query: new URLSearchParams(query) };
}

/** Returns: {view, params, query} for an address, view null if there is none. */
export function match(hash) {
  const { parts, query } = parse(hash || "#/");
  const asked = parts.length < 2 ? ["", ""] : parts;
  for (const { parts: wanted, view } of ROUTES) {
    if (wanted.length !== asked.length) continue;
    const params = {};
    const fits = wanted.every((part, i) => {
      if (!part.startsWith(":")) return part === asked[i];
      params[part.slice(1)] = asked[i];
      return true;
    });
    if (fits) return { view, params, query, first: asked[1] };
  }
  return { view: null, params: {}, query, first: asked[1] };
}

function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // a stray % in an address somebody typed
  }
}
