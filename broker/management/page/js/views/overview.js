// The whole broker at a glance.

import { get, withQuery } from "../api.js";
import { chart, rangeChooser } from "../charts.js";
import { definitionsPanel } from "../definitions.js";
import { h, patch } from "../dom.js";
import { count, duration, rate } from "../format.js";
import { links } from "../links.js";
import { badge, box, diskMeter, memoryMeter, meter, notice, panel, state, totals } from "../parts.js";
import { scope } from "../scope.js";
import { may } from "../session.js";
import { CHURN_RATES, LENGTHS, MESSAGE_RATES } from "../stats.js";
import { localTable, table } from "../tables.js";

const NODE_KEYS = "name,running,uptime,mem_used,mem_limit,mem_alarm,disk_free,disk_free_limit,disk_free_alarm,fd_used,fd_total,sockets_used,sockets_total,processors,rates_mode,type";

export async function show(page) {
  const range = rangeChooser(() => page.refresh());
  page.heading({ title: "Overview", actions: [range.element] });

  const figures = h("div");
  const warnings = h("div");
  const lengths = chart({ id: "overview.lengths", label: "Queued messages", series: LENGTHS });
  const rates = chart({ id: "overview.rates", label: "Message rates", series: MESSAGE_RATES, unit: "rate", differences: true });
  const churn = chart({ id: "overview.churn", label: "Opened and closed", series: CHURN_RATES, unit: "rate", differences: true });
  const churnPanel = panel({ id: "overview.churn", title: "Churn", open: false, content: [churn.element] });
  const nodes = localTable({
    id: "nodes", caption: "Nodes", noun: "node", columns: nodeColumns(), key: (node) => node.name,
    sort: { column: "name" }, filterable: false,
  });
  const nodesPanel = panel({ id: "overview.nodes", title: "Nodes", content: [nodes.element] });
  const ports = h("div");
  const portsPanel = panel({ id: "overview.ports", title: "Ports and contexts", open: false, content: [ports] });

  page.add(
    warnings,
    figures,
    h("div.duo", {}, box("Queued messages", { content: lengths.element }), box("Message rates", { content: rates.element })),
    may.monitor && nodesPanel.element,
    churnPanel.element,
    may.monitor && portsPanel.element,
    may.administer && definitionsPanel({ id: "overview.definitions" }).element,
  );

  await page.poll(async (signal) => {
    const [overview, nodeList] = await Promise.all([
      get(withQuery("overview", range.query("lengths", "msg_rates")), { signal }),
      may.monitor ? get(withQuery("nodes", { columns: NODE_KEYS }), { signal }) : [],
    ]);
    range.complete({ lengths: overview.queue_totals, rates: overview.message_stats, churn: overview.churn_rates });
    patch(page.sub, subtitle(overview));
    patch(warnings, overview.disable_stats ? notice("Statistics are switched off (management.disable_stats): there are no rates and no charts.", "warn") : null);
    patch(figures, totals(totalFigures(overview)));
    lengths.update(overview.queue_totals, range.age);
    rates.update(overview.message_stats, range.age);
    churn.update(overview.churn_rates, range.age);
    nodes.show(nodeList);
    if (may.monitor) drawPorts(ports, overview);
  });
}

function subtitle(overview) {
  return [
    h("span", {}, overview.cluster_name),
    h("span", {}, overview.erlang_full_version),
    h("span", {}, `API of ${overview.product_name} ${overview.product_version}`),
    overview.node && overview.node !== overview.cluster_name && h("span", {}, "answered by ", h("code", {}, overview.node)),
    scope.vhost && h("span", {}, `all virtual hosts, not only ${scope.vhost}`),
  ];
}

function totalFigures({ queue_totals: queued = {}, object_totals: objects = {}, message_stats: stats = {} }) {
  return [
    ["Ready", count(queued.messages_ready ?? 0)],
    ["Unacked", count(queued.messages_unacknowledged ?? 0)],
    ["Published", rate(stats.publish_details?.rate ?? 0)],
    ["Delivered", rate(stats.deliver_get_details?.rate ?? 0)],
    ["Connections", count(objects.connections), "#/connections"],
    ["Channels", count(objects.channels), "#/channels"],
    ["Exchanges", count(objects.exchanges), "#/exchanges"],
    ["Queues", count(objects.queues), "#/queues"],
    ["Consumers", count(objects.consumers)],
  ].filter(([, text]) => text !== "");
}

function nodeColumns() {
  const running = (content) => (node) => (node.running === false ? "" : content(node));
  return [
    { id: "name", label: "Name", cell: (node) => links.node(node.name), sort: "name", name: true },
    { id: "state", label: "State", cell: (node) => nodeState(node) },
    { id: "uptime", label: "Uptime", cell: running((node) => duration(node.uptime / 1000)), tight: true, sort: "uptime" },
    { id: "memory", label: "Memory", cell: running(memoryMeter), sort: "mem_used" },
    { id: "disk", label: "Disk space", cell: running(diskMeter), sort: "disk_free" },
    {
      id: "fd", label: "File descriptors", sort: "fd_used",
      cell: running((node) => meter({ label: "File descriptors", used: node.fd_used, limit: node.fd_total, text: `${count(node.fd_used)} of ${count(node.fd_total)}` })),
    },
    {
      id: "sockets", label: "Sockets", sort: "sockets_used",
      cell: running((node) => meter({ label: "Sockets", used: node.sockets_used, limit: node.sockets_total, text: `${count(node.sockets_used)} of ${count(node.sockets_total)}` })),
    },
    { id: "cores", label: "Cores", number: true, cell: running((node) => count(node.processors)) },
    {
      id: "info", label: "Info",
      cell: running((node) => [badge(node.rates_mode, "rates mode"), badge(node.type, "keeps definitions on disc or in memory")]),
    },
  ];
}

function nodeState(node) {
  if (node.running === false) return state("down");
  if (node.mem_alarm) return state("blocked", "memory alarm");
  if (node.disk_free_alarm) return state("blocked", "disk alarm");
  return state("running");
}

function drawPorts(place, { listeners = [], contexts = [] }) {
  const node = { id: "node", label: "Node", name: true, cell: (item) => item.node };
  patch(
    place,
    h("h3", {}, "Listening ports"),
    table({
      stacks: true,
      caption: "Listening ports", items: listeners, key: (item) => `${item.node} ${item.protocol} ${item.ip_address} ${item.port}`,
      columns: [
        { id: "protocol", label: "Protocol", cell: (item) => item.protocol },
        { id: "address", label: "Bound to", cell: (item) => item.ip_address },
        { id: "port", label: "Port", number: true, cell: (item) => String(item.port) },
        node,
      ],
    }),
    h("h3", {}, "Web contexts"),
    table({
      stacks: true,
      caption: "Web contexts", items: contexts, key: (item) => `${item.node} ${item.description} ${item.port}`,
      columns: [
        { id: "description", label: "Context", cell: (item) => item.description },
        { id: "address", label: "Bound to", cell: (item) => item.ip || "0.0.0.0" },
        { id: "port", label: "Port", number: true, cell: (item) => String(item.port) },
        { id: "tls", label: "TLS", cell: (item) => (item.ssl_opts && Object.keys(item.ssl_opts).length ? "yes" : "no") },
        { id: "path", label: "Path", cell: (item) => item.path },
        node,
      ],
    }),
  );
}
