// Who is logged in, and what his tags let him do.
//
// The credentials live in sessionStorage: gone with the tab, never in a cookie or an address.

import { get, setAuthorization } from "./api.js";

const KEY = "leveret.authorization";

export const user = { name: "", tags: [] };

/** What the page offers; the broker decides again for every request. */
export const may = {
  /** Nodes, and everybody's connections and channels. */
  get monitor() {
    return has("administrator", "monitoring");
  },
  get setPolicies() {
    return has("administrator", "policymaker");
  },
  get administer() {
    return has("administrator");
  },
};

/** Log in. Raises ApiError: 401 if name or password is wrong. */
export async function logIn(name, password) {
  const bytes = new TextEncoder().encode(`${name}:${password}`);
  await enter(`Basic ${btoa(String.fromCharCode(...bytes))}`);
}

/** Take up the session of this tab. Returns: whether there was one. */
export async function resume() {
  const kept = sessionStorage.getItem(KEY);
  if (!kept) return false;
  await enter(kept);
  return true;
}

export function logOut() {
  sessionStorage.removeItem(KEY);
  setAuthorization(null);
  user.name = "";
  user.tags = [];
}

async function enter(authorization) {
  try {
    // Sent by hand: until they are accepted these are not the credentials of a session.
    const who = await get("whoami", { headers: { authorization } });
    setAuthorization(authorization);
    user.name = who.name;
    // Old brokers answer "a,b" where newer ones answer ["a", "b"].
    user.tags = Array.isArray(who.tags) ? who.tags : String(who.tags).split(",").filter(Boolean);
    sessionStorage.setItem(KEY, authorization);
  } catch (error) {
    if (error.status === 401) logOut();
    throw error;
  }
}

function has(...tags) {
  return tags.some((tag) => user.tags.includes(tag));
}
