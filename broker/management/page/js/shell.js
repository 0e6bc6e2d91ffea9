// The frame around every view: navigation, settings, alarms, and which view is in it.

import { announce } from "./announce.js";
import { get } from "./api.js";
import { fill, h, icon, patch } from "./dom.js";
import { Page } from "./page.js";
import { notice } from "./parts.js";
import { currentInterval, INTERVALS, Poller, setRefreshInterval } from "./refresh.js";
import { match } from "./router.js";
import { changed, chooseVhost, scope } from "./scope.js";
import { logOut, may, user } from "./session.js";

const ALARM_SECONDS = 30;

/** Build the frame in `app` and follow the address. onLogOut: called after the person left. */
export function openShell(app, onLogOut) {
  const alive = new AbortController(); // ends every listener of this shell
  let page = null;
  let veil = null;

  const main = h("main", { id: "main", tabindex: "-1" });
  const alarms = h("div", { role: "alert", class: "alarms" });
  const view = h("div");
  main.append(alarms, view);

  const nav = h("nav", { "aria-label": "Main" });
  const subtitle = h("small");
  const titleInBar = h("strong", {}, "Leveret");
  const side = h(
    "aside.side",
    { id: "side", "aria-label": "Navigation and settings" },
    h("a.brand", { href: "#/" }, h("img", { src: "leveret.svg", alt: "" }), h("span", {}, h("strong", {}, "Leveret"), subtitle)),
    nav,
    settings(),
  );
  const opener = h(
    "button.plain",
    { type: "button", "aria-label": "Menu", "aria-expanded": "false", "aria-controls": "side", onclick: () => toggleSide() },
    icon("M4 6h16M4 12h16M4 18h16"),
  );
  fill(
    app,
    h("a.skip", {
      href: "#main",
      onclick: (event) => {
        event.preventDefault(); // the address is a route
        (main.querySelector("h1") || main).focus();
      },
    }, "Skip to the content"),
    h("div.bar", {}, opener, h("img", { src: "leveret.svg", alt: "" }), titleInBar),
    h("div.frame", {}, side, main),
  );

  function settings() {
    const vhost = h("select", { onchange: () => chooseVhost(vhost.value) });
    const drawVhosts = () => {
      fill(vhost, h("option", { value: "" }, "All"), scope.vhosts.map((name) => h("option", { value: name }, name)));
      vhost.value = scope.vhost;
    };
    drawVhosts();
    changed.addEventListener("vhosts", drawVhosts, { signal: alive.signal });
    const refresh = h(
      "select",
      { onchange: () => setRefreshInterval(Number(refresh.value)) },
      INTERVALS.map(([seconds, text]) => h("option", { value: seconds, selected: seconds === currentInterval() }, text)),
    );
    const theme = h(
      "select",
      { onchange: () => window.leveretTheme.set(theme.value) },
      [["system", "as the system"], ["light", "light"], ["dark", "dark"]].map(([value, text]) =>
        h("option", { value, selected: value === window.leveretTheme.get() }, text),
      ),
    );
    return h(
      "div.settings",
      {},
      h("label", {}, "Virtual host", vhost),
      h("label", {}, "Refresh", refresh),
      h("label", {}, "Colours", theme),
      h(
        "div.who",
        {},
        h("div", {}, h("b", {}, user.name), h("small", {}, user.tags.join(", ") || "no tags")),
        h("button.small", { type: "button", onclick: leave }, "Log out"),
      ),
    );
  }

  function toggleSide(open = !side.classList.contains("open")) {
    side.classList.toggle("open", open);
    opener.setAttribute("aria-expanded", String(open));
    if (veil) veil.remove();
    veil = null;
    if (open) {
      veil = h("button.veil", { type: "button", "aria-label": "Close the menu", tabindex: "-1", onclick: () => toggleSide(false) });
      app.append(veil);
      side.querySelector("a").focus();
    }
  }

  function drawNav(first) {
    const entry = (name, text) =>
      h("li", { key: name }, h("a", { href: `#/${name}`, "aria-current": first === name ? "page" : null }, text));
    patch(
      nav,
      h("ul", {}, [["", "Overview"], ["connections", "Connections"], ["channels", "Channels"], ["exchanges", "Exchanges"], ["queues", "Queues"]].map(([name, text]) => entry(name, text))),
      h(
        "div",
        {},
        h("h2", {}, "Admin"),
        h(
          "ul",
          {},
          may.administer && [entry("users", "Users"), entry("vhosts", "Virtual hosts")],
          entry("policies", "Policies"),
          may.administer && [entry("limits", "Limits"), entry("cluster-name", "Cluster")],
          may.monitor && entry("log", "Log"),
        ),
      ),
    );
  }

  async function follow() {
    const route = match(location.hash);
    if (page) page.leave();
    toggleSide(false);
    drawNav(route.first === "overview" || route.first === "nodes" ? "" : route.first === "operator_policies" ? "policies" : route.first === "feature-flags" ? "cluster-name" : route.first);
    const mine = new Page(view, route);
    page = mine;
    window.scrollTo(0, 0);
    if (!route.view) {
      mine.heading({ title: "No such page" });
      mine.add(h("p.note", {}, "There is nothing at this address. ", h("a", { href: "#/" }, "To the overview")));
    } else {
      try {
        const module = await import(`./views/${route.view}.js`);
        if (page !== mine) return;
        await module.show(mine);
      } catch (error) {
        if (mine.signal.aborted) return;
        if (!mine.title) mine.heading({ title: "Something went wrong" });
        mine.add(notice(error.message, "bad"));
        if (error.name !== "ApiError") throw error;
      }
    }
  }

  // The view sets its heading before it asks the broker, so the focus can move at once.
  function focusTitle() {
    const title = view.querySelector("h1");
    if (!title) return;
    title.focus({ preventScroll: true });
    titleInBar.textContent = title.textContent;
    announce(title.textContent);
  }
  new MutationObserver(() => {
    const title = view.querySelector("h1");
    if (title && title !== focusTitle.last) {
      focusTitle.last = title;
      focusTitle();
    }
  }).observe(view, { childList: true, subtree: true });

  const watch = new Poller(async () => {
    try {
      if (may.monitor) showAlarms(await get("nodes?columns=name,running,mem_alarm,disk_free_alarm,partitions"));
      if (!subtitle.textContent) {
        const overview = await get("overview?columns=cluster_name");
        subtitle.textContent = overview.cluster_name || "";
      }
    } catch {
      // The view's own request says that the broker does not answer.
    }
  }, { seconds: ALARM_SECONDS });

  function showAlarms(nodes) {
    const found = [];
    for (const node of nodes) {
      if (node.running === false) found.push([`${node.name}: this node is not running.`]);
      if (node.mem_alarm) found.push([`${node.name}: memory alarm. Publishers are blocked until memory is free again.`]);
      if (node.disk_free_alarm) found.push([`${node.name}: disk alarm. Publishers are blocked until there is free disk space again.`]);
      if (node.partitions?.length) found.push([`${node.name}: cut off from ${node.partitions.join(", ")}.`]);
    }
    patch(alarms, found.map(([text]) => notice(h("a", { href: "#/" }, text), "bad")));
  }

  function leave() {
    close();
    logOut();
    onLogOut();
  }

  const onChosen = () => page && page.refresh();
  const onKey = (event) => {
    if (event.key === "Escape" && side.classList.contains("open")) {
      toggleSide(false);
      opener.focus();
    }
  };
  function close() {
    alive.abort();
    watch.stop();
    if (page) page.leave();
  }

  window.addEventListener("hashchange", follow, { signal: alive.signal });
  changed.addEventListener("chosen", onChosen, { signal: alive.signal });
  document.addEventListener("keydown", onKey, { signal: alive.signal });
  watch.now();
  follow();
  return { close };
}
