// Lesson 6, remote procedure call: ask the counter what a parcel costs, and wait for the answer.
//
//   node 6_postage.js serve
//   node 6_postage.js ask 1200        (grams)
const { randomUUID } = require("node:crypto");
const { connect, hangUp } = require("./depot");

// In cents: a fee, and something for each begun half kilogram.
const postage = (grams) => 250 + 120 * Math.ceil(grams / 500);

async function serve(channel) {
  await channel.assertQueue("postage", { durable: false });
  await channel.prefetch(1);
  await channel.consume("postage", (question) => {
    console.log(`asked about ${question.content} g`);
    // Answer where the question says, and mark the answer with the mark of the question.
    const { replyTo, correlationId } = question.properties;
    const answer = postage(Number(question.content)).toString();
    channel.sendToQueue(replyTo, Buffer.from(answer), { correlationId });
    channel.ack(question);
  });
  console.log("the counter is open");
}

async function ask(channel, grams) {
  // The broker brings answers straight to this channel: no queue is made for them. Python's and
  // Ruby's lessons make one, which does as well.
  const replyTo = "amq.rabbitmq.reply-to";
  const correlationId = randomUUID();
  const cents = await new Promise((resolve, reject) => {
    const onAnswer = (answer) => {
      if (answer.properties.correlationId === correlationId) resolve(answer.content);
    };
    channel.consume(replyTo, onAnswer, { noAck: true }).catch(reject);
    channel.sendToQueue("postage", Buffer.from(grams), { replyTo, correlationId });
  });
  console.log(`${grams} g cost ${cents} cents`);
  await hangUp(channel);
}

async function main([role, grams]) {
  if (role !== "serve" && !(role === "ask" && /^\d+$/.test(grams))) {
    throw new Error("6_postage.js serve | ask GRAMS");
  }
  const channel = await (await connect()).createChannel();
  await (role === "serve" ? serve(channel) : ask(channel, grams));
}

main(process.argv.slice(2));
