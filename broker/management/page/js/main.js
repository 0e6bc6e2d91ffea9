// The beginning: a login, or the session this tab has already.

import { whenLoggedOut } from "./api.js";
import { fill, h } from "./dom.js";
import { makeForm, textField } from "./forms.js";
import { openShell } from "./shell.js";
import { loadVhosts } from "./scope.js";
import { logIn, logOut, resume } from "./session.js";

const app = document.getElementById("app");
let shell = null;

function showLogin(message) {
  document.title = "Log in · Leveret";
  const name = textField({ label: "User name", required: true, autocomplete: "username" });
  const password = textField({ label: "Password", type: "password", autocomplete: "current-password" });
  const form = makeForm({
    rows: [
      h("header", {}, h("img", { src: "leveret.svg", alt: "" }), h("div", {}, h("h1", {}, "Leveret"), h("p", {}, "Log in to see and steer the broker."))),
      name.element,
      password.element,
    ],
    submit: "Log in",
    busy: "Logging in…",
    reset: false,
    run: async () => {
      try {
        await logIn(name.read(), password.read());
      } catch (error) {
        password.input.select();
        if (error.status === 401) throw new Error(loginRefusal(error.message));
        throw error;
      }
      await enter();
    },
  });
  fill(app, h("main.door", {}, form.element));
  if (message) form.verdict.fail(new Error(message));
  name.input.focus();
}

// The broker says no more than "Login failed" for a wrong name or password, and other words for
// somebody who is known and may not use this page.
function loginRefusal(reason) {
  return /login failed/i.test(reason) ? "Login failed: wrong user name or password, or a login that is not allowed from here." : reason;
}

async function enter() {
  await loadVhosts();
  shell = openShell(app, () => {
    shell = null;
    showLogin();
  });
}

whenLoggedOut(() => {
  if (shell) shell.close();
  shell = null;
  logOut();
  showLogin("Your session has ended: the broker no longer takes this user name and password.");
});

try {
  if (await resume()) await enter();
  else showLogin();
} catch (error) {
  showLogin(error.status === 401 ? "" : error.message);
}
