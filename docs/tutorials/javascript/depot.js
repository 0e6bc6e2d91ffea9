// What every lesson shares: how to reach the broker, and how to hang up.
const amqp = require("amqplib");

// Opens a connection to the broker on this machine; its port is in LEVERET_PORT, else 5672.
async function connect() {
  const connection = await amqp.connect({
    hostname: "127.0.0.1",
    port: Number(process.env.LEVERET_PORT ?? 5672),
  });
  process.once("SIGINT", () => connection.close());
  return connection;
}

// The channel first: its goodbye comes after all it has published, which is then sure to be sent.
async function hangUp(channel) {
  await channel.close();
  await channel.connection.close();
}

module.exports = { connect, hangUp };
