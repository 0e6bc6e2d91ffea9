// Links from one thing to its page. The default exchange has no name; addresses call it amq.default.

import { h } from "./dom.js";

const address = (...parts) => `#/${parts.map(encodeURIComponent).join("/")}`;

export const addresses = {
  queue: (vhost, name) => address("queues", vhost, name),
  exchange: (vhost, name) => address("exchanges", vhost, name || "amq.default"),
  connection: (name) => address("connections", name),
  channel: (name) => address("channels", name),
  user: (name) => address("users", name),
  vhost: (name) => address("vhosts", name),
  node: (name) => address("nodes", name),
  policy: (vhost, name) => address("policies", vhost, name),
  operatorPolicy: (vhost, name) => address("operator_policies", vhost, name),
};

export const exchangeTitle = (name) => name || "(AMQP default)";

const link = (href, text) => h("a", { href }, text);

export const links = {
  queue: (vhost, name) => link(addresses.queue(vhost, name), name),
  exchange: (vhost, name) => link(addresses.exchange(vhost, name), exchangeTitle(name)),
  connection: (name) => link(addresses.connection(name), name),
  channel: (name) => link(addresses.channel(name), name),
  user: (name) => link(addresses.user(name), name),
  vhost: (name) => link(addresses.vhost(name), name),
  node: (name) => link(addresses.node(name), name),
  policy: (vhost, name) => link(addresses.policy(vhost, name), name),
  operatorPolicy: (vhost, name) => link(addresses.operatorPolicy(vhost, name), name),
};
