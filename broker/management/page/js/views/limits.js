// Limits of virtual hosts and of users.

import { get } from "../api.js";
import { h, patch } from "../dom.js";
import { clearLimit, limitColumns, limitForm, USER_LIMITS, VHOST_LIMITS } from "../limits.js";
import { links } from "../links.js";
import { panel } from "../parts.js";
import { scope } from "../scope.js";
import { table } from "../tables.js";

export async function show(page) {
  page.heading({ title: "Limits" });
  const refresh = () => page.refresh();
  const ofVhosts = h("div");
  const ofUsers = h("div");
  const users = (await get("users?columns=name", { signal: page.signal })).map((user) => user.name);
  page.add(
    panel({ id: "limits.vhosts", title: "Virtual hosts", content: [ofVhosts, limitForm({ kind: "vhost-limits", names: scope.vhosts, known: VHOST_LIMITS, onChange: refresh })] }).element,
    panel({ id: "limits.users", title: "Users", content: [ofUsers, limitForm({ kind: "user-limits", names: users, known: USER_LIMITS, onChange: refresh })] }).element,
  );
  const limitTable = (items, kind, owner, known) =>
    table({
      caption: `Limits of ${owner === "vhost" ? "virtual hosts" : "users"}`, items: items.filter((item) => Object.keys(item.value).length), key: (item) => item[owner],
      empty: "No limits.",
      columns: [
        { id: "name", label: owner === "vhost" ? "Virtual host" : "User", name: true, cell: (item) => links[owner](item[owner]) },
        ...limitColumns(known, (item, key) => clearLimit(kind, item[owner], key, refresh)),
      ],
    });
  await page.poll(async (signal) => {
    const [vhostLimits, userLimits] = await Promise.all([get("vhost-limits", { signal }), get("user-limits", { signal })]);
    patch(ofVhosts, limitTable(vhostLimits, "vhost-limits", "vhost", VHOST_LIMITS));
    patch(ofUsers, limitTable(userLimits, "user-limits", "user", USER_LIMITS));
  });
}
