// One user: where he may go, what he may do there, his password, tags and limits.

import { tellNextPage } from "../announce.js";
import { get, path, put, remove } from "../api.js";
import { ask } from "../dialogs.js";
import { fill, h, patch } from "../dom.js";
import { count } from "../format.js";
import { actionButton, makeForm, radioField, row, textField } from "../forms.js";
import { limitsEditor, USER_LIMITS } from "../limits.js";
import { facts, panel } from "../parts.js";
import { permissionForm, permissionsTable, topicPermissionForm, topicPermissionsTable } from "../permissions.js";
import { scope, startVhost } from "../scope.js";
import { user as me } from "../session.js";
import { tagList, tagsField } from "../users.js";

export async function show(page) {
  const { name } = page.params;
  const address = path`users/${name}`;
  page.heading({ title: name, crumbs: [["Users", "#/users"]] });
  const refresh = () => page.refresh();
  const details = h("div");
  const permissions = h("div");
  const permissionsPanel = panel({ id: "user.permissions", title: "Permissions", content: [
    permissions, permissionForm({ of: "user", fixed: name, choices: scope.vhosts, start: startVhost(), onChange: refresh }),
  ] });
  const topics = h("div");
  const topicsPanel = panel({ id: "user.topics", title: "Topic permissions", open: false, content: [
    topics, topicPermissionForm({ of: "user", fixed: name, choices: scope.vhosts, start: startVhost(), onChange: refresh }),
  ] });
  const limits = limitsEditor({ kind: "user-limits", name, known: USER_LIMITS, onChange: refresh });
  const changing = panel({ id: "user.change", title: "Change password or tags", open: false });

  page.add(
    panel({ id: "user.details", title: "Details", content: [details] }).element,
    permissionsPanel.element,
    topicsPanel.element,
    panel({ id: "user.limits", title: "Limits", open: false, content: [limits.element] }).element,
    changing.element,
    panel({ id: "user.delete", title: "Delete this user", open: false, content: [actionButton({
      label: "Delete user", busy: "Deleting…", className: ".primary.danger",
      ask: () => ask({ title: `Delete user ${name}?`, text: name === me.name ? "This is you: your session ends." : "His permissions are deleted with him. Open connections stay until they close.", confirm: "Delete" }),
      run: async () => {
        await remove(address);
        tellNextPage(`Deleted user ${name}.`);
        location.hash = "#/users";
        return "";
      },
    })] }).element,
  );

  function changeForm(user) {
    const keep = { password_hash: user.password_hash, hashing_algorithm: user.hashing_algorithm };
    const kind = radioField({
      label: "Password", value: "keep", options: [["keep", "Keep it"], ["new", "Set a new one"], ["none", "Remove it"]],
      onchange: (chosen) => {
        password.element.hidden = again.element.hidden = chosen !== "new";
      },
    });
    const password = textField({ label: "New password", type: "password", autocomplete: "new-password" });
    const again = textField({ label: "Once more", type: "password", autocomplete: "new-password" });
    password.element.hidden = again.element.hidden = true;
    const tags = tagsField(tagList(user.tags).join(", "));
    return makeForm({
      label: "Change user",
      rows: [kind.element, row(password, again), tags.element],
      fields: [password, again, kind],
      submit: "Change user",
      run: async () => {
        const body = { tags: tags.read() };
        if (kind.read() === "new") {
          if (!password.read()) throw new Error("A password is needed.");
          if (password.read() !== again.read()) throw new Error("The two passwords differ.");
          body.password = password.read();
        } else if (kind.read() === "keep") Object.assign(body, keep);
        else body.password_hash = "";
        await put(address, body);
        refresh();
        return "Changed";
      },
    }).element;
  }

  let form = null;
  await page.poll(async (signal) => {
    const [user, list, topicList] = await Promise.all([
      get(address, { signal }),
      get(`${address}/permissions`, { signal }),
      get(`${address}/topic-permissions`, { signal }),
    ]);
    patch(details, facts([["Tags", tagList(user.tags).join(", ") || "none"], ["Password", user.password_hash ? "set" : "none: cannot log in with one"]]));
    patch(permissions, permissionsTable(list, { of: "user", onChange: refresh }));
    permissionsPanel.amount(count(list.length));
    patch(topics, topicPermissionsTable(topicList, { of: "user", onChange: refresh }));
    topicsPanel.amount(count(topicList.length));
    limits.show(user.limits || {});
    // Built again only when what it would keep has changed, so that nothing typed is lost.
    const version = JSON.stringify(user);
    if (version !== form) {
      form = version;
      fill(changing.body, changeForm(user));
    }
  }, { gone: "This user" });
}
