// How fast Node's amqplib publishes with confirms: node amqplib.mjs NEST_FOLDER URL QUEUE BODY COUNT WINDOW
//
// Prints messages per second, from the first that leaves to the last that the broker has.
import { createRequire } from 'node:module';
import { resolve } from 'node:path';

const [folder, url, queue, body, count, window] = process.argv.slice(2);
const { connect } = createRequire(resolve(folder, 'package.json'))('amqplib');
const connection = await connect(url);
const channel = await connection.createConfirmChannel();
const content = Buffer.from(body);
const total = Number(count);

let sent = 0;
let confirmed = 0;
const started = performance.now();
await new Promise((done, fail) => {
  const fill = () => {
    while (sent < total && sent - confirmed < Number(window)) {
      sent += 1;
      channel.publish('', queue, content, { persistent: false }, (error) => {
        if (error) return fail(error);
        confirmed += 1;
        if (confirmed === total) return done();
        fill();
      });
    }
  };
  fill();
});
console.log(total / ((performance.now() - started) / 1000));
await connection.close();
