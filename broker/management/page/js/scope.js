// The virtual host the lists are limited to ("" = all), and which hosts there are.

import { get } from "./api.js";
import { preference, setPreference } from "./preferences.js";

export const scope = {
  /** Names, sorted; those the user may see. */
  vhosts: [],
  vhost: "",
  get many() {
    return this.vhosts.length > 1 && !this.vhost;
  },
};

export const changed = new EventTarget();

/** Ask the broker for the virtual hosts again: at login, and when one was added or deleted. */
export async function loadVhosts() {
  const found = await get("vhosts?columns=name");
  scope.vhosts = found.map((vhost) => vhost.name).sort();
  const kept = preference("vhost", "");
  scope.vhost = scope.vhosts.includes(kept) ? kept : "";
  changed.dispatchEvent(new Event("vhosts"));
}

export function chooseVhost(name) {
  scope.vhost = name;
  setPreference("vhost", name);
  changed.dispatchEvent(new Event("chosen"));
}

/** The host a form begins with: the chosen one, else "/" or the first. */
export const startVhost = () => scope.vhost || (scope.vhosts.includes("/") ? "/" : scope.vhosts[0] || "");
