// Lesson 1, hello: somebody leaves a note at the front desk, somebody else reads it.
//
//   node 1_notes.js read
//   node 1_notes.js leave "the spare key is under the mat"
const { connect, hangUp } = require("./depot");

async function read(channel) {
  await channel.consume("front-desk", (note) => console.log(`note: ${note.content}`), {
    noAck: true,
  });
  console.log("reading the notes at the front desk");
}

async function leave(channel, text) {
  channel.sendToQueue("front-desk", Buffer.from(text));
  console.log(`left: ${text}`);
  await hangUp(channel);
}

async function main([role, ...words]) {
  if (role !== "read" && !(role === "leave" && words.length)) {
    throw new Error("1_notes.js read | leave TEXT");
  }
  const channel = await (await connect()).createChannel();
  // Whoever comes first creates the queue; declaring it again, the same way, changes nothing.
  await channel.assertQueue("front-desk", { durable: false });
  await (role === "read" ? read(channel) : leave(channel, words.join(" ")));
}

main(process.argv.slice(2));
