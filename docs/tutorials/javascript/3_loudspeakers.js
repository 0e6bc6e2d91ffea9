// Lesson 3, publish and subscribe: an announcement is heard from every loudspeaker that is on.
//
//   node 3_loudspeakers.js listen     (as often as you like)
//   node 3_loudspeakers.js announce "the last train leaves at nine"
const { connect, hangUp } = require("./depot");

async function announce(channel, text) {
  channel.publish("loudspeakers", "", Buffer.from(text));
  console.log(`announced: ${text}`);
  await hangUp(channel);
}

async function listen(channel) {
  // No name: the broker invents one. Exclusive: the queue lives as long as this connection.
  const { queue } = await channel.assertQueue("", { exclusive: true });
  await channel.bindQueue(queue, "loudspeakers", "");
  await channel.consume(queue, (message) => console.log(`heard: ${message.content}`), {
    noAck: true,
  });
  console.log("listening");
}

async function main([role, ...words]) {
  if (role !== "listen" && !(role === "announce" && words.length)) {
    throw new Error("3_loudspeakers.js listen | announce TEXT");
  }
  const channel = await (await connect()).createChannel();
  // A fanout exchange copies each message to all queues bound to it; with none, the words are gone.
  await channel.assertExchange("loudspeakers", "fanout", { durable: false });
  await (role === "listen" ? listen(channel) : announce(channel, words.join(" ")));
}

main(process.argv.slice(2));
