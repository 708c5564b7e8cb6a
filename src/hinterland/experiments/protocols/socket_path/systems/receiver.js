// The same receiver in Node.js. A message is its length and its number, four bytes each, and so many bytes.
//
//     node receiver.js 8080 journal.txt

const fs = require("node:fs");
const net = require("node:net");

const [port, path] = process.argv.slice(2);
const journal = fs.openSync(path, "a");

const server = net.createServer({ noDelay: true }, (connection) => {
  let pieces = []; // what has come of the current message
  let held = 0;
  connection.on("data", (received) => {
    pieces.push(received);
    held += received.length;
    for (;;) {
      if (held < 8) return;
      if (pieces[0].length < 8) pieces = [Buffer.concat(pieces)];
      const size = 8 + pieces[0].readUInt32BE(0);
      if (held < size) return;
      const all = Buffer.concat(pieces);
      const number = all.readUInt32BE(4);
      fs.writeSync(journal, `${number} ${process.hrtime.bigint()}\n`);
      connection.write(all.subarray(4, 8));
      pieces = [all.subarray(size)];
      held -= size;
    }
  });
  connection.on("error", () => connection.destroy()); // the sender left without saying goodbye
});

server.listen({ host: "0.0.0.0", port: Number(port) });
