// One node: its resources over time, and what it runs.

import { get, path, withQuery } from "../api.js";
import { chart, rangeChooser } from "../charts.js";
import { h, patch } from "../dom.js";
import { bytes, count, duration } from "../format.js";
import { box, diskMeter, facts, memoryMeter, meter, panel, state } from "../parts.js";
import { table } from "../tables.js";

const MEMORY = [{ key: "mem_used", label: "Used", color: "blue" }];
const DISK = [{ key: "disk_free", label: "Free", color: "green" }];
const DESCRIPTORS = [
  { key: "fd_used", label: "File descriptors", color: "amber" },
  { key: "sockets_used", label: "Sockets", color: "blue" },
];
const IO = [
  { key: "io_read_bytes", label: "Read", color: "amber" },
  { key: "io_write_bytes", label: "Written", color: "blue" },
];

export async function show(page) {
  const { name } = page.params;
  const range = rangeChooser(() => page.refresh());
  page.heading({ title: name, crumbs: [["Overview", "#/"]], actions: [range.element] });
  const figures = h("div");
  const memory = chart({ id: "node.memory", label: "Memory", series: MEMORY, unit: "bytes" });
  const disk = chart({ id: "node.disk", label: "Disk space", series: DISK, unit: "bytes" });
  const descriptors = chart({ id: "node.fd", label: "File descriptors and sockets", series: DESCRIPTORS });
  const io = chart({ id: "node.io", label: "Disk reads and writes", series: IO, unit: "bytesRate", differences: true });
  const details = h("div");
  const breakdown = h("div");
  const plugins = h("div");
  page.add(
    box("Now", { content: h("div.body", {}, figures) }),
    h("div.duo", {}, box("Memory", { content: memory.element }), box("Disk space", { content: disk.element })),
    h("div.duo", {}, box("File descriptors and sockets", { content: descriptors.element }), box("Disk reads and writes", { content: io.element })),
    panel({ id: "node.details", title: "Details", content: [details] }).element,
    panel({ id: "node.memory", title: "What uses the memory", open: false, content: [breakdown] }).element,
    panel({ id: "node.plugins", title: "Plugins and applications", open: false, content: [plugins] }).element,
  );

  await page.poll(async (signal) => {
    const node = await get(withQuery(path`nodes/${name}`, { ...range.query("node_stats"), memory: true }), { signal });
    range.complete({ node });
    patch(page.sub, state(node.running ? "running" : "down"), node.running && h("span", {}, `up ${duration(node.uptime / 1000)}`));
    if (!node.running) return;
    patch(figures, h("div.duo", {},
      h("div", {}, h("h3", {}, "Memory"), memoryMeter(node)),
      h("div", {}, h("h3", {}, "Disk space"), diskMeter(node)),
      h("div", {}, h("h3", {}, "File descriptors"), meter({ label: "File descriptors", used: node.fd_used, limit: node.fd_total, text: `${count(node.fd_used)} of ${count(node.fd_total)}` })),
      h("div", {}, h("h3", {}, "Sockets"), meter({ label: "Sockets", used: node.sockets_used, limit: node.sockets_total, text: `${count(node.sockets_used)} of ${count(node.sockets_total)}` })),
    ));
    memory.update(node, range.age);
    disk.update(node, range.age);
    descriptors.update(node, range.age);
    io.update(node, range.age);
    patch(details, describe(node));
    patch(breakdown, memoryTable(node.memory));
    patch(plugins, pluginTable(node));
  }, { gone: "This node" });
}

function describe(node) {
  const lines = (list) => (list || []).map((text) => h("div", {}, h("code", {}, text)));
  return facts([
    ["Type", node.type],
    ["Process", node.os_pid],
    ["Cores", count(node.processors)],
    ["Rates mode", node.rates_mode],
    ["Net ticktime", node.net_ticktime ? `${node.net_ticktime} s` : ""],
    ["Configuration", lines(node.config_files)],
    ["Data", node.db_dir && h("code", {}, node.db_dir)],
    ["Log", lines(node.log_files)],
    ["Memory alarm", node.mem_alarm ? state("blocked") : "no"],
    ["Disk alarm", node.disk_free_alarm ? state("blocked") : "no"],
    ["Memory limit", bytes(node.mem_limit)],
    ["Free disk limit", bytes(node.disk_free_limit)],
  ]);
}

function memoryTable(memory) {
  if (!memory || typeof memory !== "object") return h("p.empty", {}, "Not known.");
  const { total, strategy, ...parts } = memory;
  const items = Object.entries(parts).filter(([, size]) => typeof size === "number").sort(([, a], [, b]) => b - a);
  const all = typeof total === "object" ? total?.[strategy] ?? total?.rss : total;
  return table({
    caption: "What uses the memory", items, key: ([part]) => part,
    columns: [
      { id: "part", label: "Part", cell: ([part]) => part.replaceAll("_", " ") },
      { id: "size", label: "Size", number: true, cell: ([, size]) => bytes(size) },
      { id: "share", label: "Share", cell: ([part, size]) => meter({ label: part, used: size, limit: all || 1, text: all ? `${Math.round((size / all) * 100)} %` : "" }) },
    ],
  });
}

function pluginTable(node) {
  const enabled = new Set(node.enabled_plugins || []);
  return table({
    caption: "Plugins and applications", items: node.applications || [], key: (item) => item.name,
    columns: [
      { id: "name", label: "Name", cell: (item) => item.name },
      { id: "version", label: "Version", cell: (item) => item.version },
      { id: "description", label: "What it is", cell: (item) => item.description },
      { id: "plugin", label: "Plugin", cell: (item) => (enabled.has(item.name) ? "enabled" : "") },
    ],
  });
}
