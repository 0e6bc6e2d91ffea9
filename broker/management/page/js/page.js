// What a view gets to work with: its place in the document, its address, its refreshing.

import { announce, takeTold } from "./announce.js";
import { currentInterval, Poller } from "./refresh.js";
import { clock } from "./format.js";
import { fill, h, icon, patch } from "./dom.js";
import { notice } from "./parts.js";

export class Page {
  /** root: the main element; route: from router.match(). */
  constructor(root, route) {
    this.root = root;
    this.params = route.params;
    this.query = route.query;
    this.first = route.first;
    this.leaving = new AbortController();
    this.signal = this.leaving.signal;
    this.head = h("header.head");
    this.trouble = h("div", { role: "alert" });
    this.told = h("div");
    this.body = h("div.view");
    this.updated = h("span.muted");
    fill(root, this.head, this.told, this.trouble, this.body);
  }

  /**
   * The head of the page, which also names the document. title: text; crumbs: [[text, href]] above
   * it; sub: nodes below it; actions: nodes at its right; live: it shows changes by itself.
   */
  heading({ title, crumbs = [], sub = null, actions = [], live = false }) {
    this.title = title;
    document.title = `${title} · Leveret`;
    const again = h(
      "button.plain",
      { type: "button", title: "Refresh now", "aria-label": "Refresh now", onclick: () => this.refresh() },
      icon("M20 11a8 8 0 1 0-2.3 6.3", "M20 4v7h-7"),
    );
    this.sub = h("div.sub", {}, sub);
    fill(
      this.head,
      h(
        "div",
        {},
        crumbs.length
          ? h("nav.crumbs", { "aria-label": "Above this page" }, crumbs.map(([text, href]) => [h("a", { href }, text), " / "]))
          : null,
        h("h1", { tabindex: "-1" }, title),
        this.sub,
      ),
      h("div.actions", {}, actions, this.updated, live ? null : again),
    );
    const told = takeTold();
    if (told) {
      fill(this.told, notice(told));
      announce(told);
    }
  }

  /** Put elements into the page, below what is there. */
  add(...elements) {
    this.body.append(...elements.filter(Boolean));
  }

  /**
   * Do `task` now and at every refresh. It gets the page's abort signal, and whether it was only
   * time for it: nobody asked and nothing was changed here. An error is shown at the top until the
   * next success; a 404 ends the page if `gone` says what is gone ("This queue").
   */
  async poll(task, { gone = null } = {}) {
    const attempt = async (isByTime) => {
      try {
        await task(this.signal, isByTime);
        if (this.signal.aborted) return;
        patch(this.trouble);
        this.updated.textContent = currentInterval() ? "" : `as of ${clock(new Date())}`;
      } catch (error) {
        if (this.signal.aborted || error.name === "AbortError") return;
        if (error.status === 404 && gone) {
          this.poller.stop();
          fill(this.body, h("p.empty", {}, `${gone} does not exist, or no longer does.`));
          patch(this.trouble);
          return;
        }
        patch(this.trouble, notice(error.message, "bad"));
        if (!error.status && error.name !== "ApiError") throw error;
      }
    };
    this.poller = new Poller(attempt);
    await this.poller.now();
  }

  /** Ask the broker now; used after every change. */
  refresh() {
    return this.poller ? this.poller.now() : undefined;
  }

  /** Change the query of the address without a new entry in the history. */
  setQuery(changes) {
    for (const [key, value] of Object.entries(changes)) {
      if (value === "" || value === null || value === false) this.query.delete(key);
      else this.query.set(key, value);
    }
    const address = location.hash.split("?")[0] || "#/";
    const query = this.query.toString();
    history.replaceState(null, "", query ? `${address}?${query}` : address);
  }

  /** Called once, when another page comes. */
  leave() {
    if (this.poller) this.poller.stop();
    this.leaving.abort();
  }
}
