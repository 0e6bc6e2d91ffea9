// Lesson 7, publisher confirms: know of each parcel whether the broker has taken it.
//
//   node 7_shelf.js
const { connect } = require("./depot");

async function main() {
  const connection = await connect();
  // A confirm channel: the broker answers every message, amqplib calls back with the answer.
  const channel = await connection.createConfirmChannel();

  // Three places; what comes after that is refused instead of pushing something else out.
  const { queue: shelf } = await channel.assertQueue("", {
    exclusive: true,
    arguments: { "x-max-length": 3, "x-overflow": "reject-publish" },
  });

  // A message that no queue wants comes back, just before its confirm.
  let cameBack = null;
  channel.on("return", ({ fields }) => (cameBack = fields.replyText));

  const store = (parcel, place) =>
    new Promise((resolve) => {
      cameBack = null;
      // mandatory: if no queue wants the message, give it back instead of dropping it
      channel.publish("", place, Buffer.from(parcel), { mandatory: true }, (refused) => {
        if (refused) console.log(`${parcel}: refused, no room`);
        else if (cameBack) console.log(`${parcel}: came back, ${cameBack}`);
        else console.log(`${parcel}: stored`);
        resolve();
      });
    });

  for (let number = 1; number <= 4; number++) await store(`parcel ${number}`, shelf);
  await store("parcel 5", "a shelf that is not there");
  await connection.close();
}

main();
