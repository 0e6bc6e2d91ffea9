// One connection: what it is, its channels, closing it.

import { get, path, remove, withQuery } from "../api.js";
import { tellNextPage } from "../announce.js";
import { chart, rangeChooser } from "../charts.js";
import { ask } from "../dialogs.js";
import { h, patch } from "../dom.js";
import { bytes, bytesRate, count, moment, yesNo } from "../format.js";
import { makeForm, textField } from "../forms.js";
import { links } from "../links.js";
import { args, box, facts, panel, state } from "../parts.js";
import { DATA_RATES } from "../stats.js";
import { keysOf, localTable } from "../tables.js";
import { CHANNEL_COLUMNS } from "./channels.js";
import { givenName } from "./connections.js";

export async function show(page) {
  const { name } = page.params;
  const range = rangeChooser(() => page.refresh());
  page.heading({ title: name, crumbs: [["Connections", "#/connections"]], actions: [range.element] });

  const data = chart({ id: "connection.data", label: "Data rates", series: DATA_RATES, unit: "bytesRate", differences: true });
  const details = h("div");
  const shownOfChannels = CHANNEL_COLUMNS.filter((column) => !["vhost", "user", "node"].includes(column.id) && !column.off);
  const channels = localTable({
    id: "connection.channels", caption: "Channels of this connection", noun: "channel", filterable: false,
    columns: shownOfChannels,
    key: (item) => item.name, sort: { column: "name" },
  });
  const channelsPanel = panel({ id: "connection.channels", title: "Channels", content: [channels.element] });
  const properties = h("div");

  page.add(
    box("Data rates", { content: data.element }),
    panel({ id: "connection.details", title: "Details", content: [details] }).element,
    channelsPanel.element,
    panel({ id: "connection.properties", title: "Client properties", open: false, content: [properties] }).element,
    panel({ id: "connection.close", title: "Close this connection", open: false, content: [closing(name)] }).element,
  );

  await page.poll(async (signal) => {
    const [connection, channelList] = await Promise.all([
      get(withQuery(path`connections/${name}`, range.query("data_rates")), { signal }),
      get(withQuery(path`connections/${name}/channels`, { columns: keysOf(shownOfChannels) }), { signal }),
    ]);
    range.complete({ data: connection });
    patch(page.sub, givenName(connection) && h("strong", {}, givenName(connection)), state(connection.state), h("span", {}, connection.user));
    data.update(connection, range.age);
    patch(details, describe(connection));
    channels.show(channelList);
    channelsPanel.amount(count(channelList.length));
    patch(properties, args(connection.client_properties) || h("p.empty", {}, "The client said nothing about itself."));
  }, { gone: "This connection" });
}

function describe(item) {
  return facts([
    ["User", item.user],
    ["Virtual host", item.vhost && links.vhost(item.vhost)],
    ["Node", item.node],
    ["Protocol", item.protocol],
    ["Connected at", moment(item.connected_at)],
    ["Auth mechanism", item.auth_mechanism],
    ["Heartbeat", item.timeout === undefined ? "" : item.timeout ? `${item.timeout} s` : "off"],
    ["Client address", `${item.peer_host}:${item.peer_port}`],
    ["Broker address", `${item.host}:${item.port}`],
    ["TLS", yesNo(item.ssl)],
    ["TLS version", item.ssl && item.ssl_protocol],
    ["Cipher", item.ssl && item.ssl_cipher],
    ["Certificate of the client", item.ssl && item.peer_cert_subject],
    ["Valid", item.ssl && item.peer_cert_validity],
    ["Received", `${bytes(item.recv_oct)} · ${bytesRate(item.recv_oct_details?.rate)}`],
    ["Sent", `${bytes(item.send_oct)} · ${bytesRate(item.send_oct_details?.rate)}`],
    ["Waiting to be sent", count(item.send_pend)],
    ["Frame max", bytes(item.frame_max)],
    ["Channel max", item.channel_max ? count(item.channel_max) : "no limit"],
  ]);
}

function closing(name) {
  const reason = textField({ label: "Reason", placeholder: "Closed via management plugin", help: "The client reads it, and so does the log." });
  return makeForm({
    rows: [reason.element],
    submit: "Close the connection",
    busy: "Closing…",
    danger: true,
    run: async () => {
      if (!(await ask({ title: `Close ${name}?`, text: "Unacknowledged messages go back to their queues. Most clients connect again.", confirm: "Close it" }))) return "";
      await remove(path`connections/${name}`, reason.read() ? { "x-reason": headerText(reason.read()) } : {});
      tellNextPage(`Closed connection ${name}.`);
      location.hash = "#/connections";
      return "";
    },
  }).element;
}

// A header takes octets; the broker reads them as UTF-8.
function headerText(text) {
  const octets = new TextEncoder().encode(text.replace(/[\r\n\0]+/g, " "));
  return String.fromCharCode(...octets);
}
