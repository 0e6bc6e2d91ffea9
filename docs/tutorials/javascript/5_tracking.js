// Lesson 5, topics: follow parcels by city, kind and event, with patterns over dotted words.
//
//   node 5_tracking.js watch "oslo.#"             everything in Oslo
//   node 5_tracking.js watch "*.letter.*" "#.lost"      letters anywhere, and whatever is lost
//   node 5_tracking.js report oslo.letter.arrived "from aunt Ingrid"
const { connect, hangUp } = require("./depot");

async function report(channel, event, text) {
  channel.publish("tracking", event, Buffer.from(text));
  console.log(`reported ${event}: ${text}`);
  await hangUp(channel);
}

async function watch(channel, patterns) {
  const { queue } = await channel.assertQueue("", { exclusive: true });
  for (const pattern of patterns) {
    await channel.bindQueue(queue, "tracking", pattern);
  }
  const show = ({ fields, content }) => console.log(`${fields.routingKey}: ${content}`);
  await channel.consume(queue, show, { noAck: true });
  console.log(`watching ${patterns.join(" ")}`);
}

async function main([role, ...rest]) {
  if (!(role === "watch" && rest.length) && !(role === "report" && rest.length > 1)) {
    throw new Error("5_tracking.js watch PATTERN... | report CITY.KIND.EVENT TEXT");
  }
  const channel = await (await connect()).createChannel();
  // In the bindings of a topic exchange, * stands for one word and # for any number, none included.
  await channel.assertExchange("tracking", "topic", { durable: false });
  const [event, ...words] = rest;
  await (role === "watch" ? watch(channel, rest) : report(channel, event, words.join(" ")));
}

main(process.argv.slice(2));
