// Who may log in.

import { get, path, put } from "../api.js";
import { links } from "../links.js";
import { args, badge, drawer } from "../parts.js";
import { makeForm, row, selectField, textField } from "../forms.js";
import { localTable } from "../tables.js";
import { tagList, tagsField } from "../users.js";

export async function show(page) {
  const adding = drawer({ id: "add-user", title: "Add a user", label: "Add user" });
  page.heading({ title: "Users", actions: [adding.button] });
  const list = localTable({
    id: "users", caption: "Users", noun: "user", key: (item) => item.name, sort: { column: "name" },
    columns: [
      { id: "name", label: "Name", sort: "name", name: true, cell: (item) => links.user(item.name) },
      { id: "tags", label: "Tags", sort: (item) => tagList(item.tags).join(), cell: (item) => tagList(item.tags).join(", ") },
      { id: "vhosts", label: "May enter", cell: (item) => vhostsOf(item) },
      { id: "password", label: "Password", sort: (item) => Boolean(item.password_hash), cell: (item) => (item.password_hash ? "set" : badge("none", "cannot log in with a password")) },
      { id: "limits", label: "Limits", cell: (item) => args(item.limits) },
    ],
  });
  adding.whenOpened(() => adding.body.append(userForm()));
  page.add(adding.element, list.element);

  let entries = new Map();
  const vhostsOf = ({ name }) => {
    const vhosts = entries.get(name) || [];
    if (!vhosts.length) return badge("none", "no permission for any virtual host");
    return vhosts.flatMap((vhost, i) => [i ? ", " : "", links.vhost(vhost)]);
  };

  function userForm() {
    const name = textField({ label: "Name", required: true });
    const kind = selectField({
      label: "Credentials", options: [["password", "A password"], ["hash", "The hash of a password"], ["none", "None"]],
      onchange: (chosen) => {
        password.element.hidden = again.element.hidden = chosen !== "password";
        hash.element.hidden = chosen !== "hash";
      },
    });
    const password = textField({ label: "Password", type: "password", autocomplete: "new-password" });
    const again = textField({ label: "Once more", type: "password", autocomplete: "new-password" });
    const hash = textField({ label: "Hash", help: "Base64 of a salted SHA-256, as definitions have it." });
    hash.element.hidden = true;
    const tags = tagsField();
    return makeForm({
      label: "Add a user",
      rows: [row(name, kind), row(password, again, hash), tags.element],
      fields: [name, password, again, hash, tags],
      submit: "Add user",
      run: async () => {
        const body = { tags: tags.read() };
        if (kind.read() === "password") {
          if (password.read() !== again.read()) throw new Error("The two passwords differ.");
          if (!password.read()) throw new Error("A password is needed; or choose “None”.");
          body.password = password.read();
        } else {
          body.password_hash = kind.read() === "hash" ? hash.read() : "";
        }
        await put(path`users/${name.read()}`, body);
        page.refresh();
        return `Added user ${name.read()}. Give access to a virtual host on the user's page.`;
      },
    }).element;
  }

  await page.poll(async (signal) => {
    const [users, permissions] = await Promise.all([get("users", { signal }), get("permissions", { signal })]);
    entries = new Map();
    for (const { user, vhost } of permissions) entries.set(user, [...(entries.get(user) || []), vhost]);
    list.show(users);
  });
}
