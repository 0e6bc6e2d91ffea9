// Lesson 4, routing: each parcel rolls to the gates that serve its direction, and to no other.
//
//   node 4_gates.js open north
//   node 4_gates.js open south east
//   node 4_gates.js send south "a crate of oranges"
const { connect, hangUp } = require("./depot");

async function send(channel, direction, parcel) {
  channel.publish("gates", direction, Buffer.from(parcel));
  console.log(`sent ${direction}: ${parcel}`);
  await hangUp(channel);
}

async function open(channel, directions) {
  const { queue } = await channel.assertQueue("", { exclusive: true });
  for (const direction of directions) {
    await channel.bindQueue(queue, "gates", direction); // one queue may have many bindings
  }
  const load = ({ fields, content }) => console.log(`loaded for ${fields.routingKey}: ${content}`);
  await channel.consume(queue, load, { noAck: true });
  console.log(`open for ${directions.join(", ")}`);
}

async function main([role, ...rest]) {
  if (!(role === "open" && rest.length) && !(role === "send" && rest.length > 1)) {
    throw new Error("4_gates.js open DIRECTION... | send DIRECTION PARCEL");
  }
  const channel = await (await connect()).createChannel();
  // A direct exchange compares the routing key with the keys of its bindings, letter by letter.
  await channel.assertExchange("gates", "direct", { durable: false });
  const [direction, ...words] = rest;
  await (role === "open" ? open(channel, rest) : send(channel, direction, words.join(" ")));
}

main(process.argv.slice(2));
