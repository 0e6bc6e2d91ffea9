// Every open connection.

import { path } from "../api.js";
import { h } from "../dom.js";
import { bytesRate, count, moment } from "../format.js";
import { addresses, links } from "../links.js";
import { state } from "../parts.js";
import { scope } from "../scope.js";
import { serverTable } from "../tables.js";

export async function show(page) {
  page.heading({ title: "Connections" });
  const list = serverTable(page, {
    id: "connections", caption: "Connections", noun: "connection",
    source: () => (scope.vhost ? path`vhosts/${scope.vhost}/connections` : "connections"),
    columns: COLUMNS, sort: { column: "name" }, key: (item) => item.name,
    always: ["name", "user_provided_name", "client_properties.connection_name"], empty: "Nobody is connected.",
  });
  page.add(list.element);
  await page.poll((signal) => list.load(signal));
}

/** The name a client gave its connection, or "". */
export const givenName = (item) => item.user_provided_name || item.client_properties?.connection_name || "";

function client({ client_properties: properties = {} }) {
  return [properties.product, properties.version].filter(Boolean).join(" ");
}

const COLUMNS = [
  {
    id: "name", label: "Name", sort: "name", name: true,
    cell: (item) => [h("a", { href: addresses.connection(item.name) }, givenName(item) || item.name), givenName(item) ? h("div.muted", {}, item.name) : null],
  },
  { id: "vhost", group: "Overview", label: "Virtual host", sort: "vhost", when: () => scope.many, cell: (item) => item.vhost && links.vhost(item.vhost) },
  { id: "user", group: "Overview", label: "User", sort: "user", cell: (item) => item.user },
  { id: "node", group: "Overview", label: "Node", sort: "node", off: true, cell: (item) => item.node },
  { id: "state", group: "Overview", label: "State", sort: "state", cell: (item) => state(item.state) },
  { id: "tls", group: "Details", label: "TLS", sort: "ssl", keys: ["ssl", "ssl_protocol"], wide: true, cell: (item) => (item.ssl ? (item.ssl_protocol || "yes") : "no") },
  { id: "protocol", group: "Details", label: "Protocol", sort: "protocol", wide: true, tight: true, cell: (item) => item.protocol },
  { id: "channels", group: "Details", label: "Channels", sort: "channels", number: true, cell: (item) => count(item.channels) },
  { id: "channel_max", group: "Details", label: "Channel max", sort: "channel_max", number: true, off: true, cell: (item) => count(item.channel_max) },
  { id: "frame_max", group: "Details", label: "Frame max", sort: "frame_max", number: true, off: true, cell: (item) => count(item.frame_max) },
  { id: "auth", group: "Details", label: "Auth", long: "Auth mechanism", sort: "auth_mechanism", off: true, cell: (item) => item.auth_mechanism },
  { id: "client", group: "Details", label: "Client", sort: "client_properties.product", keys: ["client_properties.product", "client_properties.version"], wide: true, cell: client },
  { id: "connected_at", group: "Details", label: "Connected at", sort: "connected_at", tight: true, off: true, cell: (item) => moment(item.connected_at) },
  { id: "heartbeat", group: "Details", label: "Heartbeat", sort: "timeout", number: true, off: true, cell: (item) => (item.timeout ? `${item.timeout} s` : "") },
  { id: "recv", group: "Network", label: "From client", sort: "recv_oct_details.rate", number: true, cell: (item) => bytesRate(item.recv_oct_details?.rate) },
  { id: "send", group: "Network", label: "To client", sort: "send_oct_details.rate", number: true, cell: (item) => bytesRate(item.send_oct_details?.rate) },
];
