// One queue: charts and facts, consumers, bindings, its messages, and what can be done to it.

import { tellNextPage } from "../announce.js";
import { get, path, post, remove, withQuery } from "../api.js";
import { bindingsTable, bindToForm } from "../bindings.js";
import { messageBrowser, staying } from "../browser.js";
import { chart, rangeChooser } from "../charts.js";
import { consumersTable } from "../consumers.js";
import { ask } from "../dialogs.js";
import { h, patch } from "../dom.js";
import { bytes, count, duration, moment, plural, yesNo } from "../format.js";
import { actionButton, checkField, inSteps, makeForm, numberField, row, textField } from "../forms.js";
import { getForm } from "../get_messages.js";
import { links } from "../links.js";
import { args, box, facts, panel, queueFeatures, queueState, state, totals } from "../parts.js";
import { publishForm } from "../publish.js";
import { seldom } from "../refresh.js";
import { scope } from "../scope.js";
import { LENGTHS, MESSAGE_RATES } from "../stats.js";

export async function show(page) {
  const { vhost, name } = page.params;
  const address = path`queues/${vhost}/${name}`;
  const range = rangeChooser(() => page.refresh());
  page.heading({ title: name, crumbs: [["Queues", "#/queues"]], actions: [range.element] });
  let queue = null;

  const figures = h("div");
  const lengths = chart({ id: "queue.lengths", label: "Queued messages", series: LENGTHS });
  const rates = chart({ id: "queue.rates", label: "Message rates", series: MESSAGE_RATES, unit: "rate", differences: true });
  const details = h("div");
  const consumers = h("div");
  const consumersPanel = panel({ id: "queue.consumers", title: "Consumers", content: [consumers] });
  const bindingList = h("div");
  const bindingsPanel = panel({ id: "queue.bindings", title: "Bindings", content: [
    bindingList,
    panel({ id: "queue.bind", title: "Add a binding to this queue", open: false, content: [bindToForm({ vhost, kind: "queue", name, onChange: () => page.refresh() })] }).element,
  ] });

  const browser = messageBrowser({ vhost, queue: name, onMoved: () => page.refresh() });
  const browse = panel({ id: "queue.browse", title: "Browse and search messages", open: false, content: [
    h("p.note", {}, "Shows what is in the queue. Nothing is taken out, marked as redelivered or moved by looking."),
    browser.element,
  ] });
  browse.whenOpened(() => browser.open());

  page.add(
    figures,
    h("div.duo", {}, box("Queued messages", { content: lengths.element }), box("Message rates", { content: rates.element })),
    panel({ id: "queue.details", title: "Details", content: [details] }).element,
    consumersPanel.element,
    bindingsPanel.element,
    browse.element,
    panel({ id: "queue.get", title: "Get messages", open: false, content: getForm({ vhost, queue: name, onGot: () => page.refresh() }) }).element,
    panel({ id: "queue.publish", title: "Publish a message", open: false, content: [publishForm({ vhost, exchange: "", queue: name, onPublished: () => page.refresh() })] }).element,
    panel({ id: "queue.move", title: "Move messages to another queue", open: false, content: moving() }).element,
    panel({ id: "queue.end", title: "Purge or delete", open: false, content: [purging(), deleting()] }).element,
  );

  function purging() {
    return actionButton({
      label: "Purge messages", busy: "Purging…", className: ".danger",
      ask: () => ask({ title: `Purge ${name}?`, text: `${queue ? plural(queue.messages_ready ?? 0, "ready message") : "Every ready message"} will be lost. Unacknowledged ones stay.`, confirm: "Purge" }),
      run: async () => {
        await remove(`${address}/contents`);
        page.refresh();
        return "Purged.";
      },
    });
  }

  function deleting() {
    const empty = checkField({ label: "Only if it is empty" });
    const unused = checkField({ label: "Only if nobody consumes from it" });
    return h("div.form", {}, h("div.row", {}, empty.element, unused.element), actionButton({
      label: "Delete queue", busy: "Deleting…", className: ".primary.danger",
      ask: () => ask({ title: `Delete ${name}?`, text: queue ? `It has ${plural(queue.messages ?? 0, "message")} and ${plural(queue.consumers ?? 0, "consumer")}.` : "", confirm: "Delete" }),
      run: async () => {
        await remove(withQuery(address, { "if-empty": empty.read() || null, "if-unused": unused.read() || null }));
        tellNextPage(`Deleted queue ${name}.`);
        location.hash = "#/queues";
        return "";
      },
    }));
  }

  function moving() {
    const destination = textField({ label: "To queue", required: true });
    const limit = numberField({ label: "How many", help: "Empty: all that are ready.", min: 1 });
    const work = h("div");
    const form = makeForm({
      label: "Move messages",
      rows: [row(destination, limit)],
      fields: [destination, limit],
      submit: "Move messages",
      busy: "Moving…",
      run: async () => {
        const to = destination.read();
        let wanted = limit.read();
        let after = null;
        const failed = [];
        const { all, stopped } = await inSteps(work, "Moving…", async () => {
          const answer = await post(`${address}/move`, { destination: to, limit: wanted ?? undefined, after: after ?? undefined }).catch((error) => {
            throw error.status === 404 ? new Error(`There is no queue ${to} in ${vhost}.`) : error;
          });
          if (wanted !== null) wanted -= answer.moved;
          after = answer.next;
          failed.push(...answer.failed);
          // One that cannot go holds up those behind it.
          return { done: answer.moved, left: answer.failed.length ? 0 : answer.left };
        }).finally(() => page.refresh());
        const sum = `Moved ${plural(all, "message")} to ${to}${stopped ? ", then stopped" : ""}.`;
        if (failed.length) throw new Error(`${sum} ${staying(failed)}`);
        return sum;
      },
    });
    return [form.element, work];
  }

  const readBindings = seldom(() => get(`${address}/bindings`, { signal: page.signal }));
  await page.poll(async (signal, isByTime) => {
    const [found, bindings] = await Promise.all([
      get(withQuery(address, range.query("lengths", "msg_rates")), { signal }),
      readBindings(isByTime),
    ]);
    queue = found;
    range.complete({ lengths: queue, rates: queue.message_stats });
    patch(page.sub, state(queueState(queue)), h("span", {}, `${queue.type || "classic"} queue`), scope.vhosts.length > 1 && h("span", {}, "in ", links.vhost(vhost)), h("span", {}, queueFeatures(queue)));
    patch(figures, totals([
      ["Ready", count(queue.messages_ready)],
      ["Unacked", count(queue.messages_unacknowledged)],
      ["Total", count(queue.messages)],
      ["Consumers", count(queue.consumers)],
      ["Oldest message", duration(queue.oldest_message_age)],
      ["Size of messages", bytes(queue.message_bytes)],
    ]));
    lengths.update(queue, range.age);
    rates.update(queue.message_stats, range.age);
    patch(details, describe(queue));
    patch(consumers, consumersTable(queue.consumer_details || [], { of: "queue" }));
    consumersPanel.amount(count(queue.consumer_details?.length ?? 0));
    patch(bindingList, bindingsTable(bindings, { show: "source", onChange: () => page.refresh() }));
    bindingsPanel.amount(count(bindings.length));
  }, { gone: "This queue" });
}

