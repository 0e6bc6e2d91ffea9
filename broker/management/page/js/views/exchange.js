// One exchange: what goes through it, its bindings, publishing, deleting.

import { tellNextPage } from "../announce.js";
import { get, path, remove, withQuery } from "../api.js";
import { bindFromForm, bindingsTable, bindToForm } from "../bindings.js";
import { chart, rangeChooser } from "../charts.js";
import { ask } from "../dialogs.js";
import { h, patch } from "../dom.js";
import { count, yesNo } from "../format.js";
import { actionButton, checkField } from "../forms.js";
import { exchangeTitle, links } from "../links.js";
import { args, box, exchangeFeatures, facts, panel } from "../parts.js";
import { publishForm } from "../publish.js";
import { seldom } from "../refresh.js";
import { MESSAGE_RATES } from "../stats.js";

export async function show(page) {
  const { vhost } = page.params;
  const name = page.params.name === "amq.default" ? "" : page.params.name;
  const isDefault = name === "";
  const address = path`exchanges/${vhost}/${name || "amq.default"}`;
  const range = rangeChooser(() => page.refresh());
  page.heading({ title: exchangeTitle(name), crumbs: [["Exchanges", "#/exchanges"]], actions: [range.element] });

  const rates = chart({ id: "exchange.rates", label: "Message rates", series: MESSAGE_RATES, unit: "rate", differences: true });
  const details = h("div");
  const incoming = h("div");
  const outgoing = h("div");
  const bindings = panel({ id: "exchange.bindings", title: "Bindings" });
  page.add(
    box("Message rates", { content: rates.element }),
    panel({ id: "exchange.details", title: "Details", content: [details] }).element,
    bindings.element,
    panel({ id: "exchange.publish", title: "Publish a message", open: false, content: [publishForm({ vhost, exchange: name, onPublished: () => page.refresh() })] }).element,
    !isDefault && panel({ id: "exchange.delete", title: "Delete this exchange", open: false, content: [deleting()] }).element,
  );

  const refresh = () => page.refresh();
  const readBindings = seldom(() =>
    Promise.all(["destination", "source"].map((end) => get(`${address}/bindings/${end}`, { signal: page.signal }))),
  );
  function showBindings([to, from]) {
    patch(incoming, to.length ? [h("h3", {}, "To this exchange"), bindingsTable(to, { show: "source", onChange: refresh })] : null);
    patch(outgoing, h("h3", {}, "From this exchange"), bindingsTable(from, { show: "destination", onChange: refresh, empty: "Nothing is bound to it: what is published here is dropped." }));
    bindings.amount(count(to.length + from.length));
  }

  function deleting() {
    const unused = checkField({ label: "Only if nothing is bound to it" });
    return h("div.form", {}, unused.element, actionButton({
      label: "Delete exchange", busy: "Deleting…", className: ".primary.danger",
      ask: () => ask({ title: `Delete exchange ${name}?`, text: "Its bindings are deleted with it, and publishers to it get an error.", confirm: "Delete" }),
      run: async () => {
        await remove(withQuery(address, { "if-unused": unused.read() || null }));
        tellNextPage(`Deleted exchange ${name}.`);
        location.hash = "#/exchanges";
        return "";
      },
    }));
  }

  if (isDefault) {
    bindings.body.append(h("p.note", {}, "Every queue is bound to the default exchange with its own name as routing key. These bindings are always there."));
  } else {
    const another = panel({ id: "exchange.bind", title: "Add a binding from this exchange", open: false, content: [bindFromForm({ vhost, name, onChange: refresh })] });
    const another2 = panel({ id: "exchange.bindto", title: "Add a binding to this exchange", open: false, content: [bindToForm({ vhost, kind: "exchange", name, onChange: refresh })] });
    bindings.body.append(incoming, outgoing, another.element, another2.element);
  }

  await page.poll(async (signal, isByTime) => {
    const exchange = await get(withQuery(address, range.query("msg_rates")), { signal });
    range.complete({ rates: exchange.message_stats });
    patch(page.sub, h("span", {}, `${exchange.type} exchange`), h("span", {}, "in ", links.vhost(vhost)), h("span", {}, exchangeFeatures(exchange)));
    rates.update(exchange.message_stats, range.age);
    patch(details, describe(exchange));
    if (!isDefault) showBindings(await readBindings(isByTime));
  }, { gone: "This exchange" });
}

function describe(item) {
  return facts([
    ["Virtual host", links.vhost(item.vhost)],
    ["Type", item.type],
    ["Policy", item.policy && links.policy(item.vhost, item.policy)],
    ["Durable", yesNo(item.durable)],
    ["Auto-delete", yesNo(item.auto_delete)],
    ["Internal", yesNo(item.internal)],
    ["Arguments", args(item.arguments)],
    ["Made by", item.user_who_performed_action],
  ]);
}
