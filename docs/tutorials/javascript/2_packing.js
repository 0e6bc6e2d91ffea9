// Lesson 2, work queue: orders are packed by whoever has free hands; none is lost if one falls ill.
//
//   node 2_packing.js pack Ada        (in one terminal)
//   node 2_packing.js pack Bob        (in another)
//   node 2_packing.js order teapot map umbrella
const { setTimeout: pause } = require("node:timers/promises");
const { connect, hangUp } = require("./depot");

async function order(channel, items) {
  for (const item of items) {
    channel.sendToQueue("packing", Buffer.from(item), { persistent: true });
    console.log(`ordered: ${item}`);
  }
  await hangUp(channel);
}

async function pack(channel, name) {
  await channel.prefetch(1); // one order in hand at a time, so the slow get fewer
  await channel.consume("packing", async (message) => {
    const item = message.content.toString();
    console.log(`${name} packs ${item}${message.fields.redelivered ? " (begun before)" : ""}`);
    await pause(100 * item.length);
    console.log(`${name} is done with ${item}`);
    // Only now does the broker forget the order. Had we died before, another would get it.
    channel.ack(message);
  });
  console.log(`${name} is ready to pack`);
}

async function main([role, ...rest]) {
  if (!["pack", "order"].includes(role) || !rest.length) {
    throw new Error("2_packing.js pack NAME | order ITEM...");
  }
  const channel = await (await connect()).createChannel();
  // A durable queue is still there after the broker was restarted, and so are its persistent
  // messages.
  await channel.assertQueue("packing", { durable: true });
  await (role === "pack" ? pack(channel, rest[0]) : order(channel, rest));
}

main(process.argv.slice(2));