function describe(item) {
  return facts([
    ["Virtual host", links.vhost(item.vhost)],
    ["Durable", yesNo(item.durable)],
    ["Auto-delete", yesNo(item.auto_delete)],
    ["Exclusive", item.exclusive ? ["yes", item.owner_pid_details?.name && [", of ", links.connection(item.owner_pid_details.name)]] : "no"],
    ["Arguments", args(item.arguments)],
    ["Node", item.node],
    ["Leader", item.leader],
    ["Members", item.members?.join(", ")],
    ["Online", item.online?.join(", ")],
    ["Mirrors", item.slave_nodes?.join(", ")],
    ["Policy", item.policy && links.policy(item.vhost, item.policy)],
    ["Operator policy", item.operator_policy && links.operatorPolicy(item.vhost, item.operator_policy)],
    ["Effective policy", args(item.effective_policy_definition)],
    ["Consumer capacity", item.consumers ? `${Math.round((item.consumer_capacity || 0) * 100)} %` : ""],
    ["Single active consumer", item.single_active_consumer_tag && h("code", {}, item.single_active_consumer_tag)],
    ["Idle since", item.idle_since && (moment(Date.parse(item.idle_since)) || item.idle_since)],
    ["Head message's timestamp", item.head_message_timestamp && moment(item.head_message_timestamp * 1000)],
    ["Waiting to be dead-lettered", item.messages_dlx ? count(item.messages_dlx) : ""],
    ["Memory", bytes(item.memory)],
    ["Ready", item.message_bytes_ready === undefined ? "" : `${count(item.messages_ready)} · ${bytes(item.message_bytes_ready)}`],
    ["Unacked", item.message_bytes_unacknowledged === undefined ? "" : `${count(item.messages_unacknowledged)} · ${bytes(item.message_bytes_unacknowledged)}`],
    ["In memory", item.messages_ram === undefined ? "" : `${count(item.messages_ram)} · ${bytes(item.message_bytes_ram)}`],
    ["Persistent", item.messages_persistent === undefined ? "" : `${count(item.messages_persistent)} · ${bytes(item.message_bytes_persistent)}`],
    ["Paged out", item.messages_paged_out ? `${count(item.messages_paged_out)} · ${bytes(item.message_bytes_paged_out)}` : ""],
  ]);
}
